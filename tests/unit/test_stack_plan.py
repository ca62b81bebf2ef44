"""What a plan comes to, and what it is refused for."""

import sys
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from subprocess import run
from typing import Literal

import pytest

from rail.axis import Position, Reach, Trust
from rail.screw import Scale, lens_scale, screw_scale
from stack.errors import PlanRefused
from stack.optics import Optics
from stack.plan import (
    AroundHere,
    Between,
    BetweenMarks,
    Count,
    FromHere,
    FromOptics,
    Layout,
    Marks,
    Park,
    Pitch,
    Range,
    Spacing,
    StackPlan,
    check,
    estimate,
    expected_slice_bytes,
    lay_out,
    needs_homing,
    park_steps,
)

MICRON = Scale("um", Fraction(1))
BENCH = screw_scale(Fraction(1000), 200, 16)
MACRO = Optics(2.0, f_number=4.0, pixel_um=3.1)
KNOWN = Position(5000, Trust.KNOWN)
UNKNOWN = Position(5000, Trust.UNKNOWN)
ASSUMED = Position(5000, Trust.ASSUMED)
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


@pytest.mark.parametrize(
    ("where", "spacing", "said"),
    [
        (BetweenMarks(), Pitch(10), ["far end is not marked"]),
        (Between(0, float("nan")), Pitch(10), ["far end is nan"]),
        (Between(5, 5), Pitch(1), ["no two places", "1 µm"]),
        (Between(5.2, 5.9), Pitch(1), ["no two places"]),
        (FromHere(0), Pitch(1), ["0 um from here"]),
        (FromHere(float("inf")), Pitch(1), ["inf um from here"]),
        (AroundHere(-5), Pitch(1), ["-5 um around here"]),
        (AroundHere(1), Pitch(1), ["no two places"]),
        (Between(0, 10), Pitch(0), ["pitch of 0 um"]),
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


def layout_between(near: int, far: int) -> tuple[StackPlan, Layout]:
    plan = StackPlan("x", Between(near, far), Count(3))
    return plan, lay_out(plan, MICRON, KNOWN, Marks())


def refusal_of(
    plan: StackPlan, here: Position, *, homing_allowed: bool = False, needed: int = 0, free: int = 10**9
) -> list[str]:
    layout = lay_out(plan, MICRON, here, Marks())
    try:
        check(
            plan, layout, scale=MICRON, reach=REACH, here=here, homing_allowed=homing_allowed,
            needed_bytes=needed, free_bytes=free, reserve_bytes=500_000_000,
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
    assert "position is unknown" in reasons[0] and "home the axis" in reasons[0]
    assert "near end is 120 µm out of reach" in reasons[near] and "reaches 100 µm" in reasons[near]
    assert "far end is 7 µm out of reach" in reasons[far] and "reaches 38000 µm" in reasons[far]
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


def test_reach_binds_a_plan_from_here_only_when_here_means_something() -> None:
    plan = StackPlan("x", FromHere(40_000), Count(3))
    assert len(refusal_of(plan, KNOWN)) == 1
    assert refusal_of(plan, UNKNOWN) == []


def test_there_is_no_parking_with_an_unknown_position() -> None:
    assert "parking" in refusal_of(StackPlan("x", FromHere(50), Count(3), after=Park.PARK), UNKNOWN)[0]


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


def test_estimate_counts_moves_rests_frames_and_bytes() -> None:
    plan, layout = layout_between(0, 100)
    times = {"move_ns": lambda steps: steps * 10_000_000, "frame_ns": 200_000_000, "bytes_a_slice": 2_000_000}
    cost = estimate(replace(plan, delay_s=5), layout, **times)
    to_the_first, between, back = 0.5, 2 * 0.5, 1.0
    assert cost.seconds == pytest.approx(5 + to_the_first + between + back + 4 * 0.35)
    assert cost.bytes == 6_000_000
    assert estimate(replace(plan, frames=4), layout, **times).seconds == pytest.approx(
        to_the_first + between + back + 0.35 + 3 * (0.15 + 4 * 0.2)
    )
    assert estimate(replace(plan, recycle_s=3), layout, **times).seconds == pytest.approx(
        to_the_first + back + 0.35 + 3 * (3 + 0.2)
    )
    assert expected_slice_bytes((1600, 1200)) == 1_920_000


def test_the_room_loads_no_pixels_library_and_no_pins() -> None:
    code = """
import sys, stack.plan, stack.session, stack.shoot, stack.report
print(*(name for name in ("cv2", "gpiozero", "picamera2", "pydantic") if name in sys.modules))
"""
    assert run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == []
