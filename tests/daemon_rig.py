"""The operator and all that is below it on one thread and one virtual clock, from simulated pins upwards."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from camera_bench import SPEC as CAMERA_SPEC
from camera_bench import Ladder
from rail_rig import SETTINGS, Rig
from stack_rig import InlineWriter

from camera.camera import Camera
from camera.configuration import PicamSettings
from camera.picam import PicamCamera
from focusd.archive import Archive, Record
from focusd.axis_settings import Axis
from focusd.calibrations import Calibrations
from focusd.darkroom import Darkroom
from focusd.encoding import FORMATS, Encoding, FormatName
from focusd.events import EventHub
from focusd.eye import Eye
from focusd.feed import Feed
from focusd.finder import Finder
from focusd.foresight import Foresight
from focusd.heartbeat import Heartbeat
from focusd.instruments import Instruments
from focusd.jobs import Home, Job, Order, Shoot
from focusd.journals import Journals
from focusd.light import Light
from focusd.marks import HomingConsent, MarkBook
from focusd.operator import Operator
from focusd.shadings import Shadings
from focusd.specimens import Specimens
from focusd.studio import Studio
from focusd.surveyor import Surveyor
from rail.axis import OperatedAxis
from rail.pins import PanelPins, PanelWiring
from simulator.rig import SimulatedRig
from stack.disk import Disk
from stack.plan import BetweenMarks, Pitch, StackPlan
from stack.session import Session
from stack.session_state import Phase
from stack.sessions import Sessions

PLAN = StackPlan("beetle", BetweenMarks(), Pitch(20), settle_ms=200)


class PaperMerges:
    """Notes what a merge is given, and merges nothing."""

    def __init__(self) -> None:
        self.fed: list[tuple[str, list[str]]] = []

    def follow(self, session: Session) -> Feed:
        fed: list[str] = []
        self.fed.append((session.id, fed))
        return PaperFeed(session, fed)


class PaperFeed(Feed):
    def __init__(self, session: Session, fed: list[str]) -> None:
        super().__init__(session)
        self.fed = fed

    def add(self, file: str) -> None:
        self.fed.append(file)

    def end(self) -> None:
        self.fed.append("end")

    def drop(self, why: str) -> None:
        self.fed.append("dropped")


class DaemonRig:
    """A rig, its operator, and all that was told. `tell` runs a job to its end, in the test's thread."""

    axis_settings = Axis()

    def __init__(
        self,
        folder: Path,
        *,
        home_allowed: bool = True,
        reserve_bytes: int = 0,
        idle_release_s: float | None = None,
        format: FormatName = "jpeg",
        warm_up_ns: int = 0,
    ) -> None:
        self.folder = folder
        self.idle_release_s = idle_release_s
        self.warm_up_ns = warm_up_ns
        self.form = FORMATS[format]
        self.build(folder, home_allowed)
        self.heartbeat = Heartbeat(self.clock)
        self.lights: list[bool] = []
        self.cameras = 0
        self.finished: list[str] = []
        self.hub = EventHub()
        self.hooks: dict[tuple[str, int | None], Callable[[], object]] = {}
        self.merges = PaperMerges()
        self.sessions = Sessions(folder / "sessions")
        self.sessions.root.mkdir()
        record = Record({"camera": {"format": format}}, {"focusrail": "0"}, reserve_bytes)
        self.disk = Disk(self.sessions.root)
        self.archive = Archive(self.disk, self.sessions, Journals(self.clock), record)
        self.consent = HomingConsent(folder / "consent", configured=home_allowed)
        self.listening = ExitStack()
        self.begin()

    def begin(self) -> None:
        """Have a daemon begin that owns all this, as one does when it is started anew."""
        folder = self.folder
        self.book = MarkBook(folder / "marks.json", self.axis, self.hub.publish)
        self.eye = Eye(self.open_camera, self.heartbeat.beat)
        self.finder = Finder(self.clock)
        light = Light(self.switch, self.warm_up_ns, self.clock)
        self.shadings = Shadings(folder / "shading")
        self.calibrations = Calibrations(folder / "calibrations")
        instruments = Instruments(self.axis, self.eye, light, self.clock, self.finder.see)
        self.surveyor = Surveyor(
            instruments,
            self.axis_settings,
            {"default": {}},
            self.calibrations,
        )
        specimens = Specimens(self.sessions)
        darkroom = Darkroom(self.eye, self.finder.see, self.shadings, Encoding(self.form, 95))
        foresight = Foresight(instruments, self.archive, specimens, darkroom, self.book, self.consent)
        self.studio = Studio(
            instruments,
            self.archive,
            foresight,
            darkroom,
            InlineWriter(),
            merges=self.merges,
            finish=lambda session: self.finished.append(session.id),
        )
        self.operator = Operator(
            instruments,
            self.studio,
            self.surveyor,
            self.book,
            self.consent,
            self.hub,
            merged=lambda session: 0,
            idle_release_s=self.idle_release_s,
            prepare=self.prepare,
            heartbeat=self.heartbeat,
            finder=self.finder,
        )

    def begin_as(self, **facts: Any) -> None:
        """Have a daemon begin that records something else of itself."""
        self.archive = replace(self.archive, record=replace(self.archive.record, **facts))
        self.begin()

    def build(self, folder: Path, home_allowed: bool) -> None:
        """Make what moves, what sees and what shines."""
        self.rail = Rig(folder, position_um=60.0, settings=replace(SETTINGS, home_allowed=home_allowed))
        self.clock = self.rail.clock
        self.axis: OperatedAxis = self.rail.axis
        self.sim = SimulatedRig(self.rail.world, self.clock, CAMERA_SPEC, Ladder())
        self.panel = PanelPins(self.rail.factory, PanelWiring())

    def prepare(self) -> object:
        """Do what must be done before a job: on a rail, nothing."""

    def switch(self, on: bool) -> None:
        self.lights.append(on)
        self.panel.light(on)

    def open_camera(self, heard: Callable[[], object] = lambda: None) -> Camera:
        self.cameras += 1
        settings = PicamSettings(bits=self.form.bits, raw=self.form.raw)
        return PicamCamera(self.sim.picamera2, settings, self.clock, heard=heard)

    def on(self, event: str, act: Callable[[], object], index: int | None = None) -> None:
        """Do `act` as soon as the hub tells of `event` (of slice `index`)."""

        seen = [self.hub.last_seq]

        def heard() -> None:
            for told in self.hub.after(seen[0]).events:
                seen[0] = int(str(told["seq"]))
                if told["event"] == event and index in (None, told.get("index")):
                    act()

        self.listening.enter_context(self.hub.listening(heard))

    def tell(self, order: Order) -> Job:
        """Give an order and see it carried out."""
        job = self.operator.order(order)
        self.operator.work_once()
        return job

    def home(self) -> None:
        self.tell(Home()).ended.result(0)

    def marked(self, near_u: float = 600.0, far_u: float = 680.0) -> None:
        """Home, and mark both ends."""
        self.home()
        self.book.mark("near", near_u)
        self.book.mark("far", far_u)

    def shoot(self, plan: StackPlan = PLAN) -> Job:
        return self.tell(Shoot(plan))

    def told(self, *names: str) -> list[str]:
        """Give the names of all events so far, or of those among `names`."""
        events = [str(event["event"]) for event in self.hub.after(0).events]
        return [event for event in events if not names or event in names]

    def last(self, name: str) -> dict[str, Any]:
        """Give the latest event of that name."""
        return dict([event for event in self.hub.after(0).events if event["event"] == name][-1])


def phase(rig: DaemonRig, number: int = 1) -> Phase:
    """Give how a stack stands, by its number."""
    return rig.sessions.open(number).state().phase
