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


@st.composite
def smooth_ramps(draw):
    start = draw(st.integers(20, 800))
    top = start + draw(st.integers(0, 2_000))
    return Ramp(start, top, draw(st.integers(500, 100_000)), draw(st.integers(5_000, 5_000_000)))


@given(smooth_ramps(), st.integers(0, 3_000))
def test_a_smooth_move_has_exactly_its_steps_and_is_its_own_mirror_image(ramp, steps):
    intervals = list(intervals_ns(ramp, steps))
    assert len(intervals) == steps
    assert intervals == intervals[::-1]
    assert sum(intervals) == ramp.duration_ns(steps)
    assert all(interval * ramp.max_steps_s >= 10**9 for interval in intervals)


@given(smooth_ramps(), st.integers(0, 3_000))
def test_from_any_step_of_a_smooth_move_the_way_down_keeps_to_the_acceleration(ramp, steps):
    fitted = ramp.fitted(steps)
    levels = fitted.levels_ns
    assert len(levels) == fitted.length_steps + 1
    assert list(levels) == sorted(levels, reverse=True)
    for slower_ns, faster_ns in pairwise(levels):
        gained = (1e9 / faster_ns) ** 2 - (1e9 / (slower_ns - 1)) ** 2
        assert gained <= 2 * ramp.acceleration_steps_s2 * 1.001


@given(smooth_ramps(), st.integers(40, 3_000))
def test_the_acceleration_of_a_smooth_move_comes_and_goes_gradually(ramp, steps):
    """At every level it is below what the jerk allows at that distance in speed from either end."""
    fitted = ramp.fitted(steps)
    levels = fitted.levels_ns
    for slower_ns, faster_ns in pairwise(levels):
        slower, faster = 1e9 / slower_ns, 1e9 / faster_ns
        acceleration = (faster**2 - slower**2) / 2
        # Intervals are whole nanoseconds, which blurs a speed by this much.
        blur = faster**2 * 1e-9
        for away in (faster - fitted.start_steps_s, fitted.max_steps_s - slower):
            allowed = (2 * ramp.jerk_steps_s3 * (max(away, 0) + blur)) ** 0.5
            assert acceleration <= allowed * 1.01 + 1 + 2 * faster * blur


@given(smooth_ramps(), st.integers(0, 3_000))
def test_a_smooth_move_too_short_for_its_speed_ends_its_climb_within_half_of_it(ramp, steps):
    fitted = ramp.fitted(steps)
    assert fitted.max_steps_s == fitted.start_steps_s or 2 * fitted.length_steps <= steps
    faster = min(fitted.max_steps_s + 1, ramp.max_steps_s)
    assert (
        fitted.max_steps_s == ramp.max_steps_s
        or 2 * Ramp(ramp.start_steps_s, faster, ramp.acceleration_steps_s2, ramp.jerk_steps_s3).length_steps
        > steps
    )
