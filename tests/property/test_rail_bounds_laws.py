"""Whatever is asked of an axis, it goes nowhere that its reach does not hold, and always back."""

from hypothesis import example, given
from hypothesis import strategies as st
from rail_rig import SCALE, SETTINGS

from rail.axis import Position, Trust
from rail.bounds import Bounds
from rail.errors import BeyondReach, PositionUnknown

BOUNDS, REACH = Bounds(SETTINGS, SCALE), SETTINGS.reach
NEAREST, FARTHEST = REACH.nearest_steps, REACH.farthest_steps

ends = st.sampled_from([NEAREST, FARTHEST]).flatmap(lambda end: st.integers(end - 2, end + 2))
places = st.one_of(ends, st.integers(-2_000, 12_000))
believed = st.sampled_from([Trust.KNOWN, Trust.ASSUMED])
lengths = st.one_of(
    st.sampled_from([-1, 1]).flatmap(lambda way: st.integers(-2, 2).map(lambda n: way * 9_600 + n)),
    st.integers(-20_000, 20_000),
)


def refusal(check, *asked):
    try:
        check(*asked)
    except (BeyondReach, PositionUnknown) as error:
        return error
    return None


def outside(steps):
    """Give how far a place lies outside the reach, below zero towards near."""
    return min(0, steps - NEAREST) + max(0, steps - FARTHEST)


@given(places, believed, places)
@example(NEAREST, Trust.KNOWN, FARTHEST)
@example(FARTHEST, Trust.KNOWN, NEAREST)
def test_a_move_may_end_just_where_the_reach_holds(here, trust, target):
    refused = refusal(BOUNDS.check_move, Position(here, trust), target)
    assert (refused is None) is (NEAREST <= target <= FARTHEST)
    if refused is not None:
        assert (refused.target_steps, refused.beyond_steps) == (target, abs(outside(target)))
        assert ("near" if target < NEAREST else "far") + " end" in str(refused)


@given(places, believed, places)
@example(NEAREST, Trust.KNOWN, FARTHEST)
@example(FARTHEST, Trust.KNOWN, NEAREST)
@example(NEAREST - 1, Trust.KNOWN, NEAREST - 1)
@example(FARTHEST + 1, Trust.KNOWN, FARTHEST + 1)
def test_a_jog_leads_no_farther_out_and_never_through_the_reach_to_beyond_it(here, trust, target):
    refused = refusal(BOUNDS.check_jog, Position(here, trust), target - here)
    inwards = 0 <= outside(target) <= outside(here) or outside(here) <= outside(target) <= 0
    assert (refused is None) is inwards


@given(places, lengths)
def test_what_does_not_know_its_place_goes_no_farther_than_its_travel(here, length):
    lost, allowed = Position(here, Trust.UNKNOWN), abs(length) <= SETTINGS.travel_steps
    assert (refusal(BOUNDS.check_jog, lost, length) is None) is allowed
    assert (refusal(BOUNDS.check_move, lost, here + length) is None) is allowed
