"""What a plan is refused for wherever the axis stands."""

from dataclasses import replace
from fractions import Fraction

import pytest

from camera.mean import MOST_FRAMES
from rail.axis import Position, Trust
from rail.screw import Scale
from stack.errors import PlanRefused
from stack.layout import lay_out
from stack.nonsense import nonsense
from stack.optics import Optics
from stack.plan import (
    MOST_SLICES,
    AroundHere,
    Between,
    BetweenMarks,
    Count,
    FromHere,
    FromOptics,
    Marks,
    Pitch,
    Range,
    Spacing,
    StackPlan,
)

MICRON = Scale("um", Fraction(1))
MACRO = Optics(2.0, f_number=4.0, pixel_um=3.1)
KNOWN = Position(5000, Trust.KNOWN)


@pytest.mark.parametrize(
    ("where", "spacing", "said"),
    [
        (BetweenMarks(), Pitch(10), ["far end is not marked", "`focusctl mark far`"]),
        (Between(0, float("nan")), Pitch(10), ["far end is nan"]),
        (Between(1e308, -1e308), Count(5), ["near end is 1e+308, which", "far end is -1e+308, which"]),
        (FromHere(-1.7e308), Pitch(1), ["-1.7e+305 mm from here is no range"]),
        (AroundHere(1.7e308), Pitch(1), ["1.7e+305 mm around here is no range"]),
        (Between(5, 5), Pitch(1), ["no two places", "1 µm"]),
        (Between(5.2, 5.9), Pitch(1), ["no two places"]),
        (FromHere(0), Pitch(1), ["0 µm from here"]),
        (FromHere(float("inf")), Pitch(1), ["no range"]),
        (AroundHere(-5), Pitch(1), ["-5 µm around here"]),
        (AroundHere(1), Pitch(1), ["no two places"]),
        (Between(0, 10), Pitch(0), ["pitch of 0 µm"]),
        (Between(0, 10), Pitch(0.5), ["0.5 µm", "finer than one step", "1 µm"]),
        (Between(0, 10), Count(1), ["2 to 2000 slices, not 1"]),
        (Between(0, 10), Count(0), ["not 0"]),
        (Between(0, 1e6), Count(2001), ["not 2001"]),
        (Between(0, 10), Count(12), ["12 slices", "10 µm", "at most 11"]),
        (Between(0, 10_000), Pitch(5), ["2001 slices", "ask for 6 µm or more"]),
        (Between(0, 10), FromOptics(), ["names none"]),
        (Between(0, 10), FromOptics(1.5), ["names none", "overlap of 1.5"]),
    ],
)
def test_plans_that_make_no_sense_are_refused_with_figures(
    where: Range, spacing: Spacing, said: list[str]
) -> None:
    with pytest.raises(PlanRefused) as refusal:
        lay_out(StackPlan("x", where, spacing), MICRON, KNOWN, Marks(near_u=1))
    for words in said:
        assert words in str(refusal.value)


INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("settle_ms", [0, 1], [-1]),
        ("delay_s", [0.0, 5.0], [-0.1, INF, NAN]),
        ("recycle_s", [0.0, 5.0], [-0.1, INF, NAN]),
        ("frames", [1, MOST_FRAMES], [0, MOST_FRAMES + 1]),
        (
            "range",
            [Between(-1e9, 1e9), FromHere(-5), AroundHere(5)],
            [Between(0, 1.1e9), Between(-INF, 0), FromHere(NAN), FromHere(0), AroundHere(0), AroundHere(INF)],
        ),
        (
            "spacing",
            [Pitch(1), Count(2), Count(MOST_SLICES), FromOptics(0.01), FromOptics(1)],
            [
                Pitch(0),
                Pitch(-1),
                Pitch(INF),
                Pitch(NAN),
                Count(1),
                Count(MOST_SLICES + 1),
                FromOptics(0),
                FromOptics(1.01),
            ],
        ),
    ],
)
def test_each_number_of_a_plan_has_its_bounds(name: str, good: list[object], bad: list[object]) -> None:
    plan = StackPlan("x", Between(0, 1000), Pitch(10), MACRO)
    told = {
        value: len(nonsense(replace(plan, **{name: value}), MICRON, Marks()))  # type: ignore[arg-type]
        for value in (*good, *bad)
    }
    assert told == {**dict.fromkeys(good, 0), **dict.fromkeys(bad, 1)}


def test_a_mark_that_is_no_place_is_told() -> None:
    plan = StackPlan("x", BetweenMarks(), Pitch(10))
    told = [nonsense(plan, MICRON, Marks(near_u=near_u, far_u=5)) for near_u in (0, None, NAN, 2e9)]
    assert [len(reasons) for reasons in told] == [0, 1, 1, 1]
    assert "near mark is nan, which is no position" in told[2][0]


def test_every_nonsense_is_named_at_once() -> None:
    plan = StackPlan("x", BetweenMarks(), Count(1), settle_ms=-1, delay_s=float("nan"))
    with pytest.raises(PlanRefused) as refusal:
        lay_out(plan, MICRON, KNOWN, Marks())
    topics = ("near end", "far end", "slices", "settling", "delay")
    assert len(refusal.value.reasons) == len(topics)
    assert all(topic in reason for topic, reason in zip(topics, refusal.value.reasons, strict=True))


def test_the_pitch_a_refusal_advises_is_accepted() -> None:
    layout = lay_out(StackPlan("x", Between(0, 10_000), Pitch(6)), MICRON, KNOWN, Marks())
    assert layout.slices == 1668


@pytest.mark.parametrize("unit", ["deg", "d"])
def test_optics_give_no_pitch_on_an_axis_that_does_not_move_in_micrometres(unit: str) -> None:
    scale = Scale(unit, Fraction(1, 32))
    with pytest.raises(PlanRefused, match="a pitch or a count"):
        lay_out(StackPlan("x", Between(0, 10), FromOptics(), MACRO), scale, KNOWN, Marks())
    assert lay_out(StackPlan("x", Between(0, 10), Pitch(0.5), MACRO), scale, KNOWN, Marks()).dof_u is None
