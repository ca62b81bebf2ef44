from itertools import pairwise

import pytest

from rail.profile import Ramp, intervals_ns, level_at, next_level

RAMP = Ramp(start_steps_s=100, max_steps_s=200, acceleration_steps_s2=2_500)


def test_levels_are_the_speeds_of_constant_acceleration():
    # v^2 = 100^2 + 5000 k: 100, 122.5, 141.4, 158.1, 173.2, 187.1, 200 steps/s
    assert RAMP.levels_ns == (10_000_000, 8_164_966, 7_071_068, 6_324_556, 5_773_503, 5_345_225, 5_000_000)
    assert RAMP.length_steps == 6


def test_speed_never_grows_faster_than_the_acceleration_says():
    ramp = Ramp(320, 12_800, 64_000)
    for slower_ns, faster_ns in pairwise(ramp.levels_ns):
        gained = (1e9 / faster_ns) ** 2 - (
            1e9 / (slower_ns - 1)
        ) ** 2  # intervals are rounded up, to whole ns
        assert gained <= 2 * ramp.acceleration_steps_s2


@pytest.mark.parametrize(
    ("steps", "levels"),
    [
        (0, []),
        (1, [0]),
        (2, [0, 0]),
        (3, [0, 1, 0]),
        (6, [0, 1, 2, 2, 1, 0]),
        (12, [0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0]),
        (14, [0, 1, 2, 3, 4, 5, 6, 6, 5, 4, 3, 2, 1, 0]),
        (15, [0, 1, 2, 3, 4, 5, 6, 6, 6, 5, 4, 3, 2, 1, 0]),
    ],
)
def test_moves_of_every_kind_of_length(steps, levels):
    assert list(intervals_ns(RAMP, steps)) == [RAMP.levels_ns[level] for level in levels]


def test_a_flat_ramp_has_one_level():
    assert RAMP.slowest().levels_ns == (10_000_000,)
    assert list(intervals_ns(RAMP.slowest(), 3)) == [10_000_000] * 3


def test_with_as_many_steps_left_as_the_level_the_way_is_down():
    assert [next_level(level, level, top=6) for level in (6, 3, 1)] == [5, 2, 0]


@pytest.mark.parametrize(
    ("interval_ns", "level"),
    [
        (20_000_000, -1),
        (10_000_001, -1),
        (10_000_000, 0),
        (8_000_000, 1),
        (5_345_225, 5),
        (5_000_000, 6),
        (1, 6),
    ],
)
def test_a_late_step_has_the_level_it_really_ran_at(interval_ns, level):
    assert level_at(interval_ns, RAMP.levels_ns) == level


@pytest.mark.parametrize("speeds", [(0, 10, 1), (10, 9, 1), (10, 10, 0), (1, 100_000, 1)])
def test_senseless_ramps_are_refused(speeds):
    with pytest.raises(ValueError, match=r"ramp|accelerate"):
        Ramp(*speeds)
