"""Where the slices of a plan come to lie, and where the axis goes afterwards."""

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Literal

import pytest

from rail.axis import Position, Reach, Trust
from rail.screw import Scale, lens_scale, screw_scale
from stack.layout import lay_out, park_steps
from stack.optics import Optics
from stack.plan import (
    AroundHere,
    Between,
    BetweenMarks,
    Count,
    FromHere,
    FromOptics,
    Marks,
    Park,
    Pitch,
    Range,
    Spacing,
    StackPlan,
)

MICRON = Scale("um", Fraction(1))
BENCH = screw_scale(Fraction(1000), 200, 16)
MACRO = Optics(2.0, f_number=4.0, pixel_um=3.1)
KNOWN = Position(5000, Trust.KNOWN)
REACH = Reach(100, 38_000)


@dataclass(frozen=True)
class Case:
    name: str
    range: Range
    spacing: Spacing
    positions: tuple[int, ...]
    pitch_steps: int
    scale: Scale = MICRON


CASES = [
    Case("divides", Between(0, 9), Pitch(3), (0, 3, 6, 9), 3),
    Case("does not divide", Between(0, 10), Pitch(3), (0, 3, 5, 8, 10), 3),
    Case("a tenth past the end is not gone to", Between(0, 1), Pitch(0.3), (0, 3, 5, 8, 10), 3,
         Scale("um", Fraction(1, 10))),
    Case("pitch as wide as the range", Between(0, 10), Pitch(10), (0, 10), 10),
    Case("pitch wider than the range", Between(0, 10), Pitch(500), (0, 10), 10),
    Case("pitch of one step", Between(0, 4), Pitch(1), (0, 1, 2, 3, 4), 1),
    Case("pitch between steps is rounded down", Between(0, 8), Pitch(2.99), (0, 2, 4, 6, 8), 2),
    Case("ends between steps are drawn in", Between(0.5, 8.5), Pitch(4), (1, 5, 8), 4),
    Case("negative places", Between(-6, -2), Pitch(2), (-6, -4, -2), 2),
    Case("count", Between(0, 10), Count(4), (0, 3, 7, 10), 4),
    Case("count of two", Between(0, 10), Count(2), (0, 10), 10),
    Case("count that uses every step", Between(0, 3), Count(4), (0, 1, 2, 3), 1),
    Case("marks the wrong way round", BetweenMarks(), Pitch(10), (20, 30, 40), 10),
    Case("from here towards far", FromHere(6), Pitch(3), (5000, 5003, 5006), 3),
    Case("from here towards near", FromHere(-6), Pitch(3), (4994, 4997, 5000), 3),
    Case("around here", AroundHere(7), Pitch(3), (4997, 5000, 5003), 3),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_places(case: Case) -> None:
    plan = StackPlan("beetle", case.range, case.spacing)
    layout = lay_out(plan, case.scale, KNOWN, Marks(near_u=40, far_u=20))
    assert layout.positions_steps == case.positions
    assert layout.pitch_steps == case.pitch_steps
    assert layout.pitch_u == case.scale.length_u(case.pitch_steps)


def test_optics_on_the_bench_rail() -> None:
    layout = lay_out(StackPlan("beetle", Between(20_000, 21_500), FromOptics(), MACRO), BENCH, KNOWN, Marks())
    assert layout.dof_u == pytest.approx(79.2)
    assert layout.asked_pitch_u == pytest.approx(59.4)
    assert layout.pitch_u <= 59.4
    assert layout.slices == 27  # 1500 / 59.4 = 25.3 gaps
    assert (layout.positions_steps[0], layout.positions_steps[-1]) == (64_000, 68_800)
    assert layout.middle_index == 13


def test_optics_are_recorded_with_a_pitch_of_ones_own() -> None:
    layout = lay_out(StackPlan("x", Between(0, 1000), Pitch(100), MACRO), BENCH, KNOWN, Marks())
    assert layout.dof_u == pytest.approx(79.2)
    assert layout.asked_pitch_u == 100


def test_a_lens_is_stepped_evenly_in_dioptres_from_near_to_far() -> None:
    optics = Optics(focal_mm=4.74, f_number=1.8, pixel_um=1.4)
    scale = lens_scale(Fraction(1, 32))
    layout = lay_out(StackPlan("x", Between(10, 0), FromOptics(0.7), optics), scale, KNOWN, Marks())
    places_d = [scale.length_u(steps) for steps in layout.positions_steps]
    gaps_d = [nearer - farther for nearer, farther in pairwise(places_d)]
    assert (places_d[0], places_d[-1]) == (10.0, 0.0)
    assert layout.asked_pitch_u == pytest.approx(0.314, abs=1e-3)
    assert max(gaps_d) == layout.pitch_u <= 0.314
    assert max(gaps_d) - min(gaps_d) <= 1 / 32
    # published: 33 frames for 10 dioptres at 0.314; whole steps of 1/32 make a pitch of 0.3125
    assert layout.slices == 33
    assert layout.dof_u == pytest.approx(0.449, abs=1e-3)


@pytest.mark.parametrize(
    ("where", "after", "subject_side", "target"),
    [
        (Between(200, 300), Park.START, "far", 200),
        (FromHere(50), Park.START, "far", 5000),
        (FromHere(-50), Park.START, "near", 5000),
        (AroundHere(50), Park.START, "far", 5000),
        (Between(200, 300), Park.STAY, "far", None),
        (Between(200, 300), Park.PARK, "far", 100),
        (Between(200, 300), Park.PARK, "near", 38_000),
    ],
)
def test_where_the_axis_goes_afterwards(
    where: Range, after: Park, subject_side: Literal["near", "far"], target: int | None
) -> None:
    layout = lay_out(StackPlan("x", where, Count(3)), MICRON, KNOWN, Marks())
    assert park_steps(layout, after, REACH, subject_side) == target


def test_a_plan_around_here_shot_twice_gives_the_same_places() -> None:
    plan = StackPlan("x", AroundHere(100), Pitch(10))
    first = lay_out(plan, MICRON, KNOWN, Marks())
    again = lay_out(plan, MICRON, replace(KNOWN, steps=park_steps(first, Park.START, REACH) or 0), Marks())
    assert again == first
