"""What holds for every schedule, however the moments come."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stack.schedule import MOST_COUNTED, Moment, Schedule, Window, next_slot, slots_left

BEGAN = datetime(2026, 3, 20, 5, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")

times = st.times().map(lambda moment: moment.replace(microsecond=0, fold=0))
windows = st.none() | st.builds(Window, times, times)
schedules = st.builds(
    Schedule,
    every_s=st.integers(60, 100_000).map(float),
    count=st.none() | st.integers(1, 40),
    until=st.none() | st.integers(1, 10_000_000).map(lambda s: BEGAN + timedelta(seconds=s)),
    for_s=st.none() | st.integers(1, 10_000_000).map(float),
    window=windows,
    missed=st.sampled_from(["skip", "once"]),
)
absences_s = st.lists(st.integers(0, 200_000), min_size=1, max_size=25)


def moment(along_s: float, zone: ZoneInfo = BERLIN) -> Moment:
    return Moment(along_s, (BEGAN + timedelta(seconds=along_s)).astimezone(zone))


@given(schedules, absences_s)
@example(Schedule(60.0, missed="once"), [60, 0])
@example(Schedule(60.0, missed="once"), [57, 0])
def test_no_slot_comes_twice_none_too_early_and_never_two_at_once(
    schedule: Schedule, absences: list[int]
) -> None:
    """The daemon is away for as long as it pleases between two slots."""
    last, begun, along_s, due_before_s = None, 0, 0.0, -1.0
    for absence_s in absences:
        along_s += absence_s
        slot = next_slot(schedule, last, begun, moment(along_s))
        if slot is None:
            break
        assert last is None or slot.number > last
        assert slot.due_s >= slot.number * schedule.every_s
        assert slot.due_s > due_before_s
        along_s = max(along_s, slot.due_s)
        on_time = along_s - slot.number * schedule.every_s
        assert on_time <= schedule.grace_s or schedule.missed == "once"
        wall = moment(along_s).wall
        assert schedule.until is None or wall < schedule.until + timedelta(seconds=schedule.grace_s)
        assert schedule.for_s is None or along_s < schedule.for_s + schedule.grace_s
        last, begun, due_before_s = slot.number, begun + 1, slot.due_s
    assert schedule.count is None or begun <= schedule.count


@given(schedules, st.integers(0, 1_000_000))
@example(Schedule(3600.0, window=Window(time(8), time(9)), missed="once"), 6_000)
def test_a_slot_lies_in_its_window_by_the_clock_on_the_wall(schedule: Schedule, along_s: int) -> None:
    slot = next_slot(schedule, None, 0, moment(float(along_s)))
    if slot is not None and schedule.window is not None:
        assert schedule.window.holds(moment(slot.due_s).wall.time())
        assert schedule.window.holds(moment(slot.number * schedule.every_s).wall.time())


@given(st.integers(10, 3600).map(float), st.integers(0, 22), st.integers(0, 300_000).map(float))
def test_a_window_as_long_as_the_interval_is_met_every_day(every_s: float, hour: int, along_s: float) -> None:
    schedule = Schedule(every_s, window=Window(time(hour), time(hour + 1)))
    slot = next_slot(schedule, None, 0, moment(along_s))
    assert slot is not None
    assert slot.due_s - along_s <= 25 * 3600


tens = st.integers(1, 12).map(lambda n: n * 600.0)
bounded = st.builds(
    Schedule,
    every_s=tens,
    count=st.none() | st.integers(1, 60),
    until=st.integers(0, 400).map(lambda n: BEGAN + timedelta(seconds=600 * n)),
    window=st.none() | st.builds(Window, st.just(time(5)), st.integers(8, 20).map(time)),
)


@given(bounded, st.none() | st.integers(0, 9), st.integers(0, 70), tens.map(lambda s: s - 600.0))
@example(Schedule(600.0, until=BEGAN + timedelta(seconds=600)), 0, 1, 600.0)
def test_as_many_are_left_as_then_come(
    schedule: Schedule, last: int | None, begun: int, along_s: float
) -> None:
    left, come = slots_left(schedule, last, begun, moment(along_s)), 0
    while (slot := next_slot(schedule, last, begun + come, moment(along_s))) is not None:
        last, along_s, come = slot.number, max(along_s, slot.due_s), come + 1
        assert schedule.until is None or moment(slot.due_s).wall < schedule.until
    assert left == come


def test_what_has_no_end_or_too_many_slots_before_it_is_not_counted() -> None:
    far_off = BEGAN + timedelta(seconds=60 * MOST_COUNTED)
    assert slots_left(Schedule(60.0), None, 0, moment(0.0)) is None
    by_day = Window(time(6), time(20))
    assert slots_left(Schedule(60.0, until=far_off, window=by_day), None, 0, moment(0.0)) is None
    assert slots_left(Schedule(60.0, count=7, until=far_off, window=by_day), None, 5, moment(0.0)) == 2
    assert slots_left(Schedule(60.0, until=far_off), None, 0, moment(0.0)) == MOST_COUNTED
    assert slots_left(Schedule(60.0, count=7), None, 9, moment(0.0)) == 0


@given(st.integers(600, 7_200).map(float), st.integers(0, 400))
def test_watched_all_the_time_every_slot_comes_and_in_order(every_s: float, slots: int) -> None:
    schedule, last = Schedule(every_s), None
    for expected in range(slots % 40):
        slot = next_slot(schedule, last, expected, moment(expected * every_s))
        assert slot is not None
        assert (slot.number, slot.due_s) == (expected, expected * every_s)
        last = slot.number


def test_after_an_absence_the_next_one_is_in_the_old_rhythm() -> None:
    slot = next_slot(Schedule(1800.0), 3, 4, moment(10 * 1800.0 + 700))
    assert slot is not None
    assert (slot.number, slot.due_s) == (11, 11 * 1800.0)


def test_made_up_for_once_it_is_the_latest_missed_and_now() -> None:
    schedule = Schedule(1800.0, missed="once")
    slot = next_slot(schedule, 3, 4, moment(10 * 1800.0 + 700))
    assert slot is not None
    assert (slot.number, slot.due_s) == (10, 10 * 1800.0 + 700)
    after = next_slot(schedule, 10, 5, moment(10 * 1800.0 + 900))
    assert after is not None
    assert after.number == 11


def test_what_is_due_now_is_not_preceded_by_what_was_missed() -> None:
    slot = next_slot(Schedule(1800.0, missed="once"), 3, 4, moment(10 * 1800.0 + 10))
    assert slot is not None
    assert (slot.number, slot.due_s) == (10, 10 * 1800.0)


def test_a_window_is_kept_on_the_days_when_the_clocks_are_set() -> None:
    """2026-03-29 has 23 hours in Berlin, 2026-10-25 has 25: the first slot of each day is at 06:00 there."""
    schedule = Schedule(1800.0, window=Window(time(6), time(20)))
    for day in (datetime(2026, 3, 28), datetime(2026, 10, 24)):
        start = day.replace(hour=6, tzinfo=BERLIN).astimezone(UTC)
        last, along_s, firsts, counts = None, 0.0, [], {}
        for begun in range(4 * 28):
            wall = (start + timedelta(seconds=along_s)).astimezone(BERLIN)
            slot = next_slot(schedule, last, begun, Moment(along_s, wall))
            assert slot is not None
            last, along_s = slot.number, slot.due_s
            wall = (start + timedelta(seconds=along_s)).astimezone(BERLIN)
            if wall.date() not in counts:
                firsts.append(wall.time())
            counts[wall.date()] = counts.get(wall.date(), 0) + 1
        assert firsts == [time(6)] * 4
        assert list(counts.values()) == [28] * 4


def test_over_midnight() -> None:
    night = Window(time(22), time(4))
    assert [night.holds(time(hour)) for hour in (21, 22, 0, 3, 4, 12)] == [
        False,
        True,
        True,
        True,
        False,
        False,
    ]


def test_a_window_that_no_slot_meets_ends_the_series() -> None:
    assert next_slot(Schedule(86_400.0, window=Window(time(1), time(1, 0, 1))), None, 0, moment(0.0)) is None


def test_a_night_of_seconds_is_not_gone_through_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked twice a second, and who asks how things stand waits for it."""
    looks: list[float] = []
    wall_at = Moment.wall_at

    def counted(moment: Moment, along_s: float) -> datetime:
        looks.append(along_s)
        return wall_at(moment, along_s)

    monkeypatch.setattr(Moment, "wall_at", counted)
    slot = next_slot(Schedule(1.0, window=Window(time(6), time(7))), None, 0, moment(7_200.0))
    assert slot is not None
    assert f"{moment(slot.due_s).wall:%d %H:%M:%S}" == "21 06:00:00"
    assert slots_left(Schedule(1.0, for_s=19_000.0), 5, 6, moment(100.0)) == 18_900
    assert len(looks) < 10


@pytest.mark.parametrize(("opens", "begins"), [(time(2, 30), "03:00:00"), (time(1), "01:00:00")])
def test_a_window_opens_in_the_night_of_summer_time_too(opens: time, begins: str) -> None:
    evening = (datetime(2026, 3, 28, 20, tzinfo=UTC) - BEGAN).total_seconds()
    slot = next_slot(Schedule(60.0, window=Window(opens, time(5))), None, 0, moment(evening))
    assert slot is not None
    assert f"{moment(slot.due_s).wall:%m-%d %H:%M:%S}" == f"03-29 {begins}"


@pytest.mark.parametrize(
    ("zone", "now", "opens"),
    [
        ("Europe/Berlin", "2026-10-25T01:05:00+00:00", time(2, 30)),
        ("Australia/Lord_Howe", "2026-04-04T15:00:05+00:00", time(1, 45)),
    ],
)
def test_a_window_that_opens_in_the_hour_that_comes_twice_opens_again(
    zone: str, now: str, opens: time
) -> None:
    """No opening was found behind the first, and a series of a stack a second was over for good."""
    wall = datetime.fromisoformat(now).astimezone(ZoneInfo(zone))
    assert wall.fold
    slot = next_slot(Schedule(1.0, window=Window(opens, time(4))), None, 0, Moment(0.0, wall))
    assert slot is not None
    found = Moment(0.0, wall).wall_at(slot.due_s)
    assert (found.date(), found.time(), found.fold) == (wall.date(), opens, 1)


@pytest.mark.parametrize(
    ("zone", "now", "again"),
    [
        ("Europe/Berlin", "2026-10-25T00:40:00+00:00", "2026-10-25T01:00:00+00:00"),
        ("Australia/Lord_Howe", "2026-04-04T14:50:00+00:00", "2026-04-04T15:00:00+00:00"),
    ],
)
def test_a_window_that_closed_in_the_hour_that_comes_twice_opens_as_it_comes_again(
    zone: str, now: str, again: str
) -> None:
    """The next stack was told for the evening, and an end before that ended the series there and then."""
    wall, due = datetime.fromisoformat(now).astimezone(ZoneInfo(zone)), datetime.fromisoformat(again)
    window, until = Window(time(22), (wall - timedelta(minutes=5)).time()), due + timedelta(minutes=15)
    slot = next_slot(Schedule(10.0, window=window, until=until), None, 0, Moment(0.0, wall))
    assert slot is not None
    assert Moment(0.0, wall).wall_at(slot.due_s).astimezone(UTC) == due
