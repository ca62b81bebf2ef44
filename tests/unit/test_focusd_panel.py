import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusd.panel import RHYTHMS_MS, Finger, Mood, Panel, Request, keep, lit, mood, press, release
from rail.clock import MonotonicClock

LONG_NS = 1_500_000_000
MS = 1_000_000


class Striding(MonotonicClock):
    """Is 50 ms on whenever somebody looks."""

    def __init__(self) -> None:
        self.looks = itertools.count()

    def monotonic_ns(self) -> int:
        return next(self.looks) * 50 * MS


def pressed(moments: list[tuple[str, int]], *, moving: bool) -> list[tuple[Request, int]]:
    """Give what a finger asks for, and when (ms)."""
    finger, asked = Finger(), []
    for what, at_ms in moments:
        if what == "down":
            finger, request = press(finger, at_ms * MS, moving=moving)
        elif what == "up":
            finger, request = release(finger, at_ms * MS)
        else:
            finger, request = keep(finger, at_ms * MS, LONG_NS)
        if request:
            asked.append((request, at_ms))
    return asked


def test_a_short_press_on_a_resting_rig_shoots_when_the_finger_leaves() -> None:
    assert pressed([("down", 0), ("tick", 100), ("up", 200)], moving=False) == [(Request.SHOOT, 200)]


def test_a_spark_on_the_wire_of_the_button_moves_nothing_and_stops_what_moves() -> None:
    """The button reads pressed until its quiet of 20 ms is over, and somewhat longer on a busy machine."""
    assert pressed([("down", 0), ("up", 22)], moving=False) == []
    assert pressed([("down", 0), ("up", 22), ("down", 100), ("up", 140)], moving=False) == [
        (Request.SHOOT, 140)
    ]
    assert pressed([("down", 0), ("up", 22)], moving=True) == [(Request.STOP, 0)]


def test_a_press_while_anything_moves_stops_on_the_edge_and_does_nothing_more() -> None:
    assert pressed([("down", 0), ("tick", 100), ("up", 200)], moving=True) == [(Request.STOP, 0)]


def test_a_long_press_aborts_once() -> None:
    held = [("down", 0), ("tick", 1499), ("tick", 1500), ("tick", 1600), ("up", 3000)]
    assert pressed(held, moving=True) == [(Request.STOP, 0), (Request.STOP_FOR_GOOD, 1500)]
    assert pressed(held, moving=False) == [(Request.ABORT, 1500)]


def test_a_release_without_a_press_asks_for_nothing() -> None:
    assert pressed([("up", 0), ("tick", 5000)], moving=False) == []


@given(st.lists(st.tuples(st.sampled_from(["down", "up", "tick"]), st.integers(0, 4000)), max_size=12))
def test_nothing_a_finger_does_on_a_moving_rig_ever_shoots(moments: list[tuple[str, int]]) -> None:
    moments = sorted(moments, key=lambda moment: moment[1])
    asked = pressed(moments, moving=True)
    assert Request.SHOOT not in [request for request, _ in asked]
    downs = [at_ms for what, at_ms in moments if what == "down"]
    assert [at_ms for request, at_ms in asked if request is Request.STOP] == downs


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        ({}, Mood.READY),
        ({"job": "home", "phase": "homing"}, Mood.MOVING),
        ({"job": "shoot", "phase": "homing"}, Mood.MOVING),
        ({"job": "shoot", "phase": "shooting"}, Mood.SHOOTING),
        ({"job": "resume", "phase": "metering"}, Mood.SHOOTING),
        ({"job": "shoot", "phase": "resting"}, Mood.RESTING),
        ({"job": "rehearse", "phase": "moving"}, Mood.MOVING),
        ({"merging": True}, Mood.MERGING),
        ({"merging": True, "paused": True}, Mood.PAUSED),
        ({"paused": True, "failed": True}, Mood.FAILED),
        ({"paused": True, "job": "home"}, Mood.MOVING),
        ({"merging": True, "failed": True}, Mood.FAILED),
        ({"job": "shoot", "phase": "shooting", "failed": True}, Mood.SHOOTING),
        ({"emergency": True, "failed": True, "job": "shoot"}, Mood.EMERGENCY),
        ({"emergency": True, "refused_ns": 9_000_000_000}, Mood.EMERGENCY),
        ({"refused_ns": 9_000_000_000}, Mood.REFUSED),
        ({"refused_ns": 7_000_000_000}, Mood.READY),
    ],
)
def test_the_lamp_tells_what_needs_a_person_first(facts: dict[str, object], shown: Mood) -> None:
    rest = {"job": None, "phase": None, "merging": False, "failed": False, "emergency": False}
    rest |= {"paused": False, "refused_ns": None}
    assert mood(**{**rest, **facts}, now_ns=10_000_000_000) is shown  # type: ignore[arg-type]


@pytest.mark.parametrize("shown", list(Mood))
def test_every_rhythm_repeats_and_looks_like_no_other(shown: Mood) -> None:
    length_ms = sum(RHYTHMS_MS[shown])
    levels = [lit(shown, at_ms * MS) for at_ms in range(length_ms)]
    assert levels == [lit(shown, (at_ms + length_ms) * MS) for at_ms in range(length_ms)]
    assert sum(levels) == sum(RHYTHMS_MS[shown][::2])
    assert len(set(RHYTHMS_MS.values())) == len(Mood)


def test_the_panel_carries_edges_to_whoever_acts_and_the_rhythm_to_the_lamp() -> None:
    asked: list[Request] = []
    lamp: list[bool] = []
    shot, shone = threading.Event(), threading.Event()

    def ask(request: Request) -> None:
        asked.append(request)
        shot.set()

    def set_lamp(on: bool) -> None:
        lamp.append(on)
        shone.set()

    panel = Panel(ask, lambda: False, lambda _: Mood.SHOOTING, set_lamp, LONG_NS, Striding())
    panel.start()
    panel.edge(True)
    panel.edge(False)
    assert shot.wait(5) and shone.wait(5)
    panel.close()
    assert asked == [Request.SHOOT]
    assert lamp == [True, False]


def test_a_lamp_that_fails_leaves_the_button_as_it_is() -> None:
    asked: list[Request] = []
    stopped = threading.Event()

    def ask(request: Request) -> None:
        asked.append(request)
        stopped.set()

    def broken(on: bool) -> None:
        if on:
            raise OSError("the pin is gone")

    panel = Panel(ask, lambda: True, lambda _: Mood.SHOOTING, broken, LONG_NS, Striding())
    panel.start()
    panel.edge(True)
    assert stopped.wait(5)
    panel.close()
    assert asked == [Request.STOP]
