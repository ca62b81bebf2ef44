"""The real unit under a real systemd, on real gpiozero and lgpio; the camera is the simulator's."""

import pytest

pytestmark = [pytest.mark.rig, pytest.mark.timeout(300)]

RELEASED, HELD = True, False  # ENABLE is active low
WATCHDOG_S = 30


def test_a_press_shoots_a_stack_and_a_killed_daemon_goes_on_with_the_next(machine):
    report = machine.supervise("shoots")
    assert (report["state"], report["line"]) == ("active", "at rest")
    assert report["socket"] == ["0o660", "focusrail"]
    assert report["member"]["ready"], report["member"]
    assert report["stranger"] == 5
    assert report["doctor"] == []
    assert [one["health"] for one in report["motion"]] == ["good"], report["motion"]
    first, second = report["first"], report["second"]
    assert first.count("slice_saved") == 6
    assert "merge_done" in first
    assert report["shooting"].startswith("shoot: shooting slice")
    assert "stack_resumed" in second
    assert second.count("slice_saved") == 6
    assert "stack_done" in second
    assert report["logged"] == ["shoot ended: done"]
    assert report["lost_steps"] == 0


def test_a_pin_that_setup_is_told_of_is_gone_by_after_a_restart_that_it_sees_to(machine):
    report = machine.supervise("sets_up")
    assert "+panel: {light_warm_up_s: 0.02, led_pin: null}" in report["said"], report["said"]
    assert (report["restarted"], report["state"]) == (True, "active")
    assert "Press the limit switch" in report["said"]
    assert report["code"] == 130


def test_what_hangs_is_ended_by_the_watchdog_and_started_again(machine):
    report = machine.supervise("hangs")
    assert WATCHDOG_S <= report["hung_s"] < 2 * WATCHDOG_S
    assert report["motion"] == 1
    assert report["motion_hung_s"] < WATCHDOG_S


@pytest.mark.parametrize(("gravity", "left"), [(False, RELEASED), (True, HELD)])
def test_a_stop_leaves_the_motor_as_gravity_says(machine, gravity, left):
    report = machine.supervise("stops", gravity=gravity)
    assert report["held"] == HELD
    assert report["result"] == "success"
    assert report["after_stop"] == left
    assert report["after_kill"] == left
