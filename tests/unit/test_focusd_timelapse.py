"""A week of stacks with nobody there: power cuts, clock steps, faults, counted slot by slot."""

import errno
import os
import random
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import reduce

import pytest
from series_machine import (
    EXPOSURE,
    HALF_HOUR_S,
    NOON,
    PICTURE_BYTES,
    RESERVE_BYTES,
    SCALE,
    STACK_S,
    WEIGHT,
    Machine,
    asked,
)

from focusd.errors import Busy, Refused, RequestInvalid
from focusd.jobs import Resume
from focusd.paused import DAEMON_ENDED
from focusd.running import RunningSeries
from focusd.series import Asked, series_asked_for
from focusd.settings import SeriesRequest
from focusd.timelapse import TICK_S
from focusd.timelapse_api import shown
from focusd.timelapse_cli import _goes_on
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
    Series,
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


def test_what_is_noted_of_a_series_is_told_to_whoever_listens(machine):
    series = machine.timelapse.start(asked(count=1)).series
    machine.let(HALF_HOUR_S)
    told = [(event["event"], event.get("slot")) for event in machine.hub.after(0).events if "series" in event]
    noted = [(line.event, line.facts.get("slot")) for line in replay(series.path / "journal.jsonl").entries]
    assert told == noted
    assert told[0] == ("series_anchored", None)
    assert told[-2:] == [("slot_done", 0), ("series_done", None)]


def test_of_a_series_that_was_aborted_nothing_is_to_come(machine):
    running = machine.timelapse.start(asked(count=4))
    assert running.left == 4
    over = machine.timelapse.abort()
    assert (over.state.phase, over.left, over.fits) == (SeriesPhase.ABORTED, None, None)


@pytest.mark.parametrize("what", ["stop", "abort"])
def test_who_ends_a_series_hears_of_the_stack_that_goes_on(machine, what):
    machine.timelapse.start(asked())
    machine.let(STACK_S / 2)
    answer = shown(getattr(machine.timelapse, what)())
    note = (
        f"note: {machine.operator.session} is still being shot and goes on to its end; `focusctl abort` ends "
        "it too"
    )
    assert list(_goes_on(what, answer)) == [note]
    assert list(_goes_on("resume", answer)) == []
    machine.let(STACK_S)
    assert list(_goes_on(what, {**answer, "shooting": machine.operator.shooting()})) == []


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


def failing(*_):
    raise PlanRefused("no camera")


def test_stopped_it_waits_and_resumed_it_is_in_its_old_rhythm(machine):
    machine.timelapse.start(asked())
    machine.let(2.5 * HALF_HOUR_S)
    machine.timelapse.stop()
    machine.let(3 * HALF_HOUR_S)
    assert machine.timelapse.pause_s() == TICK_S  # a slot that is overdue is no reason to look all the time
    machine.timelapse.resume()
    machine.let(HALF_HOUR_S)
    ends = ["done", "done", "done", "skipped", "skipped", "skipped", "done"]
    assert list(machine.slots.values()) == ends


def test_a_series_that_is_aborted_lets_no_more_slices_go(machine):
    """To look through a stack takes a while, and whoever aborts may want to keep what there is."""
    machine.timelapse.start(asked(manner=Manner(keep=Keep(slices_every=0))))
    machine.let(HALF_HOUR_S)
    asked_for = []

    def make_room(keep, done, weight, ended):
        asked_for.append(ended())
        machine.timelapse.abort()
        asked_for.append(ended())

    machine.timelapse._card.make_room = make_room
    machine.timelapse.tick()
    assert asked_for == [False, True]


def test_nor_does_one_whose_abort_cannot_be_written_down_for_want_of_room(machine, monkeypatch):
    """The disk is full whenever room is made, so that is how most are aborted meanwhile."""
    machine.timelapse.start(asked(manner=Manner(keep=Keep(slices_every=0))))
    machine.let(HALF_HOUR_S)
    asked_for = []

    def full(descriptor, content, offset):
        raise OSError(errno.ENOSPC, "No space left on device")

    def make_room(keep, done, weight, ended):
        asked_for.append(ended())
        with monkeypatch.context() as patched:
            patched.setattr(os, "pwrite", full)
            machine.timelapse.abort()
        asked_for.append(ended())

    machine.timelapse._card.make_room = make_room
    machine.timelapse.tick()
    assert asked_for == [False, True]
    assert machine.timelapse.current() is None


def test_aborted_it_is_over_and_another_may_begin(machine):
    machine.timelapse.start(asked())
    with pytest.raises(Refused, match="is not over"):
        machine.timelapse.start(asked())
    machine.timelapse.abort()
    with pytest.raises(Refused, match="no series runs"):
        machine.timelapse.shown()
    assert machine.timelapse.start(asked()).series.number == 2


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


def test_a_stack_that_is_refused_is_told_and_the_next_is_tried(machine):
    machine.timelapse.start(asked())
    machine.operator.refusal = "the disk has no room"
    machine.let(HALF_HOUR_S - 60)
    assert machine.timelapse.shown().attention == "the disk has no room"
    machine.operator.refusal = None
    machine.let(HALF_HOUR_S)
    assert machine.slots == {0: "failed", 1: "done"}
    assert machine.timelapse.shown().attention is None


def test_a_series_that_cannot_be_read_after_a_cut_is_told_of(machine):
    series = machine.timelapse.start(asked()).series
    facts = series.path / "series.json"
    facts.write_bytes(facts.read_bytes().replace(b"1800", b"1801"))
    machine.cut(60)
    machine.let(60)
    assert machine.timelapse.current() is None
    told = machine.timelapse.attention
    assert told.startswith("series 0001-week cannot be read: its checksum does not fit")
    assert "begun anew" in told
    assert machine.timelapse.start(asked()).series.number == 2
    assert machine.timelapse.attention is None


def test_after_a_cut_between_stacks_it_goes_on_in_its_rhythm_and_makes_up_for_nothing(machine):
    machine.timelapse.start(asked())
    machine.let(1.5 * HALF_HOUR_S)
    machine.cut(2 * HALF_HOUR_S)
    machine.let(HALF_HOUR_S)
    assert machine.slots == {0: "done", 1: "done", 2: "skipped", 3: "skipped", 4: "done"}
    assert machine.timelapse.current() is not None


@pytest.mark.parametrize("before", [True, False])
def test_a_series_of_the_other_kind_of_rig_is_left_alone_until_that_is_back(tmp_path, before):
    machine = Machine(tmp_path, simulated=before)
    machine.timelapse.start(asked())
    machine.let(100)
    machine.simulated = not before
    machine.cut(200)
    machine.let(HALF_HOUR_S)
    assert machine.timelapse.current() is None
    assert len(machine.operator.sessions.all()) == 1
    other = machine.timelapse.start(asked(count=1)).series
    machine.let(HALF_HOUR_S)
    machine.simulated = before
    machine.cut(200)
    machine.let(HALF_HOUR_S)
    assert (other.number, machine.timelapse.current().series.number) == (2, 1)
    assert machine.slots[0] == "failed"  # its stack was cut short, and is long overdue


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


def test_as_the_daemon_ends_no_slot_begins_and_no_slices_go(tmp_path):
    machine = Machine(tmp_path, disk_bytes=20_000)
    machine.timelapse.start(asked(manner=Manner(keep=Keep.named("merged"))))
    machine.let(4.9 * HALF_HOUR_S)
    have = [has_slices(session) for session in machine.operator.sessions.all()]
    machine.timelapse.end()
    machine.let(5 * HALF_HOUR_S)
    assert [has_slices(session) for session in machine.operator.sessions.all()] == have
    assert machine.slots == dict.fromkeys(range(5), "done")


def test_a_stack_that_is_paused_because_the_daemon_ends_is_no_failure(machine):
    machine.timelapse.start(asked())
    machine.let(100)
    machine.operator.shooting = lambda: paused_as_the_daemon_ends(machine)
    machine.timelapse.tick()
    machine.timelapse.tick()
    assert machine.slots == {0: "begun"}


def paused_as_the_daemon_ends(machine):
    session, machine.operator.session = machine.operator.session, None
    machine.timelapse.end()
    machine.operator._write(machine.operator.sessions.open(session), "stack_paused", reason=DAEMON_ENDED)


@pytest.mark.parametrize(
    ("off_s", "end", "phase"), [(20, "done", Phase.DONE), (HALF_HOUR_S, "failed", Phase.ABORTED)]
)
def test_a_stack_that_was_paused_as_the_daemon_ended_goes_on_with_the_next_while_its_slot_lasts(
    machine, off_s, end, phase
):
    machine.timelapse.start(asked())
    machine.let(100)
    paused_as_the_daemon_ends(machine)
    machine.cut(off_s)
    machine.let(STACK_S + 60)
    assert machine.slots[0] == end
    assert machine.operator.sessions.open(1).state().phase is phase


@pytest.mark.parametrize("event", ["stack_paused", "stack_aborted", "stack_failed"])
def test_a_stack_that_somebody_stopped_or_that_failed_is_not_taken_up_by_its_series(machine, event):
    machine.timelapse.start(asked())
    machine.let(100)
    session, machine.operator.session = machine.operator.session, None
    reason = {"error" if event == "stack_failed" else "reason": "the button was pressed"}
    machine.operator._write(machine.operator.sessions.open(session), event, **reason)
    machine.let(600)
    assert machine.slots == {0: "failed"}
    assert machine.timelapse.attention == "the button was pressed"
    lines = replay(machine.operator.sessions.open(session).path / "journal.jsonl").entries
    assert [line.event for line in lines] == ["stack_started", event]


def test_a_stack_that_cannot_be_taken_up_is_tried_once(machine):
    machine.timelapse.start(asked())
    machine.let(100)
    machine.cut(20)
    orders, with_rig = [], machine.operator.order

    def refusing(order):
        orders.append(order)
        raise Refused("the camera is being measured")

    machine.operator.order = refusing
    machine.let(600)
    assert orders == [Resume(machine.operator.sessions.open(1).id)]
    assert machine.slots == {0: "failed"}
    machine.operator.order = with_rig
    machine.let(HALF_HOUR_S)
    assert machine.slots == {0: "failed", 1: "done"}


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


def test_slices_of_stacks_long_past_go_and_the_first_exposure_holds(tmp_path):
    machine = Machine(tmp_path, disk_bytes=40_000)
    most = asked(1.0, manner=Manner(overlaps=True, keep=Keep.named("merged")))
    machine.timelapse.start(most)
    machine.let(30 * (STACK_S + 20))
    sessions = machine.operator.sessions.all()
    assert len(sessions) > 22  # more than are kept in mind
    assert not any(has_slices(session) for session in sessions[:15])
    assert {plan.exposure for plan in machine.operator.plans[1:]} == {EXPOSURE}


def test_made_up_for_once_it_is_one_stack_however_long_it_was_off(machine):
    machine.timelapse.start(asked(missed="once"))
    machine.let(1.5 * HALF_HOUR_S)
    machine.cut(5 * HALF_HOUR_S)
    machine.let(400)
    assert machine.slots[6] == "done"
    assert list(machine.slots.values()).count("done") == 3


def test_a_stack_cut_short_is_resumed_while_its_slot_lasts_and_else_given_up(machine):
    machine.timelapse.start(asked())
    machine.let(100)
    machine.cut(200)
    machine.let(900)
    assert machine.slots == {0: "done"}
    machine.let(HALF_HOUR_S - 1150)
    machine.cut(HALF_HOUR_S - 40)
    machine.let(600)
    phases = [session.state().phase for session in machine.operator.sessions.all()]
    assert machine.slots == {0: "done", 1: "failed", 2: "done"}
    assert phases == [Phase.DONE, Phase.ABORTED, Phase.DONE]


def test_a_stack_cut_short_goes_on_once_the_rig_is_free(machine, monkeypatch):
    machine.timelapse.start(asked())
    machine.let(100)
    machine.cut(200)
    asked_for = []

    def busy(order):
        asked_for.append(order)
        raise Busy("goto")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(machine.operator, "order", busy)
        machine.let(60)
    machine.let(900)
    assert [type(order) for order in asked_for] == [Resume] * 3
    assert machine.slots == {0: "done"}


def test_a_series_that_cannot_be_read_leaves_its_journal_to_the_next_try(machine, monkeypatch):
    series = machine.timelapse.start(asked()).series
    machine.timelapse.close()
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Series, "state", failing)
        with pytest.raises(PlanRefused):
            RunningSeries(series, machine.clock, machine.hub.publish)
    RunningSeries(series, machine.clock, machine.hub.publish).close()


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


def test_a_slot_that_waits_as_its_series_is_aborted_is_none_of_the_next(machine):
    machine.strain = Strain.HEAT
    machine.timelapse.start(asked(count=1))
    machine.let(100)
    machine.timelapse.abort()
    machine.strain = None
    machine.timelapse.start(replace(asked(count=1), start=machine.now() + timedelta(hours=1)))
    machine.let(600)
    assert machine.operator.sessions.all() == ()
    machine.let(3600)
    assert [list(one.state.slots) for one in machine.timelapse.all()] == [[], [0]]


def test_of_a_series_that_was_aborted_nothing_needs_a_person_any_more(machine):
    machine.timelapse.start(asked())
    machine.strain = Strain.HEAT
    machine.let(20)
    assert machine.timelapse.attention == "the Pi was too hot"
    machine.timelapse.abort()
    assert machine.timelapse.attention is None


def test_what_becomes_of_the_stack_of_an_aborted_series_is_no_failure_of_the_next(machine):
    job = Future()
    job.accepted = Future()
    with_rig = machine.operator.order
    machine.operator.order = lambda order: job
    machine.timelapse.start(asked())
    machine.let(20)
    machine.timelapse.abort()
    machine.operator.order = with_rig
    machine.timelapse.start(replace(asked(count=1), start=machine.now() + timedelta(minutes=1)))
    job.accepted.set_exception(PlanRefused("no camera"))
    machine.let(600)
    assert machine.timelapse.attention is None
    ends = [[slot.end for slot in one.state.slots.values()] for one in machine.timelapse.all()]
    assert ends == [[SlotEnd.BEGUN], [SlotEnd.DONE]]


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


def test_a_stack_that_the_daemon_itself_takes_up_after_a_cut_is_no_failure_however_late_it_is(machine):
    machine.timelapse.start(asked())
    machine.let(100)
    machine.cut(1.5 * HALF_HOUR_S)
    (session,) = machine.operator.sessions.all()
    machine.operator.order(Resume(session.id))
    machine.operator.session = "its order is given, and what it is of not yet told"
    machine.timelapse.tick()
    machine.operator.session = session.id
    machine.let(STACK_S + 100)
    assert machine.slots[0] == "done"


def test_a_stack_that_was_cut_short_and_removed_does_not_hold_up_the_series(machine):
    machine.timelapse.start(asked())
    machine.let(HALF_HOUR_S + 60)
    machine.cut(60)
    machine.operator.sessions.remove(machine.operator.sessions.open(2))
    machine.let(HALF_HOUR_S + 400)
    assert machine.slots == {0: "done", 1: "failed", 2: "done"}
    assert "no session is called" in machine.timelapse.shown().state.slots[1].reason


def test_a_series_read_at_once_stands_as_it_did_line_by_line(machine):
    machine.timelapse.start(asked(count=3))
    machine.let(HALF_HOUR_S + 60)
    machine.cut(2 * HALF_HOUR_S)
    machine.let(HALF_HOUR_S)
    series = machine.timelapse.all()[0].series
    entries = replay(series.path / "journal.jsonl").entries
    assert series.state() == reduce(after, entries, SeriesState())
    assert len(series.state().slots) > 2


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
