"""Our motion process on the real gpiozero and lgpio: what the kernel saw is what the axis says."""

from itertools import pairwise

import pytest

from rail.profile import Ramp, intervals_ns

pytestmark = pytest.mark.rig

RAMP = Ramp(start_steps_s=200, max_steps_s=1000, acceleration_steps_s2=8000)
A4988_WAKES_US = 1000
RELEASED, HELD = True, False  # ENABLE is active low
CLOCK_US = 1
"""The trace's clock shows whole microseconds."""
SLACK_US = 100
"""How late the kernel may wake a process up."""


def agrees(report):
    """The axis believes what the carriage did, and every pulse moved the carriage."""
    path = report["path_steps"]
    assert report["axis_steps"] == path[-1]
    assert report["pulses"] == sum(abs(there - here) for here, there in pairwise(path))
    assert report["lost_steps"] == 0


def keeps_to(pulses_us, planned_ns):
    """Each pulse came when it should, or a little later; never earlier."""
    took_us = [there - here for here, there in pairwise(pulses_us)]
    assert len(took_us) == len(planned_ns)
    assert all(
        planned / 1000 - CLOCK_US <= took <= planned / 1000 + SLACK_US
        for took, planned in zip(took_us, planned_ns, strict=True)
    )


def test_homing_finds_the_switch_on_the_kernels_lines(machine):
    report = machine.play("moves", "home")
    assert report["path_steps"] == [150, 0, 21, 0, 50]
    assert report["trust"] == "known"
    assert report["counted_steps"] == 50 - 150
    agrees(report)


def test_moves_arrive_from_the_near_side_and_keep_to_their_ramp(machine):
    report = machine.play("moves", "move")
    assert report["path_steps"] == [30, 0, 21, 0, 350, 270, 310]
    agrees(report)
    to_350 = report["pulses_us"][: 350 - 50]
    keeps_to(to_350, list(intervals_ns(RAMP, len(to_350)))[:-1])


def test_a_stop_in_mid_move_ramps_down_and_loses_nothing(machine):
    report = machine.play("moves", "stop")
    stopped, resumed = report["stopped"], report["resumed"]
    assert stopped["said"] == "stopped on request"
    assert "arm the axis" in stopped["refused"]
    assert stopped["trust"] == "known"
    agrees(stopped)
    braking = [at_us for at_us in stopped["pulses_us"] if at_us > stopped["asked_us"]]
    assert RAMP.length_steps <= len(braking) <= RAMP.length_steps + 1  # one was on its way
    keeps_to(braking[-RAMP.length_steps :], list(RAMP.levels_ns[-2:0:-1]))
    assert resumed["path_steps"][-1] == 500
    agrees(resumed)


def test_no_pulse_comes_after_a_limit_and_only_the_way_back_is_open(machine):
    report = machine.play("moves", "limit")
    halted, again, away, homed = (report[name] for name in ("halted", "again", "away", "homed"))
    assert "far limit switch is pressed" in halted["said"]
    assert halted["path_steps"][-1] == 250
    assert halted["trust"] == "unknown"
    assert again["pulses"] == halted["pulses"]
    assert away["path_steps"][-1] == 150
    assert (homed["axis_steps"], homed["trust"]) == (50, "known")
    for seen in (halted, again, away, homed):
        agrees(seen)


def test_the_motor_is_held_only_when_asked(machine):
    report = machine.play("moves", "enable")
    assert report["opened"] == [RELEASED]
    assert report["ran"] == [RELEASED, HELD]
    assert report["released"] == [RELEASED, HELD, RELEASED]
    assert report["waking_us"] >= A4988_WAKES_US


def test_a_pin_in_use_is_named_and_its_owner_undisturbed(machine):
    report = machine.play("moves", "taken")
    assert "GPIO 21" in report["said"]
    assert "busy" in report["said"]
    assert report["path_steps"] == [30, 0, 21, 0, 50]
    agrees(report)


def test_a_dead_parent_ends_the_motion_and_its_process(machine):
    report = machine.play("moves", "orphan")
    assert report["pulses_after"] <= 1
    assert report["left"] == []
    assert report["enable"] == [RELEASED, HELD, RELEASED]


def test_a_killed_motion_process_is_noticed_and_its_last_step_known(machine):
    report = machine.play("moves", "lost")
    assert "is lost" in report["said"]
    assert report["trust"] == "unknown"
    assert report["path_steps"][-1] == pytest.approx(201, abs=1)
    assert report["lost_steps"] == 0


def test_the_lines_that_a_motion_process_holds_are_told_apart_from_free_ones(machine):
    report = machine.play("moves", "users")
    assert report == {"free": [], "held": [5, 6, 16, 20, 21], "left": []}
