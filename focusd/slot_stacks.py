"""The stacks of a series' slots: ordered when due, gone on with where one was cut short, and judged."""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from focusd.attention import Attention
from focusd.errors import Busy, FocusdError
from focusd.fitting import Fitting
from focusd.jobs import Abandon, Accepted, Job, Resume, Shoot
from focusd.outcomes import words_of
from focusd.paused import DAEMON_ENDED
from focusd.rhythm import Rhythm
from focusd.running import RunningSeries
from focusd.stacks import Stacks
from stack.errors import SessionError, StackError
from stack.manner import WhenHot
from stack.rehoming import lost_steps
from stack.schedule import Moment, Slot
from stack.session import Session
from stack.session_state import Phase, SessionState
from stack.sessions import Sessions
from stack.timelapse import SeriesState, SlotEnd, SlotState
from stack.vitals import Strain

_log = logging.getLogger(__name__)

STRAINED: Final = {Strain.HEAT: "the Pi was too hot", Strain.POWER: "the supply of the Pi was too low"}


MOST_RESPITE_S: Final = 30.0
"""After failures one upon the other nothing is tried for 1, 2, 4 seconds and so on, up to this: each try is
written to the card, and with a camera that is gone there may be one a second. Slots half an hour apart do not
feel it."""


class SlotStacks:
    """Shoots one slot after the other of the series that runs.

    Parameters
    ----------
    ended
        Says whether the daemon ends: what is stopped from then on is no failure.
    attention
        Hears why a stack failed, and how one that is done looks.
    """

    def __init__(
        self,
        sessions: Sessions,
        stacks: Stacks,
        rhythm: Rhythm,
        ended: Callable[[], bool],
        attention: Attention,
    ) -> None:
        self._sessions = sessions
        self._stacks = stacks
        self._fitting = Fitting(sessions, stacks)
        self._rhythm = rhythm
        self._ended = ended
        self._attention = attention
        self._job: Job | None = None
        self._held: tuple[Slot, Strain] | None = None
        self._failures = 0
        self._again_s = 0.0
        self._resumed: set[str] = set()
        self._orphan: str | None = None
        self._unshot: int | None = None

    def forget(self) -> None:
        """Be without a series."""
        self._job = self._held = self._orphan = self._unshot = None
        self._failures = 0

    def look_back(self, state: SeriesState) -> None:
        """Find the stack that a slot began as the daemon before this one ended, so that it could not note it.

        Where there is none, the slot is still to be shot. To be called before anything else is shot: only
        then is it the newest, behind the one before it.
        """
        last = state.slots.get(-1 if state.last is None else state.last)
        if last is None or last.end is not SlotEnd.BEGUN or last.session is not None:
            return
        with suppress(OSError):  # of a disk that is gone
            *_, before, newest = ("", "", *self._sessions.ids())
            if newest and last.before == before:
                self._orphan = newest
            elif last.before == newest:
                self._unshot = last.number

    @property
    def waits(self) -> str | None:
        """Why a slot that is due waits, in words; None: none does."""
        held = self._held
        return None if held is None else STRAINED[held[1]]

    def begin(self, running: RunningSeries, slot: Slot) -> None:
        """Shoot a slot that is due; one that is too much for the Pi now waits, or is left out."""
        found = self._stacks.strained(None)
        if found is None:
            self._shoot(running, slot.number)
        elif running.series.manner.hot is WhenHot.SKIP:
            running.record("slot_skipped", slot=slot.number, reason=STRAINED[found])
        else:
            self._held = (slot, found)
            running.record("slot_waits", slot=slot.number, why=STRAINED[found])

    def held(self, running: RunningSeries, now: Moment) -> bool:
        """Say whether a slot waits; shoot it once the Pi can bear it, leave it out when the next is due."""
        if self._held is None:
            return False
        slot, found = self._held
        if now.along_s >= running.ends_s(slot.number):
            self._held = None
            running.record("slot_skipped", slot=slot.number, reason=STRAINED[found])
        elif self._stacks.strained(found) is None:
            self._held = None
            self._shoot(running, slot.number)
        return True

    def discouraged(self, now: Moment) -> bool:
        """Say whether none is tried for a while, after one failure upon the other."""
        return self._failures > 0 and now.along_s < self._again_s

    def busy(self, running: RunningSeries) -> bool:
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
            if not self._ended():
                self._fail(running, slot, words_of(error))
            return
        accepted: Accepted = job.accepted.result()
        if slot is not None and running.state.slots[slot].session is None:
            running.record("slot_begun", slot=slot, session=accepted.session)

    def _judge(self, running: RunningSeries, slot: SlotState) -> bool:
        """Note what became of a slot that was begun; say whether its stack still goes on."""
        if slot.session is None and self._orphan is not None:
            running.record("slot_begun", slot=slot.number, session=self._orphan)
            self._orphan = None
            return True
        if slot.session is None:
            return self._ended() or self._begin_anew(running, slot.number)
        if self._stacks.shooting() == slot.session:
            return True
        try:
            session = self._sessions.open(slot.session)
            state = session.state()
        except (SessionError, OSError) as error:  # removed, unreadable, or the disk is another by now
            self._fail(running, slot.number, words_of(error), slot.session)
            return False
        if state.phase is Phase.DONE:
            self._attention.doubt(doubt_of(session, state))
            self._failures = 0
            running.record("slot_done", slot=slot.number, session=slot.session)
            return False
        if self._ended():
            return True
        if _cut_short(state) and slot.session not in self._resumed:
            self._resumed.add(slot.session)
            return self._go_on(running, slot)
        self._fail(running, slot.number, state.reason or f"its stack is {state.phase}", slot.session)
        return False

    def _go_on(self, running: RunningSeries, slot: SlotState) -> bool:
        """Take up the stack that the end of an earlier daemon cut short, unless the next one is due."""
        assert slot.session is not None
        overdue = self._rhythm.moment().along_s >= running.ends_s(slot.number)
        try:
            if overdue:
                self._stacks.order(Abandon(slot.session, "the series went on without it"))
            else:
                self._job = self._stacks.order(Resume(slot.session))
        except Busy:  # with this very stack, it may be
            self._resumed.discard(slot.session)
            return True
        except FocusdError as error:
            _log.warning("%s was neither taken up nor given up: %s", slot.session, error)
        if overdue:
            self._fail(running, slot.number, "it was cut short, and the next slot is due", slot.session)
        return not overdue

    def _begin_anew(self, running: RunningSeries, number: int) -> bool:
        """Shoot a slot of which an earlier daemon has shot nothing, unless the next one is due."""
        unshot, self._unshot = self._unshot, None
        if unshot != number or self._rhythm.moment().along_s >= running.ends_s(number):
            self._fail(running, number, "focusd ended before the stack had begun")
            return False
        self._shoot(running, number)
        return True

    def _shoot(self, running: RunningSeries, number: int) -> None:
        before = None
        with suppress(OSError):  # of a disk that is gone: the order says so
            before = next(reversed(self._sessions.ids()), "")
        running.record("slot_begun", slot=number, before=before)
        try:
            fitted = self._fitting.fitted(running.series, running.state)
            if fitted.words:
                running.record("range_followed", slot=number, words=fitted.words)
            self._job = self._stacks.order(Shoot(fitted.plan, dict(fitted.fields)))
        except Busy as error:
            running.record("slot_skipped", slot=number, reason=words_of(error))
        except (FocusdError, StackError) as error:
            if not self._ended():
                self._fail(running, number, words_of(error))

    def _fail(
        self, running: RunningSeries, slot: int | None, reason: str, session: str | None = None
    ) -> None:
        self._attention.note(reason)
        self._failures += 1
        self._again_s = self._rhythm.moment().along_s + respite_s(self._failures)
        running.record("slot_failed", slot=slot, reason=reason, session=session)


def respite_s(failures: int) -> float:
    """Give how long none is tried after so many failures in a row: a second, then twice as long. Pure."""
    return min(MOST_RESPITE_S, 1 << (failures - 1))  # whole: a float ends at the 1024th


def doubt_of(session: Session, state: SessionState) -> str | None:
    """Say why the slices of a stack that is done may lie elsewhere than they say; None where they do not."""
    doubt = lost_steps(session.layout.pitch_u, state.missed_u, session.scale.unit)
    if state.recheck_failed is not None:
        doubt = f"whether steps were lost on the way is not known: {state.recheck_failed}"
    return doubt and f"{session.id}: {doubt}"


def _cut_short(state: SessionState) -> bool:
    """Say whether a stack ended with an earlier daemon or the power: nobody stopped it, nothing failed."""
    begun = state.phase in (Phase.CREATED, Phase.SHOOTING)
    return begun or (state.phase is Phase.PAUSED and state.reason == DAEMON_ENDED)
