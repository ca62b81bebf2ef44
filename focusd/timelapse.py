"""The time-lapse that runs: waits for its next slot, orders its stack, notes what became of it.

One thread ticks; `start`, `stop`, `resume`, `abort` and the views are for any. What decides when is
`stack.schedule`; what was decided is in the series' journal before it is done, so that no slot comes twice.
"""

import logging
import shutil
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from focusd.attention import Attention
from focusd.card import Card
from focusd.durations import duration_words
from focusd.errors import FocusdError, Refused
from focusd.events import EventHub
from focusd.outcomes import words_of
from focusd.rhythm import Rhythm
from focusd.running import RunningSeries
from focusd.series import Asked, series_asked_for
from focusd.settings import SeriesRequest
from focusd.slot_stacks import SlotStacks, doubt_of
from focusd.stacks import Stacks
from focusd.weighing import Weighing
from rail.clock import Clock
from stack.errors import DiskGone, JournalFailed, SessionError, StackError
from stack.schedule import Moment, Slot
from stack.sessions import Sessions, slug
from stack.timelapse import (
    Series,
    SeriesPhase,
    SeriesState,
    SlotEnd,
    create,
    every_series,
    not_made,
    read_series,
    why_newest_is_unreadable,
)

_log = logging.getLogger(__name__)

TICK_S = 0.5
"""How often the thread looks; it also does when a slot is due."""

TRY_AGAIN_NS: Final = 60_000_000_000
"""How long after a series could not begin it is tried again."""

DOUBTFUL_END: Final = (
    "the series is over by the clock and not by its own time, and no time server vouches for the clock: once "
    "it is set, the series goes on or ends by itself"
)


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
    shooting
        The session of its stack that is being shot now.
    """

    series: Series
    state: SeriesState
    next_at: datetime | None = None
    attention: str | None = None
    fits: int | None = None
    left: int | None = None
    shooting: str | None = None


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
        self._weighing = Weighing(sessions, stacks)
        self._hub = hub
        self._clock = clock
        self._rhythm = rhythm
        self._lock = threading.RLock()
        self._running: RunningSeries | None = None
        self._next: Slot | None = None
        self._wanted = wanted
        self._simulated = simulated
        self._tried_ns: int | None = None
        self._unreadable: str | None = None
        self._stumbled: str | None = None
        self._doubt: str | None = None
        self._failure = Attention(sessions, stacks, self._roomy)
        self._ended = threading.Event()
        self._slots = SlotStacks(sessions, stacks, rhythm, self._ended.is_set, self._failure)
        self._thread = threading.Thread(target=self._run, name="timelapse", daemon=True)
        self._take_up()

    # --- for any thread -----------------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin to tick, in a thread of its own."""
        self._thread.start()

    def now(self) -> datetime:
        """Give the time of day, with the zone of this place and all it knows of summer."""
        return self._rhythm.now()

    def start(self, asked: Asked) -> Shown:
        """Begin a series; raises as shooting its stack would, and `Refused` while another is not over."""
        plan, fields = self._stacks.make(asked.request)
        with self._lock:
            if self._running is not None:
                raise Refused(
                    self._running.unwritten
                    or f"series {self._running.series.id} is not over: `focusctl timelapse abort` ends it"
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
            request = self._stacks.placed(asked.request, plan)
            what = (asked.schedule, start, request, asked.name, asked.manner)
            series = create(self._root, *what, simulated=self._simulated, grid=self._stacks.grid)
            try:
                running = self._open(series)
                running.record_anchor(self._rhythm.started(start, said=asked.start is not None))
            except (StackError, OSError) as error:
                shutil.rmtree(series.path, ignore_errors=True)  # it would begin with the next daemon
                self._close()
                if isinstance(error, OSError):
                    raise not_made(self._root, error) from error
                raise
            return self.shown()

    def stop(self, reason: str = "asked to stop") -> Shown:
        """Let no slot begin before `resume`; a stack that is being shot goes on to its end."""
        with self._lock:
            if self._running is None or self._running.state.phase is not SeriesPhase.RUNNING:
                raise Refused("no series runs")
            self._running.obey("series_stopped", reason)
            return self.shown()

    def resume(self) -> Shown:
        """Go on after `stop`; what passed meanwhile is left out."""
        with self._lock:
            if self._running is None or self._running.state.phase is not SeriesPhase.STOPPED:
                raise Refused("no series is stopped")
            self._running.obey("series_resumed")
            return self.shown()

    def abort(self, reason: str = "asked to abort") -> Shown:
        """End the series for good; its stacks stay."""
        with self._lock:
            running = self._running
            if running is None or running.state.phase is SeriesPhase.ABORTED:
                raise Refused("no series runs")
            running.obey("series_aborted", reason)
            shown = Shown(
                running.series, running.state, attention=running.unwritten, shooting=self._shooting(running)
            )
            if running.unwritten is None:
                self._close()
            return shown

    def check_zero(self) -> None:
        """Raise `Refused` while a series runs by places, which would mean others from then on."""
        with self._lock:
            running = self._running
            if running is None or running.state.phase is not SeriesPhase.RUNNING:
                return
            if self._goes_by_places(running.series):
                raise Refused(
                    f"series {running.series.id} goes by places counted from the reference as it is, and "
                    "would go on by the same numbers: run `focusctl timelapse stop` first; `resume` goes on "
                    "if they are right from there too, and `abort` ends it"
                )

    def _goes_by_places(self, series: Series) -> bool:
        with suppress(FocusdError, StackError):  # a plan that is gone moves nothing
            return not self._stacks.make(series.request)[0].relative
        return False

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
                attention=self.attention,
                fits=self._fits(running),
                left=running.left(self._rhythm.moment()) if known else None,
                shooting=self._shooting(running),
            )

    def _shooting(self, running: RunningSeries) -> str | None:
        """Give the session being shot now, where it is one of the series."""
        shooting = self._stacks.shooting()
        of_it = {slot.session for slot in running.state.slots.values()}
        return shooting if shooting in of_it else None

    def current(self) -> Shown | None:
        """Show the series that is not over; None where there is none."""
        with self._lock:
            return None if self._running is None else self.shown()

    @property
    def attention(self) -> str | None:
        """What needs a person, in words; holds up nobody."""
        running = self._running
        unwritten = None if running is None else running.unwritten
        lasting = self._unreadable or unwritten or self._stumbled or self._slots.waits or self._failure.words
        if lasting or running is None:
            return lasting
        return self._stacks.rests() or self._stacks.merge_problem()

    def all(self) -> list[Shown]:
        """Show every series there is, by number; what cannot be read is left out."""
        return self.told()[0]

    def told(self) -> tuple[list[Shown], list[str]]:
        """Show every series there is, by number, and say of each that cannot be read why."""
        read, unreadable = read_series(self._root)
        return [Shown(*one) for one in read], unreadable

    def end(self) -> None:
        """Begin nothing more, and take what is stopped from now on for no failure; waits for nobody."""
        self._ended.set()

    def close(self) -> None:
        """Tick no more; the series goes on when the daemon starts again."""
        self.end()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            if self._running is not None:
                with suppress(JournalFailed):
                    self._running.catch_up()
            self._close()

    # --- the thread ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._ended.wait(self.pause_s()):
            try:
                self.tick()
            except Exception as error:  # a week's work must not end with one tick
                self._stumble(f"the time-lapse stumbled: {words_of(error)}", error)

    def pause_s(self) -> float:
        """Give the time until the thread looks again: no later than the next slot is due."""
        with self._lock:
            runs = self._running is not None and self._running.state.phase is SeriesPhase.RUNNING
            if not runs or not self._rhythm.known or self._next is None:
                return TICK_S
            return min(TICK_S, max(0.0, self._next.due_s - self._rhythm.moment().along_s) + 0.001)

    def _stumble(self, words: str | None, error: Exception | None = None) -> None:
        """Tell what keeps the series from its work, until a tick goes through without: None."""
        if words is not None and words != self._stumbled:
            foreseen = isinstance(error, FocusdError | StackError | OSError)  # as on a full disk
            _log.warning("%s", words, exc_info=None if foreseen else error)
        self._stumbled = words

    def tick(self) -> None:
        """Do what is due now."""
        self._begin_wanted()
        trouble = self._make_room()
        self._failure.look()
        with self._lock:
            self._see_to_slots()
            self._stumble(trouble or self._doubt if self._running is not None else None)

    def _see_to_slots(self) -> None:
        running = self._running
        if running is not None:
            running.catch_up()
            if running.state.phase is SeriesPhase.ABORTED:
                self._close()
                return
        if self._ended.is_set() or running is None or not self._settled(running):
            return
        if not self._slots.busy(running) and running.state.phase is SeriesPhase.RUNNING:
            self._go_on(running, self._rhythm.moment())

    def _go_on(self, running: RunningSeries, now: Moment) -> None:
        """Begin the slot that is due, and end the series where none is to come."""
        if self._slots.held(running, now) or self._slots.discouraged(now):
            return
        slot = self._next = running.next_slot(now)
        self._doubt = None
        if slot is None and not self._rhythm.believes_the_clock() and running.over_by_the_clock_alone(now):
            self._doubt = DOUBTFUL_END
        elif slot is None:
            running.record("series_done")
            self._close()
        elif slot.due_s <= now.along_s:
            self._next = None
            running.leave_out_before(slot, now)
            self._slots.begin(running, slot)

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

    # --- room ---------------------------------------------------------------------------------------------

    def _make_room(self) -> str | None:
        """Let go what the owner does not keep, where the next stack has no room; holds up nobody who asks.

        Gives what is in the way of that, in words; None: nothing is.
        """
        with self._lock:
            if self._running is None:
                return None
            running, series = self._running, self._running.series
            weight = self._weighing.weight(series, running.state)

        def over() -> bool:
            aborted = running.state.phase is SeriesPhase.ABORTED  # not written down yet, for want of room
            return aborted or self._ended.is_set() or self._running is not running

        if weight is not None and series.manner.keep.slices_every != 1:
            try:
                return self._card.make_room(series.manner.keep, series.done(), weight, over)
            except StackError as error:  # the disk is gone, or the series' own journal
                return str(error)
        return None

    def _roomy(self) -> bool:
        """Say whether the disk is there, with room for the next stack; one of unknown weight fits."""
        with self._lock:
            running = self._running
            weight = None if running is None else self._weighing.weight(running.series, running.state)
        with suppress(DiskGone):
            return weight is None or self._card.roomy(weight)
        return False

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
        """Go on with the newest series of this kind of rig, unless it is over; tell of one that cannot."""
        try:
            why = None if self._taken_up() else why_newest_is_unreadable(self._root)
        except (StackError, OSError) as error:  # it must keep focusd from nothing
            why = words_of(error)
        if why is not None:
            self._unreadable = f"series {why}; it does not go on, and has to be begun anew unless it was over"
            _log.warning("%s", self._unreadable)

    def _taken_up(self) -> bool:
        newest = next(reversed(self._of_this_rig()), None)
        if newest is None or newest.state().phase not in (SeriesPhase.RUNNING, SeriesPhase.STOPPED):
            return False
        state = self._open(newest).state
        self._recall(state)
        self._slots.look_back(state)
        self._hub.publish("series_taken_up", series=newest.id)
        return True

    def _recall(self, state: SeriesState) -> None:
        """Tell again what the last stack that an earlier daemon saw ended needs a person for."""
        last = state.ended
        if last is not None and last.end is SlotEnd.FAILED:
            self._failure.recall(last.reason or "its stack failed")
        elif last is not None and last.session is not None:
            with suppress(SessionError, OSError):
                session = self._sessions.open(last.session)
                self._failure.doubt(doubt_of(session, session.state()))

    def _of_this_rig(self) -> list[Series]:
        """Give the series of this kind of rig; of older ones nobody recorded which that was."""
        return [one for one in every_series(self._root) if one.simulated in (None, self._simulated)]

    def _open(self, series: Series) -> RunningSeries:
        running = RunningSeries(series, self._clock, self._hub.publish)
        self._running, self._next = running, None
        self._unreadable = self._stumbled = None
        return running

    def _close(self) -> None:
        if self._running is not None:
            self._running.close()
        self._running = self._stumbled = self._doubt = None
        self._rhythm.forget()
        self._slots.forget()
        self._failure.note(None)  # what is over needs nobody
