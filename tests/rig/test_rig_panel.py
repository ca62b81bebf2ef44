"""The panel on the real gpiozero and lgpio, beside a motion process on the same chip."""

from itertools import pairwise

import pytest
from test_rig_moves import agrees

pytestmark = pytest.mark.rig


def test_a_chattering_button_is_pressed_once(machine):
    report = machine.play("panel", "press")
    assert report["told"] == [True, False] * 5
    assert max(report["late_us"]) < 50_000


def test_a_short_tap_is_released_too(machine):
    assert machine.play("panel", "tap")["told"] == [True, False]


def test_led_and_light_shine_on_their_own_lines(machine):
    on, off = True, False
    assert machine.play("panel", "lights")["seen"] == [[on, off], [on, on], [off, on], [off, off], [off, off]]


def test_a_dimmed_light_at_a_board_active_low_shines_as_often_and_as_long_as_it_is_to(machine):
    report = machine.play("panel", "dimmed")
    assert (report["dark"], report["afterwards"]) == ([True, True], 0)
    edges = report["edges"][2:]  # the first turn may be cut short
    assert 150 <= len(edges) <= 210
    low_us = sum(end - begin for (begin, level), (end, _) in pairwise(edges) if not level)
    assert low_us / (edges[-1][0] - edges[0][0]) == pytest.approx(0.30, abs=0.05)


def test_a_press_stops_the_motion_process(machine):
    report = machine.play("panel", "stop")
    assert report["said"] == "stopped on request"
    assert report["pulses_us"][-1] - report["pressed_us"] < 200_000
    agrees(report)
