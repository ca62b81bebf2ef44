from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rail.screw import Scale, screw_scale

scales = st.builds(
    Scale, st.just("um"), st.fractions(Fraction(1, 1000), Fraction(50), max_denominator=10_000)
)
steps = st.integers(-10_000_000, 10_000_000)


@pytest.mark.parametrize(
    ("lead_um", "full_steps", "microsteps", "um_a_step"),
    [
        (Fraction(1000), 200, 16, 0.3125),
        (Fraction(2000), 200, 16, 0.625),
        (Fraction(8000), 200, 16, 2.5),
        (Fraction(25_400, 16), 200, 16, 0.49609375),  # 16 threads an inch
        (Fraction(5080, 2), 200, 8, 1.5875),  # 5.08 mm screw behind a 2:1 belt
    ],
)
def test_published_rails(lead_um: Fraction, full_steps: int, microsteps: int, um_a_step: float) -> None:
    assert screw_scale(lead_um, full_steps, microsteps).length_u(1) == um_a_step


@given(scales, steps)
def test_every_step_survives_the_round_trip_through_its_length(scale: Scale, n_steps: int) -> None:
    length_u = scale.length_u(n_steps)
    assert scale.nearest_steps(length_u) == n_steps
    assert scale.floor_steps(length_u) == n_steps
    assert scale.ceil_steps(length_u) == n_steps


@given(scales, st.floats(-1e6, 1e6))
def test_floor_and_ceil_enclose_a_length(scale: Scale, length_u: float) -> None:
    below, above = scale.floor_steps(length_u), scale.ceil_steps(length_u)
    assert 0 <= above - below <= 1
    assert below * scale.per_step <= Fraction(length_u) + scale.per_step / 10**8
    assert above * scale.per_step >= Fraction(length_u) - scale.per_step / 10**8


def test_a_step_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than nothing"):
        Scale("um", Fraction(0))
