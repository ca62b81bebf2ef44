"""A plan, an axis and a camera become slices on disk and events; knows no sockets, no GPIO and no OpenCV.

Who runs what: one thread calls `Shooter.shoot` and thereby owns axis and camera. What encodes, saves and
journals a slice is a job that the writer runs, on its own thread or inline; `observe` is called from both.
A slice is told as saved only after its file and then its journal line are on disk.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal

from camera.camera import Camera, Exposure, Frame, eight_bits
from camera.mean import mean
from rail.axis import Arrival, Axis, Trust
from rail.clock import Clock
from rail.errors import Halted
from stack.ending import Ending, EndingKind, ending_of
from stack.errors import (
    AxisAstray,
    CameraChanged,
    DiskFull,
    FrameStale,
    FrameUnusable,
    NotResumable,
    PowerLow,
)
from stack.estimate import expected_slice_bytes, slice_ns
from stack.journal import Journal
from stack.layout import Layout, park_steps
from stack.plan import StackPlan
from stack.progress import Pace, progress
from stack.readiness import needs_homing, needs_homing_again
from stack.record import exposure_record, plain, plan_record
from stack.rehoming import homing_doubts
from stack.session import Session
from stack.session_state import Phase, SessionState, fold
from stack.sight import frame_fault, same_exposure
from stack.slice_files import Encode, SliceFiles, SliceLabel
from stack.stop import StopSignal, wait
from stack.vitals import USUAL, Limits, Strain, Vitals, strain, strain_words, vitals_record
from stack.writer import FRAMES_IN_FLIGHT, SliceWriter, failure_of

LOOK_AGAIN_NS = 1_000_000_000
"""How often a rig that rests looks whether it need not any more."""

Observe = Callable[[Mapping[str, object]], None]
"""Takes every event: what the journal says, with "session", and "progress". Must neither block nor raise."""


class Shooter:
    """Shoots stacks with one axis and one camera.

    Nothing is metered and nothing exposed before `steady_ns`, when the light has warmed up.

    Parameters
    ----------
    axis, camera
        Owned by the thread that calls `shoot` or `rehearse`, and armed by it beforehand.
    writer
        Runs the saving.
    clock
        Of axis and camera too.
    encode
        Frame to file.
    free_bytes
        How much room the disk of the sessions has; raises `DiskGone`.
    reserve_bytes
        How much of it must stay.
    subject_side
        The end of the axis where the subject is; it parks at the other.
    suffix
        Of the files that `encode` makes.
    companions
        What else is saved of a frame, by suffix: a raw file beside the one that is merged.
    bytes_a_pixel
        Room to set aside for a slice's files, before any is saved.
    now
        UTC.
    vitals, limits
        How the Pi is, and what it may bear: beyond that nothing moves until it is better.
    """

    def __init__(
        self,
        axis: Axis,
        camera: Camera,
        writer: SliceWriter,
        clock: Clock,
        *,
        encode: Encode,
        free_bytes: Callable[[], int],
        reserve_bytes: int,
        subject_side: Literal["near", "far"] = "far",
        suffix: str = ".jpg",
        companions: Mapping[str, Encode] | None = None,
        bytes_a_pixel: int = 1,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        vitals: Callable[[], Vitals] = Vitals,
        limits: Limits = USUAL,
    ) -> None:
        self.axis = axis
        self.camera = camera
        self.writer = writer
        self.clock = clock
        self.encode = encode
        self.free_bytes = free_bytes
        self.reserve_bytes = reserve_bytes
        self.subject_side: Literal["near", "far"] = subject_side
        self.suffix = suffix
        self.companions: Mapping[str, Encode] = companions or {}
        self.bytes_a_pixel = bytes_a_pixel
        self.now = now
        self.vitals = vitals
        self.limits = limits
        self.steady_ns = 0
        self._counted: set[str] = set()

    def shoot(self, session: Session, journal: Journal, stop: StopSignal, observe: Observe) -> Ending:
        """Shoot what the session lacks: all of it at first, the rest after a pause, a failure or a crash.

        Files that the journal calls saved are verified before they are trusted; where they differ they are
        set aside and shot again, and so are files that it does not speak of. Slices shot later are held to
        the exposure recorded with the first.

        Raises `NotResumable` when the session is over, or its positions mean nothing any more; after that
        every error becomes an `Ending`.
        """
        state = fold(journal.entries, session.layout.slices)
        self._admit(session, state)
        if session.layout.adrift:
            self._counted.add(session.id)
        ending = _Stack(self, session, journal, stop, observe).run(state)
        if isinstance(ending.error, Halted):
            self._counted.clear()
        return ending

    def rehearse(self, plan: StackPlan, layout: Layout, stop: StopSignal, observe: Observe) -> Ending:
        """Go to every place of a layout and rest there as for an exposure, photographing nothing."""
        try:
            self._rehearse(plan, layout, stop, observe)
        except Exception as error:
            ending = ending_of(error, stop)
            trouble = calm(self.axis, self.camera) if ending.kind is EndingKind.FAILED else ()
            return replace(ending, trouble=trouble)
        except BaseException:
            calm(self.axis, self.camera)
            raise
        return Ending(EndingKind.DONE)

    def _rehearse(self, plan: StackPlan, layout: Layout, stop: StopSignal, observe: Observe) -> None:
        wait(self.clock, round(plan.delay_s * 1e9), stop)
        if needs_homing(plan, layout, self.axis.position()):
            observe(progress("homing", layout))
            self.axis.home()
        for index, steps in enumerate(layout.positions_steps):
            stop.check()
            observe(progress("moving", layout, index, self.axis.scale.length_u(steps)))
            at_rest_ns = travel(self.axis, steps).at_rest_ns
            wait(self.clock, at_rest_ns + plan.settle_ms * 1_000_000 - self.clock.monotonic_ns(), stop)
        self.park(plan, layout, stop, observe)

    def park(self, plan: StackPlan, layout: Layout, stop: StopSignal, observe: Observe) -> None:
        """Go where the plan wants the axis afterwards."""
        stop.check()
        target_steps = park_steps(layout, plan.after, self.axis.reach, self.subject_side)
        if target_steps is not None:
            observe(progress("parking", layout, position_u=self.axis.scale.length_u(target_steps)))
            self.axis.move_to(target_steps)

    def _admit(self, session: Session, state: SessionState) -> None:
        if not state.resumable:
            raise NotResumable(
                f"session {session.id} is {state.phase}: there is nothing to go on with", session=session.id
            )
        if not session.layout.adrift:
            return
        if state.phase is Phase.CREATED and self.axis.position().steps == session.layout.start_steps:
            return
        if self.axis.position().trust is not Trust.UNKNOWN or session.id not in self._counted:
            raise NotResumable(
                f"the places of session {session.id} were counted from where the axis happened to stand, and "
                "that count is lost: merge what there is, or shoot anew",
                session=session.id,
            )


class _Stack:
    """One run of shooting over one session."""

    def __init__(
        self, shooter: Shooter, session: Session, journal: Journal, stop: StopSignal, observe: Observe
    ) -> None:
        self._shooter = shooter
        self._axis = shooter.axis
        self._camera = shooter.camera
        self._writer = shooter.writer
        self._clock = shooter.clock
        self._session = session
        self._plan = session.plan
        self._layout = session.layout
        self._settle_ns = session.plan.settle_ms * 1_000_000
        self._journal = journal
        self._stop = stop
        self._observe = observe
        self._files = SliceFiles(session, shooter.free_bytes)
        self._slice_bytes = expected_slice_bytes(shooter.camera.size_px, shooter.bytes_a_pixel)
        self._recharged_ns = 0

    def run(self, state: SessionState) -> Ending:
        """Shoot, and whatever happens end in order: frames saved, ending journaled, hardware at rest."""
        try:
            self._shoot(state)
            self._writer.drain()
            ending = Ending(EndingKind.DONE)
        except Exception as error:
            ending = ending_of(error, self._stop)
        except BaseException:
            calm(self._axis, self._camera)
            failure_of(self._writer.drain)
            raise
        return self._end(ending)

    def _shoot(self, state: SessionState) -> None:
        state = self._begin(state)
        if not state.missing:
            return
        self._await_relief()
        self._reference(state)
        for index in (state.missing[0], state.missing[-1]):
            self._axis.check(self._layout.positions_steps[index])
        self._await_light()
        self._lock(state)
        pace = Pace(self._clock.monotonic_ns(), self._slice_estimate_ns(), len(state.missing))
        for done, index in enumerate(state.missing):
            seconds_left = pace.seconds_left(done, self._clock.monotonic_ns())
            frame, arrival, vitals = self._take(index, seconds_left)
            if done == 0 and (fault := frame_fault(eight_bits(frame.pixels))):
                raise FrameUnusable(f"the first frame is {fault}", index=index)
            self._writer.submit(partial(self._save, index, frame, arrival, vitals))
            del frame

    def _begin(self, state: SessionState) -> SessionState:
        """Say that shooting begins or goes on, and drop what cannot be trusted; give what is left to do."""
        anew = state.phase is Phase.CREATED
        if anew:
            self._record(
                "stack_started",
                slices=self._layout.slices,
                positions_steps=list(self._layout.positions_steps),
                plan=plan_record(self._plan),
            )
        state = self._verified(state)
        if anew:
            wait(self._clock, round(self._plan.delay_s * 1e9), self._stop)
        else:
            damage = {"damage": [str(bad) for bad in self._journal.damage]} if self._journal.damage else {}
            self._record("stack_resumed", missing=list(state.missing), **damage)
        return state

    def _verified(self, state: SessionState) -> SessionState:
        """Compare every file with what the journal says of it; set aside what differs, to be shot again."""
        self._session.tidy()
        for index, saved in state.saved.items():
            self._stop.check()
            if flaw := self._session.flaw(saved):
                self._retake(index, flaw)
        for index in self._session.unvouched(state.saved):
            if index < self._layout.slices:
                self._retake(index, "its file is there, and no line of the journal speaks of it")
        return fold(self._journal.entries, self._layout.slices)

    def _retake(self, index: int, why: str) -> None:
        self._record("slice_retaken", index=index, why=why, aside=list(self._session.set_aside(index)))

    def _reference(self, state: SessionState) -> None:
        """Make sure of the place: once before the first slice, twice before more of them.

        The second time measures how well homing repeats, which is how well these slices will fit the others.
        """
        self._stop.check()
        goes_on = bool(state.saved)
        needs = needs_homing_again if goes_on else needs_homing
        if not needs(self._plan, self._layout, self._axis.position()):
            return
        self._tell(progress("homing", self._layout))
        moved_steps = self._axis.home().missed_steps
        repeat_steps = self._axis.home().missed_steps if goes_on else None
        moved_u, repeat_u = self._length_u(moved_steps), self._length_u(repeat_steps)
        found = {"moved_u": moved_u, "repeat_u": repeat_u} if goes_on else {}
        doubts = list(homing_doubts(self._layout.pitch_u, moved_u, repeat_u, self._axis.scale.unit))
        self._record("homed", **found, **({"doubts": doubts} if goes_on and doubts else {}))

    def _length_u(self, steps: int | None) -> float | None:
        return None if steps is None else self._axis.scale.length_u(steps)

    def _await_light(self) -> None:
        """Let the light warm up: what is metered before it is steady does not hold for the slices."""
        rest_ns = self._shooter.steady_ns - self._clock.monotonic_ns()
        if rest_ns > 0:
            self._tell(progress("warming", self._layout, seconds_left=rest_ns / 1e9))
            wait(self._clock, rest_ns, self._stop)

    def _lock(self, state: SessionState) -> None:
        """Hold the camera to the session's exposure; meter it at the middle slice where there is none."""
        recorded = state.exposure if state.saved else None
        size_px = state.size_px or self._session.size_px
        if recorded and size_px != self._camera.size_px:
            raise CameraChanged(
                f"this session's frames are {size_px} pixels, and the camera now gives {self._camera.size_px}"
            )
        granted = self._camera.lock(recorded or self._plan.exposure or self._meter())
        if recorded is None:
            self._record(
                "exposure_locked", exposure=exposure_record(granted), size_px=list(self._camera.size_px)
            )
        elif not same_exposure(recorded, granted):
            raise CameraChanged(
                f"this session was exposed with {recorded}, and the camera now grants only {granted}"
            )

    def _meter(self) -> Exposure:
        self._stop.check()
        self._progress("metering", self._layout.middle_index)
        arrival = travel(self._axis, self._layout.positions_steps[self._layout.middle_index])
        return self._camera.meter(arrival.at_rest_ns + self._settle_ns, self._plan.aim)

    def _take(self, index: int, seconds_left: float) -> tuple[Frame, Arrival, Vitals]:
        """Go to a slice and photograph it once the axis has settled; give how the Pi was meanwhile, too."""
        self._stop.check()
        self._check_room()
        before = self._await_relief()
        self._progress("shooting", index, seconds_left)
        arrival = travel(self._axis, self._layout.positions_steps[index])
        self._stop.check()
        frame = mean(self._frames(index, arrival.at_rest_ns + self._settle_ns))
        return frame, arrival, self._shooter.vitals().after(before)

    def _await_relief(self) -> Vitals:
        """Rest while the Pi is too hot or its supply too low; give how it is then. Raises `PowerLow`."""
        vitals, limits = self._shooter.vitals(), self._shooter.limits
        found = strain(vitals, limits)
        if found is None:
            return vitals
        began_ns, reason = self._clock.monotonic_ns(), strain_words(found, vitals, limits)
        self._tell(progress("resting", self._layout))
        self._record("rest_began", why=found.value, reason=reason, vitals=vitals_record(vitals))
        while found is not None:
            self._tell(progress("resting", self._layout))
            wait(self._clock, LOOK_AGAIN_NS, self._stop)
            rested_s = (self._clock.monotonic_ns() - began_ns) / 1e9
            if found is Strain.POWER and rested_s >= limits.power_patience_s:
                raise PowerLow(f"{reason}; {rested_s:.0f} s later it still is. Mend it, then resume")
            vitals = self._shooter.vitals()
            found = strain(vitals, limits, found)
        self._record("rest_ended", seconds=rested_s, vitals=vitals_record(vitals))
        return vitals

    def _frames(self, index: int, settled_ns: int) -> Iterator[Frame]:
        """Take the frames of a slice, one when the next is wanted."""
        for _ in range(self._plan.frames):
            self._stop.check()
            after_ns = max(settled_ns, self._recharged_ns)
            frame = self._camera.capture(after_ns, self._plan.recycle_ns)
            if frame.began_ns < after_ns:
                early_ns = after_ns - frame.began_ns
                raise FrameStale(
                    f"the frame of slice {index} was begun {early_ns / 1e6:.3f} ms before the axis had "
                    "settled, or a flash recharged",
                    index=index,
                    early_ns=early_ns,
                )
            if self._plan.recycle_ns:
                self._recharged_ns = frame.ended_ns + self._plan.recycle_ns
            yield frame

    def _check_room(self) -> None:
        free_bytes = self._shooter.free_bytes()
        needed_bytes = room_needed(self._slice_bytes, self._shooter.reserve_bytes)
        if free_bytes < needed_bytes:
            raise DiskFull(
                f"the disk has {free_bytes / 1e6:.0f} MB left, and another slice beside the reserve needs "
                f"{needed_bytes / 1e6:.0f} MB: make room, then resume",
                free_bytes=free_bytes,
                needed_bytes=needed_bytes,
            )

    def _save(self, index: int, frame: Frame, arrival: Arrival, vitals: Vitals) -> None:
        """Make a slice durable, then its journal line, then tell. Runs in the writer."""
        steps = arrival.position.steps
        position_u = self._axis.scale.length_u(steps)
        age_ns = self._clock.monotonic_ns() - frame.began_ns
        label = SliceLabel(
            session=self._session.id,
            index=index,
            slices=self._layout.slices,
            position_steps=steps,
            position_u=position_u,
            unit=self._axis.scale.unit,
            taken_at=self._shooter.now() - timedelta(microseconds=age_ns / 1000),
        )
        beside = [
            self._files.keep(suffix, encode, frame, label)
            for suffix, encode in self._shooter.companions.items()
        ]
        merged = self._files.keep(self._shooter.suffix, self._shooter.encode, frame, label)
        self._slice_bytes = max(self._slice_bytes, sum(int(file["bytes"]) for file in (merged, *beside)))
        self._record(
            "slice_saved",
            index=index,
            **merged,
            **({"companions": beside} if beside else {}),
            position_steps=steps,
            position_u=position_u,
            exposure=exposure_record(frame.exposure),
            began_ns=frame.began_ns,
            ended_ns=frame.ended_ns,
            vitals=vitals_record(vitals),
            metadata=plain(frame.metadata),
        )

    def _end(self, ending: Ending) -> Ending:
        """Drain, journal the ending, put the hardware to rest; none of this replaces what happened first."""
        trouble: list[str] = []
        failure = failure_of(self._writer.drain)
        if failure is not None and failure is not ending.error:
            trouble.append(f"while the last frames were saved: {failure}")
        if ending.kind is EndingKind.FAILED:
            trouble += calm(self._axis, self._camera)
        if failure := failure_of(partial(self._record_ending, ending)):
            trouble.append(f"the ending could not be recorded: {failure}")
            if ending.kind is EndingKind.DONE:
                ending = ending_of(failure, self._stop)
        park = partial(self._shooter.park, self._plan, self._layout, self._stop, self._tell)
        if ending.kind is EndingKind.DONE:
            if failure := failure_of(self._recheck):
                trouble.append(f"the stack is done, but whether steps were lost is not known: {failure}")
            if failure := failure_of(park):
                trouble.append(f"the stack is done, but the axis was not parked: {failure}")
        saved = len(fold(self._journal.entries, self._layout.slices).saved)
        return replace(ending, saved=saved, trouble=tuple(trouble))

    def _recheck(self) -> None:
        """Find the reference again where the plan wants it, and record how far off the axis was.

        A position that was not known has nothing to compare with.
        """
        if not self._plan.recheck or self._layout.adrift:
            return
        self._stop.check()
        self._tell(progress("rechecking", self._layout))
        missed_steps = self._axis.home().missed_steps
        if missed_steps is not None:
            self._record("rechecked", missed_steps=missed_steps, missed_u=self._length_u(missed_steps))

    def _record_ending(self, ending: Ending) -> None:
        match ending.kind:
            case EndingKind.DONE:
                self._record("stack_done", slices=self._layout.slices)
            case EndingKind.PAUSED:
                room = {"lacked_room": True} if ending.lacks_room else {}
                self._record("stack_paused", reason=ending.reason, **room)
            case EndingKind.ABORTED:
                self._record("stack_aborted", reason=ending.reason)
            case EndingKind.FAILED:
                self._record("stack_failed", error=ending.reason)

    def _record(self, event: str, **facts: object) -> None:
        """Journal an event; once it is synced, tell the observer."""
        self._journal.append(event, **facts)
        self._tell({"event": event, **facts})

    def _progress(self, phase: str, index: int, seconds_left: float | None = None) -> None:
        position_u = self._axis.scale.length_u(self._layout.positions_steps[index])
        self._tell(progress(phase, self._layout, index, position_u, seconds_left))

    def _tell(self, event: Mapping[str, object]) -> None:
        self._observe({**event, "session": self._session.id})

    def _slice_estimate_ns(self) -> int:
        move_ns = self._axis.duration_ns(self._layout.pitch_steps)
        return slice_ns(self._plan, move_ns, self._camera.frame_duration_ns())


def travel(axis: Axis, target_steps: int) -> Arrival:
    """Go to `target_steps` and make sure of being there; raises `AxisAstray`."""
    arrival = axis.move_to(target_steps)
    if arrival.position.steps != target_steps:
        raise AxisAstray(
            f"the axis was sent to step {target_steps} and came to rest at {arrival.position.steps}",
            wanted_steps=target_steps,
            reached_steps=arrival.position.steps,
        )
    return arrival


def calm(axis: Axis, camera: Camera) -> tuple[str, ...]:
    """Make axis and camera rest whatever they were doing; give what went wrong with that, in words."""
    failures = (failure_of(axis.stop), failure_of(camera.cancel))
    return tuple(f"while the hardware was stopped: {failure}" for failure in failures if failure)


def room_needed(slice_bytes: int, reserve_bytes: int) -> int:
    """Give the room that must be free before another slice: for it, for those in flight, and the reserve."""
    return reserve_bytes + (FRAMES_IN_FLIGHT + 1) * slice_bytes
