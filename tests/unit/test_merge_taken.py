"""Which slices a merged picture is taken from, and where parts end in depth."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from test_merge_veil import SLICES, merged, plate

from stack.merge.bydepth import by_depth
from stack.merge.taken import Taken

HEIGHT, WIDTH = 121, 203


def ramp(factor: int) -> Taken:
    """What tells every pixel's column, at a lower resolution."""
    columns = (np.arange(-(-WIDTH // factor), dtype=np.float32) + 0.5) * factor - 0.5
    return Taken(np.tile(columns, (-(-HEIGHT // factor), 1)), factor)


@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("other", [1, 3, 4, 7])
def test_it_lies_upon_a_picture_of_any_resolution(factor: int, other: int) -> None:
    shape = HEIGHT // other, WIDTH // other
    middles = (np.arange(shape[1]) + 0.5) * other - 0.5
    inner = (middles > factor) & (middles < WIDTH - 2 * factor)
    found = ramp(factor).reduced(other, shape)
    assert found.shape == shape
    assert found[:, inner] == pytest.approx(
        np.broadcast_to(middles[inner], (shape[0], inner.sum())), abs=0.05
    )


def test_parts_of_it_are_parts_of_the_whole() -> None:
    shape = HEIGHT, WIDTH
    whole = ramp(4).part(slice(0, HEIGHT), slice(0, WIDTH), shape)
    assert whole[:, 4:-4] == pytest.approx(np.broadcast_to(np.arange(4.0, WIDTH - 4), (HEIGHT, WIDTH - 8)))
    assert ramp(4).part(slice(30, 77), slice(51, 160), shape) == pytest.approx(whole[30:77, 51:160])


def test_a_crop_of_it_lies_upon_the_crop() -> None:
    crop = ramp(4).cropped(left=7, top=5, width_px=150, height_px=100)
    told = crop.part(slice(0, 100), slice(0, 150), (100, 150))
    assert told[:, 4:-4] == pytest.approx(np.broadcast_to(np.arange(11.0, 153), (100, 142)), abs=0.05)


def test_a_merge_tells_of_which_slice_its_picture_is() -> None:
    found, depth = merged(), plate().depth
    assert found.taken is not None
    index = found.taken.part(slice(0, depth.shape[0]), slice(0, depth.shape[1]), depth.shape)
    inside = cv2.erode((depth < 1).astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    outside = cv2.dilate((depth < 1).astype(np.uint8), np.ones((61, 61), np.uint8)) == 0
    assert np.abs(index[inside]).max() < 0.5
    assert np.abs(index[outside] - (SLICES - 1)).max() < 0.5


def test_a_near_part_ends_in_depth_where_it_ends() -> None:
    """An outline is as plain some pixels beyond itself; what lies there is deep all the same."""
    found, depth = merged(), plate().depth
    near = (depth < 1).astype(np.uint8)
    beside = (cv2.dilate(near, np.ones((9, 9), np.uint8)) > 0) & (
        cv2.dilate(near, np.ones((5, 5), np.uint8)) == 0
    )
    told = (found.depth.astype(float) - 1) / 128
    right = np.abs(told - depth) <= 1
    assert right[beside].mean() > 0.9
    assert right[near > 0].mean() > 0.97


def test_by_depth_leaves_what_was_taken_from_another_slice() -> None:
    before = merged().pixels
    found = replace(merged(), pixels=before.copy())
    by_depth(found, lambda position: plate().frames[position])
    assert found.taken is not None
    index = found.taken.part(slice(0, before.shape[0]), slice(0, before.shape[1]), before.shape)
    told = (found.depth.astype(float) - 1) / 128
    other = np.abs(index - told) > 1
    assert other.mean() > 0.01
    assert (found.pixels[other] == before[other]).all()
    assert (found.pixels != before).any()
