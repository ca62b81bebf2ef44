"""Rigs that are wired otherwise than their settings say: what is said of it, and that no harm comes."""

import pytest
from daemon_process import Daemon, daemon


def said(focusd: Daemon) -> dict[str, str]:
    """Give what is bad, by thing."""
    bad: dict[str, str] = {}
    for one in focusd.ask("/doctor")["verdicts"]:
        if one["health"] == "bad":
            bad[one["thing"]] = f"{bad.get(one['thing'], '')} {one['words']} -> {one['remedy']}"
    return bad


@pytest.mark.parametrize("wrong", ["limits-kind", "limits-off"])
def test_switches_that_read_pressed_are_seen_at_once_and_nothing_moves(tmp_path, wrong):
    with daemon(tmp_path, "simulation.start_mm=10.0", f"simulation.miswired=[{wrong}]") as focusd:
        assert "axis.pins.limit_active" in said(focusd)["limits"]
        status, problem = focusd.call("POST", "/home")
        assert (status, "no direction is safe" in problem["detail"]) == (500, True)
        assert focusd.ask("/sim/state")["carriage"]["edges"] == 0


def test_an_emergency_stop_without_its_wire_is_pressed(tmp_path):
    wiring = ("axis.pins.e_stop=22", "simulation.miswired=[e-stop-off]")
    with daemon(tmp_path, *wiring) as focusd:
        assert "wire" in said(focusd)["emergency stop"]
        assert focusd.call("POST", "/jog", distance_u=100.0)[1]["title"] == "Emergency stop"
        assert focusd.ask("/sim/state")["carriage"]["edges"] == 0


@pytest.mark.parametrize("wrong", ["step-and-dir", "enable"])
def test_a_motor_that_does_not_turn_is_found_out_by_homing(tmp_path, wrong):
    with daemon(tmp_path, "axis.travel_mm=4.0", f"simulation.miswired=[{wrong}]") as focusd:
        problem = focusd.call("POST", "/home")[1]
        assert "the motor does not turn" in problem["detail"]
        assert focusd.ask("/sim/state")["carriage"]["motor_steps"] == 0


def test_switches_that_are_swapped_end_homing_and_the_words_say_so(tmp_path):
    with daemon(tmp_path, "axis.travel_mm=4.0", "simulation.miswired=[limits-swapped]") as focusd:
        problem = focusd.call("POST", "/home")[1]
        assert "the two switches are exchanged" in problem["detail"]
        carriage = focusd.ask("/sim/state")["carriage"]
        assert (carriage["crashes_near"], carriage["crashes_far"]) == (0, 0)
