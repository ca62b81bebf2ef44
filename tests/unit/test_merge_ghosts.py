"""Ground that shines through smooth near parts is taken out and nothing else; small slices tell."""

from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from rendered import MARGIN, Rendered, Shake, Surface, _disc_mask, _texture, psnr, render
from test_merge_veil import merged as plate_merged

from stack.merge.ghosts import found, remove_ghosts
from stack.merge.glances import MOST_KEPT, WIDTH_PX, Glances
from stack.merge.merging import Merging, Photo
from stack.merge.products import Maps
from stack.merge.settings import MergeSettings, Method
from stack.merge.similarity import Similarity
from stack.merge.stream import Merge, Merged
from stack.merge.taken import Taken

SIZE = (640, 480)
SLICES = 9
BLUR_PX = 2.6
DARK, LIKE_GROUND = 0.02, 0.17


@cache
def ball(radiance: float = DARK, order: int = 1, lit: float = 1.0) -> tuple[Rendered, Merged]:
    """A smooth disc in front of a rough ground, and its merge.

    Of the ground only a strip to the right is `lit`, so much of the picture's width to either side; the rest
    is dark, like the disc.
    """
    height, width = (round(side * (1 + 2 * MARGIN)) for side in SIZE[::-1])
    y, x = np.mgrid[:height, :width].astype(np.float32)
    random = np.random.default_rng(5)
    rough = _texture(height, width, random, 0.6)
    if lit < 1:
        strip = (np.abs(y - 0.5 * height) < lit * width) & (x > 0.5 * width)
        rough = np.where(strip[..., None], rough, np.float32(DARK))
    ground = Surface(rough, np.ones((height, width), np.float32), y * 0 + SLICES - 1)
    disc = _disc_mask(x, y, 0.5 * width, 0.5 * height, 0.15 * width)
    front = Surface(np.full((height, width, 3), radiance, np.float32), disc, y * 0)
    stack = render([ground, front], SLICES, BLUR_PX, SIZE, Shake(breathing=0.002, noise=0.3, seed=5))
    merge = Merge(MergeSettings())
    for index in range(SLICES)[::order]:
        merge.add(index, stack.frames[index])
    return stack, merge.finish()


def mended(merged: Merged, bits: int = 8) -> Merged:
    assert merged.taken is not None
    taken = Taken(merged.taken.index.copy(), merged.taken.factor)
    pixels = merged.pixels.copy() if bits == 8 else merged.pixels.astype(np.uint16) * 257
    after = replace(merged, pixels=pixels, depth=merged.depth.copy(), taken=taken)
    remove_ghosts(after)
    return after


def band(stack: Rendered, merged: Merged, nearest_px: int, farthest_px: int) -> np.ndarray:
    """Say what lies so far inside the disc's outline, in the merge's geometry."""
    crop = merged.crop
    inside = (stack.depth < 1).astype(np.uint8)[crop.rows, crop.columns]
    deep = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    return (deep >= nearest_px) & (deep < farthest_px)


@pytest.mark.parametrize("order", [1, -1])
def test_a_smooth_near_part_is_not_of_glass(order: int) -> None:
    stack, before = ball(order=order)
    after, truth = mended(before), stack.truth[before.crop.rows, before.crop.columns]
    inside = band(stack, before, 6, 16)
    assert psnr(after.pixels, truth, inside) > psnr(before.pixels, truth, inside) + 3
    near = np.abs(after.depth - 1.0) < 128
    assert near[inside].mean() > 0.4 > 0.1 > (np.abs(before.depth - 1.0) < 128)[inside].mean()
    assert after.taken is not None
    assert before.taken is not None
    given_back = after.taken.index != before.taken.index
    assert given_back.any()
    assert after.taken.index[given_back].max() < 2


def test_a_piece_of_a_ghost_is_told_by_the_outline_beside_it_and_what_is_smooth_within() -> None:
    stack, before = ball(lit=0.04)
    after, truth = mended(before), stack.truth[before.crop.rows, before.crop.columns]
    inside = band(stack, before, 3, 60)
    assert psnr(after.pixels, truth, inside) > psnr(before.pixels, truth, inside) + 4


def test_outside_its_outline_all_stays() -> None:
    stack, before = ball()
    outside = cv2.dilate(band(stack, before, 0.5, 1000).astype(np.uint8), np.ones((3, 3), np.uint8)) == 0
    changed = (mended(before).pixels != before.pixels).any(axis=2)
    assert not changed[outside].any()
    assert changed[~outside].any()


@pytest.mark.parametrize("method", [Method.WEIGHTED, Method.DEPTHMAP])
def test_maps_that_are_packed_beside_the_work_on_the_picture_are_the_last(
    tmp_path: Path, method: Method
) -> None:
    merging = Merging(MergeSettings(method=method))
    for index, frame in enumerate(ball()[0].frames):
        path = tmp_path / f"{index}.png"
        cv2.imwrite(str(path), frame)
        merging.add(Photo(index, path, path.name))
    maps = Maps(None, None)
    result = merging.finish(settled=maps.pack)
    assert result.blur_px_a_slice is not None
    files = maps.files()
    assert sorted(files) == ["confidence", "depth", "depth_preview"]
    for name, plane in (("depth", result.depth), ("confidence", result.confidence)):
        packed = cv2.imdecode(np.frombuffer(files[name][1], np.uint8), cv2.IMREAD_UNCHANGED)
        assert packed.dtype == plane.dtype
        assert (packed == plane).all()


def test_sixteen_bits_are_as_eight() -> None:
    _, before = ball()
    eight, sixteen = mended(before), mended(before, bits=16)
    assert np.abs(sixteen.pixels / 257 - eight.pixels).max() <= 0.51
    assert (sixteen.depth == eight.depth).all()


def test_where_part_and_ground_look_alike_nobody_can_tell() -> None:
    _, before = ball(LIKE_GROUND)
    assert found(before) is None


def test_a_rough_near_part_has_no_ghosts() -> None:
    """Some of the ground beside it has the part's colour: there the ground about it tells."""
    assert found(plate_merged()) is None


def test_near_what_shines_colour_tells_nothing() -> None:
    _, before = ball()
    glinting = before.pixels.copy()
    glinting[::12, ::12] = 255
    assert found(before) is not None
    assert found(replace(before, pixels=glinting)) is None


def test_without_glances_or_blur_nothing_is_done() -> None:
    _, before = ball()
    assert found(before) is not None
    assert found(replace(before, glances=None)) is None
    assert found(replace(before, blur_px_a_slice=None)) is None
    assert found(replace(before, taken=None)) is None


def test_slices_without_end_take_no_more_memory() -> None:
    glances = Glances(80, 1)
    for index in range(400):
        glances.keep(index, np.full((60, 80, 3), 100, np.uint8), Similarity(), np.ones(3))
    kept = [index for index, _ in glances.kept]
    assert len(kept) <= 2 * MOST_KEPT
    assert (kept[0], len({b - a for a, b in pairwise(kept)})) == (0, 1)
    assert kept[-1] >= 400 - 2 * (kept[1] - kept[0])


@pytest.mark.parametrize("bits", [8, 16])
def test_a_glance_is_small_and_lies_and_is_lit_as_the_merge_has_it(bits: int) -> None:
    width = 4 * WIDTH_PX
    x = np.tile(np.linspace(20, 120, width), (200, 1))
    pixels = np.repeat(x[..., None], 3, axis=2) * (1 if bits == 8 else 257)
    glances = Glances(width, 2)
    gains = np.array([0.5, 1.0, 2.0])
    glances.keep(3, pixels.astype(np.uint8 if bits == 8 else np.uint16), Similarity(tx=40), gains)
    assert (glances.apart, glances.factor) == (4, 8)
    ((index, levels),) = glances.part(left=16, top=0, shape=(40, 300))
    middles = (np.arange(300) + 0.5) * 4 - 0.5 + 40 + 16 / 2
    shown = np.interp(middles, np.arange(width), x[0])
    assert index == 3
    assert np.abs(levels[20] - shown[:, None] * gains).max() < 2.5
