"""The one thread that owns axis and camera: one job at a time, and whoever asks for another is told.

Anybody may look and stop. A stop takes effect at once and is never lost: it is noted in the job first, then
told to axis and camera, while a job begins by arming both and then looks at its note.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Final, Literal

from camera.camera import Frame
from camera.errors import CameraError
from focusd.bulletin import Bulletin
from focusd.chores import Chores
from focusd.crew import Crew
from focusd.endings import ending_of_error, why
from focusd.errors import Busy, Refused
from focusd.events import EventHub
from focusd.finder import Finder
from focusd.heartbeat import Heartbeat
from focusd.instruments import Instruments
from focusd.jobs import Abandon, Acknowledge, Job, JobEnding, Order, Resume, Shoot
from focusd.marks import HomingConsent, MarkBook
from focusd.now import Glance, Now
from focusd.outcomes import words_of
from focusd.paused import DAEMON_ENDED
from focusd.pilot import Pilot
from focusd.studio import Studio
from focusd.surveyor import Surveyor
from rail.axis import Trust
from rail.errors import Halted, MotionLost
from stack.errors import DiskGone
from stack.stop import StopKind, StopSignal

_log = logging.getLogger(__name__)

LOOK: Final = "look"
"""In the place of a job: take a frame to be looked at."""


class Operator:
    """Carries out orders, one at a time.

    Parameters
    ----------
    instruments, studio, surveyor
        The hardware, what shoots stacks with it, and what measures it; owned from here on, closed by `close`.
    book, consent
        What the owner wants remembered.
    hub
        Where everything is told.
    merged
        Gives how many slices of a session are in its picture by now.
    idle_release_s
        Rest after which the motor is released; None: never.
    prepare
        Called before every job: brings about whatever the axis is a part of.
    heartbeat
        Beats while orders are carried out.
    finder
        Is given the frames that are taken to be looked at.
    """

    def __init__(
        self,
        instruments: Instruments,
        studio: Studio,
        surveyor: Surveyor,
        book: MarkBook,
        consent: HomingConsent,
        hub: EventHub,
        merged: Callable[[str], int],
        idle_release_s: float | None,
        prepare: Callable[[], object],
        heartbeat: Heartbeat,
        finder: Finder,
    ) -> None:
        self._axis = instruments.axis
        self._eye = instruments.eye
        self._light = instruments.light
        self._studio = studio
        self._book = book
        self._consent = consent
        self._hub = hub
        self._prepare = prepare
        self._heartbeat = heartbeat
        self._finder = finder
        self._bulletin = Bulletin(instruments, hub, heartbeat, merged)
        pilot = Pilot(self._axis, book, consent, self._bulletin)
        self._crew = Crew(pilot, studio, surveyor, self._bulletin)
        self._chores = Chores(self._release, lambda: self._attempt(self._light.out), idle_release_s)
        self._chores.rest_from(time.monotonic())
        self._inbox: queue.SimpleQueue[Job | Literal["look"] | None] = queue.SimpleQueue()
        self._looking = False
        self._lock = threading.Lock()
        self._job: Job | None = None
        self._closing = False
        self._last_error: str | None = None
        self._lost: str | None = None
        self._thread = threading.Thread(target=self.work, name="operator", daemon=True)

    # --- for any thread -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to take orders, in a thread of its own."""
        self._thread.start()

    def order(self, order: Order) -> Job:
        """Take an order; raises `Busy` while another is carried out, and never waits."""
        with self._lock:
            if self._closing:
                raise Refused("focusd is ending and takes no more orders")
            if self._job is not None:
                raise Busy(self._job.kind)
            job = self._job = Job(order, self._hub.last_seq, StopSignal(self._heartbeat.beat))
            self._bulletin.turn_over()
            if self._looking:
                self._eye.cancel()  # an order does not wait for a frame that is only looked at
            self._inbox.put(job)  # before `close` can put its own end there, behind which nothing is taken
        return job

    @property
    def busy(self) -> bool:
        """Whether an order is being carried out."""
        return self._job is not None

    def look(self) -> None:
        """Have the camera looked through, where nothing else is to be done; never waits."""
        with self._lock:
            if self._closing or self._looking or self._job is not None:
                return
            self._looking = True
        self._inbox.put(LOOK)

    def stop(self, kind: StopKind = StopKind.STOP, reason: str = "asked to stop") -> str | None:
        """End what runs, at once; give the word for it, None when nothing does."""
        with self._lock:
            job = self._job
            if job is None:
                return None
            job.stop.request(kind, reason)
            self._axis.stop()
            self._eye.cancel()
            return job.kind

    def abort(self, reason: str = "asked to abort") -> str | None:
        """End what runs for good, or else the stack that was paused last; give the word for it, if any."""
        stopped = self.stop(StopKind.ABORT, reason)
        paused = self._studio.paused
        if stopped is not None or paused is None:
            return stopped
        self.order(Abandon(paused.session, reason))
        return "the paused stack"

    def glance(self) -> Glance:
        """Give what the panel needs to know, at little cost."""
        job = self._job
        return Glance(
            job=job.kind if job else None,
            progress=self._bulletin.progress,
            failed=self._last_error is not None,
            emergency=self._axis.emergency(),
            paused=self._studio.paused,
        )

    def now(self) -> Now:
        """Give the rig as it is."""
        with self._lock:
            job, progress = self._job, self._bulletin.progress
        return Now(
            job=job.kind if job else None,
            paused=self._studio.paused,
            job_number=job.number if job else None,
            progress=progress,
            position=self._axis.position(),
            moving=self._axis.moving(),
            emergency=self._axis.emergency(),
            scale=self._axis.scale,
            reach=self._axis.reach,
            homing_allowed=self._consent.given(),
            marks=self._book.marks,
            camera=self._eye.facts,
            free_bytes=self._free_bytes(),
            reserve_bytes=self._studio.archive.reserve_bytes,
            last_error=self._last_error,
            lit=self._light.shining,
        )

    def _free_bytes(self) -> int | None:
        try:
            return self._studio.archive.free_bytes()
        except DiskGone:
            return None

    @property
    def rests(self) -> str | None:
        """Why the running job rests, in words; None: it does not."""
        return self._bulletin.progress.rests

    @property
    def session(self) -> str | None:
        """The session being shot; None when none is."""
        return self._bulletin.progress.session if self._job is not None else None

    def silent(self) -> bool:
        """Say whether the thread should have been heard by now; while the axis steps, it waits for that."""
        if self._heartbeat.overdue() and self._axis.moving():
            self._heartbeat.be_patient()
        return self._heartbeat.overdue()

    @property
    def lost(self) -> str | None:
        """Why no order can be carried out any more, in words; None while all is well."""
        if self._lost is None and not self._closing and not self._thread.is_alive():
            return "the operator's thread has ended; start focusd again"
        return self._lost

    def close(self) -> None:
        """Stop what runs, motion first, and give the hardware back; a stack is left to be resumed."""
        with self._lock:
            self._closing = True
        self.stop(reason=DAEMON_ENDED)
        self._eye.end()  # not before: a stack whose frame is given up must know why, or it waits for a person
        self._inbox.put(None)
        if self._thread.is_alive():
            self._thread.join()

    # --- the operator's own thread ------------------------------------------------------------------------

    def work(self) -> None:
        """Carry out orders until `close`; then give axis and camera back."""
        with ExitStack() as last_first:
            last_first.callback(self._studio.close)
            last_first.callback(self._eye.close)
            last_first.callback(self._axis.close)
            self._book.lapse()
            self._heartbeat.beat()
            self._eye.try_camera()
            while self.work_once():
                pass

    def work_once(self) -> bool:
        """Wait for the next order and carry it out; false when there will be no more."""
        wanted = self._next()
        if isinstance(wanted, Job):
            self._carry_out(wanted)
            self._chores.rest_from(time.monotonic())
        elif wanted == LOOK:
            self._look_through()
            if self._job is None:  # who looks all the time may leave no instant at which nothing is asked
                self._chores.do(time.monotonic())
        return wanted is not None

    def _next(self) -> Job | Literal["look"] | None:
        while True:
            self._heartbeat.rest()
            with suppress(queue.Empty):
                return self._inbox.get(timeout=self._chores.idle_s(time.monotonic()))
            self._heartbeat.beat()
            self._chores.do(time.monotonic())

    def _look_through(self) -> None:
        """Take a frame for whoever looks, unless an order has come meanwhile."""
        self._heartbeat.beat()
        with self._lock:
            wanted = self._looking = self._job is None and not self._closing
            if wanted:
                self._eye.arm()
        if wanted:
            self._attempt(self._look)

    def _look(self) -> None:
        try:
            self._finder.look(self._frame)
        except CameraError as error:  # told to whoever looks; no order has failed
            self._eye.take_note(error)

    def _frame(self) -> Frame:
        """Give a frame; another may be asked for before anybody hears of this one."""
        try:
            self._light.on()
            self._chores.looked(time.monotonic())
            return self._eye.frame()
        finally:
            with self._lock:
                self._looking = False

    def _release(self) -> None:
        """Let the motor cool after a long rest."""
        self._attempt(self._axis.release)
        self._studio.lose_count()
        self._book.lapse()

    def _attempt(self, action: Callable[[], object]) -> None:
        """Do what no order asked for; where it fails that is told, and the next order taken all the same."""
        try:
            action()
        except Exception as error:
            self._note_failure(error)

    def _carry_out(self, job: Job) -> None:
        """Do a job and say how it ended, whatever happens in it."""
        self._heartbeat.beat()
        self._finder.turn_over()
        self._bulletin.say("job_started", job=job.number, kind=job.kind)
        error: Exception | None = None
        try:
            ending, error = self._perform(job)
        except Exception as failure:
            ending, error = ending_of_error(failure), failure
        if error is not None and ending is JobEnding.REFUSED:
            self._bulletin.say("refused", job=job.number, kind=job.kind, reason=words_of(error))
        elif error is not None and ending is JobEnding.FAILED:
            self._note_failure(error)
        if isinstance(job.order, Shoot | Resume):
            _log.info("%s ended: %s", job.kind, ending)
        self._axis.rest()
        job.marks_lapsed = self._book.lapse() or job.marks_lapsed
        if _count_ended(job, error, self._axis.position().trust):
            self._studio.lose_count()
        with self._lock:
            self._job = None
            self._bulletin.turn_over()
        self._attempt(lambda: self._studio.heed_abort(job, self._bulletin.observe))  # none can come any more
        self._finder.turn_over()
        wish = None if ending is JobEnding.DONE else job.stop.reason
        self._bulletin.say(
            "job_ended", job=job.number, kind=job.kind, ending=ending.value, **why(error, wish)
        )
        job.settle(self._axis.position(), error)

    def _perform(self, job: Job) -> tuple[JobEnding, Exception | None]:
        self._axis.arm()
        self._eye.arm()
        job.stop.check()
        self._last_error = None
        self._prepare()
        return self._crew.carry_out(job)

    def _note_failure(self, error: Exception) -> None:
        self._last_error = words_of(error)
        _log.error("%s", self._last_error)
        self._eye.take_note(error)
        if isinstance(error, MotionLost):
            self._lost = self._last_error


def _count_ended(job: Job, error: Exception | None, trust: Trust) -> bool:
    """Say whether places counted from anywhere mean nothing any more: it stood without current, or homed."""
    return isinstance(job.order, Acknowledge) or isinstance(error, Halted) or trust is not Trust.UNKNOWN
