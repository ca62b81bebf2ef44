"""The walk's questions about what is moved: which way, how far, by which screw or pulley."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from walk_bench import DEFAULTS, RING, RUNNING

from focusd.setup import answered, question
from focusd.walk import Errand, Heard, NotUnderstood, Question, Told, Walk
from focusd.walk_travel import LEAD, PULLEY, RAIL, RULER_MM, STRAP, TURN
from focusd.walk_travel import RING as RING_STEPS


@given(st.floats(0.2, 4.9).filter(lambda ratio: abs(ratio - 1) > 0.05))
def test_what_the_ruler_says_is_what_a_step_then_is(ratio: float) -> None:
    walk = answered(Walk(RUNNING, step="ruler"), f"{RULER_MM * ratio}")
    lead_mm, turn, microsteps = (walk.value(name) for name in (LEAD, TURN, STRAP))
    assert lead_mm / turn / microsteps == pytest.approx(ratio * 1.0 / 200 / 16, rel=0.055)


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
        ("ends", "-1 1.5", r"-1 to 1\.5 leaves no room for backlash and run-up, 2\.5 degrees together"),
    ],
)
def test_an_answer_that_a_ring_cannot_take_is_not_taken(step: str, answer: str, words: str) -> None:
    with pytest.raises(NotUnderstood, match=words):
        answered(Walk(RING, step=step), answer)


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
    slow = {"axis.ring.speed.start_deg_s": 1.0, "axis.ring.speed.max_deg_s": 1.0}
    told = RING_STEPS["ring_turn"][1](Walk({**RING, **slow, PULLEY: running}), Heard(measured_deg))
    assert told.found == ({} if pulley is None else {PULLEY: pulley})


@pytest.mark.parametrize(("measured_mm", "lead_mm"), [("1.52", 1.5), ("2.45", 2.5), ("1.62", 1.62)])
def test_a_screw_is_taken_for_one_that_is_made_where_a_ruler_cannot_tell(
    measured_mm: str, lead_mm: float
) -> None:
    told = RAIL["ruler"][1](Walk({**DEFAULTS, LEAD: 2.0, TURN: 200, STRAP: 16}), Heard(measured_mm))
    assert told.found[LEAD] == pytest.approx(lead_mm)
