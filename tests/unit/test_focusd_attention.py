"""What a series needs a person for, and until when."""

import re

import pytest
from series_machine import (
    EXPOSURE,
    HALF_HOUR_S,
    PICTURE_BYTES,
    RESERVE_BYTES,
    STACK_S,
    WEIGHT,
    asked,
    gone,
)

from stack.manner import Manner, WhenHot
from stack.record import exposure_record
from stack.retention import Keep
from stack.vitals import Strain

WEEK_BYTES = 336 * PICTURE_BYTES + RESERVE_BYTES + 10 * WEIGHT.bytes


def test_a_full_disk_needs_nobody_once_there_is_room(machine):
    machine.timelapse.start(asked())
    machine.disk.used_bytes = machine.disk.size_bytes
    machine.let(HALF_HOUR_S - 60)
    assert machine.timelapse.attention == "the disk has no room"
    machine.disk.used_bytes = 0
    machine.timelapse.tick()
    assert machine.timelapse.attention is None
    assert machine.slots == {0: "failed"}


def test_a_disk_that_was_gone_needs_nobody_once_it_is_back(machine):
    machine.timelapse.start(asked(manner=Manner(keep=Keep.named("merged"))))
    machine.let(HALF_HOUR_S - 60)
    there, machine.timelapse._card._free_bytes = machine.timelapse._card._free_bytes, gone
    machine.operator.refusal = "no disk is mounted at /mnt/x"
    machine.let(HALF_HOUR_S)
    assert machine.timelapse.attention == "no disk is mounted at /mnt/x"
    machine.timelapse._card._free_bytes = there
    machine.timelapse.tick()
    assert machine.timelapse.attention is None


def test_a_camera_that_is_back_needs_nobody_from_the_first_slice_on(machine):
    machine.camera_problem = "no frame came"
    machine.timelapse.start(asked())
    machine.operator.failing = True
    machine.let(HALF_HOUR_S - 60)
    assert machine.timelapse.attention == "the camera is gone"
    machine.operator.failing = False
    machine.let(100)
    assert machine.operator.session is not None
    machine.camera_problem = None  # it is open: whether a frame comes is not known yet
    machine.timelapse.tick()
    assert machine.timelapse.attention == "the camera is gone"
    session = machine.operator.sessions.open(machine.operator.session)
    machine.operator._save(session, 0, exposure_record(EXPOSURE), b"slice")
    machine.timelapse.tick()
    assert machine.timelapse.attention is None


def test_a_camera_that_somebody_found_well_between_stacks_needs_nobody(machine):
    machine.camera_problem = "no frame came"
    machine.timelapse.start(asked())
    machine.operator.failing = True
    machine.let(HALF_HOUR_S - 60)
    assert machine.timelapse.attention == "the camera is gone"
    machine.camera_problem = None
    machine.timelapse.tick()
    assert machine.timelapse.attention is None


def test_a_failure_of_which_nothing_is_known_stays_until_a_stack_is_done(machine):
    machine.timelapse.start(asked(count=3))
    machine.operator.failing = True
    machine.let(HALF_HOUR_S - 60)
    machine.operator.failing = False
    machine.let(STACK_S)
    assert machine.timelapse.attention == "the camera is gone"
    machine.let(HALF_HOUR_S)
    assert machine.timelapse.attention is None


def test_merges_that_fail_need_a_person_until_one_is_done(machine):
    machine.merge_problem = "the merge of 0001 failed: memory ran out"
    assert machine.timelapse.attention is None, "no series runs"
    machine.timelapse.start(asked())
    assert machine.timelapse.attention == machine.timelapse.shown().attention == machine.merge_problem
    machine.operator.failing = True
    machine.let(HALF_HOUR_S - 60)
    assert machine.timelapse.attention == "the camera is gone"
    machine.merge_problem = None
    machine.operator.failing = False
    machine.let(HALF_HOUR_S)
    assert machine.timelapse.attention is None


@pytest.mark.parametrize("full", [False, True])
def test_a_failure_is_still_told_after_a_cut(machine, full):
    """A series of one stack a day would have been silent until the next evening."""
    machine.timelapse.start(asked(every_s=24 * HALF_HOUR_S))
    machine.operator.failing = True
    machine.let(HALF_HOUR_S)
    room_bytes = machine.disk.size_bytes
    machine.disk.size_bytes = 0 if full else room_bytes
    machine.cut(HALF_HOUR_S)
    machine.let(60)
    assert machine.timelapse.attention == "the camera is gone"
    machine.disk.size_bytes = room_bytes
    machine.let(60)
    assert machine.timelapse.attention == (None if full else "the camera is gone")
    machine.let(24 * HALF_HOUR_S)
    assert machine.slots == {0: "failed", 1: "done"}
    assert machine.timelapse.attention is None


@pytest.mark.parametrize(
    ("event", "facts", "words"),
    [
        ("rechecked", {"missed_u": -200.0}, "The motor lost steps on the way: .* 200 µm off"),
        ("recheck_failed", {"error": "no home"}, "whether steps were lost on the way is not known: no home"),
    ],
)
def test_slices_that_lie_elsewhere_need_a_person_until_a_stack_is_well_again(machine, event, facts, words):
    """A carriage that is jammed shot a week of stacks that were all done."""
    machine.timelapse.start(asked(count=3))
    machine.operator.rechecked = [(event, facts)]
    machine.let(HALF_HOUR_S - 60)
    assert machine.slots == {0: "done"}
    assert re.match(rf"0001-\S+: {words}", machine.timelapse.attention)
    machine.cut(60)
    machine.let(60)
    assert re.match(rf"0001-\S+: {words}", machine.timelapse.attention)
    machine.operator.rechecked = [("rechecked", {"missed_u": 0.0})]
    machine.let(HALF_HOUR_S - 180)
    assert machine.slots == {0: "done", 1: "done"}
    assert machine.timelapse.attention is None


def test_a_series_that_is_over_needs_nobody(machine):
    machine.timelapse.start(asked(count=1))
    machine.operator.failing = True
    machine.let(2 * HALF_HOUR_S)
    assert (machine.timelapse.current(), machine.slots) == (None, {0: "failed"})
    assert machine.timelapse.attention is None
    machine.timelapse.start(asked())
    machine.let(HALF_HOUR_S - 60)
    assert machine.timelapse.attention == "the camera is gone"
    machine.timelapse.abort()
    assert machine.timelapse.attention is None


def test_a_slot_that_was_too_hot_needs_nobody_once_the_next_is_shot(machine):
    machine.timelapse.start(asked())
    machine.strain = Strain.HEAT
    machine.let(HALF_HOUR_S - 20)
    assert machine.timelapse.attention == "the Pi was too hot"
    machine.strain = None
    machine.let(60)
    assert machine.slots == {0: "skipped", 1: "begun"}
    assert machine.timelapse.attention is None


def test_what_a_tick_stumbled_over_is_told_until_one_goes_through(machine, caplog):
    machine.timelapse.start(asked())
    machine.timelapse._stumble("the time-lapse stumbled: OSError", OSError())
    assert machine.timelapse.attention == "the time-lapse stumbled: OSError"
    assert caplog.messages[-1:] == ["the time-lapse stumbled: OSError"]
    assert caplog.records[-1].exc_info is None, "a full disk is no mistake of the program's"
    machine.timelapse.tick()
    assert machine.timelapse.attention is None


@pytest.mark.parametrize("cut_after_s", [60, HALF_HOUR_S - STACK_S])
def test_a_failure_is_told_after_a_power_cut_until_a_stack_is_well_again(machine, cut_after_s):
    machine.operator.failing = True
    machine.timelapse.start(asked(manner=Manner(hot=WhenHot.SKIP)))
    machine.let(HALF_HOUR_S - 60)
    machine.operator.failing = False
    machine.strain = None if cut_after_s == 60 else Strain.HEAT
    machine.let(60 + cut_after_s)
    assert machine.slots == {0: "failed", 1: "begun" if cut_after_s == 60 else "skipped"}
    assert machine.timelapse.attention == "the camera is gone"
    machine.cut(10)
    assert machine.timelapse.attention == "the camera is gone"
    machine.strain = None
    machine.let(HALF_HOUR_S)
    assert machine.timelapse.attention is None
