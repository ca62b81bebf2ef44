"""What holds for every plan on every grid."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from rail.axis import Position, Trust
from rail.screw import Scale, lens_scale
from stack.errors import PlanRefused
from stack.layout import Layout, lay_out
from stack.plan import (
    MOST_SLICES,
    AroundHere,
    Between,
    BetweenMarks,
    Count,
    FromHere,
    Marks,
    Pitch,
    Range,
    Spacing,
    StackPlan,
)

grids = st.fractions(Fraction(1, 100), Fraction(20), max_denominator=10_000)
scales = st.builds(Scale, st.just("um"), grids) | st.builds(lens_scale, grids)
places_u = st.floats(-50_000, 50_000)
lengths_u = st.floats(0.01, 50_000)
pitches = st.builds(Pitch, st.floats(0.01, 5_000))
counts = st.builds(Count, st.integers(2, MOST_SLICES))
positions = st.builds(Position, st.integers(-1_000_000, 1_000_000), st.sampled_from(Trust))

HOME = Position(0, Trust.KNOWN)


def laid_out(
    where: Range, spacing: Spacing, scale: Scale, here: Position = HOME, marks: Marks | None = None
) -> Layout:
    """Lay a plan out, or drop the example where it is rightly refused."""
    try:
        return lay_out(StackPlan("any", where, spacing), scale, here, marks or Marks())
    except PlanRefused:
        assume(False)
        raise


@given(scales, places_u, lengths_u, pitches | counts)
def test_slices_fill_the_range_on_the_grid_and_never_leave_it(
    scale: Scale, near_u: float, length_u: float, spacing: Spacing
) -> None:
    far_u = near_u + length_u
    layout = laid_out(Between(near_u, far_u), spacing, scale)
    places = layout.positions_steps
    if scale.per_step < 0:
        near_u, far_u = far_u, near_u
    assert places[0] == scale.ceil_steps(near_u)
    assert places[-1] == scale.floor_steps(far_u)
    assert all(earlier < later for earlier, later in pairwise(places))
    assert layout.slices == len(places)


@given(scales, places_u, lengths_u, pitches)
def test_no_gap_is_wider_than_the_pitch_asked_for_and_no_slice_is_spent_in_vain(
    scale: Scale, near_u: float, length_u: float, pitch: Pitch
) -> None:
    layout = laid_out(Between(near_u, near_u + length_u), pitch, scale)
    gaps = [later - earlier for earlier, later in pairwise(layout.positions_steps)]
    step = abs(scale.per_step)
    assert max(gaps) * step <= Fraction(pitch.pitch_u) + step / 10**8
    assert layout.pitch_steps == max(gaps)
    length_steps = layout.positions_steps[-1] - layout.positions_steps[0]
    widest_steps = scale.whole_steps(pitch.pitch_u)
    assert (len(gaps) - 1) * widest_steps < length_steps


@given(scales, places_u, lengths_u, pitches | counts)
def test_gaps_differ_by_a_step_at_most(
    scale: Scale, near_u: float, length_u: float, spacing: Spacing
) -> None:
    layout = laid_out(Between(near_u, near_u + length_u), spacing, scale)
    gaps = {later - earlier for earlier, later in pairwise(layout.positions_steps)}
    assert max(gaps) - min(gaps) <= 1


@given(scales, places_u, lengths_u, counts)
def test_a_count_is_kept_exactly(scale: Scale, near_u: float, length_u: float, count: Count) -> None:
    assert laid_out(Between(near_u, near_u + length_u), count, scale).slices == count.slices


@given(scales, places_u, lengths_u, pitches | counts)
def test_ends_given_the_wrong_way_round_give_the_same_slices(
    scale: Scale, near_u: float, length_u: float, spacing: Spacing
) -> None:
    far_u = near_u + length_u
    layout = laid_out(Between(near_u, far_u), spacing, scale)
    assert laid_out(Between(far_u, near_u), spacing, scale) == layout
    assert laid_out(BetweenMarks(), spacing, scale, marks=Marks(far_u, near_u)) == layout


@given(scales, positions, lengths_u, pitches | counts, st.integers(-10_000, 10_000))
def test_a_plan_from_here_moves_along_with_here(
    scale: Scale, here: Position, length_u: float, spacing: Spacing, shift_steps: int
) -> None:
    for where in (FromHere(length_u), FromHere(-length_u), AroundHere(length_u)):
        layout = laid_out(where, spacing, scale, here)
        moved = laid_out(where, spacing, scale, replace(here, steps=here.steps + shift_steps))
        assert moved.positions_steps == tuple(steps + shift_steps for steps in layout.positions_steps)
        assert moved.start_steps == here.steps + shift_steps


@given(scales, positions, lengths_u, pitches)
def test_a_plan_from_here_begins_here_and_one_around_here_has_here_in_the_middle(
    scale: Scale, here: Position, length_u: float, pitch: Pitch
) -> None:
    away = laid_out(FromHere(length_u), pitch, scale, here).positions_steps
    back = laid_out(FromHere(-length_u), pitch, scale, here).positions_steps
    around = laid_out(AroundHere(length_u), pitch, scale, here).positions_steps
    assert away[0] == here.steps == back[-1]
    assert around[0] + around[-1] == 2 * here.steps
    step = abs(scale.per_step)
    for places in (away, back, around):
        assert (places[-1] - places[0]) * step <= Fraction(length_u) + step / 10**8


@given(scales, st.floats() | places_u, st.floats() | places_u, st.floats() | lengths_u)
def test_any_numbers_at_all_give_a_layout_or_a_refusal(
    scale: Scale, near_u: float, far_u: float, pitch_u: float
) -> None:
    try:
        layout = lay_out(StackPlan("any", Between(near_u, far_u), Pitch(pitch_u)), scale, HOME, Marks())
    except PlanRefused as refusal:
        assert refusal.reasons
    else:
        assert 2 <= layout.slices <= MOST_SLICES
