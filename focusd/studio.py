"""Stacks on this rig: what a plan comes to, shooting it, going on with it, giving it up.

The operator's thread shoots; `preview` is for any.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from camera.camera import Frame
from focusd.continuity import check_camera, check_grid, check_rig, check_settings, check_shading
from focusd.encoding import Encoding
from focusd.follower import Follower
from focusd.instruments import Instruments
from focusd.jobs import Accepted, Job
from focusd.journals import Journals
from focusd.marks import HomingConsent, MarkBook
from focusd.merges import Merges
from focusd.now import Preview
from focusd.paused import Paused, paused, shot_elsewhere
from focusd.room import Patience, merge_bytes
from focusd.shadings import Kept, Shadings
from focusd.specimens import Specimens
from focusd.wishes import Wishes
from rail.axis import Position
from rail.errors import HomingNotAllowed
from stack.disk import Disk
from stack.durable import out_of_room
from stack.ending import Ending, EndingKind
from stack.errors import DiskFull, DiskGone, NoSuchSession, NotResumable, StackError
from stack.estimate import Estimate, estimate, expected_slice_bytes, slice_ns
from stack.kit import Kit
from stack.layout import Layout, lay_out
from stack.plan import Marks, StackPlan
from stack.readiness import check, needs_homing, needs_homing_again
from stack.rehearsal import rehearse
from stack.repeats import drop_repeats
from stack.retention import Weight
from stack.session import Facts, Session
from stack.sessions import Sessions
from stack.shoot import Shooter
from stack.slice_files import Encode, SliceLabel
from stack.specimen import Fields
from stack.stop import StopKind
from stack.telling import Observe
from stack.vitals import USUAL, Limits, Vitals
from stack.writer import SliceWriter

_log = logging.getLogger(__name__)

LOOK_BACK: Final = 50
"""So many sessions are looked at for one that lacks slices: to read thousands takes minutes, and nobody means
one from so long ago without saying which."""


@dataclass(frozen=True, slots=True)
class Record:
    """What every session records once of the daemon that shot it, and how slices are written.

    Attributes
    ----------
    configuration, versions
        As plain JSON values.
    encoding
        How slices are saved.
    reserve_bytes
        What must stay free on the disk.
    simulated
        Whether the rig is an invented one.
    """

    configuration: Mapping[str, Any]
    versions: Mapping[str, str]
    encoding: Encoding
    reserve_bytes: int
    simulated: bool = False


class Studio:
    """Shoots stacks with the axis and the camera, one at a time.

    Parameters
    ----------
    writer
        Saves slices; closed by `close`.
    disk, sessions, journals, merges
        Where stacks go and what becomes of them. `merges` None: nothing is merged.
    book, consent
        What the owner marked, and whether the axis may home.
    record
        See `Record`.
    finish
        Called for a session whenever its shooting has ended; must not raise.
    shadings
        What plans are corrected by.
    vitals, limits
        How the Pi is, and what it may bear.
    """

    def __init__(
        self,
        instruments: Instruments,
        writer: SliceWriter,
        disk: Disk,
        sessions: Sessions,
        journals: Journals,
        merges: Merges | None,
        book: MarkBook,
        consent: HomingConsent,
        record: Record,
        finish: Callable[[Session], None],
        shadings: Shadings,
        vitals: Callable[[], Vitals] = Vitals,
        limits: Limits = USUAL,
    ) -> None:
        self._axis = instruments.axis
        self._eye = instruments.eye
        self._light = instruments.light
        self._clock = instruments.clock
        self._see = instruments.see
        self._writer = writer
        self._disk = disk
        self._sessions = sessions
        self._specimens = Specimens(sessions)
        self._journals = journals
        self._wishes = Wishes(journals)
        self._merges = merges
        self._book = book
        self._consent = consent
        self._record = record
        self._finish = finish
        self._vitals = vitals
        self._limits = limits
        self._shadings = shadings
        self._shooter: Shooter | None = None
        self.paused: Paused | None = None

    def preview(self, plan: StackPlan, fields: Fields) -> Preview:
        """Say what a plan of a specimen comes to, here and now.

        Raises `PlanRefused` as shooting it would; and `Refused`, once the camera has said how large its
        frames are: what they are corrected by is kept with their size.
        """
        here, marks, free_bytes = self._axis.position(), self._book.marks, self.free_bytes()
        layout, cost, picture_bytes = self._foreseen(plan, here, marks)
        check(
            plan,
            layout,
            scale=self._axis.scale,
            reach=self._axis.reach,
            here=here,
            marks=marks,
            homing_allowed=self._consent.given(),
            needed_bytes=cost.bytes + picture_bytes,
            free_bytes=free_bytes,
            reserve_bytes=self._record.reserve_bytes,
        )
        if (size_px := self._eye.facts.size_px) and not plan.rehearse:
            self._shading(plan, size_px)
        return Preview(
            layout, cost, free_bytes, needs_homing(plan, layout, here), self._specimens.same(fields)
        )

    def weight(self, plan: StackPlan) -> Weight:
        """Say what a plan's stack will take on the disk, whatever is free; raises `PlanRefused`."""
        _, cost, picture_bytes = self._foreseen(plan, self._axis.position(), self._book.marks)
        return Weight(cost.bytes, picture_bytes)

    def _foreseen(self, plan: StackPlan, here: Position, marks: Marks) -> tuple[Layout, Estimate, int]:
        """Give a plan's slices, what they cost, and the room that their picture takes."""
        axis, camera = self._axis, self._eye.facts
        layout = lay_out(plan, axis.scale, here, marks)
        size_px = (0, 0) if plan.rehearse else camera.size_px or (0, 0)
        cost = estimate(
            plan,
            layout,
            move_ns=axis.duration_ns,
            frame_ns=camera.frame_ns,
            bytes_a_slice=expected_slice_bytes(size_px, self._record.encoding.form.bytes_a_pixel),
        )
        return layout, cost, merge_bytes(size_px)

    @property
    def lit(self) -> bool:
        """Whether the light is on."""
        return self._light.shining

    def free_bytes(self) -> int:
        """Give the room on the sessions' disk; raises `DiskGone`."""
        return self._disk.free_bytes()

    @property
    def reserve_bytes(self) -> int:
        """What must stay free of it."""
        return self._record.reserve_bytes

    def shoot(self, job: Job, plan: StackPlan, fields: Fields, observe: Observe) -> Ending:
        """Shoot a plan from the start, or go through the motions of it."""
        shooter = self._ready_shooter(job)
        preview = self.preview(plan, fields)
        if plan.rehearse:
            job.accepted.set_result(Accepted(None, None, preview.layout.slices, 0, preview.cost.seconds))
            return rehearse(shooter.kit, plan, preview.layout, job.stop, observe)
        session = self._created(plan, preview, fields)
        return self._run(job, shooter, session, observe)

    def resume(self, job: Job, wanted: str | None, observe: Observe) -> Ending:
        """Shoot what a session lacks; None: the one that waits, or else the latest that lacks something."""
        self._disk.check()
        if wanted is None and self.paused is not None:
            wanted = self.paused.session
        session = self._latest_resumable() if wanted is None else self._waiting(wanted)
        check_rig(session, simulated=self._record.simulated)
        check_grid(session, self._axis.scale, self._axis.grid)
        check_settings(session, self._record.configuration)
        check_shading(session, self._shading_now(session.plan))
        shooter = self._ready_shooter(job)
        check_camera(session, shooter.kit.camera.identity)
        homes = needs_homing_again(session.plan, session.layout, self._axis.position())
        if homes and not self._consent.given():
            raise HomingNotAllowed(
                f"session {session.id} can go on once the position is known: run `focusctl home --allow`, or "
                "`focusctl zero` where you know the place"
            )
        return self._run(job, shooter, session, observe)

    def _waiting(self, wanted: str) -> Session:
        """Find a session that is to go on; raises as `Sessions.open`, and one that is gone waits no more."""
        try:
            return self._sessions.open(wanted)
        except NoSuchSession:
            if self.paused is not None and self.paused.session == wanted:
                self.paused = None
            raise

    def _created(self, plan: StackPlan, preview: Preview, fields: Fields) -> Session:
        """Make the session's folder; raises `DiskFull` where there is no room for it after all."""
        try:
            return self._sessions.create(plan, preview.layout, self._axis.scale, self._facts(plan, fields))
        except OSError as error:
            if not out_of_room(error):
                raise DiskGone(error) from error
            raise DiskFull(
                f"the disk is full: the session's folder cannot be made in {self._sessions.root}. "
                "Make room, then shoot again",
                free_bytes=self.free_bytes(),
                needed_bytes=preview.cost.bytes,
            ) from error

    def elsewhere(self, session: Session) -> str | None:
        """Say why a session cannot go on upon this kind of rig; None where it may."""
        return shot_elsewhere(session, simulated=self._record.simulated)

    def _shading_now(self, plan: StackPlan) -> Kept | None:
        """Give what slices are corrected by that the camera takes now; raises as `_shading`."""
        return self._shading(plan, self._eye.camera().size_px) if plan.shading is not None else None

    def _shading(self, plan: StackPlan, size_px: tuple[int, int]) -> Kept | None:
        """Give what the slices of a plan are corrected by; raises `Refused` where it is not there."""
        if plan.shading is None:
            return None
        return self._shadings.find(plan.shading, size_px)

    def abandon(self, wanted: str, reason: str, observe: Observe) -> None:
        """Record that a paused session will not go on."""
        self.paused = None
        session = self._sessions.open(wanted)
        if session.state().resumable:
            self._wishes.write(session, "stack_aborted", reason)
            observe({"event": "stack_aborted", "session": session.id, "reason": reason})
            self._finish(session)

    def heed_abort(self, job: Job, observe: Observe) -> None:
        """Give up the stack that a job has left paused, where that was asked for after the pause."""
        waits = self.paused
        if waits and job.stop.kind is StopKind.ABORT and job.session == waits.session:
            self.abandon(waits.session, job.stop.reason or "asked to abort", observe)

    def lose_count(self) -> None:
        """Take places that were counted from where the axis stood for lost; such a stack waits no more."""
        if self._shooter is not None:
            self._shooter.lose_count()
        if self.paused is None:
            return
        with suppress(StackError):
            if self._sessions.open(self.paused.session).layout.adrift:
                _log.warning("%s", self.paused.words_of_loss)
                self.paused = None

    def close(self) -> None:
        """See the last slices saved, and what was wished of stacks written down."""
        self._writer.close()
        self._wishes.close()

    def _run(self, job: Job, shooter: Shooter, session: Session, observe: Observe) -> Ending:
        """Shoot a session from where it is; the light is on, and the merge follows."""
        encoding, identity, optics = self._record.encoding, shooter.kit.camera.identity, session.plan.optics
        shooter.kit.encode = self._seen(encoding.encoder(identity, optics), self._shading_now(session.plan))
        shooter.kit.companions = encoding.companions(identity, optics)
        follower = Follower(session, self._merges)
        self._wishes.forget(session)

        def tell(event: Mapping[str, object]) -> None:
            observe(event)  # shown first: who hears of the acceptance looks whether it is being shot
            if not job.accepted.done():
                job.accepted.set_result(self._acceptance(session))
            follower.observe(event)

        try:
            ending = self._shot_as_room_comes(job, shooter, session, tell)
        except BaseException:
            follower.drop("the stack did not come about")
            raise
        follower.end(ending)
        for trouble in ending.trouble:
            _log.warning("%s: %s", session.id, trouble)
        if ending.wished and not _written(session, ending):
            self._wishes.write(session, f"stack_{ending.kind}", ending.reason)
        self.paused = None
        if ending.kind is EndingKind.PAUSED:  # by the journal it is not, where that cannot be written yet
            self.paused = replace(paused(session, session.state()), why=ending.reason or "somebody paused it")
        self._eye.look()
        self._finish(session)
        if ending.kind is EndingKind.FAILED:
            self._drop_repeats(session, observe)
        return ending

    def _drop_repeats(self, failed: Session, observe: Observe) -> None:
        """Keep the newest of the stacks that failed alike before their first slice, one after the other."""
        with suppress(OSError):  # of a disk that is gone, which is why the stack has failed
            for removed in drop_repeats(self._sessions, failed):
                observe({"event": "session_removed", "session": removed})

    def _seen(self, encode: Encode, kept: Kept | None) -> Encode:
        """Show and correct every frame before it is encoded, in the writer's thread: the rail goes on."""

        def show_and_encode(frame: Frame, label: SliceLabel) -> bytes:
            self._see(frame)
            if kept is not None:
                frame = replace(frame, pixels=kept.shading.corrected(frame.pixels))
            return encode(frame, label)

        return show_and_encode

    def _shot_as_room_comes(self, job: Job, shooter: Shooter, session: Session, tell: Observe) -> Ending:
        """Shoot; where the disk is full rest in the dark until it is not, and go on."""
        patience = Patience(self._disk, self._clock, session, job.stop, tell)
        slice_bytes = expected_slice_bytes(shooter.kit.camera.size_px, shooter.kit.bytes_a_pixel)
        while True:
            ending = self._shot(job, shooter, session, tell)
            if not ending.lacks_room:
                return ending
            for trouble in ending.trouble:
                _log.warning("%s: %s", session.id, trouble)
            if not patience.room_came(slice_bytes, self._record.reserve_bytes, ending.reason or ""):
                return replace(ending, reason=job.stop.reason, error=None)

    def _shot(self, job: Job, shooter: Shooter, session: Session, tell: Observe) -> Ending:
        """Shoot until it is done, or paused, or failed, with the light on."""
        try:
            self._light.on()
            with self._journals.writing(session) as journal:
                return shooter.shoot(session, journal, job.stop, tell)
        except OSError as error:
            if not out_of_room(error):
                raise DiskGone(error) from error
            return Ending(EndingKind.PAUSED, "the disk is full: the journal cannot be opened", error)
        finally:
            self._light.out()

    def _acceptance(self, session: Session) -> Accepted:
        state = session.state()
        move_ns = self._axis.duration_ns(session.layout.pitch_steps)
        return Accepted(
            session=session.id,
            folder=str(session.path),
            slices=state.slices,
            saved=len(state.saved),
            seconds=len(state.missing) * slice_ns(session.plan, move_ns, self._eye.facts.frame_ns) / 1e9,
            same_specimen=self._specimens.same(session.facts.fields, session.id),
        )

    def _ready_shooter(self, job: Job) -> Shooter:
        """Give what shoots; raises `CameraError` where there is no camera to shoot with."""
        camera = self._eye.camera()
        job.stop.check()
        if self._shooter is None:
            kit = Kit(
                self._axis,
                camera,
                self._writer,
                self._clock,
                encode=self._record.encoding.encoder(camera.identity, None),
                free_bytes=self.free_bytes,
                reserve_bytes=self._record.reserve_bytes,
                subject_side=self._axis.subject_side,
                suffix=self._record.encoding.form.suffix,
                bytes_a_pixel=self._record.encoding.form.bytes_a_pixel,
                vitals=self._vitals,
                limits=self._limits,
                light=self._light,
            )
            self._shooter = Shooter(kit)
        self._shooter.kit.camera = camera
        return self._shooter

    def _latest_resumable(self) -> Session:
        """Find what goes on unnamed: the newest of this kind of rig, unless it is over.

        Before the lens may be another specimen than that of an older one, so that has to be named.
        """
        over: str | None = None
        others: list[Session] = []
        for session in islice(self._sessions.newest_first(), LOOK_BACK):
            state = session.state()
            if self.elsewhere(session):
                others += [session] if state.resumable else []
            elif not state.resumable:
                over = over or f"{session.id}, the newest, is {state.phase}"
            elif over is None:
                return session
            else:
                raise NotResumable(
                    f"{over}, and {session.id} before it lacks slices: if its subject is still before the "
                    f"lens, `focusctl resume {session.number}` goes on with it",
                    session=session.id,
                )
        for session in others:
            check_rig(session, simulated=self._record.simulated)
        if len(self._sessions.ids()) <= LOOK_BACK:
            raise NotResumable("no session has slices left to shoot", session="")
        raise NotResumable(
            f"none of the newest {LOOK_BACK} sessions has slices left to shoot; an older one goes on by its "
            "number: `focusctl resume NUMBER`",
            session="",
        )

    def _facts(self, plan: StackPlan, fields: Fields) -> Facts:
        camera, kept = self._eye.camera(), self._shading_now(plan)
        identity = camera.identity
        return Facts(
            configuration=self._record.configuration,
            versions=self._record.versions,
            camera={
                "make": identity.make,
                "model": identity.model,
                "sensor": identity.sensor,
                "size_px": list(camera.size_px),
                **({"shading": kept.record} if kept else {}),
            },
            fields=fields,
            simulated=self._record.simulated,
            grid=self._axis.grid,
        )


def _written(session: Session, ending: Ending) -> bool:
    """Say whether a session's journal ends as its stack did."""
    try:
        state = session.state()
    except OSError:
        return False
    return (state.phase.value, state.reason) == (ending.kind.value, ending.reason)
