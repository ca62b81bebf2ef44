"""How fast slices blur is found from them, and what near parts veil is seen without their veil."""

from functools import cache

import cv2
import numpy as np
import pytest
from merge_stacks import fogged_stack
from rendered import MARGIN, Rendered, Shake, Surface, _disc_mask, _texture, psnr, render

from stack.merge.settings import MergeSettings
from stack.merge.stream import Merge, Merged
from stack.merge.veil import unveil

SIZE = (400, 300)
SLICES = 9
BLUR_PX = 1.6
STILL = MergeSettings(align=False, even_light=False)


@cache
def plate(texture: float = 1.0, blur_px: float = BLUR_PX, gap: int = SLICES - 1) -> Rendered:
    """A round plate in front of a ground `gap` slices behind it, both rough, on a rig that stands still."""
    height, width = (round(side * (1 + 2 * MARGIN)) for side in SIZE[::-1])
    y, x = np.mgrid[:height, :width].astype(np.float32)
    random = np.random.default_rng(7)
    ground = Surface(
        _texture(height, width, random, texture), np.ones((height, width), np.float32), y * 0 + gap
    )
    disc = _disc_mask(x, y, 0.5 * width, 0.5 * height, 0.2 * width)
    front = Surface(_texture(height, width, random, texture), disc, y * 0)
    return render([ground, front], SLICES, blur_px, SIZE, Shake(seed=7))


@cache
def merged(blur_px: float = BLUR_PX, order: int = 1, texture: float = 1.0) -> Merged:
    merge = Merge(STILL)
    frames = plate(texture, blur_px).frames
    for index in range(SLICES)[::order]:
        merge.add(index, frames[index])
    return merge.finish()


def rim(stack: Rendered) -> np.ndarray:
    """Give the ground within reach of the plate's blur."""
    near = (stack.depth < 1).astype(np.uint8)
    return (cv2.dilate(near, np.ones((25, 25), np.uint8)) > near) & (cv2.dilate(near, np.ones((5, 5))) == 0)


@pytest.mark.parametrize("blur_px", [0.7, 1.6, 3.0])
@pytest.mark.parametrize("order", [1, -1])
def test_how_fast_slices_blur_is_seen_whichever_comes_first(blur_px: float, order: int) -> None:
    assert merged(blur_px, order).blur_px_a_slice == pytest.approx(blur_px, rel=0.15)


def test_an_outline_of_colour_alone_tells_how_fast_slices_blur() -> None:
    assert merged(texture=0.0).blur_px_a_slice == pytest.approx(BLUR_PX, rel=0.15)


def test_where_nothing_tells_a_depth_no_blur_is_seen() -> None:
    fog = Merge(STILL)
    for index, frame in enumerate(fogged_stack().frames):
        fog.add(index, frame)
    assert fog.finish().blur_px_a_slice is None
    one = Merge(STILL)
    one.add(0, plate().frames[0])
    assert one.finish().blur_px_a_slice is None


def test_ground_beside_a_near_part_is_nearer_to_the_truth_without_its_veil() -> None:
    stack, found = plate(), merged()
    assert found.blur_px_a_slice is not None
    clear = found.pixels.copy()
    unveil(clear, found.depth, found.confidence, found.blur_px_a_slice, found.taken)
    where = rim(stack)
    assert psnr(clear, stack.truth, where) > psnr(found.pixels, stack.truth, where) + 1.5
    changed = (clear != found.pixels).any(axis=2)
    assert not changed[stack.depth < 1].mean() > 0.01, "the plate itself is as it was"
    far = cv2.dilate((stack.depth < 1).astype(np.uint8), np.ones((61, 61), np.uint8)) == 0
    assert not changed[far].any()


def test_sixteen_bits_are_as_eight() -> None:
    found = merged()
    eight, sixteen = found.pixels.copy(), found.pixels.astype(np.uint16) * 257
    unveil(eight, found.depth, found.confidence, BLUR_PX)
    unveil(sixteen, found.depth, found.confidence, BLUR_PX)
    assert np.abs(sixteen / 257 - eight).max() <= 0.51


def test_threads_change_nothing() -> None:
    found = merged()
    clear = [found.pixels.copy() for _ in range(3)]
    for threads, picture in enumerate(clear, start=1):
        unveil(picture, found.depth, found.confidence, BLUR_PX, found.taken, threads=threads)
    assert (clear[0] != found.pixels).any()
    assert [(picture == clear[0]).all() for picture in clear] == [True] * 3


def test_a_slope_veils_nothing() -> None:
    depth = np.broadcast_to(1 + 128 * np.linspace(0, 12, 300), (200, 300)).astype(np.uint16)
    pixels = np.random.default_rng(3).integers(60, 180, (200, 300, 3)).astype(np.uint8)
    after = pixels.copy()
    unveil(after, depth, np.full(depth.shape, 255, np.uint8), 2.0)
    assert (after == pixels).all()


def two_sides(near_level: int, far_level: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give picture, depth and confidence of a near half beside a far one, both even."""
    depth = np.full((120, 160), 1, np.uint16)
    depth[:, 80:] = 1 + 128 * 6
    pixels = np.full((120, 160, 3), near_level, np.uint8)
    pixels[:, 80:] = far_level
    return pixels, depth, np.full(depth.shape, 255, np.uint8)


def test_ground_too_dark_to_lie_behind_a_veil_stays() -> None:
    """It is of a slice in which nothing veils it: the veil alone would be brighter."""
    pixels, depth, confidence = two_sides(200, 20)
    after = pixels.copy()
    unveil(after, depth, confidence, 1.5)
    assert (after == pixels).all()


def test_what_shines_and_what_is_not_known_stay() -> None:
    pixels, depth, confidence = two_sides(60, 230)
    plain = pixels.copy()
    unveil(plain, depth, confidence, 1.5)
    assert (plain != pixels).any()
    shining = pixels.copy()
    shining[:, 70:80] = 255
    glaring = shining.copy()
    unveil(glaring, depth, confidence, 1.5)
    assert (glaring[:, 80:86] == shining[:, 80:86]).all()
    for doubted in (np.full_like(confidence, 180), np.zeros_like(confidence)):
        after = pixels.copy()
        unveil(after, depth, doubted, 1.5)
        assert (after == pixels).all()
    unknown = np.where(depth > 1, 0, depth).astype(np.uint16)
    after = pixels.copy()
    unveil(after, unknown, confidence, 1.5)
    assert (after == pixels).all()


def test_a_glint_on_veiled_ground_stays_with_what_lies_beside_it() -> None:
    """How bright it was nobody knows, so what is left of it without the veil nobody knows either."""
    pixels, depth, confidence = two_sides(60, 200)
    pixels[60, 83] = 255
    after = pixels.copy()
    unveil(after, depth, confidence, 1.5)
    changed = (after != pixels).any(axis=2)
    assert changed[[55, 65], 80:88].all()
    assert not changed[56:65, 79:88].any()


def test_what_is_dark_on_veiled_ground_loses_in_proportion() -> None:
    """All that a veil adds to brighter ground around it would leave it black."""
    pixels, depth, confidence = two_sides(200, 230)
    pixels[60, 80:90] = 20
    after = pixels.copy()
    unveil(after, depth, confidence, 1.5)
    assert (after[40, 80:88] > pixels[40, 80:88]).all()
    assert np.abs(after[60, 80:90].astype(int) - 20).max() <= 2
