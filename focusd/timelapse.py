"""The time-lapse that runs: waits for its next slot, orders its stack, notes what became of it.

One thread ticks; `start`, `stop`, `resume`, `abort` and the views are for any. What decides when is
`stack.schedule`; what was decided is in the series' journal before it is done, so that no slot comes twice.
"""

import logging
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from focusd.card import Card
from focusd.durations import duration_words
from focusd.errors import Busy, FocusdError, Refused
from focusd.events import EventHub
from focusd.fitting import Fitting
from focusd.jobs import Abandon, Accepted, Job, Resume, Shoot
from focusd.outcomes import words_of
from focusd.rhythm import Rhythm
from focusd.running import RunningSeries
from focusd.series import Asked, series_asked_for
from focusd.settings import SeriesRequest
from focusd.stacks import Stacks
from focusd.weighing import Weighing
from rail.clock import Clock
from stack.errors import DiskGone, SessionError, StackError
from stack.manner import WhenHot
from stack.schedule import Moment, Slot
from stack.session_state import Phase
from stack.sessions import Sessions, slug
from stack.timelapse import Series, SeriesPhase, SeriesState, SlotEnd, SlotState, create, every_series
from stack.vitals import Strain

_log = logging.getLogger(__name__)

TICK_S = 0.5
"""How often the thread looks; it also does when a slot is due."""

TRY_AGAIN_NS: Final = 60_000_000_000
"""How long after a series could not begin it is tried again."""

STRAINED: Final = {Strain.HEAT: "the Pi was too hot", Strain.POWER: "the supply of the Pi was too low"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A series as faces show it.

    Attributes
    ----------
    next_at
        When the next slot is due; None: it is not known yet, or there is none.
    attention
        What needs a person, in words; None: nothing does.
    fits
        How many more stacks its disk holds; None: that is not known.
    left
        How many more are to come; None: there is no end, or none that can be counted.
    """

    series: Series
    state: SeriesState
    next_at: datetime | None = None
    attention: str | None = None
    fits: int | None = None
    left: int | None = None


class Timelapse:
    """At most one series that runs, taken up again whenever the daemon starts.

    Parameters
    ----------
    root
        The folder of all series.
    stacks
        Where its stacks come from.
    card
        Makes room for them.
    rhythm
        Knows its time.
    wanted
        What begins by itself, unless a series of that name was ever begun.
    simulated
        Whether the rig is an invented one: a series begun on the other kind of rig is left alone.
    """

    def __init__(
        self,
        root: Path,
        sessions: Sessions,
        stacks: Stacks,
        card: Card,
        hub: EventHub,
        clock: Clock,
        rhythm: Rhythm,
        wanted: SeriesRequest | None = None,
        *,
        simulated: bool = False,
    ) -> None:
        self._root = root
        self._sessions = sessions
        self._stacks = stacks
        self._card = card
        self._fitting = Fitting(sessions, stacks)
        self._weighing = Weighing(sessions, stacks)
        self._hub = hub
        self._clock = clock
        self._rhythm = rhythm
        self._lock = threading.RLock()
        self._running: RunningSeries | None = None
        self._job: Job | None = None
        self._next: Slot | None = None
        self._resumed: set[str] = set()
        self._wanted = wanted
        self._simulated = simulated
        self._tried_ns: int | None = None
        self._held: tuple[Slot, Strain] | None = None
        self._attention: str | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="timelapse", daemon=True)
        self._take_up()

    # --- for any thread -----------------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin to tick, in a thread of its own."""
        self._thread.start()

    def start(self, asked: Asked) -> Shown:
        """Begin a series; raises as shooting its stack would, and `Refused` while another is not over."""
        plan, fields = self._stacks.make(asked.request)
        with self._lock:
            if self._running is not None:
                raise Refused(
                    f"series {self._running.series.id} is not over: `focusctl timelapse abort` ends it"
                )
            if plan.relative and asked.manner.follow:
                raise Refused(
                    "a range that follows the subject needs places counted from home, and this plan counts "
                    "from where the axis stands: give near and far, or mark both"
                )
            seconds = self._stacks.seconds(plan, fields)
            if seconds > asked.schedule.every_s and not asked.manner.overlaps:
                raise Refused(
                    f"a stack takes about {duration_words(seconds)}, and every "
                    f"{duration_words(asked.schedule.every_s)} is more often: choose a longer interval, or "
                    "let slots be left out with --overlaps"
                )
            start = (asked.start or self._rhythm.now()).astimezone(UTC)
            what = (asked.schedule, start, asked.request, asked.name, asked.manner)
            running = self._open(create(self._root, *what, simulated=self._simulated))
            running.record_anchor(self._rhythm.started(start))
            return self.shown()

    def stop(self, reason: str = "asked to stop") -> Shown:
        """Let no slot begin before `resume`; a stack that is being shot goes on to its end."""
        with self._lock:
            if self._running is None or self._running.state.phase is not SeriesPhase.RUNNING:
                raise Refused("no series runs")
            self._running.record("series_stopped", reason=reason)
            return self.shown()

    def resume(self) -> Shown:
        """Go on after `stop`; what passed meanwhile is left out."""
        with self._lock:
            if self._running is None or self._running.state.phase is not SeriesPhase.STOPPED:
                raise Refused("no series is stopped")
            self._running.record("series_resumed")
            return self.shown()

    def abort(self, reason: str = "asked to abort") -> Shown:
        """End the series for good; its stacks stay."""
        with self._lock:
            running = self._running
            if running is None:
                raise Refused("no series runs")
            running.record("series_aborted", reason=reason)
            self._close()
            return Shown(running.series, running.state)

    def shown(self) -> Shown:
        """Show the series that runs or is stopped; raises `Refused` where there is none."""
        with self._lock:
            running = self._running
            if running is None:
                raise Refused("no series runs: `focusctl timelapse list` shows those there were")
            known, runs = self._rhythm.known, running.state.phase is SeriesPhase.RUNNING
            return Shown(
                running.series,
                running.state,
                next_at=running.next_at(self._rhythm.moment()) if known and runs else None,
                attention=self._attention,
                fits=self._fits(running),
                left=running.left(self._rhythm.moment()) if known else None,
            )

    def current(self) -> Shown | None:
        """Show the series that is not over; None where there is none."""
        with self._lock:
            return None if self._running is None else self.shown()

    @property
    def attention(self) -> str | None:
        """What needs a person, in words; holds up nobody."""
        return self._attention

    def all(self) -> list[Shown]:
        """Show every series there is, by number."""
        return [Shown(series, series.state()) for series in every_series(self._root)]

    def end(self) -> None:
        """Begin nothing more, and take what is stopped from now on for no failure; waits for nobody."""
        self._ended.set()

    def close(self) -> None:
        """Tick no more; the series goes on when the daemon starts again."""
        self.end()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            self._close()

    # --- the thread ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._ended.wait(self.pause_s()):
            try:
                self.tick()
            except Exception as error:  # a week's work must not end with one tick
                self._stumble(f"the time-lapse stumbled: {words_of(error)}")

    def pause_s(self) -> float:
        """Give the time until the thread looks again: no later than the next slot is due."""
        with self._lock:
            runs = self._running is not None and self._running.state.phase is SeriesPhase.RUNNING
            if not runs or not self._rhythm.known or self._next is None:
                return TICK_S
            return min(TICK_S, max(0.0, self._next.due_s - self._rhythm.moment().along_s) + 0.001)

    def _stumble(self, words: str) -> None:
        if words != self._attention:
            _log.exception("%s", words)
        self._attention = words

    def tick(self) -> None:
        """Do what is due now."""
        self._begin_wanted()
        self._make_room()
        with self._lock:
            running = self._running
            if self._ended.is_set() or running is None or not self._settled(running) or self._busy(running):
                return
            if running.state.phase is not SeriesPhase.RUNNING:
                return
            now = self._rhythm.moment()
            if self._held is not None:
                self._go_on_with_held(running, *self._held, now)
                return
            slot = running.next_slot(now)
            self._next = slot
            if slot is None:
                running.record("series_done")
                self._close()
            elif slot.due_s <= now.along_s:
                self._next = None
                running.leave_out_before(slot, now)
                self._shoot_when_cool(running, slot)

    def _begin_wanted(self) -> None:
        """Begin what the configuration wants; what refuses it now is tried again, for it may have passed."""
        now_ns = self._clock.monotonic_ns()
        if self._wanted is None or self._running is not None or not self._rhythm.clock_is_settled():
            return
        if self._tried_ns is not None and now_ns - self._tried_ns < TRY_AGAIN_NS:
            return
        self._tried_ns = now_ns
        name = slug(self._wanted.name or self._wanted.plan)
        if any(series.name == name for series in self._of_this_rig()):
            self._wanted = None
            return
        try:
            self.start(series_asked_for(self._wanted, self._rhythm.now()))
        except (FocusdError, StackError) as error:
            _log.warning("series %s cannot begin yet: %s", name, words_of(error))
            self._hub.publish("series_refused", series=name, reason=words_of(error))

    def _shoot_when_cool(self, running: RunningSeries, slot: Slot) -> None:
        found = self._stacks.strained(None)
        if found is None:
            self._shoot(running, slot)
        elif running.series.manner.hot is WhenHot.SKIP:
            running.record("slot_skipped", slot=slot.number, reason=STRAINED[found])
        else:
            self._held = (slot, found)
            self._attention = STRAINED[found]
            running.record("slot_waits", slot=slot.number, why=STRAINED[found])

    def _go_on_with_held(self, running: RunningSeries, slot: Slot, found: Strain, now: Moment) -> None:
        """Shoot the slot that waits once the Pi can bear it, or leave it out when the next is due."""
        if now.along_s >= running.ends_s(slot.number):
            self._held = None
            running.record("slot_skipped", slot=slot.number, reason=STRAINED[found])
        elif self._stacks.strained(found) is None:
            self._held, self._attention = None, None
            self._shoot(running, slot)

    def _busy(self, running: RunningSeries) -> bool:
        """Say whether the last slot's stack is still being shot; note what became of it once it is not."""
        if self._job is not None:
            if not self._job.accepted.done():
                return True
            self._note_acceptance(running, self._job)
            self._job = None
        last = running.state.slots.get(-1 if running.state.last is None else running.state.last)
        if last is None or last.end is not SlotEnd.BEGUN:
            return False
        return self._judge(running, last)

    def _note_acceptance(self, running: RunningSeries, job: Job) -> None:
        slot = running.state.last
        if error := job.accepted.exception():
            self._fail(running, slot, words_of(error))
            return
        accepted: Accepted = job.accepted.result()
        if slot is not None and running.state.slots[slot].session is None:
            running.record("slot_begun", slot=slot, session=accepted.session)

    def _judge(self, running: RunningSeries, slot: SlotState) -> bool:
        """Note what became of a slot that was begun; say whether its stack still goes on."""
        if slot.session is None:
            self._fail(running, slot.number, "focusd ended before the stack had begun")
            return False
        if self._stacks.shooting() == slot.session:
            return True
        try:
            state = self._sessions.open(slot.session).state()
        except SessionError as error:  # its owner removed it, or the disk is another by now
            self._fail(running, slot.number, words_of(error), slot.session)
            return False
        if state.phase is Phase.DONE:
            self._attention = None
            running.record("slot_done", slot=slot.number, session=slot.session)
            return False
        if self._ended.is_set():
            return True
        if state.phase is Phase.SHOOTING and slot.session not in self._resumed:
            self._resumed.add(slot.session)
            return self._go_on(running, slot)
        self._fail(running, slot.number, state.reason or f"its stack is {state.phase}", slot.session)
        return False

    def _go_on(self, running: RunningSeries, slot: SlotState) -> bool:
        """Take up the stack that the end of an earlier daemon cut short, unless the next one is due."""
        assert slot.session is not None
        due_s = running.ends_s(slot.number)
        if self._rhythm.moment().along_s >= due_s:
            self._abandon(slot.session)
            self._fail(running, slot.number, "it was cut short, and the next slot is due", slot.session)
            return False
        try:
            self._job = self._stacks.order(Resume(slot.session))
        except Busy:
            self._resumed.discard(slot.session)
        return True

    def _abandon(self, session: str) -> None:
        try:
            self._stacks.order(Abandon(session, "the series went on without it"))
        except FocusdError as error:
            _log.warning("%s was not given up: %s", session, error)

    def _shoot(self, running: RunningSeries, slot: Slot) -> None:
        running.record("slot_begun", slot=slot.number)
        try:
            fitted = self._fitting.fitted(running.series, running.state)
            if fitted.words:
                running.record("range_followed", slot=slot.number, words=fitted.words)
            self._job = self._stacks.order(Shoot(fitted.plan, dict(fitted.fields)))
        except Busy as error:
            running.record("slot_skipped", slot=slot.number, reason=words_of(error))
        except (FocusdError, StackError) as error:
            self._fail(running, slot.number, words_of(error))

    def _fail(
        self, running: RunningSeries, slot: int | None, reason: str, session: str | None = None
    ) -> None:
        self._attention = reason
        running.record("slot_failed", slot=slot, reason=reason, session=session)

    # --- room ---------------------------------------------------------------------------------------------

    def _make_room(self) -> None:
        """Let go what the owner does not keep, where the next stack has no room; holds up nobody who asks."""
        with self._lock:
            if self._running is None:
                return
            series, slots = self._running.series, tuple(self._running.state.slots.values())
            weight = self._weighing.weight(series, self._running.state)
        if weight is not None and series.manner.keep.slices_every != 1:
            try:
                self._card.make_room(series.manner.keep, slots, weight, self._ended.is_set)
            except DiskGone as error:
                self._stumble(str(error))

    def _fits(self, running: RunningSeries) -> int | None:
        weight = self._weighing.weight(running.series, running.state)
        if weight is None:
            return None
        try:
            return self._card.fits(running.series.manner.keep, weight)
        except DiskGone:
            return None

    # --- the series ---------------------------------------------------------------------------------------

    def _settled(self, running: RunningSeries) -> bool:
        """Say whether the series' time is known in this boot; find it out where the clock may be believed."""
        if self._rhythm.known:
            anchored = self._rhythm.corrected()
        else:
            anchored = self._rhythm.found(running.series, running.state)
        if anchored is not None:
            running.record_anchor(anchored)
        return self._rhythm.known

    def _take_up(self) -> None:
        """Go on with the newest series of this kind of rig, unless it is over."""
        newest = next(reversed(self._of_this_rig()), None)
        if newest is not None and newest.state().phase in (SeriesPhase.RUNNING, SeriesPhase.STOPPED):
            self._open(newest)
            self._hub.publish("series_taken_up", series=newest.id)

    def _of_this_rig(self) -> list[Series]:
        """Give the series of this kind of rig; of older ones nobody recorded which that was."""
        return [one for one in every_series(self._root) if one.simulated in (None, self._simulated)]

    def _open(self, series: Series) -> RunningSeries:
        running = RunningSeries(series, self._clock, self._hub.publish)
        self._running, self._next = running, None
        self._rhythm.forget()
        self._attention = self._held = None
        return running

    def _close(self) -> None:
        if self._running is not None:
            self._running.close()
        self._running = self._job = None
        self._rhythm.forget()
