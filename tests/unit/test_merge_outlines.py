"""What is smooth is taken from the slice that has the outline about it sharp.

Beside an outline, slices out of focus show more detail than the right one: its blur. Through that of a smooth
near part they show the ground behind it.
"""

from functools import cache

import cv2
import numpy as np
import pytest
from rendered import MARGIN, Rendered, Shake, Surface, _disc_mask, _texture, psnr, render

from stack.merge.focus import bright
from stack.merge.settings import MergeSettings
from stack.merge.stream import Merge, Merged

SIZE = (640, 480)
SLICES = 9
BLUR_PX = 2.6
DARK, LIKE_GROUND, LIGHT = 0.02, 0.17, 0.6
PAPER, LIGHT_GREY, NEARLY_WHITE, INK = 0.55, 0.87, 0.95, 0.02


def canvas() -> tuple[np.ndarray, np.ndarray]:
    height, width = (round(side * (1 + 2 * MARGIN)) for side in SIZE[::-1])
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return y, x


@cache
def ball(radiance: float = DARK) -> Rendered:
    """A smooth disc in front of a rough ground."""
    y, x = canvas()
    rough = _texture(*y.shape, np.random.default_rng(5), 0.6)
    ground = Surface(rough, np.ones_like(y), y * 0 + SLICES - 1)
    disc = _disc_mask(x, y, 0.5 * y.shape[1], 0.5 * y.shape[0], 0.15 * y.shape[1])
    front = Surface(np.full((*y.shape, 3), radiance, np.float32), disc, y * 0)
    return render([ground, front], SLICES, BLUR_PX, SIZE, Shake(noise=0.3, seed=5))


@cache
def print_on_a_slope(slices: int, paper: float = PAPER) -> Rendered:
    """Bars of ink on smooth paper that leans back: nothing else on it, and much blur from slice to slice."""
    y, x = canvas()
    edges = np.cumsum([10, 24, 12, 30, 40, 16, 60, 20, 36, 26, 14, 48] * 2)
    inked = np.searchsorted(edges, x[0]) % 2 == 1
    light = np.where(inked, INK, paper)[None, :, None] * np.ones((*y.shape, 3))
    sheet = Surface(light.astype(np.float32), np.ones_like(y), (slices - 1) * y / y.shape[0])
    return render([sheet], slices, 48 / (slices - 1), SIZE, Shake(noise=0.1, seed=5))


def merged(stack: Rendered, order: int = 1) -> Merged:
    merge = Merge(MergeSettings(align=False))  # bars alone do not say where they lie along themselves
    for index in range(len(stack.frames))[::order]:
        merge.add(index, stack.frames[index])
    return merge.finish()


def smooth(truth: np.ndarray, reach_px: int) -> np.ndarray:
    """Say where there is no outline within so many pixels."""
    grey = truth.mean(axis=2).astype(np.float32)
    around = np.ones((2 * reach_px + 1,) * 2)
    return cv2.dilate(grey, around) - cv2.erode(grey, around) < 2


def within(stack: Rendered, merge: Merged, nearest_px: int, farthest_px: int) -> np.ndarray:
    """Say what lies so far inside the disc's outline."""
    crop = merge.crop
    inside = (stack.depth < 1).astype(np.uint8)[crop.rows, crop.columns]
    deep = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    return (deep >= nearest_px) & (deep < farthest_px)


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(("radiance", "least_db"), [(DARK, 52.2), (LIGHT, 50), (LIKE_GROUND, 37)])
def test_a_smooth_near_part_is_not_of_glass(radiance: float, least_db: float, order: int) -> None:
    stack = ball(radiance)
    result = merged(stack, order)
    truth = stack.truth[result.crop.rows, result.crop.columns]
    assert psnr(result.pixels, truth, within(stack, result, 6, 16)) > least_db


@pytest.mark.parametrize(
    ("slices", "paper", "least_db"),
    [(7, PAPER, 32), (15, PAPER, 34), (15, LIGHT_GREY, 31), (15, NEARLY_WHITE, 31)],
)
def test_marks_are_as_dark_or_light_in_the_middle_as_at_their_outlines(
    slices: int, paper: float, least_db: float
) -> None:
    stack = print_on_a_slope(slices, paper)
    result = merged(stack)
    truth = stack.truth[result.crop.rows, result.crop.columns]
    assert psnr(result.pixels, truth, smooth(truth, 3)) > least_db


def test_depth_is_right_beside_outlines_too() -> None:
    stack = print_on_a_slope(15)
    result = merged(stack)
    crop = result.crop
    known = result.confidence > 128
    away = np.abs((result.depth - 1.0) / 128 - stack.depth[crop.rows, crop.columns])[known]
    assert known.mean() > 0.3
    assert (away < 1).mean() > 0.72


@pytest.mark.parametrize("clipped_as", [255, 238])
def test_beside_a_glint_its_disc_does_not_win_however_the_camera_gives_what_it_clipped(
    clipped_as: int,
) -> None:
    """Its contrast is highest where it is softest."""
    y, x = canvas()
    metal = np.full((*y.shape, 3), 0.2, np.float32) + 0.01 * _texture(*y.shape, np.random.default_rng(5), 1)
    glint = _disc_mask(x, y, 0.5 * y.shape[1], 0.5 * y.shape[0], 4)
    metal += 40 * glint[..., None]
    stack = render([Surface(metal, np.ones_like(y), y * 0)], SLICES, BLUR_PX, SIZE, Shake(noise=0.3, seed=5))
    share = clipped_as / 255
    dimmer = [np.rint(frame * share).astype(np.uint8) for frame in stack.frames]
    result = merged(Rendered(dimmer, stack.truth * share, stack.depth, stack.transforms))
    away = np.hypot(*(np.indices(SIZE[::-1]) - (np.array(SIZE[::-1])[:, None, None] - 1) / 2))
    beside = (away > 8) & (away < 20)
    error = np.abs(result.pixels - stack.truth * share).mean(axis=2)[beside]
    assert error.mean() < 8  # levels; 37 where only 255 is taken for clipped


def test_a_hot_pixel_is_not_the_camera_s_white() -> None:
    slice_ = np.full((750, 1000, 3), 100, np.uint8)
    slice_[300:325, 400:425] = 238
    glint = np.s_[75:81, 100:106]
    clipped, white = (bright(slice_)[..., number] for number in range(2))
    slice_[600, 600, 2] = 255
    assert (bright(slice_)[glint] == 255).all()
    assert clipped[glint].all()
    assert white[glint].all()
    assert not white[:60].any()


def test_white_is_as_bright_as_a_camera_gives_what_it_clipped_and_hardly_less() -> None:
    """Where light was clipped it gives 237 to 240; paint of 235 is not as bright."""
    slice_ = np.full((750, 1000, 3), 100, np.uint8)
    slice_[:150] = 235
    slice_[300:325, 400:500] = np.repeat(np.arange(237, 241, dtype=np.uint8), 25)[None, :, None]
    white = bright(slice_)[..., 1]
    assert (white[75:81, 100:125] == 255).all()
    assert not white[:60].any()


@pytest.mark.parametrize(("lit_px", "lit"), [(150, False), (300, True)])
def test_lit_ground_is_no_glint_and_what_glints_before_it_is_one(lit_px: int, lit: bool) -> None:
    """Of the first slice a fifth is as bright as that, which many glints are; of the second two fifths."""
    slice_ = np.full((750, 1000, 3), 100, np.uint8)
    slice_[:lit_px] = 242
    spot, glint = np.s_[20:28, 500:508], np.s_[600:608, 500:508]
    slice_[spot] = slice_[glint] = 255
    for found in np.moveaxis(bright(slice_), 2, 0):
        assert (found[150:152, 125:127] == 255).all()
        assert (found[5:7, 125:127] == (0 if lit else 255)).all()


@cache
def bar_before_rough_ground() -> Rendered:
    """A dark bar, five slices near; the ground beside it has contrast with it, and its own detail."""
    size = 320, 240
    height, width = (round(side * (1 + 2 * MARGIN)) for side in size[::-1])
    x = np.arange(width)[None] * np.ones((height, 1))
    rough = _texture(height, width, np.random.default_rng(7), 0.5)
    covered = (np.abs(x - 0.5 * width) < 14).astype(np.float32)
    ground = Surface(rough, np.ones_like(covered), np.full_like(covered, 6))
    bar = Surface(np.full((height, width, 3), 0.02, np.float32), covered, np.ones_like(covered))
    return render([ground, bar], SLICES, 1.3, size, Shake(noise=0.3, seed=7))


def test_what_faint_contrast_there_is_does_not_outweigh_detail() -> None:
    """From one level to two is as large a step as from one hundred to two, and yet it is noise."""
    stack = bar_before_rough_ground()
    result = merged(stack)
    rows, columns = result.crop.rows, result.crop.columns
    ground = (stack.depth > 4).astype(np.uint8)[rows, columns]
    away = cv2.distanceTransform(ground, cv2.DIST_L2, 5)
    assert psnr(result.pixels, stack.truth[rows, columns], (away > 6) & (away < 14)) > 43.5


@cache
def hairs() -> Rendered:
    """Bright hairs, two to three pixels thick, four slices before rough ground."""
    y, x = canvas()
    rough = 0.3 * _texture(*y.shape, np.random.default_rng(5), 1.0)
    ground = Surface(rough, np.ones_like(y), y * 0 + 6)
    across = np.abs((x + 0.4 * y + 8 * np.sin(y / 50)) % 40 - 20)
    hair = Surface(np.full((*y.shape, 3), 0.7, np.float32), np.clip(2 - across, 0, 1), y * 0 + 2)
    return render([ground, hair], SLICES, BLUR_PX, SIZE, Shake(noise=0.3, seed=5))


def test_rough_ground_between_hairs_keeps_its_own_slice() -> None:
    stack = hairs()
    result = merged(stack)
    rows, columns = result.crop.rows, result.crop.columns
    truth, ground = stack.truth[rows, columns], (stack.depth > 4).astype(np.uint8)[rows, columns]
    away = cv2.distanceTransform(ground, cv2.DIST_L2, 5)
    assert psnr(result.pixels, truth, (away > 10) & (away < 14)) > 37


def test_depth_between_hairs_is_told_by_what_is_plain() -> None:
    """A higher floor under the finest detail gives ground the depth of hairs; a lower one fails prints."""
    stack = hairs()
    result = merged(stack)
    rows, columns = result.crop.rows, result.crop.columns
    known = result.confidence > 128
    away = np.abs((result.depth - 1.0) / 128 - stack.depth[rows, columns])[known]
    assert (away <= 1).mean() > 0.5
