"""What follows a stack: its merge, its report, its delivery, each where the one before allows it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from focusd.delivery import Deliveries
from focusd.errands import Destination
from focusd.events import Publish
from focusd.journals import Journals
from focusd.merges import Merges
from focusd.reports import Reports
from stack.session import Session
from stack.vitals import Strain


@dataclass(frozen=True, slots=True)
class Aftermath:
    """Merges and deliveries that know of each other."""

    merges: Merges
    deliveries: Deliveries
    reports: Reports

    def finish(self, session: Session) -> None:
        """Write what became of a session, and have it delivered once it is done."""
        self.reports.write(session)
        self.deliveries.consider(session)


def aftermath(
    command: Sequence[str],
    destinations: Mapping[str, Destination],
    journals: Journals,
    publish: Publish,
    *,
    strained: Callable[[Strain | None], Strain | None],
    has_room: Callable[[Session], bool],
    crowded: Callable[[Session], bool],
) -> Aftermath:
    """Start what merges; deliveries are to be started by whoever knows what has not arrived.

    For the parameters see `Merges` and `Deliveries`. A stack is delivered as soon as its merge has ended.
    """
    reports = Reports()
    merges = Merges(
        command,
        journals,
        publish,
        reports.write,
        strained,
        has_room=has_room,
        crowded=crowded,
        settled=lambda session: deliveries.consider(session),
    )
    deliveries = Deliveries(
        destinations, journals, publish, at_work=lambda session: merges.stage(session) is not None
    )
    return Aftermath(merges, deliveries, reports)
