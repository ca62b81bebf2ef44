"""The walk, on rigs that are wired wrongly, and a person who looks, touches and measures."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rail_rig import SPEC, Rig

from focusd.setup import RULER_MM, SETTINGS, NotUnderstood, Sight, Walk, answered, question

RUNNING = dict(zip(SETTINGS, (1.0, 200, 16, False, 40.0, 2.0, False, 5, 6, "high", None), strict=True))
"""What `rail_rig` steps by: 0.3125 µm a step."""


@dataclass
class Bench:
    """A rail as it really is, with the daemon's belief on top, and a person beside it.

    `switches` says at which pin the near and the far switch are, `pressed_level` what they read when pressed.
    """

    folder: Path
    invert: bool = False
    ratio: float = 1.0
    switches: tuple[int | None, int | None] = (5, 6)
    pressed_level: str = "high"
    e_stop_wired: bool = True

    def __post_init__(self) -> None:
        spec = replace(SPEC, invert=self.invert, um_per_step=0.3125 * self.ratio, backlash_um=0.0)
        spec = replace(spec, near_switch_um=-9e5, near_end_um=-9e5, far_switch_um=9e5, far_end_um=9e5)
        self.rig = Rig(self.folder, position_um=0.0, spec=spec)
        self.walk = Walk(RUNNING)
        self.held: int | str | None = None

    def see(self) -> Sight:
        def reads(pin: int) -> bool:
            level = "high" if (self.held == pin) is (self.pressed_level == "high") else "low"
            return level == RUNNING["axis.pins.limit_active"]

        e_stop = RUNNING["axis.pins.e_stop"]
        return Sight(reads(5), reads(6), None if e_stop is None else self.held == "e_stop")

    def moved_um(self, length_mm: float) -> float:
        before_um = self.rig.carriage_um
        self.rig.axis.jog(round(length_mm * 1000 / 0.3125))
        return self.rig.carriage_um - before_um

    def all_through(self) -> dict[str, Any]:
        """Answer truly to the end; leave and come back between any two answers."""
        for _ in range(30):
            asked = question(self.walk)
            if asked is None:
                return self.walk.changes()
            moved_um = self.moved_um(asked.move_mm) if asked.move_mm else 0.0
            self.held = None
            before = self.see()
            answer = self.answer(moved_um)
            self.walk = answered(self.walk, answer, before, self.see())
            self.walk = Walk(RUNNING, json.loads(json.dumps(dict(self.walk.found))), self.walk.step)
        raise AssertionError(f"the walk does not end: {self.walk}")

    def answer(self, moved_um: float) -> str:
        near, far = self.switches
        match self.walk.step:
            case "direction":
                return "closer" if moved_um > 0 else "apart"
            case "ruler":
                return f"{abs(moved_um) / 1000:.2f}"
            case "near" | "far" as end:
                self.held = near if end == "near" else far
                return "none" if self.held is None else ""
            case "home":
                return "yes"
        return ""


def test_a_rig_that_is_wired_rightly_keeps_its_settings(tmp_path: Path) -> None:
    assert Bench(tmp_path).all_through() == {"axis.home_allowed": True}


def test_a_motor_that_turns_the_other_way_is_inverted(tmp_path: Path) -> None:
    assert Bench(tmp_path, invert=True).all_through()["axis.invert"] is True


def test_swapped_switches_are_swapped_back(tmp_path: Path) -> None:
    found = Bench(tmp_path, switches=(6, 5)).all_through()
    assert (found["axis.pins.limit_near"], found["axis.pins.limit_far"]) == (6, 5)


def test_switches_of_the_other_kind_are_seen(tmp_path: Path) -> None:
    found = Bench(tmp_path, pressed_level="low").all_through()
    assert found["axis.pins.limit_active"] == "low"
    assert "axis.pins.limit_near" not in found


def test_a_rig_with_one_switch_says_so(tmp_path: Path) -> None:
    assert Bench(tmp_path, switches=(5, None)).all_through()["axis.pins.limit_far"] is None


@pytest.mark.parametrize(("ratio", "microsteps"), [(2.0, 8), (0.5, 32), (16.0, 1)])
def test_straps_that_are_others_than_thought_show_at_the_ruler(
    tmp_path: Path, ratio: float, microsteps: int
) -> None:
    found = Bench(tmp_path, ratio=ratio).all_through()
    assert found["axis.screw.microsteps"] == microsteps
    assert "axis.screw.lead_mm" not in found


def test_a_screw_of_another_lead_shows_at_the_ruler(tmp_path: Path) -> None:
    found = Bench(tmp_path, ratio=1.25).all_through()
    assert found["axis.screw.lead_mm"] == 1.25


def test_all_of_it_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, invert=True, ratio=2.0, switches=(6, 5), pressed_level="low")
    assert bench.all_through() == {
        "axis.invert": True,
        "axis.screw.microsteps": 8,
        "axis.pins.limit_near": 6,
        "axis.pins.limit_far": 5,
        "axis.pins.limit_active": "low",
        "axis.home_allowed": True,
    }


@given(st.floats(0.2, 4.9).filter(lambda ratio: abs(ratio - 1) > 0.05))
def test_what_the_ruler_says_is_what_a_step_then_is(ratio: float) -> None:
    walk = answered(replace(Walk(RUNNING), step="ruler"), f"{RULER_MM * ratio}")
    lead_mm, turn, microsteps = (walk.value(name) for name in SETTINGS[:3])
    assert lead_mm / turn / microsteps == pytest.approx(ratio * 1.0 / 200 / 16, rel=0.055)


def test_a_rig_that_misreads_its_switches_does_not_move_by_them() -> None:
    walk = replace(Walk(RUNNING), step="near")
    swapped = answered(walk, "", Sight(False, False), Sight(False, True))
    other_kind = answered(walk, "", Sight(True, True), Sight(False, True))
    assert [one.fit_to_move for one in (walk, swapped, other_kind)] == [True, False, False]
    written = Walk({**RUNNING, **swapped.changes()}, swapped.found, swapped.step)
    assert written.fit_to_move


def test_a_switch_that_nothing_is_seen_of_is_asked_for_again() -> None:
    walk = replace(Walk(RUNNING), step="near")
    again = answered(walk, "", Sight(False, False), Sight(False, False))
    assert (again.step, "wire" in again.said) == ("near", True)
    both = answered(walk, "", Sight(False, False), Sight(True, True))
    assert (both.step, "Both" in both.said) == ("near", True)


def test_an_emergency_stop_is_seen_to_open() -> None:
    walk = Walk({**RUNNING, "axis.pins.e_stop": 12}, step="e_stop")
    pressed = answered(walk, "", Sight(e_stop=False), Sight(e_stop=True))
    assert (pressed.step, question(pressed).acknowledges) == ("release", True)
    assert answered(pressed, "", now=Sight(e_stop=False)).step == "lead"
    with pytest.raises(NotUnderstood, match="still reads pressed"):
        answered(pressed, "", now=Sight(e_stop=True))
    assert answered(walk, "", Sight(e_stop=True), Sight(e_stop=True)).step == "e_stop"
    assert answered(walk, "none").changes() == {"axis.pins.e_stop": None}


@pytest.mark.parametrize(
    ("step", "answer"), [("lead", "-1"), ("lead", "x"), ("strap", "2.5"), ("direction", ""), ("ruler", "0")]
)
def test_an_answer_that_cannot_be_is_not_taken(step: str, answer: str) -> None:
    with pytest.raises(NotUnderstood):
        answered(replace(Walk(RUNNING), step=step), answer)
