"""A rail with backlash and a camera that never stops, small enough to read, on one virtual clock.

The camera's frames say where the carriage truly was while they were exposed, and whether it moved: what they
show cannot be talked round by the code under test.
"""

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from camera.camera import AS_METERED, Aim, CameraIdentity, Exposure, Frame
from camera.errors import CaptureCancelled
from rail.axis import Arrival, Position, Reach, Trust
from rail.errors import BeyondReach, HomingNotAllowed, Stopped
from rail.screw import Scale
from simulator.clock import VirtualClock
from stack.ending import Ending, EndingKind
from stack.kit import Kit
from stack.layout import Layout, lay_out
from stack.plan import Between, Marks, Pitch, StackPlan
from stack.session import Facts, Session
from stack.session_state import Phase
from stack.sessions import Sessions
from stack.shoot import Shooter
from stack.slice_files import SliceLabel
from stack.stop import StopKind, StopSignal
from stack.writer import SliceWriter

MICRON = Scale("um", Fraction(1))
STEP_NS = 100_000
BACKLASH_STEPS = 7
RING_NS = 40_000_000
SETTLE_MS = 50
FRAME_NS = 30_000_000
PLAN = StackPlan("beetle", Between(1000, 1050), Pitch(10), settle_ms=SETTLE_MS)
PLACES = (1000, 1010, 1020, 1030, 1040, 1050)

Hook = Callable[[], None]


def nothing() -> None:
    """Let pass."""


class Rail:
    """An `Axis` whose carriage lags behind its motor, and rings after every move."""

    def __init__(self, clock: VirtualClock, trust: Trust = Trust.KNOWN, *, home_allowed: bool = True) -> None:
        self.clock = clock
        self.trust = trust
        self.home_allowed = home_allowed
        self.motor_steps = 0
        self.carriage_steps = 0
        self.stopped = False
        self.halfway: Hook = nothing
        self.moves: list[int] = []
        self.homings = 0
        self.missed_steps: int | None = None
        """What the first homing finds."""
        self.restless: list[tuple[int, int]] = []
        """When the carriage moved or rang, as (from, until) in ns."""

    scale = MICRON
    reach = Reach(0, 40_000)

    def position(self) -> Position:
        return Position(self.motor_steps, self.trust)

    def moving(self) -> bool:
        return False

    def check(self, target_steps: int) -> None:
        if self.trust is not Trust.UNKNOWN and not self.reach.holds(target_steps):
            raise BeyondReach("beyond", target_steps=target_steps, beyond_steps=1)

    def duration_ns(self, distance_steps: int) -> int:
        return abs(distance_steps) * STEP_NS

    def home(self) -> Arrival:
        if not self.home_allowed:
            raise HomingNotAllowed("homing was never allowed")
        self.homings += 1
        self._run(-self.motor_steps - 20)
        self._run(20)
        self.motor_steps = 0
        missed_steps = self.missed_steps if self.trust is not Trust.KNOWN else 0
        self.trust = Trust.KNOWN
        return Arrival(self.position(), self.clock.monotonic_ns(), missed_steps)

    def move_to(self, target_steps: int) -> Arrival:
        self.check(target_steps)
        self.moves.append(target_steps)
        if target_steps < self.motor_steps:
            self._run(target_steps - 2 * BACKLASH_STEPS - self.motor_steps)
        return self._run(target_steps - self.motor_steps)

    def jog(self, distance_steps: int) -> Arrival:
        return self._run(distance_steps)

    def stop(self) -> None:
        self.stopped = True

    def arm(self) -> None:
        self.stopped = False

    def hold(self) -> None: ...

    def release(self) -> None: ...

    def close(self) -> None: ...

    def _run(self, distance_steps: int) -> Arrival:
        began_ns = self.clock.monotonic_ns()
        first = distance_steps // 2
        for part in (first, distance_steps - first):
            if self.stopped:
                self._ring(began_ns)
                raise Stopped("stopped", position=self.position())
            self.motor_steps += part
            self.carriage_steps = min(
                max(self.carriage_steps, self.motor_steps - BACKLASH_STEPS), self.motor_steps
            )
            self.clock.pass_ns(abs(part) * STEP_NS)
            if part is first:
                self.halfway()
        self._ring(began_ns)
        return Arrival(self.position(), self.clock.monotonic_ns())

    def _ring(self, began_ns: int) -> None:
        self.restless.append((began_ns, self.clock.monotonic_ns() + RING_NS))


class FilmCamera:
    """A `Camera` that exposes frame after frame, asked or not, and hands out those begun late enough."""

    def __init__(self, clock: VirtualClock, rail: Rail, light: float = 1.0) -> None:
        self.clock = clock
        self.rail = rail
        self.light = light
        self.size_px = (64, 48)
        self.stopped = False
        self.asked: Hook = nothing
        self.captured: list[int] = []
        """Where the carriage was, for every frame handed out."""
        self.meterings: list[int] = []
        self.began_ns = 0
        self.drift = 1.0
        self.exposure: Exposure | None = None

    identity = CameraIdentity("Film", "Endless", "imx0")

    def frame_duration_ns(self) -> int:
        return 2 * FRAME_NS

    def meter(self, after_ns: int, aim: Aim = AS_METERED) -> Exposure:
        began_ns, _ = self._expose(after_ns)
        assert not self._restless(began_ns, began_ns + FRAME_NS), "metered while the carriage moved"
        self.meterings.append(self.rail.carriage_steps)
        return Exposure(round(12_345 * 2**aim.stops / max(self.light, 1e-6)), 1.0, (2.0, 1.5))

    def lock(self, exposure: Exposure) -> Exposure:
        lines = int(exposure.time_us * self.drift) // 10 * 10
        self.exposure = Exposure(lines, exposure.gain, exposure.colour_gains)
        return self.exposure

    def capture(self, after_ns: int, recycle_ns: int = 0) -> Frame:
        assert self.exposure is not None, "captured before the exposure was locked"
        began_ns, ended_ns = self._expose(after_ns)
        carriage = self.rail.carriage_steps
        self.captured.append(carriage)
        brightness = min(255, int(128 * self.light * self.exposure.time_us / 12_345))
        return Frame(
            pixels=np.full((48, 64, 3), brightness, np.uint8),
            began_ns=began_ns,
            ended_ns=ended_ns,
            exposure=self.exposure,
            metadata={"carriage": carriage, "blurred": self._restless(began_ns, ended_ns)},
        )

    def cancel(self) -> None:
        self.stopped = True

    def arm(self) -> None:
        self.stopped = False

    def close(self) -> None: ...

    def _expose(self, after_ns: int) -> tuple[int, int]:
        """Let the first frame pass that begins at `after_ns` or later."""
        self.asked()
        if self.stopped:
            raise CaptureCancelled("cancelled")
        began_ns = -(-max(after_ns, self.clock.monotonic_ns() - FRAME_NS) // FRAME_NS) * FRAME_NS
        began_ns = max(began_ns, self.began_ns + FRAME_NS)
        self.began_ns = began_ns
        self.clock.sleep_until_ns(began_ns + FRAME_NS)
        return began_ns, began_ns + FRAME_NS

    def _restless(self, began_ns: int, ended_ns: int) -> bool:
        return any(since < ended_ns and until > began_ns for since, until in self.rail.restless)


class InlineWriter:
    """Saves on the spot, in the shooting thread."""

    def submit(self, job: Callable[[], None]) -> None:
        job()

    def drain(self) -> None:
        pass

    def close(self) -> None:
        pass


class LateWriter:
    """A writer as late as one may be: runs a job when a third would be held, or when it is drained."""

    def __init__(self) -> None:
        self.jobs: deque[Callable[[], None]] = deque()
        self.failure: Exception | None = None

    def submit(self, job: Callable[[], None]) -> None:
        self.jobs.append(job)
        if len(self.jobs) > 2:
            self._run_one()
        if self.failure is not None:
            raise self.failure

    def drain(self) -> None:
        while self.jobs:
            self._run_one()
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure

    def close(self) -> None:
        assert not self.jobs, "closed with frames unsaved"

    def _run_one(self) -> None:
        try:
            self.jobs.popleft()()
        except Exception as error:
            self.failure = self.failure or error


@dataclass
class Rig:
    """Everything that shoots, and the log of what it told."""

    root: Path
    writer: SliceWriter = field(default_factory=InlineWriter)
    trust: Trust = Trust.KNOWN
    home_allowed: bool = True

    def __post_init__(self) -> None:
        self.clock = VirtualClock()
        self.rail = Rail(self.clock, self.trust, home_allowed=self.home_allowed)
        self.camera = FilmCamera(self.clock, self.rail)
        self.sessions = Sessions(self.root)
        self.stop = StopSignal()
        self.free_bytes = 10**9
        self.encoding: Hook = nothing
        self.told: list[Mapping[str, Any]] = []
        self.telling: Callable[[Mapping[str, Any]], None] = lambda event: None
        self.kit = Kit(
            self.rail,
            self.camera,
            self.writer,
            self.clock,
            encode=self.encode,
            free_bytes=lambda: self.free_bytes,
            reserve_bytes=1000,
        )
        self.shooter = Shooter(self.kit)

    def session(self, plan: StackPlan = PLAN) -> Session:
        return self.sessions.create(plan, self.layout(plan), MICRON, Facts())

    def layout(self, plan: StackPlan = PLAN) -> Layout:
        return lay_out(plan, MICRON, self.rail.position(), Marks())

    def shoot(self, session: Session) -> Ending:
        with session.journal(self.clock) as journal:
            return self.shooter.shoot(session, journal, self.stop, self.observe)

    def rearm(self) -> None:
        """Do what the operator does before a job."""
        self.stop = StopSignal()
        self.rail.arm()
        self.camera.arm()

    def ask(self, kind: StopKind = StopKind.STOP) -> None:
        """Do what the operator does when somebody wants an end."""
        self.stop.request(kind, "button")
        self.rail.stop()
        self.camera.cancel()

    def observe(self, event: Mapping[str, Any]) -> None:
        self.told.append(event)
        self.telling(event)

    def events(self) -> list[str]:
        return [event["event"] for event in self.told if event["event"] != "progress"]

    def encode(self, frame: Frame, label: SliceLabel) -> bytes:
        self.encoding()
        assert frame.exposure is not None
        shown = {**frame.metadata, "time_us": frame.exposure.time_us, "index": label.index}
        return json.dumps(shown).encode()


def pictures(session: Session) -> list[dict[str, Any]]:
    """Give what the slices on disk show, by name."""
    return [json.loads(path.read_bytes()) for path in sorted((session.path / "slices").glob("*.jpg"))]


def assert_complete(session: Session, time_us: int = 12_340) -> None:
    """Hold the slices on disk to the truth: each place once, at rest, exposed alike, as the journal says."""
    state = session.state()
    assert (state.phase, state.missing, state.damage) == (Phase.DONE, (), ())
    assert pictures(session) == [
        {"carriage": steps - BACKLASH_STEPS, "blurred": False, "time_us": time_us, "index": index}
        for index, steps in enumerate(PLACES)
    ]
    assert [state.saved[index].position_steps for index in range(6)] == list(PLACES)
    assert [session.flaw(state.saved[index]) for index in range(6)] == [None] * 6


def at_slice(index: int, act: Callable[[], None]) -> Callable[[Mapping[str, Any]], None]:
    """Act when the axis is about to go to a slice."""
    going = ("shooting", "moving")
    return lambda event: act() if event.get("phase") in going and event["index"] == index else None


def paused(rig: Rig) -> Session:
    """Shoot three slices and pause."""
    session = rig.session()
    rig.telling = at_slice(3, rig.ask)
    assert rig.shoot(session).kind is EndingKind.PAUSED
    rig.telling = lambda event: None
    rig.rearm()
    return session
