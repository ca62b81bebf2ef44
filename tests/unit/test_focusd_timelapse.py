"""A week of stacks with nobody there: power cuts, clock steps, faults, counted slot by slot."""

import random
from dataclasses import replace
from datetime import UTC, datetime, time
from functools import reduce

import pytest
from series_machine import (
    EXPOSURE,
    HALF_HOUR_S,
    PICTURE_BYTES,
    RESERVE_BYTES,
    SCALE,
    STACK_S,
    WEIGHT,
    Machine,
    asked,
)

from focusd.errors import Busy, Refused, RequestInvalid
from focusd.series import Asked, series_asked_for
from focusd.settings import SeriesRequest
from focusd.slot_stacks import respite_s
from focusd.timelapse_api import shown
from rail.screw import Scale
from stack.errors import PlanRefused
from stack.journal import Entry, replay
from stack.manner import Exposing, Manner, WhenHot
from stack.plan import Count, FromHere, StackPlan
from stack.retention import Keep, has_slices
from stack.schedule import Schedule
from stack.session_state import Phase
from stack.timelapse import (
    LATEST_SLOTS,
    SeriesPhase,
    SeriesState,
    SlotEnd,
    after,
    every_series,
    fold,
)
from stack.vitals import Strain

WEEK_BYTES = 336 * PICTURE_BYTES + RESERVE_BYTES + 10 * WEIGHT.bytes


def test_a_window_that_closes_as_it_opens_is_refused():
    for window, refused in ((("06:00", "06:00"), True), (("22:00", "04:00"), False)):
        request = SeriesRequest(every_s=HALF_HOUR_S, window=window)
        if refused:
            with pytest.raises(RequestInvalid, match="06:00 to 06:00 holds no slot"):
                series_asked_for(request, datetime.now(UTC))
        else:
            assert series_asked_for(request, datetime.now(UTC)).schedule.window.opens == time(22)


def test_stacks_come_in_their_rhythm_and_the_series_ends(machine):
    machine.timelapse.start(asked(count=4))
    machine.let(4 * HALF_HOUR_S)
    assert machine.slots == dict.fromkeys(range(4), "done")
    assert machine.timelapse.current() is None
    assert machine.timelapse.all()[0].state.phase is SeriesPhase.DONE
    began = [session.state().began_at for session in machine.operator.sessions.all()]
    assert len(began) == 4


def test_a_series_keeps_the_places_that_it_was_begun_between(machine):
    machine.timelapse.start(asked(count=2))
    request = machine.timelapse.all()[0].series.request
    assert (request["near_u"], request["far_u"]) == (1.0, 2.0)


def test_what_is_noted_of_a_series_is_told_to_whoever_listens(machine):
    series = machine.timelapse.start(asked(count=1)).series
    machine.let(HALF_HOUR_S)
    told = [(event["event"], event.get("slot")) for event in machine.hub.after(0).events if "series" in event]
    noted = [(line.event, line.facts.get("slot")) for line in replay(series.path / "journal.jsonl").entries]
    assert told == noted
    assert told[0] == ("series_anchored", None)
    assert told[-2:] == [("slot_done", 0), ("series_done", None)]


def test_every_stack_is_exposed_as_the_first(machine):
    machine.timelapse.start(asked(count=3))
    machine.let(3 * HALF_HOUR_S)
    assert [plan.exposure for plan in machine.operator.plans] == [None, EXPOSURE, EXPOSURE]


def test_slots_closer_than_two_looks_are_met_all_the_same(machine):
    machine.timelapse.start(asked(1.0, for_s=5.0, manner=Manner(overlaps=True)))
    machine.operator.order = busy
    machine.let(0.2)
    for _ in range(60):
        machine.let(machine.timelapse.pause_s(), step_s=1.0)
    series = machine.timelapse.all()[0]
    assert [slot.end for slot in series.state.slots.values()] == [SlotEnd.SKIPPED] * 5
    entries = replay(series.series.path / "journal.jsonl").entries
    begun_ns = [entry.mono_ns for entry in entries if entry.event == "slot_begun"]
    origin_ns = entries[0].facts["origin_ns"]
    assert [round((one - origin_ns) / 1e7) for one in begun_ns] == [20, 100, 200, 300, 400]


def busy(order):
    raise Busy("home")


def test_an_interval_shorter_than_a_stack_is_refused_with_the_estimate_or_leaves_slots_out(machine):
    with pytest.raises(Refused, match="takes about 5:00, and every 2:00 is more often"):
        machine.timelapse.start(asked(120.0))
    machine.timelapse.start(asked(120.0, count=3, manner=Manner(overlaps=True)))
    machine.let(1200, step_s=1.0)
    ends = machine.slots
    assert [number for number, end in ends.items() if end == "done"] == [0, 3, 6]
    assert [number for number, end in ends.items() if end == "skipped"] == [1, 2, 4, 5]


def test_slots_a_second_apart_that_all_fail_are_tried_now_and_then_and_at_once_when_it_works(machine):
    machine.timelapse.start(asked(1.0, manner=Manner(overlaps=True)))
    machine.operator.refusal = "the camera is gone"
    machine.let(130, step_s=0.5)
    lines = replay(machine.timelapse.shown().series.path / "journal.jsonl").entries
    failed = [one.facts["slot"] for one in lines if one.event == "slot_failed"]
    assert failed == [0, 2, 4, 9, 17, 34, 64, 95, 125]
    left_out = [(one.facts["since"], one.facts["slot"]) for one in lines if one.event == "slot_skipped"]
    assert left_out[-3:] == [(35, 63), (65, 94), (96, 124)]
    machine.operator.refusal = None
    machine.let(30 + STACK_S, step_s=5.0)
    assert machine.timelapse.shown().state.count(SlotEnd.DONE) == 1


def test_a_camera_that_is_away_for_days_is_tried_no_more_rarely_and_no_failure_is_one_too_many():
    """After 1024 in a row no slot could be noted as failed, nor another begun, though the camera was back."""
    tried = [respite_s(failures) for failures in (1, 2, 3, 5, 6, 7, 1024, 1025, 100_000)]
    assert tried == [1, 2, 4, 16, 30, 30, 30, 30, 30]


def test_a_stack_that_is_refused_is_told_and_the_next_is_tried(machine):
    machine.timelapse.start(asked())
    machine.operator.refusal = "the disk has no room"
    machine.let(HALF_HOUR_S - 60)
    assert machine.timelapse.shown().attention == "the disk has no room"
    machine.operator.refusal = None
    machine.let(HALF_HOUR_S)
    assert machine.slots == {0: "failed", 1: "done"}
    assert machine.timelapse.shown().attention is None


def test_a_wanted_series_begins_though_the_simulated_rig_had_one_of_its_name(tmp_path):
    wanted = SeriesRequest(every_s=HALF_HOUR_S, name="flowers", count=1)
    machine = Machine(tmp_path, wanted=wanted, simulated=True)
    machine.let(HALF_HOUR_S)
    machine.simulated = False
    machine.cut(200)
    machine.let(HALF_HOUR_S)
    assert [series.simulated for series in every_series(tmp_path / "series")] == [True, False]


def test_a_stack_that_rests_for_room_needs_a_person_and_says_so_until_it_goes_on(machine):
    rests = ["the disk is full. Make room, and it goes on by itself"]
    machine.timelapse._stacks = replace(machine.timelapse._stacks, rests=lambda: next(iter(rests), None))
    assert machine.timelapse.attention is None  # no stack of a series
    machine.timelapse.start(asked(count=2))
    machine.let(100)
    assert machine.timelapse.shown().attention == machine.timelapse.attention == rests[0]
    rests.clear()
    assert machine.timelapse.shown().attention is None


def test_of_very_many_slots_the_latest_are_shown_and_all_are_counted(machine):
    running = machine.timelapse.start(asked())
    ends = ["slot_skipped" if number % 3 else "slot_done" for number in range(3 * LATEST_SLOTS)]
    entries = (Entry(number, "", 0, end, {"slot": number}) for number, end in enumerate(ends))
    answer = shown(replace(running, state=fold(entries)))
    latest = list(range(2 * LATEST_SLOTS, 3 * LATEST_SLOTS))
    assert [slot["slot"] for slot in answer["slots"]] == latest
    assert (answer["done"], answer["skipped"]) == (LATEST_SLOTS, 2 * LATEST_SLOTS)


def test_a_slot_left_out_a_second_for_weeks_is_a_line_for_each_stack_and_a_few_slots_in_mind(machine):
    every_s, stacks = 0.05, 6
    machine.timelapse.start(asked(every_s, manner=Manner(overlaps=True, keep=Keep.named("merged"))))
    machine.let(stacks * (STACK_S + 20))
    running = machine.timelapse.shown()
    assert running.state.count(SlotEnd.SKIPPED) > 30_000
    entries = replay(running.series.path / "journal.jsonl").entries
    assert len(entries) < 5 * (stacks + 1)
    assert machine.timelapse._running._journal.entries == ()
    assert len(running.state.slots) == LATEST_SLOTS
    assert running.state.begun + running.state.count(SlotEnd.SKIPPED) == running.state.last + 1


def test_after_another_camera_a_series_is_exposed_as_the_first_stack_with_that_one(tmp_path):
    """Gains that make white white by one sensor tint all that another sees."""
    machine = Machine(tmp_path)
    machine.operator.sensor = "imx477"
    machine.timelapse.start(asked(1.0, manner=Manner(overlaps=True)))
    machine.let(3 * (STACK_S + 20))
    before = len(machine.operator.plans)
    machine.operator.sensor, machine.operator.exposure = (
        "imx708",
        replace(EXPOSURE, time_us=2 * EXPOSURE.time_us),
    )
    machine.let(4 * (STACK_S + 20))
    assert {plan.exposure for plan in machine.operator.plans[1:before]} == {EXPOSURE}
    first, *later = [plan.exposure for plan in machine.operator.plans[before:]]
    assert first is None
    assert set(later) == {machine.operator.exposure}


def test_slices_of_stacks_long_past_go_and_the_first_exposure_holds(tmp_path):
    machine = Machine(tmp_path, disk_bytes=40_000)
    most = asked(1.0, manner=Manner(overlaps=True, keep=Keep.named("merged")))
    machine.timelapse.start(most)
    machine.let(30 * (STACK_S + 20))
    sessions = machine.operator.sessions.all()
    assert len(sessions) > 22  # more than are kept in mind
    assert not any(has_slices(session) for session in sessions[:15])
    assert {plan.exposure for plan in machine.operator.plans[1:]} == {EXPOSURE}


def test_a_week_of_cuts_clock_steps_faults_and_a_filling_disk_is_what_it_should_have_been(tmp_path):
    """336 slots, most of which say for certain what must have become of them.

    Done: the Pi was up all the time. Left out: it was off from before the slot was due until after its grace.
    Failed: the camera was. The rest lie on an edge and may be either, but are counted all the same. The disk
    holds the pictures of a week and the slices of few stacks.
    """
    machine = Machine(tmp_path, disk_bytes=WEEK_BYTES)
    chance = random.Random(7)
    machine.timelapse.start(asked(manner=Manner(keep=Keep.named("merged"))))
    assert machine.timelapse.shown().fits > 336
    end_s, off, faulty = 336 * HALF_HOUR_S, [], []
    while machine.true_s < end_s - 10 * HALF_HOUR_S:
        machine.let(chance.uniform(0.3, 12) * HALF_HOUR_S, step_s=60.0)
        if chance.random() < 0.2:
            began_s, machine.operator.failing = machine.true_s, True
            machine.let(chance.uniform(0.2, 4) * HALF_HOUR_S, step_s=60.0)
            faulty.append((began_s, machine.true_s))
            machine.operator.failing = False
        elif chance.random() < 0.4:
            machine.wrong_by_s += chance.choice([-3600, 900, 7200]) if chance.random() < 0.5 else 0
        else:
            began_s, length_s = machine.true_s, chance.uniform(0.02, 3) * HALF_HOUR_S
            machine.cut(length_s)
            off.append((began_s, began_s + length_s))
    machine.let(end_s - machine.true_s, step_s=60.0)
    found = machine.slots
    doubtful = 0
    for number in range(335):
        due_s = number * HALF_HOUR_S
        shot = (due_s - 120, due_s + STACK_S + 180)
        near = [cut for cut in off if shot[0] < cut[1] and cut[0] < shot[1]]
        bad = [fault for fault in faulty if shot[0] < fault[1] and fault[0] < shot[1]]
        if not near and not bad:
            assert found.get(number) == "done", (number, found.get(number))
        elif not near and any(began < shot[0] and ended > shot[1] for began, ended in bad):
            assert found.get(number) == "failed", (number, found.get(number), bad)
        elif any(began < due_s - 120 and ended > due_s + 240 for began, ended in near):
            assert found.get(number) == "skipped", (number, found.get(number), near)
        else:
            doubtful += 1
            assert found.get(number) in ("done", "failed", "skipped")
    assert len(off) > 20
    assert len(faulty) > 5
    assert doubtful < 40
    assert len(machine.operator.sessions.all()) == sum(end != "skipped" for end in found.values())
    assert sorted(found) == list(range(max(found) + 1))
    assert SlotEnd.BEGUN.value not in list(found.values())[:-1]
    done = [session for session in machine.operator.sessions.all() if session.state().phase is Phase.DONE]
    assert all((session.path / "merged.jpg").exists() for session in done[:-1])
    assert sum(has_slices(session) for session in done) < 40
    assert machine.disk.free_bytes() >= RESERVE_BYTES


def test_exposed_a_stack_at_a_time_or_along_a_ramp_in_the_colours_of_the_first(tmp_path):
    for way in (Exposing.PER_STACK, Exposing.RAMP):
        machine = Machine(tmp_path / way)
        machine.timelapse.start(asked(count=4, manner=Manner(way)))
        for time_us in (8000, 9000, 11_000, 15_000):
            machine.operator.exposure = replace(EXPOSURE, time_us=time_us)
            machine.let(HALF_HOUR_S)
        tethers = [plan.aim.tether and plan.aim.tether.exposure.time_us for plan in machine.operator.plans]
        assert tethers == [None, *([8000] * 3 if way is Exposing.PER_STACK else [8000, 9000, 11_000])]


def test_too_hot_a_slot_waits_until_it_is_cool_or_the_next_is_due(machine):
    machine.timelapse.start(asked(count=3))
    machine.let(HALF_HOUR_S - 60)
    machine.strain = Strain.HEAT
    machine.let(600)
    assert machine.timelapse.shown().attention == "the Pi was too hot"
    assert len(machine.operator.sessions.all()) == 1
    machine.strain = None
    machine.let(20)
    assert machine.timelapse.shown().attention is None
    machine.let(580)
    assert machine.slots == {0: "done", 1: "done"}
    machine.strain = Strain.HEAT
    machine.let(2 * HALF_HOUR_S)
    assert machine.slots == {0: "done", 1: "done", 2: "skipped"}
    reasons = [slot.reason for slot in machine.timelapse.shown().state.slots.values()]
    assert reasons == [None, None, "the Pi was too hot"]
    machine.strain = None
    machine.let(600)
    assert machine.slots == {0: "done", 1: "done", 2: "skipped", 3: "done"}
    assert machine.timelapse.current() is None
    lines = replay(machine.timelapse.all()[0].series.path / "journal.jsonl").entries
    not_shot = ("slot_waits", "slot_skipped")
    told = [(line.facts["slot"], line.event) for line in lines if line.event in not_shot]
    assert told == [(1, "slot_waits"), (2, "slot_waits"), (2, "slot_skipped"), (3, "slot_waits")]


def test_too_hot_by_rule_it_is_left_out_at_once(machine):
    machine.timelapse.start(asked(manner=Manner(hot=WhenHot.SKIP)))
    machine.let(HALF_HOUR_S - 60)
    machine.strain = Strain.POWER
    machine.let(120)
    machine.strain = None
    machine.let(HALF_HOUR_S + 400)
    assert machine.slots == {0: "done", 1: "skipped", 2: "done"}
    reasons = [slot.reason for slot in machine.timelapse.shown().state.slots.values()]
    assert reasons == [None, "the supply of the Pi was too low", None]


def test_a_series_read_at_once_stands_as_it_did_line_by_line(machine):
    machine.timelapse.start(asked(count=3))
    machine.let(HALF_HOUR_S + 60)
    machine.cut(2 * HALF_HOUR_S)
    machine.let(HALF_HOUR_S)
    series = machine.timelapse.all()[0].series
    entries = replay(series.path / "journal.jsonl").entries
    assert series.state() == reduce(after, entries, SeriesState())
    assert len(series.state().slots) > 2


def test_a_range_that_follows_goes_where_the_merges_say(machine):
    machine.operator.shares = (0.2, 0.79, 0.01)
    machine.timelapse.start(asked(count=4, manner=Manner(follow=True)))
    machine.let(4 * HALF_HOUR_S)
    ranges = [(plan.range.near_u, plan.range.far_u) for plan in machine.operator.plans]
    pitch_u = 50
    nearer = (100 - 2 * pitch_u, 200)
    assert ranges == [(100, 200), (100, 200), pytest.approx(nearer), pytest.approx(nearer)]
    entries = replay(machine.timelapse.all()[0].series.path / "journal.jsonl").entries
    assert [entry.facts["slot"] for entry in entries if entry.event == "range_followed"] == [2]


def test_a_range_does_not_follow_stacks_that_were_counted_in_other_steps(machine):
    machine.operator.shares = (0.2, 0.79, 0.01)
    machine.timelapse.start(asked(count=3, manner=Manner(follow=True)))
    machine.let(HALF_HOUR_S + 600)
    earlier = machine.operator.plans
    machine.scale = Scale("um", 2 * SCALE.per_step)
    machine.cut(0.0)
    machine.let(HALF_HOUR_S)
    ranges = [(plan.range.near_u, plan.range.far_u) for plan in [*earlier, *machine.operator.plans]]
    assert ranges == [(100, 200)] * 3


def test_a_plan_counted_from_here_cannot_follow(machine):
    machine.operator.plan = StackPlan("here", FromHere(100), Count(3))
    with pytest.raises(Refused, match="counted from home"):
        machine.timelapse.start(asked(manner=Manner(follow=True)))


def test_the_configured_series_begins_once_by_itself_and_is_tried_until_it_can(tmp_path):
    wanted = SeriesRequest(name="moss", every_s=HALF_HOUR_S, count=2)
    machine = Machine(tmp_path, wanted=wanted)
    machine.operator.plan = StackPlan("here", FromHere(100), Count(3))
    machine.operator.seconds = refusing
    machine.let(300)
    assert machine.timelapse.all() == []
    machine.cut(60)
    machine.let(3 * HALF_HOUR_S)
    assert machine.slots == {0: "done", 1: "done"}
    machine.cut(60)
    machine.let(2 * HALF_HOUR_S)
    assert [shown.series.id for shown in machine.timelapse.all()] == ["0001-moss"]


def refusing(plan, fields):
    raise PlanRefused("the camera is not there")


def test_a_name_is_made_a_folder_and_leads_nowhere_else(machine):
    shown = machine.timelapse.start(Asked("../../Moos & Käfer", Schedule(HALF_HOUR_S), {}))
    assert shown.series.id == "0001-Moos-Kafer"


def test_the_step_of_a_ramp_is_no_silent_nothing_without_one():
    now = datetime(2026, 12, 1, 8, tzinfo=UTC)
    with pytest.raises(RequestInvalid, match="ramp_stops: is of a ramp, and the exposure is lock-first"):
        series_asked_for(SeriesRequest(every_s=60, ramp_stops=0.5), now)
    ramped = series_asked_for(SeriesRequest(every_s=60, ramp_stops=0.5, exposure="ramp"), now)
    assert ramped.manner.ramp_stops == 0.5
