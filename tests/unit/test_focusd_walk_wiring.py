"""The walk's questions about pins, driver and switches, and the answers it takes."""

import pytest
from walk_bench import RUNNING

from focusd.setup import answered, question
from focusd.switches import Switches
from focusd.walk import NotUnderstood, Walk
from focusd.walk_travel import STRAP


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
