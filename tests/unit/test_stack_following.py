"""Near and far that go with the subject: when they move, by how much, and when they must not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rail.axis import Reach
from stack.following import Seen, followed

REACH = Reach(0, 100_000)
WHOLE = (0.0, 0.0, *[0.0625] * 16, 0.0, 0.0)
"""Twenty slices, of which the two at either end lie beyond the subject."""


def seen(shares=WHOLE, near=10_000, pitch=100):
    return Seen(near, near + 19 * pitch, pitch, tuple(shares))


def opened(near=0.0, far=0.0):
    rest = (1 - near - far) / 18
    return (near, *[rest] * 18, far)


def ends(found):
    return found.seen.near_steps, found.seen.far_steps


def test_a_range_that_covers_its_subject_stays():
    found = followed([seen()] * 5, REACH)
    assert (ends(found), found.words) == ((10_000, 11_900), "")


def test_an_open_end_goes_out_once_two_stacks_agree():
    assert followed([seen(opened(far=0.1))], REACH).words == ""
    found = followed([seen(), seen(opened(far=0.1)), seen(opened(far=0.12))], REACH)
    assert ends(found) == (10_000, 12_100)
    assert found.words == "the far end was open, and goes out by 2 slices"


def test_the_more_is_sharpest_at_an_end_the_farther_it_goes_out():
    found = followed([seen(opened(near=0.4, far=0.2))] * 2, REACH)
    assert ends(found) == (10_000 - 5 * 100, 11_900 + 4 * 100)


def test_one_insect_that_passed_moves_nothing():
    stacks = [seen(), seen(opened(near=0.5)), seen(), seen(opened(near=0.5))]
    assert followed(stacks, REACH).words == ""


def test_what_another_range_showed_counts_no_more():
    stacks = [seen(opened(far=0.2)), seen(opened(far=0.2)), Seen(10_000, 12_300, 100, opened(far=0.2))]
    assert followed(stacks, REACH).words == ""


def test_idle_slices_are_left_out_once_three_stacks_agree_and_a_margin_stays():
    shares = (*[0.0] * 7, *[0.0825] * 12, 0.01)
    assert followed([seen(shares)] * 2, REACH).words == ""
    found = followed([seen(shares)] * 3, REACH)
    assert ends(found) == (10_000 + 5 * 100, 11_900)
    assert found.words == "5 slices beyond the near end of the subject showed nothing, and are left out"


def test_of_idle_slices_as_many_go_as_all_three_stacks_agree_on():
    stacks = [seen((*[0.0] * idle, *[0.99 / (19 - idle)] * (19 - idle), 0.01)) for idle in (9, 5, 7)]
    assert ends(followed(stacks, REACH)) == (10_000 + 3 * 100, 11_900)
    nearer = seen((*[0.0] * 3, *[0.99 / 16] * 16, 0.01))
    assert followed([*stacks[:2], nearer], REACH).words == ""


def test_a_range_that_would_be_left_with_too_few_slices_stays():
    shares = (*[0.0] * 4, 0.002, *[0.0] * 4)
    stacks = [Seen(10_000, 10_100, 100, shares)] * 3
    assert followed(stacks, REACH).seen == stacks[-1]


def test_a_subject_that_moves_is_gone_after():
    shares = (*[0.0] * 7, *[0.07] * 12, 0.16)
    found = followed([seen(shares)] * 3, REACH)
    assert ends(found) == (10_500, 11_900 + 400)


def test_it_stays_within_reach_and_says_so():
    tight = Reach(10_000, 11_950)
    found = followed([seen(opened(near=0.3, far=0.3))] * 2, tight)
    assert ends(found) == (10_000, 11_950)
    assert found.words == (
        "the near end is open, and the axis goes no farther; the far end was open, and goes out by 5 slices"
    )


def test_merges_that_cannot_judge_or_are_not_done_say_nothing():
    stacks = [seen(opened(far=0.2)), seen(()), seen(opened(far=0.2)), seen(())]
    assert ends(followed(stacks, REACH)) == (10_000, 12_300)
    assert followed([seen(())] * 5, REACH).words == ""


@given(
    st.lists(st.lists(st.floats(0, 1), min_size=20, max_size=20), min_size=1, max_size=6),
    st.integers(0, 5000),
    st.integers(0, 5000),
)
def test_the_range_is_never_empty_nor_beyond_reach(rows, before, behind):
    reach = Reach(10_000 - before, 11_900 + behind)
    near, far = ends(followed([seen(row) for row in rows], reach))
    assert reach.nearest_steps <= near < far <= reach.farthest_steps


@pytest.mark.parametrize("shares", [[0.0] * 20, [1.0, *[0.0] * 19]])
def test_odd_pictures_leave_a_range(shares):
    near, far = ends(followed([seen(shares)] * 4, REACH))
    assert far - near >= 200
