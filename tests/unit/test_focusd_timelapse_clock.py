"""A series and the clocks: the wall's may be wrong, or set in mid series; no slot moves or comes twice."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from fastapi import FastAPI
from series_machine import (
    HALF_HOUR_S,
    NOON,
    STACK_S,
    asked,
)

from focusd.errors import RequestInvalid
from focusd.series import series_asked_for
from focusd.settings import SeriesRequest
from focusd.timelapse import DOUBTFUL_END
from focusd.timelapse_api import add_timelapse
from stack.journal import replay
from stack.manner import Manner
from stack.timelapse import (
    SlotEnd,
)


def test_a_clock_that_is_set_in_mid_series_moves_no_slot(machine):
    machine.timelapse.start(asked(count=6))
    for step_s in (3600, -7200, 90, -5, 0):
        machine.wrong_by_s += step_s
        machine.let(HALF_HOUR_S)
    machine.let(400)
    assert machine.slots == dict.fromkeys(range(6), "done")


def test_after_a_boot_a_clock_that_nobody_has_set_is_waited_for(machine):
    machine.timelapse.start(asked())
    machine.let(1.5 * HALF_HOUR_S)
    machine.cut(HALF_HOUR_S, wrong_by_s=-40 * 86_400.0, synchronised=False)
    machine.let(60)
    assert machine.timelapse.shown().next_at is None
    machine.wrong_by_s, machine.sync = 0.0, True
    machine.let(HALF_HOUR_S)
    assert machine.slots == {0: "done", 1: "done", 2: "skipped", 3: "done"}


def test_a_clock_that_nobody_vouches_for_ends_no_series_before_its_time(machine):
    """One whose battery was empty may say any year; a season was over for good."""
    machine.timelapse.start(asked(until=NOON + timedelta(days=2)))
    machine.let(3 * HALF_HOUR_S)
    machine.cut(600.0, wrong_by_s=400 * 86_400.0, synchronised=False)
    machine.let(HALF_HOUR_S)
    assert machine.timelapse.attention == machine.timelapse.shown().attention == DOUBTFUL_END
    machine.wrong_by_s, machine.sync = 0.0, True
    machine.let(HALF_HOUR_S)
    assert (machine.timelapse.attention, machine.slots[5]) == (None, "done")
    machine.sync = False  # as the kernel has it, some hours after the network has gone
    machine.let(2 * 86_400.0)
    assert (machine.timelapse.current(), max(machine.slots)) == (None, 96)


def test_a_time_without_a_zone_is_read_as_the_clock_will_stand_by_then(machine):
    """Asked for in summer, an end in winter was an hour early."""
    machine.now = lambda: datetime(2026, 10, 20, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    app = FastAPI()
    add_timelapse(app, SimpleNamespace(timelapse=machine.timelapse))
    start = next(route.endpoint for route in app.routes if getattr(route, "methods", None) == {"POST"})
    asked_for = SeriesRequest(every_s=HALF_HOUR_S, until=datetime(2026, 11, 1, 8))
    assert asyncio.run(start(asked_for))["until"] == "2026-11-01T08:00:00+01:00"


def test_a_clock_that_never_comes_right_anchors_the_series_anew_and_no_slot_comes_twice(machine):
    machine.timelapse.start(asked())
    machine.let(1.5 * HALF_HOUR_S)
    machine.cut(5 * HALF_HOUR_S, wrong_by_s=-40 * 86_400.0, synchronised=False)
    machine.let(110)
    assert machine.timelapse.shown().next_at is None
    machine.let(500)
    assert machine.slots == {0: "done", 1: "done", 2: "done"}
    machine.wrong_by_s, machine.sync = 0.0, True
    machine.let(HALF_HOUR_S)
    assert machine.slots == dict.fromkeys(range(4), "done")


def test_a_start_that_lies_far_back_holds_nobody_up(machine):
    """A year's slots of a minute would take hours to note, with everybody waiting who looks at the series."""
    start = machine.now() - timedelta(days=365)
    machine.timelapse.start(replace(asked(60.0, manner=Manner(overlaps=True)), start=start))
    machine.let(STACK_S + 100)
    slots = machine.timelapse.shown().state.slots.values()
    (shot,) = (slot.number for slot in slots if slot.end is SlotEnd.DONE)
    assert shot == 365 * 24 * 60 + 1
    entries = replay(machine.timelapse.all()[0].series.path / "journal.jsonl").entries
    (passed,) = (
        entry.facts for entry in entries if entry.event == "slot_skipped" and entry.facts["slot"] < shot
    )
    assert (passed["since"], passed["slot"]) == (0, shot - 1)


@pytest.mark.parametrize("start_at", ["0001-01-01T00:00:00", "2016-11-01T12:00:00Z", "9999-12-31T23:59:59"])
def test_a_start_that_no_machine_lives_to_see_is_refused(machine, start_at):
    request = SeriesRequest.model_validate_json(f'{{"every_s": 1800, "start_at": "{start_at}"}}')
    with pytest.raises(RequestInvalid, match="10 years from now"):
        series_asked_for(request, machine.now())


@pytest.mark.parametrize("until", ["9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59", "2150-01-01T00:00"])
def test_an_end_that_no_machine_lives_to_see_is_refused(machine, until):
    """Of the first nobody east of it can say what time that is."""
    request = SeriesRequest.model_validate_json(f'{{"every_s": 1800, "until": "{until}"}}')
    with pytest.raises(RequestInvalid, match="is more than 100 years from now"):
        series_asked_for(request, machine.now())


def test_a_week_is_a_week_though_the_clock_was_set_since_it_began(machine):
    """The Pi woke up forty days back, began, and then heard from a time server."""
    machine.cut(60, wrong_by_s=-40 * 86_400.0, synchronised=False)
    machine.timelapse.start(asked(for_s=4 * HALF_HOUR_S))
    machine.let(HALF_HOUR_S)
    machine.wrong_by_s, machine.sync = 0.0, True
    machine.let(HALF_HOUR_S - 600)
    machine.cut(60)
    machine.let(3 * HALF_HOUR_S)
    assert machine.slots == dict.fromkeys(range(4), "done")
    assert machine.timelapse.current() is None


@pytest.mark.parametrize("wrong_by_s", [-40 * 86_400.0, 40 * 86_400.0])
def test_a_time_that_no_clock_vouched_for_is_not_gone_by_after_a_cut(machine, wrong_by_s):
    """The Pi woke up in another month, began, lost its power, and only then heard from a time server."""
    machine.cut(60, wrong_by_s=wrong_by_s, synchronised=False)
    machine.timelapse.start(asked(for_s=4 * HALF_HOUR_S))
    machine.let(HALF_HOUR_S - 600)
    machine.cut(60)
    machine.let(4 * HALF_HOUR_S)
    assert machine.slots == dict.fromkeys(range(4), "done")
    assert machine.timelapse.current() is None


@pytest.mark.parametrize("wrong_by_s", [-40 * 86_400.0, 3600.0])
def test_a_start_that_was_asked_for_stands_whatever_the_clock_said_then(machine, wrong_by_s):
    """The Pi had no network when it was set up for the night, and lost its power on the way."""
    machine.cut(60, wrong_by_s=wrong_by_s, synchronised=False)
    machine.timelapse.start(replace(asked(count=2), start=NOON + timedelta(hours=12)))
    machine.let(60)
    machine.cut(60)
    machine.let(3600)
    assert machine.slots == {}
    machine.let(12 * 3600.0)
    assert machine.slots == dict.fromkeys(range(2), "done")


def test_what_is_asked_to_go_on_for_a_week_ends_by_its_length(machine):
    asked_for = series_asked_for(SeriesRequest(every_s=1800.0, for_s=604_800.0), machine.now())
    assert (asked_for.schedule.for_s, asked_for.schedule.until) == (604_800.0, None)
    shown = machine.timelapse.start(asked_for)
    assert (shown.left, shown.series.until - shown.series.start) == (336, timedelta(days=7))
