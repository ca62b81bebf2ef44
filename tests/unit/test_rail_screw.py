from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rail.screw import Scale, lens_scale, screw_scale

grids = st.fractions(Fraction(1, 1000), Fraction(50), max_denominator=10_000)
scales = st.builds(Scale, st.just("um"), grids) | st.builds(lens_scale, grids)
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
    place = Fraction(length_u) / scale.per_step
    assert below - Fraction(1, 10**8) <= place <= above + Fraction(1, 10**8)


@given(scales, steps, st.floats(0, 0.99))
def test_a_length_holds_its_whole_steps_whichever_way_the_unit_runs(
    scale: Scale, n_steps: int, more: float
) -> None:
    assert scale.span_u(n_steps) == scale.span_u(-n_steps) >= 0
    longer_u = float((abs(n_steps) + Fraction(more)) * abs(scale.per_step))
    assert scale.whole_steps(longer_u) == scale.whole_steps(-longer_u) == abs(n_steps)


def test_dioptres_fall_from_near_to_far() -> None:
    scale = lens_scale(Fraction(1, 32))
    assert (scale.unit, scale.length_u(-320), scale.nearest_steps(10.0)) == ("d", 10.0, -320)
    near_steps, far_steps = scale.ceil_steps(7.99), scale.floor_steps(2.01)
    assert near_steps < far_steps
    assert 7.99 > scale.length_u(near_steps) > scale.length_u(far_steps) > 2.01


@pytest.mark.parametrize(
    ("scale", "n_steps", "words"),
    [
        (Scale("um", Fraction(5, 16)), 1, "0.3125 µm"),
        (Scale("um", Fraction(5, 16)), 1344, "420 µm"),
        (Scale("um", Fraction(5, 16)), -1344, "-420 µm"),
        (Scale("um", Fraction(5, 16)), 3200, "1 mm"),
        (Scale("um", Fraction(5, 16)), 121_600, "38 mm"),
        (Scale("um", Fraction(5, 16)), -121_601, "-38.0003 mm"),
        (Scale("um", Fraction(1)), 10**6, "1000 mm"),
        (Scale("deg", Fraction(45, 512)), 1024, "90 °"),
        (lens_scale(Fraction(1, 32)), -1, "0.03125 dioptres"),
    ],
)
def test_places_are_said_in_the_words_that_people_use(scale: Scale, n_steps: int, words: str) -> None:
    assert scale.say(n_steps) == words


def test_a_step_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than nothing"):
        Scale("um", Fraction(0))
