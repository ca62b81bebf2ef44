"""The walk, on rigs that are wired wrongly, and a person who looks, touches and measures."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from walk_bench import LENS, RING, RUNNING, Bench

from focusd.config import load_config
from focusd.contradictions import contradictions
from focusd.settings import Config
from focusd.setup import answered, notes_of, question, taken_up
from focusd.walk import Errand, Heard, NotUnderstood, Walk
from focusd.walk_travel import LEAD, RAIL, STRAP


def test_a_rig_that_is_wired_rightly_keeps_its_settings(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.all_through() == {"axis.home_allowed": True}
    assert bench.restarts == [{"axis.home_allowed": True}]


def test_pins_that_are_otherwise_are_said_and_the_daemon_looks_at_them_before_anything_is_pressed(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, switches=(17, 6), wired="limit-near 17, led none e-stop=22, light-active low")
    found = bench.all_through()
    assert found == {
        "axis.pins.limit_near": 17,
        "panel.led_pin": None,
        "panel.light_active": "low",
        "axis.pins.e_stop": 22,
        "axis.home_allowed": True,
    }
    assert [*bench.restarts[0]] == [
        "axis.pins.limit_near",
        "panel.led_pin",
        "axis.pins.e_stop",
        "panel.light_active",
    ]


def test_a_motor_that_turns_the_other_way_is_inverted(tmp_path: Path) -> None:
    assert Bench(tmp_path, invert=True).all_through()["axis.invert"] is True


def test_a_subject_at_the_near_end_is_what_it_comes_closer_to(tmp_path: Path) -> None:
    assert Bench(tmp_path, subject_side="near").all_through() == {"axis.home_allowed": True}


def test_swapped_switches_are_swapped_back_before_anything_moves(tmp_path: Path) -> None:
    bench = Bench(tmp_path, switches=(6, 5))
    found = bench.all_through()
    assert (found["axis.pins.limit_near"], found["axis.pins.limit_far"]) == (6, 5)
    assert bench.restarts[0] == {"axis.pins.limit_near": 6, "axis.pins.limit_far": 5}


def test_switches_of_the_other_kind_are_seen(tmp_path: Path) -> None:
    found = Bench(tmp_path, pressed_level="low").all_through()
    assert found["axis.pins.limit_active"] == "low"
    assert "axis.pins.limit_near" not in found


def test_a_rig_with_one_switch_says_so(tmp_path: Path) -> None:
    found = Bench(tmp_path, switches=(5, None)).all_through()
    assert found["axis.pins.limit_far"] is None
    bench = Bench(tmp_path, switches=(5, None), wired="limit-far none")
    assert bench.all_through()["axis.pins.limit_far"] is None
    assert bench.restarts[0] == {"axis.pins.limit_far": None}


@pytest.mark.parametrize(("ratio", "microsteps"), [(2.0, 8), (0.5, 32), (16.0, 1)])
def test_straps_that_are_others_than_thought_show_at_the_ruler(
    tmp_path: Path, ratio: float, microsteps: int
) -> None:
    found = Bench(tmp_path, ratio=ratio).all_through()
    assert found[STRAP] == microsteps
    assert LEAD not in found


def test_a_screw_of_another_lead_shows_at_the_ruler(tmp_path: Path) -> None:
    assert Bench(tmp_path, ratio=1.25).all_through()[LEAD] == 1.25


def test_steps_that_turn_out_small_slow_the_rig_down_to_what_can_be_stepped() -> None:
    found = answered(Walk(RUNNING, step="ruler"), "0.25").told.found
    speeds = ("speed.start_mm_s", "speed.max_mm_s", "homing.fast_mm_s", "homing.slow_mm_s")
    assert found == {STRAP: 128, **{f"axis.{name}": 0.117 for name in speeds}}
    settings = Config.model_validate({"axis": _tree({LEAD: 1.0, **found})})
    assert not list(contradictions(settings))


def _tree(found: Any) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in found.items():
        _, group, key = name.split(".")
        tree.setdefault(group, {})[key] = value
    return tree


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


@pytest.mark.parametrize(
    ("step", "answer", "words"),
    [
        ("lead", "-1", "from 0.05 to 50"),
        ("lead", "x", "from 0.05 to 50"),
        ("turn", "2.5", "from 4"),
        ("turn", "200.5", "whole"),
        ("strap", "3", "1, 2, 4, 8"),
        ("direction", "", "needed"),
        ("ruler", "0", "from 0.05 to 80"),
        ("driver", "L298", "A4988, DRV8825, TMC2209, ULN2003, custom"),
        ("pins", "stop 4", "none of step, dir, enable"),
        ("pins", "step 28", "from 0 to 27$"),
        ("pins", "shoot 28", "from 0 to 27, or none$"),
        ("pins", "step none", "from 0 to 27"),
        ("pins", "step", "from 0 to 27"),
        ("pins", "enable-active on", "low or high"),
        ("pins", "step 5", "GPIO 5 would be step and limit-near"),
        ("scale", "many", "from 1 to 100000"),
        ("flat", "maybe", "yes or skip"),
    ],
)
def test_an_answer_that_cannot_be_is_not_taken(step: str, answer: str, words: str) -> None:
    with pytest.raises(NotUnderstood, match=words):
        answered(Walk(RUNNING, step=step), answer)


@pytest.mark.parametrize(
    ("step", "answer", "found"),
    [
        ("travel", "1", {"axis.travel_mm": 1.0}),
        ("travel", "1000", {"axis.travel_mm": 1000.0}),
        ("travel", "40 mm", {"axis.travel_mm": 40.0}),
        ("travel", "1500um", {"axis.travel_mm": 1.5}),
        ("keep_out", "500 µm", {"axis.keep_out_mm": 0.5}),
        ("lead", "0.7mm", {"axis.screw.lead_mm": 0.7}),
        ("turn", "400", {"axis.screw.full_steps_a_turn": 400}),
    ],
)
def test_a_number_is_taken_in_the_unit_that_was_typed(step: str, answer: str, found: dict[str, Any]) -> None:
    assert answered(Walk(RUNNING, step=step), answer).found == found


@pytest.mark.parametrize(
    ("step", "answer", "words"),
    [
        ("travel", "500um", '500um" is no number from 1 to 1000 mm'),
        ("travel", "40deg", "from 1 to 1000 mm"),
        ("travel", "nan", "from 1 to 1000 mm"),
        ("turn", "200mm", '200mm" is no number from 4 to 1000$'),
        ("scale", "1deg", "from 1 to 100000 um"),
    ],
)
def test_a_number_in_a_unit_that_was_not_asked_for_is_not_taken(step: str, answer: str, words: str) -> None:
    with pytest.raises(NotUnderstood, match=words):
        answered(Walk(RUNNING, step=step), answer)


def walked(running: dict[str, Any], *answers: str) -> tuple[list[str], dict[str, Any]]:
    """Answer in this order to the end; give the steps that were asked, and what changes."""
    walk, steps, rest = Walk(running), [], list(answers)
    while (asked := question(walk)) is not None:
        if not walk.may_ask(asked):
            walk = replace(walk, running=dict(walk.running) | walk.changes())
            continue
        steps.append(asked.words.split()[0])
        walk = answered(walk, rest.pop(0))
    assert rest == []
    return steps, {name: value for name, value in walk.running.items() if value != running[name]}


def test_a_ring_is_turned_and_has_neither_switches_nor_a_screw() -> None:
    answers = ("", "", "nearer", "10", "-5 270", *["skip"] * 5)
    steps, changed = walked(RING, *answers)
    assert len(steps) == 10
    # 1000 and 600 half steps a second, by the gears of a 28BYJ-48 and a pulley of 3
    slower = {"axis.ring.speed.max_deg_s": 29.44, "axis.ring.speed.start_deg_s": 17.66}
    ends = {"axis.ring.pulley": "3", "axis.ring.ends_deg": [-5.0, 270.0]}
    assert changed == {"axis.invert": True, **ends, **slower}
    written = [f"{name}={json.dumps(value)}" for name, value in changed.items()]
    assert load_config(None, ["axis.kind=ring", "axis.driver=ULN2003", *written])


def test_a_lens_is_only_measured() -> None:
    assert walked(LENS, *["skip"] * 4)[1] == {}


@pytest.mark.parametrize(
    ("step", "answer", "errand"),
    [
        ("homed", "", Errand("/home")),
        ("settle", "", Errand("/calibrate/settle")),
        ("backlash", "yes", Errand("/calibrate/backlash")),
        ("scale", "100", Errand("/calibrate/scale", {"division_um": 100.0})),
        ("flat", "yes", Errand("/calibrate/flat")),
        ("flat", "", None),
        ("dark", "yes", Errand("/calibrate/dark")),
        ("settle", "skip", None),
    ],
)
def test_the_camera_measures_what_is_agreed_to(step: str, answer: str, errand: Errand | None) -> None:
    walk = Walk({**RUNNING, "axis.home_allowed": True}, step=step)
    assert answered(walk, answer).told.errand == errand


def test_a_rig_that_may_not_home_is_not_asked_to() -> None:
    for running in (RUNNING, {**RING, "axis.home_allowed": True}):
        assert answered(Walk(running, step="homed"), "").told.errand == Errand("/calibrate/settle")


@pytest.mark.parametrize("kept", [{"found": {"axis.gone": 1}, "step": "near"}, {"step": "gone"}, {}])
def test_notes_of_another_walk_are_not_taken_up(kept: dict[str, Any]) -> None:
    assert taken_up(RUNNING, {"config": "/etc/a.yaml", **kept}, "/etc/a.yaml") == Walk(RUNNING)


def test_the_walk_of_one_rig_is_not_gone_on_with_at_another() -> None:
    """Both daemons of one user share the folder of its notes."""
    walk = Walk(RUNNING, {"axis.invert": True}, "ruler")
    notes = notes_of(walk, "/etc/a.yaml")
    assert taken_up(RUNNING, notes, "/etc/a.yaml") == walk
    assert taken_up(RUNNING, notes, "/etc/b.yaml") == Walk(RUNNING)


@pytest.mark.parametrize(("typed", "allowed"), [("yes", True), ("y", True), ("no", False), ("n", False)])
def test_the_rig_may_home_by_itself_only_where_that_was_said(typed: str, allowed: bool) -> None:
    _, take = RAIL["home"]
    assert take(Walk({}), Heard(typed)).found == {"axis.home_allowed": allowed}
    for other in (typed + "?", "yonder", ""):
        with pytest.raises(NotUnderstood, match="yes or no"):
            take(Walk({}), Heard(other))
