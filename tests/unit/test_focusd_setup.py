"""The walk, on rigs that are wired wrongly, and a person who looks, touches and measures."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rail_rig import SPEC, Rig

from focusd.contradictions import contradictions
from focusd.settings import Config
from focusd.setup import answered, named, question, taken_up
from focusd.switches import Switches
from focusd.walk import Errand, Heard, NotUnderstood, Question, Told, Walk
from focusd.walk_travel import LEAD, PULLEY, RAIL, RULER_MM, STRAP, TURN
from focusd.walk_travel import RING as RING_STEPS

DEFAULTS = named(Config().model_dump(mode="json"))
RUNNING = {**DEFAULTS, LEAD: 1.0}
"""What `rail_rig` steps by: 0.3125 µm a step."""

RING = {**DEFAULTS, "axis.kind": "ring", "axis.driver": "ULN2003", "axis.ring.microsteps": 2}
LENS = {**DEFAULTS, "axis.kind": "lens"}


@dataclass
class Bench:
    """A rail as it really is, with the daemon's belief on top, and a person beside it.

    `switches` says at which pin the near and the far switch are, `pressed_level` what they read when pressed,
    `wired` what the person answers when asked which pins are otherwise.
    """

    folder: Path
    invert: bool = False
    ratio: float = 1.0
    switches: tuple[int | None, int | None] = (5, 6)
    pressed_level: str = "high"
    wired: str = ""
    subject_side: str = "far"

    def __post_init__(self) -> None:
        spec = replace(SPEC, invert=self.invert, um_per_step=0.3125 * self.ratio, backlash_um=0.0)
        spec = replace(spec, near_switch_um=-9e5, near_end_um=-9e5, far_switch_um=9e5, far_end_um=9e5)
        self.rig = Rig(self.folder, position_um=0.0, spec=spec)
        self.before = {**RUNNING, "axis.subject_side": self.subject_side}
        self.walk = Walk(self.before)
        self.held: int | str | None = None
        self.restarts: list[dict[str, Any]] = []

    def see(self) -> Switches:
        running = self.walk.running

        def reads(pin: int | None) -> bool | None:
            level = "high" if (self.held == pin) is (self.pressed_level == "high") else "low"
            return None if pin is None else level == running["axis.pins.limit_active"]

        e_stop = None if running["axis.pins.e_stop"] is None else self.held == "e-stop"
        return Switches(reads(running["axis.pins.limit_near"]), reads(running["axis.pins.limit_far"]), e_stop)

    def moved_um(self, length_um: float) -> float:
        lead_mm, turn, microsteps = (self.walk.running[name] for name in (LEAD, TURN, STRAP))
        before_um = self.rig.carriage_um
        self.rig.axis.jog(round(length_um * turn * microsteps / lead_mm / 1000))
        return self.rig.carriage_um - before_um

    def all_through(self) -> dict[str, Any]:
        """Answer truly to the end; leave and come back between any two answers. Give what has changed."""
        for _ in range(40):
            asked = question(self.walk)
            if asked is None:
                now = self.walk.running | self.walk.changes()
                return {name: value for name, value in now.items() if value != self.before[name]}
            if not self.walk.may_ask(asked):
                self.restarts.append(self.walk.changes())
                self.walk = replace(self.walk, running=self.walk.running | self.walk.changes())
                continue
            moved_um = self.moved_um(asked.move_u) if asked.move_u else 0.0
            self.held = None
            before = self.see()
            answer = self.answer(asked.words, moved_um)
            self.walk = answered(self.walk, answer, before, self.see())
            kept = {"found": dict(self.walk.found), "step": self.walk.step}
            self.walk = taken_up(self.walk.running, json.loads(json.dumps(kept)))
        raise AssertionError(f"the walk does not end: {self.walk}")

    def answer(self, words: str, moved_um: float) -> str:
        near, far = self.switches
        if "What leads to which GPIO" in words:
            self.wired, answer = "", self.wired
            return answer
        if "Press the limit switch" in words:
            apart = "farthest apart" in words
            self.held = near if apart is (self.subject_side == "far") else far
            return "none" if self.held is None else ""
        if "Press the emergency stop" in words:
            self.held = "e-stop"
            return ""
        if "did lens and subject come closer" in words:
            return "closer" if (moved_um > 0) is (self.subject_side == "far") else "apart"
        if "has it really gone" in words:
            return f"{abs(moved_um) / 1000:.2f}"
        if "by itself?" in words:
            return "yes"
        return "skip" if "skip" in words else ""


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


@given(st.floats(0.2, 4.9).filter(lambda ratio: abs(ratio - 1) > 0.05))
def test_what_the_ruler_says_is_what_a_step_then_is(ratio: float) -> None:
    walk = answered(Walk(RUNNING, step="ruler"), f"{RULER_MM * ratio}")
    lead_mm, turn, microsteps = (walk.value(name) for name in (LEAD, TURN, STRAP))
    assert lead_mm / turn / microsteps == pytest.approx(ratio * 1.0 / 200 / 16, rel=0.055)


def test_a_switch_that_nothing_is_seen_of_is_asked_for_again() -> None:
    walk = Walk(RUNNING, step="near")
    again = answered(walk, "", Switches(False, False), Switches(False, False))
    assert (again.step, "wire" in again.told.said) == ("near", True)
    both = answered(walk, "", Switches(False, False), Switches(True, True))
    assert (both.step, "Both" in both.told.said) == ("near", True)


def test_a_switch_that_is_pressed_twice_is_not_taken_for_both() -> None:
    pressed = (Switches(False, False), Switches(True, False))
    walk = answered(Walk(RUNNING, step="near"), "", *pressed)
    again = answered(walk, "", *pressed)
    assert (again.step, "other switch" in again.told.said) == ("far", True)
    assert answered(again, "", Switches(False, False), Switches(False, True)).changes() == {}


@pytest.mark.parametrize("kinds", [("high", "low"), ("low", "high")])
def test_limit_switches_of_two_kinds_are_told_and_not_taken(kinds: tuple[str, str]) -> None:
    """One setting says what both read when pressed: of two kinds, one would always read the wrong way."""
    near, far = ((False, True) if kind == "high" else (True, False) for kind in kinds)
    walk = answered(Walk(RUNNING, step="near"), "", Switches(near[0], far[0]), Switches(near[1], far[0]))
    again = answered(walk, "", Switches(near[0], far[0]), Switches(near[0], far[1]))
    assert (again.step, again.found) == ("far", walk.found)
    assert again.told.said == (
        "The two switches are of two kinds: pressed, one of them opens and the other closes. Wire both "
        "normally closed, to ground, and begin again with --anew. Without this one: none"
    )
    assert answered(again, "none").changes() == {**walk.changes(), "axis.pins.limit_far": None}


def test_a_switch_alone_may_be_of_the_other_kind() -> None:
    walk = answered(Walk(RUNNING, step="near"), "none")
    seen = answered(walk, "", Switches(None, True), Switches(None, False))
    assert seen.step == "e_stop"
    assert seen.changes() == {"axis.pins.limit_near": None, "axis.pins.limit_active": "low"}


def test_what_is_seen_of_a_switch_is_said() -> None:
    apart = Switches(False, False)
    for end, here, swapped in (
        ("near", Switches(near=True, far=False), Switches(near=False, far=True)),
        ("far", Switches(near=False, far=True), Switches(near=True, far=False)),
    ):
        other = "far" if end == "near" else "near"
        walk = Walk(RUNNING, step=end)
        assert answered(walk, "", apart, here).told.said == "seen"
        said = answered(walk, "", apart, swapped).told.said
        assert said == f"seen, at the pin of the {other} one: the two are swapped"


def test_an_emergency_stop_is_seen_to_open() -> None:
    walk = Walk({**RUNNING, "axis.pins.e_stop": 12}, step="e_stop")
    pressed = answered(walk, "", Switches(e_stop=False), Switches(e_stop=True))
    release = question(pressed)
    assert release is not None
    assert (release.looks, release.acknowledges) == (True, True)
    assert answered(pressed, "", now=Switches(e_stop=False)).step == "lead"
    with pytest.raises(NotUnderstood, match="still reads pressed"):
        answered(pressed, "", now=Switches(e_stop=True))
    for reads in ((True, True), (False, False), (True, False), (None, None)):
        again = answered(walk, "", *(Switches(e_stop=one) for one in reads))
        assert (again.step, again.told.again, "normally closed" in again.told.said) == ("e_stop", True, True)
    without = answered(walk, "none")
    assert without.changes() == {"axis.pins.e_stop": None}
    asked = question(without)
    assert asked is not None
    assert "one turn of the motor move" in asked.words


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


def test_what_is_kept_out_must_leave_something_of_the_travel() -> None:
    """Said at the end, nothing could be written, and the walk only be begun anew."""
    walk = answered(Walk(RUNNING, step="travel"), "1.5")
    for typed in ("", "1.5", "1500um"):
        with pytest.raises(NotUnderstood, match=r"leave nothing of a travel of 1\.5 mm"):
            answered(walk, typed)
    assert answered(walk, "1.4").changes() == {"axis.travel_mm": 1.5, "axis.keep_out_mm": 1.4}


def test_a_ruler_is_read_in_millimetres_or_micrometres() -> None:
    divisions_um = [answered(Walk(RUNNING, step="scale"), typed).told.errand for typed in ("1mm", "1000")]
    assert divisions_um == [Errand("/calibrate/scale", {"division_um": 1000.0})] * 2
    ends = [answered(Walk(RING, step="ends"), typed).found for typed in ("-5 270", "-5deg, 270°")]
    assert ends == [{"axis.ring.ends_deg": [-5.0, 270.0]}] * 2


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


def test_two_pins_that_change_places_are_said_in_one_answer() -> None:
    walk = answered(Walk(RUNNING, step="pins"), "step 20 dir 21")
    assert (walk.step, walk.changes()) == ("pins", {"axis.pins.step": 20, "axis.pins.dir": 21})
    asked = question(walk)
    assert asked is not None
    assert "step 20, dir 21" in asked.words
    assert answered(walk, "").step == "wired"


def test_a_row_of_transistors_has_coils_and_no_fine_microsteps() -> None:
    walk = answered(Walk(RUNNING, step="driver"), "uln2003")
    assert walk.changes() == {"axis.driver": "ULN2003", STRAP: 2}
    asked = question(walk)
    assert asked is not None
    assert "coils 17 27 22 23" in asked.words
    assert "step" not in asked.words
    found = answered(walk, "coils 4 17 27 22, led none").changes()
    assert (found["axis.pins.coils"], found["panel.led_pin"]) == ([4, 17, 27, 22], None)
    with pytest.raises(NotUnderstood, match="four GPIOs"):
        answered(walk, "coils 4 17 27")


def test_a_driver_by_its_data_sheet_is_stepped_as_finely_as_it_is() -> None:
    walk = answered(Walk(RUNNING, step="driver"), "custom")
    assert walk.changes() == {"axis.driver": "custom"}
    asked = question(walk)
    assert asked is not None
    assert "step 21, dir 20" in asked.words


def test_full_steps_of_a_row_of_transistors_are_left_as_they_are() -> None:
    for microsteps in (1, 2):
        walk = answered(Walk({**RUNNING, STRAP: microsteps}, step="driver"), "uln2003")
        assert walk.changes() == {"axis.driver": "ULN2003"}


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


@pytest.mark.parametrize(("ends_deg", "shown"), [([-5.0, 270.5], "-5 270.5"), (None, "none")])
def test_ends_of_a_ring_that_are_right_are_kept_by_enter(ends_deg: list[float] | None, shown: str) -> None:
    walk = Walk({**RING, "axis.ring.ends_deg": ends_deg}, step="ends")
    asked = question(walk)
    assert asked is not None
    assert asked.default == shown
    assert answered(walk, "").changes() == {}


@pytest.mark.parametrize(
    ("step", "answer", "words"),
    [
        ("ring_direction", "n", "farther, nearer or nothing in full"),
        ("ends", "-5", "two numbers are needed, or none"),
        ("ends", "-5 90 270", "two numbers are needed, or none"),
        ("ends", "5 270", "from -3600 to 0 deg"),
        ("ends", "-5 -1", "from 0 to 3600 deg"),
    ],
)
def test_an_answer_that_a_ring_cannot_take_is_not_taken(step: str, answer: str, words: str) -> None:
    with pytest.raises(NotUnderstood, match=words):
        answered(Walk(RING, step=step), answer)


def test_a_ring_is_turned_and_has_neither_switches_nor_a_screw() -> None:
    answers = ("", "", "nearer", "10", "-5 270", *["skip"] * 5)
    steps, changed = walked(RING, *answers)
    assert len(steps) == 10
    assert changed == {"axis.invert": True, "axis.ring.pulley": "3", "axis.ring.ends_deg": [-5.0, 270.0]}
    assert Config.model_validate_json(
        json.dumps({"axis": {"ring": {"pulley": "3", "ends_deg": [-5.0, 270]}}})
    )


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
    assert taken_up(RUNNING, kept) == Walk(RUNNING)


@pytest.mark.parametrize(("typed", "allowed"), [("yes", True), ("y", True), ("no", False), ("n", False)])
def test_the_rig_may_home_by_itself_only_where_that_was_said(typed: str, allowed: bool) -> None:
    _, take = RAIL["home"]
    assert take(Walk({}), Heard(typed)).found == {"axis.home_allowed": allowed}
    for other in (typed + "?", "yonder", ""):
        with pytest.raises(NotUnderstood, match="yes or no"):
            take(Walk({}), Heard(other))


@pytest.mark.parametrize(("side", "away"), [("far", -1), ("near", 1)])
def test_to_be_measured_the_carriage_goes_away_from_the_subject(side: str, away: int) -> None:
    ask, _ = RAIL["ruler"]
    asked = ask(Walk({"axis.subject_side": side}))
    assert asked is not None
    assert asked == Question(
        asked.words,
        default=None,
        move_u=away * RULER_MM * 1000,
        returns=False,
        looks=False,
        acknowledges=False,
        restarts=False,
    )


def test_to_see_which_way_it_goes_a_rail_or_a_ring_goes_a_little_way_far_and_comes_back() -> None:
    asked = [
        steps[name][0](Walk({})) for steps, name in ((RAIL, "direction"), (RING_STEPS, "ring_direction"))
    ]
    assert [(one.move_u, one.returns, one.looks) for one in asked if one is not None] == [
        (500.0, True, False),
        (5.0, True, False),
    ]


@pytest.mark.parametrize(
    ("side", "typed", "invert"),
    [("far", "closer", False), ("far", "a", True), ("near", "c", True), ("near", "apart", False)],
)
def test_a_motor_that_turns_the_other_way_is_told(side: str, typed: str, invert: bool) -> None:
    for before in (False, True):
        walk = Walk({"axis.subject_side": side, "axis.invert": before})
        said = "the motor turns the other way: axis.invert changes" if invert else ""
        assert RAIL["direction"][1](walk, Heard(typed)) == Told({"axis.invert": before is not invert}, said)


@pytest.mark.parametrize(("typed", "invert"), [("farther", False), ("f", False), ("nearer", True)])
def test_a_ring_that_turns_the_other_way_is_told(typed: str, invert: bool) -> None:
    for before in (False, True):
        told = RING_STEPS["ring_direction"][1](Walk({"axis.invert": before}), Heard(typed))
        said = "the motor turns the other way: axis.invert changes" if invert else ""
        assert told == Told({"axis.invert": before is not invert}, said)


@pytest.mark.parametrize("typed", ["", "close", "up", "x"])
def test_a_direction_that_was_not_offered_is_not_understood(typed: str) -> None:
    walk = Walk({"axis.subject_side": "far", "axis.invert": False})
    with pytest.raises(NotUnderstood, match="closer, apart or nothing"):
        RAIL["direction"][1](walk, Heard(typed))


@pytest.mark.parametrize(
    ("running", "measured_deg", "pulley"),
    [("1", "15", "2"), ("3/2", "45", "1"), ("2", "20.2", "3"), ("1", "23", "1.3043"), ("2", "30.5", None)],
)
def test_a_pulley_follows_from_how_far_the_ring_really_turned(
    running: str, measured_deg: str, pulley: str | None
) -> None:
    told = RING_STEPS["ring_turn"][1](Walk({PULLEY: running}), Heard(measured_deg))
    assert told.found == ({} if pulley is None else {PULLEY: pulley})


@pytest.mark.parametrize(("measured_mm", "lead_mm"), [("1.52", 1.5), ("2.45", 2.5), ("1.62", 1.62)])
def test_a_screw_is_taken_for_one_that_is_made_where_a_ruler_cannot_tell(
    measured_mm: str, lead_mm: float
) -> None:
    told = RAIL["ruler"][1](Walk({**DEFAULTS, LEAD: 2.0, TURN: 200, STRAP: 16}), Heard(measured_mm))
    assert told.found[LEAD] == pytest.approx(lead_mm)
