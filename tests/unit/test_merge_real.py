"""Real stacks, where somebody has put them beside the repository."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from stack.merge.photos import is_photo, read_photo
from stack.merge.stream import Merge

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def photos(name):
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"there is no {name}")
    return sorted(path for path in folder.iterdir() if is_photo(path))


def sharpness(picture):
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (0, 0), 1)
    return float(np.abs(cv2.Laplacian(grey, cv2.CV_32F)).mean())


@pytest.mark.parametrize(
    ("name", "scale_of_the_last"), [("fs-pcb", 0.964), ("fs-depthmap", 1.155), ("jn-12", 0.904)]
)
def test_a_real_stack_is_sharper_than_any_of_its_slices(name, scale_of_the_last):
    merge = Merge()
    sharpest = 0.0
    for index, path in enumerate(photos(name)):
        pixels = read_photo(path)
        sharpest = max(sharpest, sharpness(pixels))
        merge.add(index, pixels, path.name)
    result = merge.finish()
    assert sharpness(result.pixels) > 1.1 * sharpest
    last = result.slices[-1].transform
    assert np.hypot(last[0, 0], last[1, 0]) == pytest.approx(scale_of_the_last, abs=0.01)
    assert abs(np.degrees(np.arctan2(last[1, 0], last[0, 0]))) < 0.6


def test_bars_of_a_print_are_black_and_white_all_over():
    """Behind a board hangs a print: slices out of focus are grey in its bars, and show more detail there."""
    merge = Merge()
    for index, path in enumerate(photos("fs-pcb")):
        pixels = read_photo(path)
        merge.add(index, pixels, path.name)
    result = merge.finish()
    height, width = result.pixels.shape[:2]
    bars = np.s_[60:360, 620:920]
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(pixels, result.slices[-1].transform, (width, height), flags=how)[bars]
    error = np.abs(result.pixels[bars] - laid * np.array(result.slices[-1].gains)).mean(axis=2)
    assert np.percentile(error, 90) < 5  # levels; 16 where detail alone decides


def test_metal_keeps_its_light_where_another_slice_has_the_disc_of_a_glint():
    """The camera rendered what was clipped as 235 of 255; out of focus its disc is brighter than metal."""
    merge = Merge()
    for index, path in enumerate(photos("jn-12")):
        merge.add(index, read_photo(path), path.name)
    assert (
        merge.finish().pixels[85:100, 930:960].mean() < 175
    )  # 208 in the slices that have the disc, 160 in others


def test_white_letters_on_a_board_are_white_all_over():
    merge, slices = Merge(), [read_photo(path) for path in photos("fs-depthmap")]
    for index, pixels in enumerate(slices):
        merge.add(index, pixels)
    result = merge.finish()
    height, width = result.pixels.shape[:2]
    letters = np.s_[60:260, 600:900]
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(slices[3], result.slices[3].transform, (width, height), flags=how)[letters]
    error = np.abs(result.pixels[letters] - laid * np.array(result.slices[3].gains)).mean(axis=2)
    assert np.percentile(error, 90) < 15  # levels; 32 where detail alone decides
