"""Deliveries to places on paper, and what was told of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from stack_rig import MICRON, PLAN

from focusd.carriers import NotDelivered
from focusd.delivery import Deliveries
from focusd.errands import Destination
from focusd.events import EventHub
from focusd.journals import Journals
from rail.axis import Position, Trust
from rail.clock import MonotonicClock
from stack.layout import lay_out
from stack.plan import Marks
from stack.session import Facts, Session
from stack.sessions import Sessions

S = 10**9
STICK, NAS = "/media/stick", "/media/nas"


class PaperCarrier:
    """Notes what it is given, or fails."""

    def __init__(self) -> None:
        self.carried: list[tuple[str, list[str]]] = []
        self.failing = ""

    def carry(self, folder: Path, files: Sequence[str]) -> None:
        if self.failing:
            raise NotDelivered(self.failing)
        self.carried.append((folder.name, list(files)))

    def give_up(self) -> None:
        self.failing = "given up"


class Bench:
    def __init__(self, folder: Path) -> None:
        self.sessions = Sessions(folder / "sessions")
        self.hub = EventHub()
        self.carrier = PaperCarrier()
        self.carriers = {STICK: self.carrier}
        self.journals = Journals(MonotonicClock())
        self.merging: set[str] = set()
        self.restart()

    def restart(self) -> None:
        destinations = {to: Destination(to, one, whole=True) for to, one in self.carriers.items()}
        self.deliveries = Deliveries(
            destinations, self.journals, self.hub.publish, lambda session: session.id in self.merging
        )
        for session in self.sessions.all():
            self.deliveries.consider(session)

    def session(
        self,
        *,
        to: str | None = STICK,
        ending: str = "stack_done",
        entry: Mapping[str, str] | None = None,
    ) -> Session:
        layout = lay_out(PLAN, MICRON, Position(0, Trust.KNOWN), Marks())
        configuration = {"delivery": [entry or {"to": to, "what": "all"}]} if to else {}
        session = self.sessions.create(PLAN, layout, MICRON, Facts(configuration))
        (session.path / "slices/0000.jpg").write_bytes(b"slice")
        with self.journals.writing(session) as journal:
            journal.append("stack_started", slices=6)
            journal.append(ending, slices=6, reason="asked to stop")
        self.deliveries.consider(session)
        return session

    def told(self) -> list[str]:
        return [str(event["event"]) for event in self.hub.after(0).events]
