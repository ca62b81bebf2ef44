"""A series that is not over, its journal open: how it stands, what is due next, and what is noted of it."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta

from focusd.events import Publish
from focusd.rhythm import Anchored
from rail.clock import Clock
from stack.durable import way_out
from stack.errors import JournalFailed
from stack.journal import Entry
from stack.schedule import Moment, Slot, next_slot, slots_left, slots_passed
from stack.timelapse import Series, SeriesState, after

PASSED = "it passed while nothing could be shot"


class RunningSeries:
    """Holds the journal of a series, alone; raises `stack.errors.JournalBusy` where somebody else does.

    Parameters
    ----------
    publish
        Hears of everything that is noted.
    """

    def __init__(self, series: Series, clock: Clock, publish: Publish) -> None:
        self.series = series
        self._publish = publish
        self._unwritten: tuple[str, str | None, JournalFailed] | None = None
        with ExitStack() as undo:
            self._journal = series.journal(clock)
            undo.callback(self._journal.close)
            self._state = series.state()
            undo.pop_all()

    @property
    def state(self) -> SeriesState:
        """How far it has come."""
        return self._state

    def next_slot(self, now: Moment) -> Slot | None:
        """Give the slot that comes next; None: the series is over."""
        return next_slot(self.series.schedule, self._state.last, self._state.begun, now)

    def next_at(self, now: Moment) -> datetime | None:
        """Say when that is due, by the clock on the wall."""
        slot = self.next_slot(now)
        return None if slot is None else now.wall_at(slot.due_s)

    def left(self, now: Moment) -> int | None:
        """Say how many more stacks are to come; None: there is no end, or none that can be counted."""
        return slots_left(self.series.schedule, self._state.last, self._state.begun, now)

    def over_by_the_clock_alone(self, now: Moment) -> bool:
        """Say whether it would go on if the clock on the wall did not say that its end has passed."""
        schedule = self.series.schedule
        if schedule.until is None:
            return False
        slot = next_slot(replace(schedule, until=None), self._state.last, self._state.begun, now)
        return slot is not None and self.series.start + timedelta(seconds=slot.due_s) < schedule.until

    def ends_s(self, number: int) -> float:
        """Give when a slot makes way for the next, in seconds along the series' time."""
        return (number + 1) * self.series.schedule.every_s

    def record(self, event: str, **facts: object) -> None:
        """Note what happened: in the journal first, then for whoever listens."""
        self._state = after(self._state, self._journal.append(event, **facts))
        self._publish(event, series=self.series.id, **facts)

    def obey(self, event: str, reason: str | None = None) -> None:
        """Note what its owner wants, which holds from now on; on a full disk it is written as room comes."""
        said = {} if reason is None else {"reason": reason}
        try:
            self._unwritten = None
            self.record(event, **said)
        except JournalFailed as error:
            self._unwritten = (event, reason, error)
            self._state = after(self._state, Entry(0, "", 0, event, said))
            self._publish(event, series=self.series.id, **said)

    @property
    def unwritten(self) -> str | None:
        """What its owner wanted and could not be written down, in words; None: nothing."""
        if self._unwritten is None:
            return None
        event, _, error = self._unwritten
        return (
            f"series {self.series.id} was {event.removeprefix('series_')}, and that cannot be written down: "
            f"{error}. {way_out(error)}; if focusd ended before, the series would go on as it was"
        )

    def catch_up(self) -> None:
        """Write down what its owner wanted, where that could not be; raises `JournalFailed`."""
        if self._unwritten is not None:
            event, reason, _ = self._unwritten
            self._journal.append(event, **({} if reason is None else {"reason": reason}))
            self._unwritten = None

    def record_anchor(self, anchored: Anchored) -> None:
        """Note where the series' time stands."""
        anchor = anchored.anchor
        self.record(
            "series_anchored",
            boot=anchor.boot,
            origin_ns=anchor.origin_ns,
            start=anchor.start.isoformat(),
            believed=anchor.believed,
            said=anchor.said,
            how=anchored.how,
        )

    def leave_out_before(self, slot: Slot, now: Moment) -> None:
        """Note the slots that passed, a line for each run of them: a line is synced before the stack."""
        for run in slots_passed(self.series.schedule, self._state.last, slot.number, now):
            self.record("slot_skipped", slot=run[-1], since=run[0], reason=PASSED)

    def close(self) -> None:
        """Give the journal back."""
        self._journal.close()
