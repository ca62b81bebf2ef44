"""What a stack costs."""

from dataclasses import replace
from fractions import Fraction

import pytest

from camera.camera import Exposure
from rail.axis import Position, Trust
from rail.screw import Scale
from stack.estimate import estimate, expected_slice_bytes
from stack.layout import lay_out
from stack.plan import Between, Count, Marks, StackPlan

MICRON = Scale("um", Fraction(1))
KNOWN = Position(5000, Trust.KNOWN)


def test_estimate_counts_moves_rests_frames_and_bytes() -> None:
    plan = StackPlan("x", Between(0, 100), Count(3))
    layout = lay_out(plan, MICRON, KNOWN, Marks())
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
    assert estimate(replace(plan, frames=4, recycle_s=3), layout, **times).seconds == pytest.approx(
        to_the_first + back + 0.35 + 3 * (3 + 4 * 0.2 + 3 * 3)
    )
    long, short = (Exposure(time_us, 1.0, (2.0, 1.5)) for time_us in (8_000_000, 8000))
    assert estimate(replace(plan, exposure=long), layout, **times).seconds == pytest.approx(
        to_the_first + between + back + 4 * (0.15 + 12)
    )
    assert estimate(replace(plan, exposure=short), layout, **times) == estimate(plan, layout, **times)
    assert expected_slice_bytes((1600, 1200)) == 1_920_000
