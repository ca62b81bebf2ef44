from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rail.profile import Ramp, intervals_ns, level_at


@st.composite
def ramps(draw):
    start = draw(st.integers(1, 2_000))
    top = start + draw(st.integers(0, 3_000))
    gentlest = max(1, (top**2 - start**2) // 4_000)
    return Ramp(start, top, draw(st.integers(gentlest, 1_000_000)))


@given(ramps(), st.integers(0, 5_000))
def test_a_move_has_exactly_its_steps_and_is_its_own_mirror_image(ramp, steps):
    intervals = list(intervals_ns(ramp, steps))
    assert len(intervals) == steps
    assert intervals == intervals[::-1]
    assert sum(intervals) == ramp.duration_ns(steps)


@given(ramps(), st.integers(0, 5_000))
def test_no_interval_is_shorter_than_cruising_and_none_changes_by_more_than_a_level(ramp, steps):
    levels = ramp.levels_ns
    assert list(levels) == sorted(levels, reverse=True)
    assert levels[0] * ramp.start_steps_s >= 10**9
    assert levels[-1] * ramp.max_steps_s >= 10**9
    distinct = sorted(set(levels), reverse=True)
    places = [distinct.index(interval) for interval in intervals_ns(ramp, steps)]
    assert places[:1] in ([], [0])
    assert all(abs(later - earlier) <= 1 for earlier, later in pairwise(places))


@given(ramps(), st.integers(1, 10**10))
def test_a_late_step_is_never_taken_for_a_faster_one(ramp, interval_ns):
    level = level_at(interval_ns, ramp.levels_ns)
    assert level == -1 or ramp.levels_ns[level] >= interval_ns
    if level + 1 < len(ramp.levels_ns):
        assert ramp.levels_ns[level + 1] < interval_ns
