"""What speaks against a plan here and now, and when the axis must home for it."""

import re
from fractions import Fraction

import pytest

from rail.axis import Position, Reach, Trust
from rail.screw import Scale
from stack.errors import PlanRefused
from stack.layout import lay_out
from stack.plan import AroundHere, Between, BetweenMarks, Count, FromHere, Marks, Park, Range, StackPlan
from stack.readiness import check, needs_homing, needs_homing_again

MICRON = Scale("um", Fraction(1))
KNOWN = Position(5000, Trust.KNOWN)
UNKNOWN = Position(5000, Trust.UNKNOWN)
ASSUMED = Position(5000, Trust.ASSUMED)
REACH = Reach(100, 38_000)
MARKS = Marks()


def refusal_of(
    plan: StackPlan,
    here: Position,
    *,
    homing_allowed: bool = False,
    needed: int = 0,
    free: int = 10**9,
    marks: Marks = MARKS,
) -> list[str]:
    layout = lay_out(plan, MICRON, here, marks)
    try:
        check(
            plan, layout, scale=MICRON, reach=REACH, here=here, marks=marks,
            homing_allowed=homing_allowed, needed_bytes=needed, free_bytes=free, reserve_bytes=500_000_000,
        )  # fmt: skip
    except PlanRefused as refusal:
        return list(refusal.reasons)
    return []


def test_a_plan_inside_reach_with_room_and_a_known_position_passes() -> None:
    assert refusal_of(StackPlan("x", Between(100, 38_000), Count(9)), KNOWN, needed=500_000_000) == []


def test_all_that_speaks_against_a_plan_is_said_at_once() -> None:
    plan = StackPlan("x", Between(-20, 38_007), Count(3))
    near, far, disk = (1, 2, 3)
    reasons = refusal_of(plan, UNKNOWN, needed=500_000_001)
    assert len(reasons) == 4
    assert "position is unknown" in reasons[0] and "run `focusctl home`" in reasons[0]
    assert "near end is 120 µm out of reach" in reasons[near] and "reaches 100 µm" in reasons[near]
    assert "far end is 7 µm out of reach" in reasons[far] and "reaches 38 mm" in reasons[far]
    assert (
        "1000 MB free" in reasons[disk] and "keep 500 MB" in reasons[disk] and "needs 500 MB" in reasons[disk]
    )


@pytest.mark.parametrize(
    ("here", "assumed_is_enough", "homing_allowed", "refused", "homes"),
    [
        (KNOWN, False, False, False, False),
        (ASSUMED, False, False, True, True),
        (ASSUMED, True, False, False, False),
        (ASSUMED, False, True, False, True),
        (UNKNOWN, True, False, True, True),
        (UNKNOWN, True, True, False, True),
    ],
)
def test_a_plan_that_names_places_needs_a_position(
    here: Position, assumed_is_enough: bool, homing_allowed: bool, refused: bool, homes: bool
) -> None:
    plan = StackPlan("x", Between(200, 300), Count(3), assumed_is_enough=assumed_is_enough)
    assert bool(refusal_of(plan, here, homing_allowed=homing_allowed)) is refused
    assert needs_homing(plan, lay_out(plan, MICRON, here, Marks()), here) is homes


@pytest.mark.parametrize(
    ("here", "marked_assumed", "assumed_is_enough", "refused"),
    [
        (KNOWN, False, False, False),
        (ASSUMED, False, False, False),
        (ASSUMED, True, False, True),
        (ASSUMED, True, True, False),
    ],
)
def test_marks_set_at_an_assumed_place_are_not_gone_to_after_homing(
    here: Position, marked_assumed: bool, assumed_is_enough: bool, refused: bool
) -> None:
    plan = StackPlan("x", BetweenMarks(), Count(3), assumed_is_enough=assumed_is_enough)
    marks = Marks(200, 300, assumed=marked_assumed)
    said = refusal_of(plan, here, homing_allowed=True, marks=marks)
    assert [bool(re.search("mark them again", reason)) for reason in said] == ([True] if refused else [])
    between = StackPlan("x", Between(200, 300), Count(3))
    assert refusal_of(between, here, homing_allowed=True, marks=marks) == [], "it names no marks"


@pytest.mark.parametrize("where", [FromHere(50), FromHere(-50), AroundHere(50)])
@pytest.mark.parametrize("here", [KNOWN, ASSUMED, UNKNOWN])
def test_a_plan_from_here_needs_no_position_and_never_homes(where: Range, here: Position) -> None:
    plan = StackPlan("x", where, Count(3))
    assert refusal_of(plan, here) == []
    assert not needs_homing(plan, lay_out(plan, MICRON, here, Marks()), here)


def test_a_plan_from_a_known_place_that_is_resumed_after_power_loss_homes() -> None:
    plan = StackPlan("x", FromHere(50), Count(3))
    layout = lay_out(plan, MICRON, KNOWN, Marks())
    assert needs_homing(plan, layout, UNKNOWN)


@pytest.mark.parametrize(
    ("begun", "assumed_is_enough", "homes"),
    [
        (KNOWN, False, [False, True, True]),
        (KNOWN, True, [False, False, True]),
        (UNKNOWN, False, [False, False, False]),
    ],
)
def test_going_on_it_homes_where_it_is_not_sure_of_its_place_and_never_where_homing_loses_the_count(
    begun: Position, assumed_is_enough: bool, homes: list[bool]
) -> None:
    plan = StackPlan("x", FromHere(50), Count(3), assumed_is_enough=assumed_is_enough)
    layout = lay_out(plan, MICRON, begun, Marks())
    assert [needs_homing_again(plan, layout, here) for here in (KNOWN, ASSUMED, UNKNOWN)] == homes


def test_reach_binds_a_plan_from_here_only_when_here_means_something() -> None:
    plan = StackPlan("x", FromHere(40_000), Count(3))
    assert len(refusal_of(plan, KNOWN)) == 1
    assert refusal_of(plan, UNKNOWN) == []


def test_there_is_no_parking_with_an_unknown_position() -> None:
    plan = StackPlan("x", FromHere(50), Count(3), after=Park.PARK)
    assert "parking" in refusal_of(plan, UNKNOWN)[0]
    assert refusal_of(plan, KNOWN) == []
