import cv2
import numpy as np
import pytest
from merge_stacks import KINDS, SIZE, kind_stack, merged, rig_stack
from rendered import MARGIN, Shake, Surface, _texture, render

from stack.merge.breaks import BLURRED, BROKEN, breaks


def told(frames, indices=None):
    """Merge, and give which slices are said to be soft, and which not to go on from those before."""
    slices = merged(frames, indices=indices).slices
    facts = zip(*((one.name, one.index, one.sharpness, one.likeness) for one in slices), strict=True)
    said = breaks(*facts)
    return [[words.split(" is ")[0] for words in said if words.endswith(why)] for why in (BLURRED, BROKEN)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_stack_has_no_breaks(kind):
    assert told(kind_stack(kind).frames) == [[], []]


def test_a_slice_that_was_shaken_is_named_and_those_laid_over_it_are_not():
    frames = list(rig_stack(16).frames)
    shaken = np.zeros((13, 13), np.float32)
    shaken[6] = 1 / 13
    frames[8] = cv2.filter2D(frames[8], -1, shaken)
    assert told(frames) == [["slice 8"], []]


@pytest.mark.parametrize("blur_px", [2.5, 6.0])
def test_a_slice_between_two_layers_is_not_taken_for_a_shaken_one(blur_px):
    """However far slices lie apart: that is told of them in another way."""
    random = np.random.default_rng(3)
    height, width = (round(side * (1 + 2 * MARGIN)) for side in reversed(SIZE))
    beside = np.zeros((height, width), np.float32)
    beside[:, : width // 2] = 1
    layers = [
        Surface(_texture(height, width, random, 1.0), cover, np.full_like(beside, depth))
        for cover, depth in ((np.ones_like(beside), 5), (beside, 3))
    ]
    frames = render(layers, 9, blur_px, SIZE, Shake(0.002, 0.7, 0.03, 0.05, 1.0, 3)).frames
    assert told(frames)[0] == []


@pytest.mark.parametrize("at", [1, 4, 14])
def test_wherever_in_a_stack_a_slice_is_shaken_it_is_named(at):
    frames = list(rig_stack(16).frames)
    frames[at] = cv2.GaussianBlur(frames[at], None, 4)
    assert told(frames)[0] == [f"slice {at}"]


def test_missing_slices_are_told_though_nothing_counts_them():
    frames = rig_stack(16).frames
    assert told([*frames[:6], *frames[11:]]) == [[], ["slice 6"]]


def test_slices_that_are_known_to_be_missing_are_no_break():
    frames = rig_stack(16).frames
    assert told([*frames[:6], *frames[11:]], [*range(6), *range(11, 16)]) == [[], []]


def test_a_subject_that_moved_is_told():
    frames = [frame.copy() for frame in rig_stack(16).frames]
    for frame in frames[8:]:
        frame[60:240, 90:300] = frame[40:220, 60:270].copy()
    assert told(frames) == [[], ["slice 8"]]


def test_of_few_slices_nothing_is_usual():
    assert breaks(list("abcd"), range(4), [1.0, 0.4, 1.0, 0.9], [1, 0.99, 0.5, 0.9]) == []


def said(likeness, sharpness=None, indices=None):
    """Give the slices, counted from 0, that are said to be soft, and those said not to go on."""
    count = len(likeness)
    words = breaks(
        [f"{at}" for at in range(count)], indices or range(count), sharpness or [1.0] * count, likeness
    )
    return [[int(one.split()[0]) for one in words if one.endswith(why)] for why in (BLURRED, BROKEN)]


def test_a_slice_is_soft_where_two_on_each_side_are_sharper_never_at_an_end():
    sharpness = [0.5, 1.0, 1.0, 0.59, 1.0, 1.0, 0.61, 1.0, 1.0, 0.5, 0.59, 1.0, 1.0, 0.5]
    assert said([1.0] * 14, sharpness) == [[3], []]


def test_a_break_is_told_once_and_the_next_where_it_is_laid_over_what_follows():
    likeness = [0.0, *[0.99] * 11]
    for at in (3, 4, 7, 9):
        likeness[at] = 0.9
    assert said(likeness) == [[], [3, 7, 9]]
    assert said(likeness, indices=range(12, 0, -1)) == [[], [3, 7, 9]]


@pytest.mark.parametrize(
    ("usual", "lack", "broken"),
    [(0.0, 0.029, []), (0.0, 0.031, [1]), (0.02, 0.079, []), (0.02, 0.081, [1]), (0.007, 0.0299, [])],
)
def test_unlike_is_what_lacks_several_times_what_is_usual_and_a_little_at_least(usual, lack, broken):
    assert said([1.0, 1 - lack, *[1 - usual] * 3]) == [[], broken]


@pytest.mark.parametrize(("unlike", "broken"), [(2, [2]), (3, []), (4, []), (5, []), (6, [6])])
def test_what_is_laid_over_a_soft_slice_is_no_break(unlike, broken):
    sharpness, likeness = [1.0] * 12, [0.99] * 12
    sharpness[3], likeness[unlike] = 0.1, 0.9
    assert said(likeness, sharpness) == [[3], broken]


def test_where_slices_are_known_to_be_missing_only_a_wider_gap_than_usual_is_excused():
    likeness = [1.0, *[0.99] * 3, 0.9, *[0.99] * 3]
    assert said(likeness, indices=[0, 2, 4, 6, 8, 10, 12, 14]) == [[], [4]]
    assert said(likeness, indices=[0, 2, 4, 6, 9, 11, 13, 15]) == [[], []]
