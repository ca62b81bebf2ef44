"""When the next stack of a time-lapse is due. Pure: moments in, a slot out.

A series is a row of slots; slot k is due `k * every_s` after its start. Slots are counted along the series'
own time, which follows the monotonic clock within a boot and UTC across boots: a clock that is set moves none
of them. Windows and ends are read by the clock as it stands, since that is what people mean by them.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final, Literal

GRACE_S: Final = 60.0
"""A slot that is late by less than this, and by less than a tenth of the interval, is on time."""

LEAST_GRACE_S: Final = 1.0
"""Where that would be less than this, it is this or half the interval: twice a second it is looked."""

MOST_COUNTED: Final = 20_000
"""More slots than this are not looked at one by one, whether they lie in a window: a year of every half an
hour are 17,520."""

HORIZON_OPENINGS: Final = 366
"""A window of whose openings so many had no slot is met by none."""


@dataclass(frozen=True, slots=True)
class Window:
    """The hours in which stacks are shot, by local wall time; over midnight where they end earlier."""

    opens: time
    closes: time

    def holds(self, wall: time) -> bool:
        """Say whether a wall time lies within: its beginning does, its end does not."""
        if self.opens <= self.closes:
            return self.opens <= wall < self.closes
        return wall >= self.opens or wall < self.closes


@dataclass(frozen=True, slots=True)
class Schedule:
    """When stacks are due.

    Attributes
    ----------
    every_s
        From slot to slot.
    count
        How many stacks to begin; None: no end by number.
    until
        UTC; no slot is due then or later. None: no end by the clock.
    window
        None: all day.
    missed
        What becomes of slots that passed while nothing could be shot: `skip` leaves them out, `once` makes up
        for the latest of them at once, unless the next is due by then. Never for more than one.
    for_s
        No slot is due so long after the first or later, along the series' time. None: no end by its length.
    """

    every_s: float
    count: int | None = None
    until: datetime | None = None
    window: Window | None = None
    missed: Literal["skip", "once"] = "skip"
    for_s: float | None = None

    @property
    def grace_s(self) -> float:
        """How late a slot may begin and still be itself."""
        return min(GRACE_S, max(self.every_s / 10, min(LEAST_GRACE_S, self.every_s / 2)))


@dataclass(frozen=True, slots=True)
class Moment:
    """Now: in seconds along the series' time, and by the clock on the wall, with its zone."""

    along_s: float
    wall: datetime

    def wall_at(self, along_s: float) -> datetime:
        """Give what the clock on the wall will show then."""
        shown = self.wall.astimezone(UTC) + timedelta(seconds=along_s - self.along_s)
        return shown.astimezone(self.wall.tzinfo)

    def at(self, along_s: float) -> "Moment":
        """Give the moment that will be then."""
        return Moment(along_s, self.wall_at(along_s))


@dataclass(frozen=True, slots=True)
class Slot:
    """A stack to shoot: its number, and when it is due, in seconds along the series' time."""

    number: int
    due_s: float


def next_slot(schedule: Schedule, last: int | None, begun: int, now: Moment) -> Slot | None:
    """Give the next slot; None: the series is over.

    Parameters
    ----------
    last
        The latest slot that was begun or left out; it and those before it never come again. None: none was.
    begun
        How many stacks were begun.
    """
    if schedule.count is not None and begun >= schedule.count:
        return None
    first = 0 if last is None else last + 1
    on_time = max(first, math.ceil((now.along_s - schedule.grace_s) / schedule.every_s))
    next_is_near = on_time * schedule.every_s <= now.along_s + schedule.grace_s
    if schedule.missed == "once" and on_time > first and not next_is_near and _allowed(schedule, now):
        missed = on_time - 1
        if _allowed(schedule, now.at(missed * schedule.every_s)):
            return Slot(missed, now.along_s)
    number = _earliest(schedule, on_time, now)
    return None if number is None else Slot(number, number * schedule.every_s)


def slots_passed(schedule: Schedule, last: int | None, until: int, now: Moment) -> list[range]:
    """Give the slots after `last` and before `until`, in runs; those outside the window were never any."""
    first, window = 0 if last is None else last + 1, schedule.window
    if window is None:
        return [range(first, until)] if first < until else []
    runs: list[range] = []
    for slot in range(max(first, until - MOST_COUNTED), until):
        if window.holds(now.wall_at(slot * schedule.every_s).time()):
            follows = bool(runs) and runs[-1].stop == slot
            runs.append(range(runs.pop().start if follows else slot, slot + 1))
    return runs


def slots_left(schedule: Schedule, last: int | None, begun: int, now: Moment) -> int | None:
    """Give how many more stacks are to come, none missed; None: there is no end, or one too far to count."""
    by_number = None if schedule.count is None else max(0, schedule.count - begun)
    left_s = _left_s(schedule, now)
    if left_s is None:
        return by_number
    on_time = math.ceil((now.along_s - schedule.grace_s) / schedule.every_s)
    first = max(0 if last is None else last + 1, on_time)
    if schedule.window is None:
        by_time = max(0, math.ceil((now.along_s + left_s) / schedule.every_s) - first)
        return by_time if by_number is None else min(by_number, by_time)
    slots_until = math.ceil(left_s / schedule.every_s) + 1
    if slots_until > MOST_COUNTED:
        return by_number
    moments = (now.at(slot * schedule.every_s) for slot in range(first, first + slots_until + 1))
    by_time = sum(_allowed(schedule, moment) for moment in moments)
    return by_time if by_number is None else min(by_number, by_time)


def _left_s(schedule: Schedule, now: Moment) -> float | None:
    """Give the time until the series ends; None where no time ends it."""
    by_clock_s = None if schedule.until is None else (schedule.until - now.wall).total_seconds()
    by_length_s = None if schedule.for_s is None else schedule.for_s - now.along_s
    return min((left_s for left_s in (by_clock_s, by_length_s) if left_s is not None), default=None)


def _allowed(schedule: Schedule, moment: Moment) -> bool:
    in_window = schedule.window is None or schedule.window.holds(moment.wall.time())
    return in_window and not _over(schedule, moment)


def _over(schedule: Schedule, moment: Moment) -> bool:
    left_s = _left_s(schedule, moment)
    return left_s is not None and left_s <= 0


def _earliest(schedule: Schedule, first: int, now: Moment) -> int | None:
    """Give the first slot from `first` on that is allowed; None where the series ends before."""
    slot, window = first, schedule.window
    for _ in range(HORIZON_OPENINGS):
        due = now.at(slot * schedule.every_s)
        if _over(schedule, due):
            return None
        if window is None or window.holds(due.wall.time()):
            return slot
        slot = max(slot + 1, math.ceil(_opening_s(window, due) / schedule.every_s))
        while slot > first and window.holds(now.wall_at((slot - 1) * schedule.every_s).time()):
            slot -= 1  # it opens at a time that the clock leaves out as summer begins
    return None


def _opening_s(window: Window, outside: Moment) -> float:
    """Give when a window opens next, along the series' time; in the hour that comes twice it opens twice.

    It also opens as that hour begins anew, where it had closed within it.
    """
    now, zone = outside.wall.astimezone(UTC), outside.wall.tzinfo
    days = (outside.wall.date() + timedelta(days=ahead) for ahead in range(3))
    openings = (
        datetime.combine(day, window.opens.replace(fold=fold), zone).astimezone(UTC)
        for day in days
        for fold in (0, 1)
    )
    opens = min(opens for opens in openings if opens > now)
    turned = _turned_back(now, opens, zone)
    if turned is not None and window.holds(turned.astimezone(zone).time()):
        opens = turned
    return outside.along_s + (opens - now).total_seconds()


def _turned_back(after: datetime, before: datetime, zone: tzinfo | None) -> datetime | None:
    """Give when clocks are turned back between two instants, to the second; None where they are not."""
    summer = after.astimezone(zone).utcoffset() or timedelta()

    def is_over(instant: datetime) -> bool:
        return (instant.astimezone(zone).utcoffset() or timedelta()) < summer

    if not is_over(before):
        return None
    while before - after > timedelta(seconds=1):
        middle = after + (before - after) / 2
        after, before = (after, middle) if is_over(middle) else (middle, before)
    return before
