"""Stacks on this rig: shooting one, going on with it, giving it up, all in the operator's thread.

`preview` is for any.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from focusd.archive import Archive
from focusd.continuity import check_camera, check_grid, check_rig, check_settings, check_shading
from focusd.darkroom import Darkroom
from focusd.follower import Follower
from focusd.foresight import Foresight
from focusd.instruments import Instruments
from focusd.jobs import Accepted, Job
from focusd.merges import Merges
from focusd.now import Preview
from focusd.paused import Paused, paused
from focusd.room import Patience
from focusd.unfinished import newest_unfinished
from focusd.wishes import Wishes
from stack.durable import out_of_room
from stack.ending import Ending, EndingKind
from stack.errors import DiskGone, NoSuchSession, NotResumable, StackError
from stack.estimate import expected_slice_bytes
from stack.kit import Kit
from stack.plan import StackPlan
from stack.rehearsal import rehearse
from stack.repeats import drop_repeats
from stack.session import Session
from stack.shoot import Shooter
from stack.specimen import Fields
from stack.stop import StopKind
from stack.telling import Observe
from stack.vitals import USUAL, Limits, Vitals
from stack.writer import SliceWriter

_log = logging.getLogger(__name__)


class Studio:
    """Shoots stacks with the axis and the camera, one at a time.

    Parameters
    ----------
    archive
        Where stacks go.
    foresight
        Looks plans over.
    darkroom, writer
        Make files of frames, and save them; the writer is closed by `close`.
    merges
        Make the pictures; None: nothing is merged.
    finish
        Called for a session whenever its shooting has ended; must not raise.
    vitals, limits
        How the Pi is, and what it may bear.
    """

    def __init__(
        self,
        instruments: Instruments,
        archive: Archive,
        foresight: Foresight,
        darkroom: Darkroom,
        writer: SliceWriter,
        merges: Merges | None,
        finish: Callable[[Session], None],
        vitals: Callable[[], Vitals] = Vitals,
        limits: Limits = USUAL,
    ) -> None:
        self._axis = instruments.axis
        self._eye = instruments.eye
        self._light = instruments.light
        self._clock = instruments.clock
        self.archive = archive
        self._foresight = foresight
        self._darkroom = darkroom
        self._writer = writer
        self._wishes = Wishes(archive.journals)
        self._merges = merges
        self._finish = finish
        self._vitals = vitals
        self._limits = limits
        self._shooter: Shooter | None = None
        self.paused: Paused | None = None

    def preview(self, plan: StackPlan, fields: Fields) -> Preview:
        """Say what a plan of a specimen comes to, here and now; raises as `Foresight.preview`."""
        return self._foresight.preview(plan, fields)

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
        self.archive.disk.check()
        session = self._meant(wanted)
        self._check_places(session)
        check_settings(session, self.archive.record.configuration)
        shooter = self._ready_shooter(job)
        check_camera(session, shooter.kit.camera.identity)  # first: no white field taken anew would help it
        check_shading(session, self._darkroom.shading(session.plan))
        self._foresight.check_way_back(session)
        with suppress(OSError):  # as of a full disk, which the shooter waits out
            self.archive.sessions.note_gone_on(session)
        return self._run(job, shooter, session, observe)

    def _meant(self, wanted: str | None) -> Session:
        """Find a session that is to go on; raises as `Sessions.open`, and one that is gone waits no more."""
        if wanted is None and self.paused is not None:
            wanted = self.paused.session
        if wanted is None:
            simulated = self.archive.record.simulated
            return newest_unfinished(self.archive.sessions, self.elsewhere, simulated=simulated)
        try:
            return self.archive.sessions.open(wanted)
        except NoSuchSession:
            if self.paused is not None and self.paused.session == wanted:
                self.paused = None
            raise

    def _created(self, plan: StackPlan, preview: Preview, fields: Fields) -> Session:
        kept, camera = self._darkroom.shading(plan), self._eye.camera()
        facts = self.archive.record.facts(camera, kept, fields, self._axis.grid)
        return self.archive.create(plan, preview.layout, self._axis.scale, facts, preview.cost.bytes)

    def elsewhere(self, session: Session) -> str | None:
        """Say why a session's places mean nothing on this rig, as its axis is set now; None: they do."""
        try:
            self._check_places(session)
        except NotResumable as error:
            return str(error)
        return None

    def _check_places(self, session: Session) -> None:
        check_rig(session, simulated=self.archive.record.simulated)
        check_grid(session, self._axis.scale, self._axis.grid)

    def abandon(self, wanted: str, reason: str, observe: Observe) -> None:
        """Record that a paused session will not go on."""
        self.paused = None
        session = self.archive.sessions.open(wanted)
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
            if self.archive.sessions.open(self.paused.session).layout.adrift:
                _log.warning("%s", self.paused.words_of_loss)
                self.paused = None

    def close(self) -> None:
        """See the last slices saved, and what was wished of stacks written down."""
        self._writer.close()
        self._wishes.close()

    def _run(self, job: Job, shooter: Shooter, session: Session, observe: Observe) -> Ending:
        """Shoot a session from where it is; the light is on, and the merge follows."""
        self._darkroom.equip(shooter.kit, session.plan)
        follower = Follower(session, self._merges)
        self._wishes.forget(session)

        def tell(event: Mapping[str, object]) -> None:
            observe(event)  # shown first: who hears of the acceptance looks whether it is being shot
            if not job.accepted.done():
                job.accepted.set_result(self._foresight.accepted(session))
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
            for removed in drop_repeats(self.archive.sessions, failed):
                observe({"event": "session_removed", "session": removed})

    def _shot_as_room_comes(self, job: Job, shooter: Shooter, session: Session, tell: Observe) -> Ending:
        """Shoot; where the disk is full rest in the dark until it is not, and go on."""
        patience = Patience(self.archive.disk, self._clock, session, job.stop, tell)
        slice_bytes = expected_slice_bytes(shooter.kit.camera.size_px, shooter.kit.bytes_a_pixel)
        while True:
            ending = self._shot(job, shooter, session, tell)
            if not ending.lacks_room:
                return ending
            for trouble in ending.trouble:
                _log.warning("%s: %s", session.id, trouble)
            if not patience.room_came(slice_bytes, self.archive.reserve_bytes, ending.reason or ""):
                return replace(ending, reason=job.stop.reason, error=None)

    def _shot(self, job: Job, shooter: Shooter, session: Session, tell: Observe) -> Ending:
        """Shoot until it is done, or paused, or failed, with the light on."""
        try:
            self._light.on()
            with self.archive.journals.writing(session) as journal:
                return shooter.shoot(session, journal, job.stop, tell)
        except OSError as error:
            if not out_of_room(error):
                raise DiskGone(error) from error
            return Ending(EndingKind.PAUSED, "the disk is full: the journal cannot be opened", error)
        finally:
            self._light.out()

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
                encode=self._darkroom.encoding.encoder(camera.identity, None),
                free_bytes=self.archive.free_bytes,
                reserve_bytes=self.archive.reserve_bytes,
                subject_side=self._axis.subject_side,
                suffix=self._darkroom.encoding.form.suffix,
                bytes_a_pixel=self._darkroom.encoding.form.bytes_a_pixel,
                vitals=self._vitals,
                limits=self._limits,
                light=self._light,
            )
            self._shooter = Shooter(kit)
        self._shooter.kit.camera = camera
        return self._shooter


def _written(session: Session, ending: Ending) -> bool:
    """Say whether a session's journal ends as its stack did."""
    try:
        state = session.state()
    except OSError:
        return False
    return (state.phase.value, state.reason) == (ending.kind.value, ending.reason)
