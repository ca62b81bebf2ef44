"""The one thread that owns axis and camera: one job at a time, and whoever asks for another is told.

Anybody may look (`now`, `preview`), mark, and stop. A stop takes effect at once and is never lost: it is
noted in the job first, then told to axis and camera, while a job begins by arming both and then looks at it.
"""

import logging
import os
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from camera.camera import Camera
from camera.errors import CameraError, CaptureCancelled, ExposureDrifted
from focusd.errors import Busy, Refused
from focusd.events import EventHub
from focusd.exits import Exit
from focusd.hardware import Rig, encoder
from focusd.jobs import Abandon, Accepted, Goto, Home, Job, JobEnding, Jog, Order, Resume, Shoot
from focusd.journals import Journals
from focusd.marks import HomingConsent, MarkStore
from focusd.merges import Feed, Merges
from focusd.now import CameraFacts, Glance, Now, Preview, Progress
from focusd.outcomes import outcome_of, words_of
from rail.axis import Position, Trust
from rail.errors import HomingNotAllowed, MotionLost, PositionUnknown
from rail.screw import Scale
from stack.errors import NotResumable
from stack.plan import (
    Marks,
    StackPlan,
    check,
    estimate,
    expected_slice_bytes,
    lay_out,
    needs_homing,
)
from stack.session import Facts, Session, Sessions
from stack.shoot import Ending, EndingKind, Shooter
from stack.stop import StopKind
from stack.writer import SliceWriter

_log = logging.getLogger(__name__)

MERGE_BYTES_A_PIXEL = 4
"""Room for the merged picture, its depth map and what is written on the way."""


class Operator:
    """Carries out orders, one at a time.

    Parameters
    ----------
    rig
        Its hardware; owned from here on and closed by `close`.
    sessions, journals, merges
        Where stacks go and what becomes of them. `merges` None: nothing is merged.
    hub
        Where everything is told.
    marks, consent
        What the owner wants remembered.
    reserve_bytes, jpeg_quality
        As configured.
    writer
        Saves the slices.
    finish
        Called for a session when its shooting has ended; must not raise.
    configuration, versions
        What every session records of them.
    idle_release_s
        Rest after which the motor is released; None: never.
    """

    def __init__(
        self,
        rig: Rig,
        sessions: Sessions,
        journals: Journals,
        merges: Merges | None,
        hub: EventHub,
        marks: MarkStore,
        consent: HomingConsent,
        writer: SliceWriter,
        *,
        reserve_bytes: int,
        jpeg_quality: int,
        finish: Callable[[Session], None],
        configuration: Mapping[str, Any],
        versions: Mapping[str, str],
        idle_release_s: float | None,
    ) -> None:
        self._rig = rig
        self._axis = rig.axis
        self._sessions = sessions
        self._journals = journals
        self._merges = merges
        self._hub = hub
        self._mark_store = marks
        self._marks = marks.load()
        self._consent = consent
        self._writer = writer
        self._reserve_bytes = reserve_bytes
        self._jpeg_quality = jpeg_quality
        self._finish = finish
        self._configuration = configuration
        self._versions = versions
        self._idle_release_s = idle_release_s
        self._inbox: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._job: Job | None = None
        self._closing = False
        self._progress = Progress()
        self._camera: Camera | None = None
        self._camera_facts = CameraFacts()
        self._shooter: Shooter | None = None
        self._paused: str | None = None
        self._lost: str | None = None
        self._last_error: str | None = None
        self._thread = threading.Thread(target=self.work, name="operator", daemon=True)
        self._let_marks_lapse()

    # --- for any thread -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to take orders, in a thread of its own."""
        self._thread.start()

    @property
    def scale(self) -> Scale:
        """The axis's grid."""
        return self._axis.scale

    @property
    def session(self) -> str | None:
        """The session being shot; None when none is."""
        return self._progress.session if self._job is not None else None

    def glance(self) -> Glance:
        """Give what the panel needs to know, at little cost."""
        job = self._job
        return Glance(job.kind if job else None, self._progress.phase, self._last_error is not None)

    @property
    def lost(self) -> str | None:
        """Why no order can be carried out any more, in words; None while all is well."""
        if self._lost is None and not self._closing and not self._thread.is_alive():
            return "the operator's thread has ended; start focusd again"
        return self._lost

    def order(self, order: Order) -> Job:
        """Take an order; raises `Busy` while another is carried out, and never waits."""
        with self._lock:
            if self._closing:
                raise Refused("focusd is ending and takes no more orders")
            if self._job is not None:
                raise Busy(self._job.kind)
            job = self._job = Job(order, self._hub.last_seq)
            self._progress = Progress()
        self._inbox.put(job)
        return job

    def stop(self, kind: StopKind = StopKind.STOP, reason: str = "asked to stop") -> str | None:
        """End what runs, at once; give the word for it, None when nothing does."""
        with self._lock:
            job = self._job
            if job is None:
                return None
            job.stop.request(kind, reason)
            self._axis.stop()
            camera = self._camera
            if camera is not None:
                camera.cancel()
            return job.kind

    def abort(self, reason: str = "asked to abort") -> str | None:
        """End what runs for good, or else the stack that was paused last; give the word for it, if any."""
        stopped = self.stop(StopKind.ABORT, reason)
        paused = self._paused
        if stopped is not None or paused is None:
            return stopped
        self.order(Abandon(paused, reason))
        return "the paused stack"

    def now(self) -> Now:
        """Give the rig as it is."""
        with self._lock:
            job, progress = self._job, self._progress
        return Now(
            job=job.kind if job else None,
            job_number=job.number if job else None,
            progress=progress,
            position=self._axis.position(),
            moving=self._axis.moving(),
            scale=self._axis.scale,
            reach=self._axis.reach,
            homing_allowed=self._consent.given(),
            marks=self._marks,
            camera=self._camera_facts,
            free_bytes=self._free_bytes(),
            reserve_bytes=self._reserve_bytes,
            last_error=self._last_error,
        )

    def preview(self, plan: StackPlan) -> Preview:
        """Say what a plan comes to; raises `PlanRefused` as shooting it would."""
        here = self._axis.position()
        layout = lay_out(plan, self._axis.scale, here, self._marks)
        camera = self._camera_facts
        width_px, height_px = camera.size_px or (0, 0)
        cost = estimate(
            layout,
            move_ns=self._axis.duration_ns,
            frame_ns=camera.frame_ns,
            settle_ns=plan.settle_ms * 1_000_000,
            bytes_a_slice=0 if plan.rehearse else expected_slice_bytes((width_px, height_px)),
            delay_s=plan.delay_s,
        )
        merge_bytes = 0 if plan.rehearse else MERGE_BYTES_A_PIXEL * width_px * height_px
        free_bytes = self._free_bytes()
        check(
            plan,
            layout,
            scale=self._axis.scale,
            reach=self._axis.reach,
            here=here,
            homing_allowed=self._consent.given(),
            needed_bytes=cost.bytes + merge_bytes,
            free_bytes=free_bytes,
            reserve_bytes=self._reserve_bytes,
        )
        return Preview(layout, cost, free_bytes, needs_homing(plan, layout, here))

    def mark(self, end: str, position_u: float | None) -> Marks:
        """Mark the near or far end, here or at `position_u`; refused where positions mean nothing."""
        here = self._axis.position()
        if here.trust is Trust.UNKNOWN:
            raise PositionUnknown(
                "the position is unknown, so a mark would mean nothing; run `focusctl home` first"
            )
        place_u = self._axis.scale.length_u(here.steps) if position_u is None else position_u
        self._keep(replace(self._marks, **{f"{end}_u": place_u}))
        return self._marks

    def unmark(self) -> Marks:
        """Forget both marks."""
        self._keep(Marks())
        return self._marks

    def close(self) -> None:
        """Stop what runs, motion first, and give the hardware back; a stack is left to be resumed."""
        with self._lock:
            self._closing = True
        self.stop(reason="focusd was stopped")
        self._inbox.put(None)
        if self._thread.is_alive():
            self._thread.join()

    # --- the operator's own thread ------------------------------------------------------------------------

    def work(self) -> None:
        """Carry out orders until `close`; then give axis and camera back."""
        try:
            self._try_camera()
            while (job := self._next()) is not None:
                self._carry_out(job)
        finally:
            self._axis.close()
            if self._camera is not None:
                self._camera.close()
            self._writer.close()

    def _next(self) -> Job | None:
        while True:
            try:
                return self._inbox.get(timeout=self._idle_release_s)
            except queue.Empty:
                self._release()
                return self._inbox.get()

    def _release(self) -> None:
        """Let the motor cool after a long rest."""
        try:
            self._axis.release()
        except Exception as error:
            self._fail(error)
        self._let_marks_lapse()

    def _carry_out(self, job: Job) -> None:
        """Do a job and say how it ended, whatever happens in it."""
        self._hub.publish("job_started", job=job.number, kind=job.kind)
        error: Exception | None = None
        try:
            ending, error = self._perform(job)
        except Exception as failure:
            ending, error = _ending_of(failure), failure
        if error is not None and ending is JobEnding.REFUSED:
            self._hub.publish("refused", job=job.number, kind=job.kind, reason=words_of(error))
        elif error is not None and ending is JobEnding.FAILED:
            self._fail(error)
        self._let_marks_lapse()
        with self._lock:
            self._job = None
            self._progress = Progress()
        facts = {"reason": words_of(error), "exit_code": int(outcome_of(error).exit_code)} if error else {}
        self._hub.publish("job_ended", job=job.number, kind=job.kind, ending=ending.value, **facts)
        _settle(job, error, self._axis.position())

    def _perform(self, job: Job) -> tuple[JobEnding, Exception | None]:
        self._axis.arm()
        if self._camera is not None:
            self._camera.arm()
        job.stop.check()
        self._last_error = None
        match job.order:
            case Home(allow):
                self._home(allow)
            case Jog(distance_u):
                self._jog(distance_u)
            case Goto(position_u):
                self._goto(position_u)
            case Shoot(plan):
                return _job_ending(self._shoot(job, plan))
            case Resume(wanted):
                return _job_ending(self._resume(job, wanted))
            case Abandon(wanted, reason):
                self._abandon(self._sessions.open(wanted), reason)
        return JobEnding.DONE, None

    def _home(self, allow: bool) -> None:
        if allow:
            self._consent.give()
            self._axis.allow_homing()
        if not self._consent.given():
            raise HomingNotAllowed(
                "nobody has said yet that the rig may drive to its home switch: see that the way is free, "
                "then run `focusctl home --allow` once"
            )
        self._show(phase="homing")
        self._axis.home()

    def _jog(self, distance_u: float) -> None:
        steps = self._axis.scale.nearest_steps(distance_u)
        if steps == 0:
            one_u, unit = self._axis.scale.length_u(1), self._axis.scale.unit
            raise Refused(f"{distance_u:g} {unit} is less than one step of this axis, {one_u:g} {unit}")
        self._show(phase="moving")
        self._axis.jog(steps)

    def _goto(self, position_u: float) -> None:
        if self._axis.position().trust is Trust.UNKNOWN:
            raise PositionUnknown(
                "the position is unknown, so there is no way to a place; run `focusctl home`, or jog"
            )
        self._show(phase="moving")
        self._axis.move_to(self._axis.scale.nearest_steps(position_u))

    def _shoot(self, job: Job, plan: StackPlan) -> Ending:
        shooter = self._ready_shooter(job)
        preview = self.preview(plan)
        if plan.rehearse:
            job.accepted.set_result(Accepted(None, None, preview.layout.slices, preview.cost.seconds))
            return shooter.rehearse(plan, preview.layout, job.stop, self._observe)
        session = self._sessions.create(plan, preview.layout, self._axis.scale, self._facts())
        return self._run_stack(job, shooter, session)

    def _resume(self, job: Job, wanted: str | None) -> Ending:
        session = self._latest_resumable() if wanted is None else self._sessions.open(wanted)
        shooter = self._ready_shooter(job)
        homes = needs_homing(session.plan, session.layout, self._axis.position())
        if homes and not self._consent.given():
            raise HomingNotAllowed(
                f"session {session.id} can go on once the position is known: run `focusctl home --allow`"
            )
        return self._run_stack(job, shooter, session)

    def _run_stack(self, job: Job, shooter: Shooter, session: Session) -> Ending:
        """Shoot a session from where it is; the merge follows, and the light is on meanwhile."""
        shooter.encode = encoder(shooter.camera.identity, session.plan.optics, self._jpeg_quality)
        follower = _Follower(session, self._merges)

        def observe(event: Mapping[str, object]) -> None:
            if not job.accepted.done():
                job.accepted.set_result(self._acceptance(session))
            self._observe(event)
            follower.observe(event)

        self._rig.panel.light(True)
        try:
            with self._journals.writing(session) as journal:
                ending = shooter.shoot(session, journal, job.stop, observe)
        except BaseException:
            follower.drop("the stack did not come about")
            raise
        finally:
            self._rig.panel.light(False)
        follower.end(ending)
        self._paused = session.id if ending.kind is EndingKind.PAUSED else None
        if self._paused and job.stop.kind is StopKind.ABORT:  # said when the pause was recorded already
            self._abandon(session, job.stop.reason or "asked to abort")
        self._finish(session)
        for trouble in ending.trouble:
            _log.warning("%s: %s", session.id, trouble)
        return ending

    def _abandon(self, session: Session, reason: str) -> None:
        """Record that a paused session will not go on."""
        self._paused = None
        if not session.state().resumable:
            return
        with self._journals.writing(session) as journal:
            journal.append("stack_aborted", reason=reason)
        self._hub.publish("stack_aborted", session=session.id, reason=reason)
        self._finish(session)

    def _acceptance(self, session: Session) -> Accepted:
        missing = len(session.state().missing)
        slice_ns = (
            self._axis.duration_ns(session.layout.pitch_steps)
            + session.plan.settle_ms * 1_000_000
            + self._camera_facts.frame_ns
        )
        return Accepted(session.id, str(session.path), session.layout.slices, missing * slice_ns / 1e9)

    def _latest_resumable(self) -> Session:
        for session in reversed(self._sessions.all()):
            if session.state().resumable:
                return session
        raise NotResumable("no session has slices left to shoot", session="")

    # --- the camera ---------------------------------------------------------------------------------------

    def _ready_shooter(self, job: Job) -> Shooter:
        """Give what shoots, its camera opened anew if it was lost; raises `CameraError` in words."""
        if self._camera is None:
            self._open_camera()
            job.stop.check()
        camera = self._camera
        assert camera is not None
        if self._shooter is None:
            self._shooter = Shooter(
                self._axis,
                camera,
                self._writer,
                self._rig.clock,
                encode=encoder(camera.identity, None, self._jpeg_quality),
                free_bytes=self._free_bytes,
                reserve_bytes=self._reserve_bytes,
                subject_side=self._axis.settings.subject_side,
            )
        self._shooter.camera = camera
        return self._shooter

    def _try_camera(self) -> None:
        try:
            self._open_camera()
        except CameraError as error:
            _log.warning("%s", error)

    def _open_camera(self) -> None:
        try:
            camera = self._rig.open_camera()
        except CameraError as error:
            self._camera_facts = CameraFacts(problem=str(error))
            raise
        self._camera_facts = CameraFacts(
            model=camera.identity.model,
            size_px=camera.size_px,
            problem=None,
            frame_ns=camera.frame_duration_ns(),
        )
        with self._lock:
            self._camera = camera

    # --- what is remembered and told ----------------------------------------------------------------------

    def _observe(self, event: Mapping[str, object]) -> None:
        """Pass an event of the shooter on; called from the writer's thread too."""
        facts: dict[str, Any] = dict(event)
        name = str(facts.pop("event"))
        if name == "progress":
            shown = {key: facts.get(key) for key in ("phase", "session", "index", "slices", "seconds_left")}
            self._show(**shown)
            facts["merged"] = self._merged(facts.get("session"))
        self._hub.publish(name, **facts)

    def _merged(self, session: object) -> int:
        merging = self._merges.progress() if self._merges else None
        return merging.merged if merging and merging.session == session else 0

    def _show(self, **shown: Any) -> None:
        with self._lock:
            self._progress = replace(self._progress, **shown)

    def _fail(self, error: Exception) -> None:
        self._last_error = words_of(error)
        _log.error("%s", self._last_error)
        if isinstance(error, MotionLost):
            self._lost = self._last_error
        if isinstance(error, CameraError) and not isinstance(error, ExposureDrifted | CaptureCancelled):
            self._lose_camera(error)

    def _lose_camera(self, error: CameraError) -> None:
        """Give a camera up that has failed; the next stack opens it anew."""
        with self._lock:
            camera, self._camera = self._camera, None
        self._camera_facts = CameraFacts(problem=str(error))
        if camera is not None:
            camera.close()

    def _let_marks_lapse(self) -> None:
        """Forget the marks once the position is lost: they would lead anywhere."""
        if self._marks != Marks() and self._axis.position().trust is Trust.UNKNOWN:
            self._keep(Marks())
            self._hub.publish("marks_lapsed", reason="the position is unknown; home, then mark again")

    def _keep(self, marks: Marks) -> None:
        self._mark_store.save(marks)
        self._marks = marks

    def _facts(self) -> Facts:
        camera = self._camera
        assert camera is not None
        identity = camera.identity
        return Facts(
            configuration=self._configuration,
            versions=self._versions,
            camera={
                "make": identity.make,
                "model": identity.model,
                "sensor": identity.sensor,
                "size_px": list(camera.size_px),
            },
        )

    def _free_bytes(self) -> int:
        disk = os.statvfs(self._sessions.root)
        return disk.f_bavail * disk.f_frsize


class _Follower:
    """Hands a stack's slices to its merge, as the shooter tells of them."""

    def __init__(self, session: Session, merges: Merges | None) -> None:
        self._session = session
        self._merges = merges
        self._feed: Feed | None = None

    def observe(self, event: Mapping[str, object]) -> None:
        """Begin the merge with the stack, and give it each slice; what was saved earlier comes first."""
        match event["event"]:
            case "stack_started" | "stack_resumed" if self._merges is not None:
                self._feed = self._merges.follow(self._session)
                saved = self._session.state().saved
                for index in sorted(saved):
                    self._feed.add(saved[index].file)
            case "slice_saved" if self._feed is not None:
                self._feed.add(str(event["file"]))

    def end(self, ending: Ending) -> None:
        """Let the picture be finished when the stack is done; a paused one is merged when it goes on."""
        if self._feed is not None and ending.kind is EndingKind.DONE:
            self._feed.end()
        else:
            self.drop(f"the stack is {ending.kind}; `focusctl merge` merges what there is")

    def drop(self, why: str) -> None:
        """Give the merge up."""
        if self._feed is not None:
            self._feed.drop(why)


def _job_ending(ending: Ending) -> tuple[JobEnding, Exception | None]:
    """Give a stack's ending as a job's."""
    return JobEnding(ending.kind.value), ending.error


def _ending_of(error: Exception) -> JobEnding:
    """Say how a job ended that raised."""
    match outcome_of(error).exit_code:
        case Exit.INTERRUPTED:
            return JobEnding.STOPPED
        case Exit.REFUSED | Exit.BUSY:
            return JobEnding.REFUSED
        case _:
            return JobEnding.FAILED


def _settle(job: Job, error: Exception | None, position: Position) -> None:
    """Tell whoever waits for the job."""
    if error is None:
        job.ended.set_result(position)
    else:
        job.ended.set_exception(error)
    if not job.accepted.done():
        job.accepted.set_exception(error or Refused("the job ended before it had begun"))
