"""One run of shooting: what a session lacks becomes slices on disk and events.

Who runs what: one thread calls `Run.run` and thereby owns axis and camera. What encodes, saves and journals
a slice is a job that the writer runs, on its own thread or inline; the observer is called from both. A slice
is told as saved only after its file and then its journal line are on disk.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from camera.blank import blank_to_the_last
from camera.camera import Exposure, Frame, eight_bits
from camera.lock import same_exposure
from camera.mean import mean
from rail.axis import Arrival, Trust
from stack.ending import Ending, EndingKind, ending_of
from stack.errors import CameraChanged, FrameStale, FrameUnusable, NotResumable
from stack.estimate import slice_ns
from stack.journal import Journal
from stack.kit import Kit
from stack.progress import Pace
from stack.readiness import needs_homing, needs_homing_again
from stack.record import exposure_record, plan_record
from stack.rehoming import homing_doubts
from stack.relief import await_relief
from stack.saving import Saving
from stack.session import Session
from stack.session_state import Phase, SessionState, fold
from stack.stop import StopSignal, wait
from stack.telling import Observe, Telling
from stack.travel import park, travel
from stack.vitals import Vitals
from stack.writer import failure_of


class Run:
    """One run of shooting over one session."""

    def __init__(
        self, kit: Kit, session: Session, journal: Journal, stop: StopSignal, observe: Observe
    ) -> None:
        self._kit = kit
        self._axis = kit.axis
        self._camera = kit.camera
        self._writer = kit.writer
        self._clock = kit.clock
        self._session = session
        self._plan = session.plan
        self._layout = session.layout
        self._settle_ns = session.plan.settle_ms * 1_000_000
        self._journal = journal
        self._stop = stop
        self._telling = Telling(session, journal, kit.axis.scale, observe)
        self._saving = Saving(kit, session, self._telling)
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
            self._kit.calm()
            failure_of(self._writer.drain)
            raise
        return self._end(ending)

    def _shoot(self, state: SessionState) -> None:
        state = self._begin(state)
        if not state.missing:
            return
        await_relief(self._kit, self._stop, self._telling)
        self._reference(state)
        for index in (state.missing[0], state.missing[-1]):
            self._axis.check(self._layout.positions_steps[index])
        self._await_light()
        self._lock(state)
        pace = Pace(self._slice_estimate_ns(), len(state.missing))
        for done, index in enumerate(state.missing):
            frame, arrival, vitals = self._take(index, pace.seconds_left(done, self._clock.monotonic_ns()))
            pace = pace.from_first(self._clock.monotonic_ns())
            if done == 0 and (why := blank_to_the_last(eight_bits(frame.pixels))):
                raise FrameUnusable(
                    f"the first frame is {why}: look at the lens cap, the light and the exposure", index=index
                )
            self._writer.submit(partial(self._saving.save, index, frame, arrival, vitals))
            del frame

    def _begin(self, state: SessionState) -> SessionState:
        """Say that shooting begins or goes on, and drop what cannot be trusted; give what is left to do."""
        anew = state.phase is Phase.CREATED
        if anew:
            self._telling.record(
                "stack_started",
                slices=self._layout.slices,
                positions_steps=list(self._layout.positions_steps),
                plan=plan_record(self._plan),
            )
        state = self._verified(state)
        if anew:
            wait(self._clock, round(self._plan.delay_s * 1e9), self._stop)
        else:
            bad = [*map(str, self._journal.damage), *state.damage]
            damage = {"damage": bad} if bad else {}
            self._telling.record("stack_resumed", missing=list(state.missing), **damage)
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
        self._telling.record(
            "slice_retaken", index=index, why=why, aside=list(self._session.set_aside(index))
        )

    def _reference(self, state: SessionState) -> None:
        """Make sure of the place: once before the first slice, twice before more of them.

        The second time measures how well homing repeats, which is how well these slices will fit the others.
        """
        self._stop.check()
        goes_on = bool(state.saved)
        needs = needs_homing_again if goes_on else needs_homing
        if not needs(self._plan, self._layout, self._axis.position()):
            return
        self._telling.progress("homing")
        known = self._axis.position().trust is Trust.KNOWN
        moved_steps = self._axis.home().missed_steps
        repeat_steps = self._axis.home().missed_steps if goes_on else None
        off_u, repeat_u = self._length_u(moved_steps), self._length_u(repeat_steps)
        moved_u = off_u if known else None  # from an assumed place that is too rough to speak of steps
        found = {"moved_u": moved_u, "repeat_u": repeat_u} if goes_on else {}
        doubts = list(homing_doubts(self._layout.pitch_u, moved_u, repeat_u, self._axis.scale.unit))
        self._telling.record("homed", **found, **({"doubts": doubts} if goes_on and doubts else {}))
        if self._layout.assumed and (off_u is None or abs(off_u) > self._layout.pitch_u):
            raise self._astray(off_u)

    def _astray(self, off_u: float | None) -> NotResumable:
        """Say why places that were counted from an assumed one mean nothing from the reference."""
        measured = "" if off_u is None else f", by {self._axis.scale.say_length(abs(off_u))}"
        return NotResumable(
            f"the places of session {self._session.id} were counted from where the axis was only assumed to "
            f"stand, and that may have been wrong{measured}: merge what there is, or shoot anew",
            session=self._session.id,
        )

    def _length_u(self, steps: int | None) -> float | None:
        return None if steps is None else self._axis.scale.length_u(steps)

    def _await_light(self) -> None:
        """Let the light warm up: what is metered before it is steady does not hold for the slices."""
        rest_ns = self._kit.light.on() - self._clock.monotonic_ns()
        if rest_ns > 0:
            self._telling.progress("warming", seconds_left=rest_ns / 1e9)
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
            self._telling.record(
                "exposure_locked", exposure=exposure_record(granted), size_px=list(self._camera.size_px)
            )
        elif not same_exposure(recorded, granted):
            raise CameraChanged(
                f"this session was exposed with {recorded}, and the camera now grants only {granted}"
            )

    def _meter(self) -> Exposure:
        self._stop.check()
        self._telling.progress("metering", self._layout.middle_index)
        arrival = travel(self._axis, self._layout.positions_steps[self._layout.middle_index])
        return self._camera.meter(arrival.at_rest_ns + self._settle_ns, self._plan.aim)

    def _take(self, index: int, seconds_left: float) -> tuple[Frame, Arrival, Vitals]:
        """Go to a slice and photograph it once the axis has settled; give how the Pi was meanwhile, too."""
        self._stop.check()
        self._saving.check_room()
        before = await_relief(self._kit, self._stop, self._telling)
        self._await_light()
        self._telling.progress("shooting", index, seconds_left)
        arrival = travel(self._axis, self._layout.positions_steps[index])
        self._stop.check()
        frame = mean(self._frames(index, arrival.at_rest_ns + self._settle_ns))
        return frame, arrival, self._kit.vitals().after(before)

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

    def _end(self, ending: Ending) -> Ending:
        """Drain, journal the ending, put the hardware to rest; none of this replaces what happened first."""
        trouble: list[str] = []
        failure = failure_of(self._writer.drain)
        if failure is not None and failure is not ending.error:
            trouble.append(f"while the last frames were saved: {failure}")
        if ending.kind is EndingKind.FAILED:
            trouble += self._kit.calm()
        if failure := failure_of(partial(self._record_ending, ending)):
            trouble.append(f"the ending could not be recorded: {failure}")
            if ending.kind is EndingKind.DONE:
                ending = ending_of(failure, self._stop)
        if ending.kind is EndingKind.DONE:
            if failure := failure_of(self._recheck):
                trouble.append(f"the stack is done, but whether steps were lost is not known: {failure}")
                failure_of(partial(self._telling.record, "recheck_failed", error=str(failure)))
            if failure := failure_of(self._park):
                trouble.append(f"the stack is done, but the axis was not parked: {failure}")
        saved = len(fold(self._journal.entries, self._layout.slices).saved)
        return replace(ending, saved=saved, trouble=tuple(trouble))

    def _park(self) -> None:
        """Go where the plan wants the axis; with nothing left to shoot its own place may not be sure.

        It then stays: counted from wherever it woke up, the way might end in the subject.
        """
        if not needs_homing(self._plan, self._layout, self._axis.position()):
            park(self._kit, self._plan, self._layout, self._stop, self._telling.tell)

    def _recheck(self) -> None:
        """Find the reference again where the plan wants it, and record how far off the axis was.

        A position that was not known has nothing to compare with.
        """
        if not self._plan.recheck or self._layout.adrift:
            return
        self._stop.check()
        self._telling.progress("rechecking")
        missed_steps = self._axis.home().missed_steps
        if missed_steps is not None:
            self._telling.record(
                "rechecked", missed_steps=missed_steps, missed_u=self._length_u(missed_steps)
            )

    def _record_ending(self, ending: Ending) -> None:
        match ending.kind:
            case EndingKind.DONE:
                self._telling.record("stack_done", slices=self._layout.slices)
            case EndingKind.PAUSED:
                room = {"lacked_room": True} if ending.lacks_room else {}
                self._telling.record("stack_paused", reason=ending.reason, **room)
            case EndingKind.ABORTED:
                self._telling.record("stack_aborted", reason=ending.reason)
            case EndingKind.FAILED:
                self._telling.record("stack_failed", error=ending.reason)

    def _slice_estimate_ns(self) -> int:
        move_ns = self._axis.duration_ns(self._layout.pitch_steps)
        return slice_ns(self._plan, move_ns, self._camera.frame_duration_ns())
