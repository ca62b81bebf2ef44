import numpy as np
from merge_stacks import fogged_stack, merged, rig_stack, still_stack

from stack.merge.depth import Depth
from stack.merge.settings import MergeSettings

STILL = MergeSettings(align=False, even_light=False)


def test_the_depth_map_says_in_which_slice_a_place_is_sharp():
    stack = still_stack()
    depth = merged(stack.frames, STILL).depth
    assert depth.dtype == np.uint16
    known = depth > 0
    error = np.abs((depth[known] - 1.0) / 128 - stack.depth[known])
    assert known.mean() > 0.9
    assert np.median(error) < 0.2  # of a slice
    assert (error < 1).mean() > 0.85


def test_glints_do_not_pull_depth_towards_slices_that_came_first():
    stack = rig_stack()
    result = merged(stack.frames)
    true = stack.depth[result.crop.rows, result.crop.columns]
    within = (true > -1) & (true < len(stack.frames))
    assert (np.abs((result.depth - 1.0) / 128 - true) <= 1)[within].mean() > 0.95


def test_indices_are_those_of_the_stack_not_of_the_order_fed():
    stack = still_stack()
    indices = [10 + 3 * i for i in range(len(stack.frames))]
    depth = merged(stack.frames, STILL, indices).depth
    known = depth > 0
    assert np.median(np.abs((depth[known] - 1.0) / 128 - (10 + 3 * stack.depth[known]))) < 0.6


def test_where_nothing_is_ever_sharp_depth_is_unknown():
    depth = merged(fogged_stack().frames, STILL).depth
    assert (depth == 0).mean() > 0.8


def test_what_is_as_rough_in_every_slice_tells_no_depth():
    """The rim of a disc of bokeh, or grain in bright light: plenty of detail, and none of it in focus."""
    rng = np.random.default_rng(5)
    depth = Depth(64, 64)
    for index in range(30):
        amplitude = (8 * (1 + 0.1 * rng.standard_normal((64, 64)))).astype(np.float32)
        fed(depth, index, np.log(amplitude), amplitude)
    assert (depth.map(np.full((64, 64), 128, np.uint8), depth.sure(noise=1.0)) == 0).mean() > 0.95


def fed(depth, index, score, amplitude):
    depth.begin(index)
    for rows in (slice(0, 20), slice(20, 64)):
        depth.follow(rows, score[rows], amplitude[rows])


def peak(shape, index, place):
    """Give the amplitude of detail that is in focus at `place`."""
    return np.full(shape, 1 + 50 * np.exp(-abs(index - place) / 2), np.float32)


def test_a_parabola_finds_the_place_between_slices():
    shape = (64, 64)
    depth = Depth(*shape)
    for index in range(7):
        score = np.full(shape, -((index - 3.25) ** 2), np.float32)
        fed(depth, index, score, peak(shape, index, 3.25))
    found = depth.map(np.full(shape, 128, np.uint8), depth.sure(noise=1.0))
    assert np.unique(found).tolist() == [round(1 + 128 * 3.25)]


def test_fed_backwards_and_sparsely_the_parabola_still_points_the_right_way():
    shape = (64, 64)
    depth = Depth(*shape)
    for index in (40, 30, 20, 10, 0):
        score = np.full(shape, -((index - 22.5) ** 2) / 100, np.float32)
        fed(depth, index, score, peak(shape, index, 22.5))
    found = depth.map(np.full(shape, 128, np.uint8), depth.sure(noise=1.0))
    assert np.unique(found).tolist() == [round(1 + 128 * 22.5)]
