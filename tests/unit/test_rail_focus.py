import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rail.focus import FocusTable

TABLE = FocusTable(((0.0, 300.0), (90.0, 600.0), (180.0, 1200.0)))


def test_the_points_of_the_table_are_what_it_says():
    assert [TABLE.distance_mm(deg) for deg in (0, 90, 180)] == [300.0, 600.0, 1200.0]


def test_halfway_between_two_points_the_reciprocal_is_halfway():
    assert TABLE.distance_mm(45) == pytest.approx(400.0)
    assert TABLE.distance_mm(135) == pytest.approx(800.0)


@pytest.mark.parametrize("beyond_deg", [-0.001, 180.001, 1e9, math.nan])
def test_beyond_its_ends_the_table_says_nothing(beyond_deg):
    assert TABLE.distance_mm(beyond_deg) is None


def test_a_ring_may_turn_the_other_way():
    assert FocusTable(((-10.0, 900.0), (10.0, 450.0))).distance_mm(0) == pytest.approx(600.0)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ((), "two points"),
        (((0.0, 300.0),), "two points"),
        (((0.0, 300.0), (0.0, 400.0)), "in order of degrees"),
        (((10.0, 300.0), (0.0, 400.0)), "in order of degrees"),
        (((0.0, 300.0), (1.0, 400.0), (2.0, 350.0)), "grow all the way"),
        (((0.0, 300.0), (1.0, 300.0)), "grow all the way"),
        (((0.0, 0.0), (1.0, 300.0)), "above zero"),
        (((0.0, 300.0), (1.0, math.inf)), "no place"),
        (((math.nan, 300.0), (1.0, 400.0)), "no place"),
    ],
)
def test_what_is_no_table_is_told(points, words):
    with pytest.raises(ValueError, match=words):
        FocusTable(points)


@given(
    st.lists(st.tuples(st.floats(0.1, 90), st.floats(0.1, 900)), min_size=2, max_size=8),
    st.booleans(),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_the_distance_grows_or_falls_all_along(gaps, falling, one, other):
    degs, mms, points = 0.0, 1.0, []
    for gap_deg, gap_mm in gaps:
        degs, mms = degs + gap_deg, mms + gap_mm
        points.append((degs, mms))
    if falling:
        points = [(-deg, mm) for deg, mm in reversed(points)]
    table, length_deg = FocusTable(tuple(points)), points[-1][0] - points[0][0]
    before, after = sorted(points[0][0] + part * length_deg * (1 - 1e-12) for part in (one, other))
    near, far = table.distance_mm(before), table.distance_mm(after)
    assert near <= far * (1 + 1e-9) if not falling else far <= near * (1 + 1e-9)
    lowest, highest = sorted((points[0][1], points[-1][1]))
    assert lowest * (1 - 1e-9) <= near <= highest * (1 + 1e-9)
