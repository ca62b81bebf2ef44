"""Glints behind a near part that shine past it are taken out; those in view stay, wherever they lie."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from rendered import MARGIN, Rendered, Shake, Surface, _disc_mask, _texture, psnr, render

from stack.merge.hidden import NOTHING, View, hidden, remove_hidden
from stack.merge.light import light_of
from stack.merge.settings import MergeSettings
from stack.merge.stream import Merge, Merged
from stack.merge.travel import NEAR_FIRST, Travel

SIZE = (400, 300)
SLICES = 9
BLUR_PX = 1.6
GLINT_PX = 3.5
RADIANCE = 8
PLATE = 0.2
"""Radius of the near plate in the middle, a share of the canvas's width."""
BEHIND, BESIDE = 0.184, 0.26
"""How far right of the plate's middle a glint lies that the plate hides, and one that it does not."""
LOWER = 0.56
GREEN = (0.15, 1.0, 0.15)


@cache
def merged(
    ground: float | None = None,
    mirrored: float | None = None,
    plate: float | None = None,
    colour: tuple[float, float, float] = (1, 1, 1),
    gap: int = SLICES - 1,
    far_first: bool = False,
    bar: float | None = None,
) -> tuple[Rendered, Merged]:
    """A rough plate `gap` slices before a rough ground, with glints so far right of the middle.

    Instead of the plate there may be an upright bar, half as wide as said. One glint lies on the ground, one
    upon the plate, lower down, and one as deep as the ground but before the plate, as what a shiny, curved
    part mirrors.
    """
    height, width = (round(side * (1 + 2 * MARGIN)) for side in SIZE[::-1])
    y, x = np.mgrid[:height, :width].astype(np.float32)
    random = np.random.default_rng(3)
    far = np.full((height, width), gap, np.float32)
    shine = np.float32(RADIANCE) * np.float32(colour)

    def spot(right: float, down: float = 0.5) -> np.ndarray:
        return _disc_mask(x, y, (0.5 + right) * width, down * height, GLINT_PX)

    radiances = [_texture(height, width, random, 0.5, 2.0) for _ in range(2)]
    for radiance, place, down in ((radiances[0], ground, 0.5), (radiances[1], plate, LOWER)):
        if place is not None:
            radiance += shine * spot(place, down)[..., None]
    disc = _disc_mask(x, y, 0.5 * width, 0.5 * height, PLATE * width)
    if bar is not None:
        disc = (abs(x - 0.5 * width) < bar * width).astype(np.float32)
    surfaces = [Surface(radiances[0], np.ones_like(far), far), Surface(radiances[1], disc, 0 * far)]
    if mirrored is not None:
        surfaces.append(Surface(shine * np.ones((height, width, 3), np.float32), spot(mirrored), far))
    stack = render(surfaces, SLICES, BLUR_PX, SIZE, Shake(noise=0.2, seed=3))
    merge = Merge(MergeSettings())
    for index, frame in enumerate(stack.frames):
        merge.add(SLICES - 1 - index if far_first else index, frame)
    return stack, merge.finish()


def mended(before: Merged, bits: int = 8, travel: Travel = NEAR_FIRST) -> Merged:
    pixels = before.pixels.copy() if bits == 8 else before.pixels.astype(np.uint16) * 257
    after = replace(before, pixels=pixels, depth=before.depth.copy())
    remove_hidden(after, travel)
    return after


def about(merged: Merged, right: float, down: float = 0.5, reach_px: int = 14) -> tuple[slice, slice]:
    """Give the part of the picture about a glint."""
    x = (SIZE[0] - 1) / 2 + right * SIZE[0] * (1 + 2 * MARGIN) - merged.crop.left
    y = (SIZE[1] - 1) / 2 + (down - 0.5) * SIZE[1] * (1 + 2 * MARGIN) - merged.crop.top
    rows, columns = (slice(round(at) - reach_px, round(at) + reach_px) for at in (y, x))
    return rows, columns


@pytest.mark.parametrize("place", [0.19, BEHIND, 0.18])
def test_a_glint_behind_a_near_part_is_taken_out_and_its_glow_past_the_outline_too(place: float) -> None:
    stack, before = merged(ground=place)
    after, here = mended(before), about(before, place)
    truth = stack.truth[before.crop.rows, before.crop.columns][here]
    assert before.pixels[here].max() == 255 > truth.max() + 80
    assert psnr(after.pixels[here], truth) > psnr(before.pixels[here], truth) + 12
    assert after.pixels[here].max() < truth.max() + 30
    spot = about(before, place, reach_px=1)
    assert (after.depth[spot] < 128).all()
    assert (before.depth[spot] > 6 * 128).all()


@pytest.mark.parametrize(
    "glints",
    [
        {"ground": BESIDE},
        {"ground": 0.21, "gap": 2},
        {"mirrored": BEHIND},
        {"mirrored": 0.1},
        {"plate": BEHIND},
        {"ground": BEHIND, "colour": GREEN},
    ],
    ids=["beside", "close behind", "mirrored near the outline", "mirrored", "of the near part", "no white"],
)
def test_what_is_in_view_stays(glints: dict[str, float]) -> None:
    _, before = merged(**glints)
    assert before.pixels.max() == 255
    after = mended(before)
    assert (after.pixels == before.pixels).all()
    assert (after.depth == before.depth).all()


def test_it_goes_where_the_farthest_slice_comes_first_too() -> None:
    near_first = mended(merged(ground=BEHIND)[1])
    _, before = merged(ground=BEHIND, far_first=True)
    assert (mended(before).pixels == before.pixels).all()
    after = mended(before, travel=Travel(SLICES - 1))
    assert (after.pixels == near_first.pixels).all()
    spot = about(before, BEHIND, reach_px=1)
    assert (after.depth[spot] > 128 * (SLICES - 2)).all()


def test_a_glint_of_the_near_part_itself_stays_beside_one_that_goes() -> None:
    _, before = merged(ground=BEHIND, plate=BEHIND)
    after = mended(before)
    own = about(before, BEHIND, LOWER, reach_px=6)
    assert before.pixels[own].max() == 255
    assert (after.pixels[own] == before.pixels[own]).all()
    assert after.pixels[about(before, BEHIND, reach_px=4)].max() < 200


def test_sixteen_bits_are_as_eight() -> None:
    _, before = merged(ground=BEHIND)
    eight, sixteen = mended(before), mended(before, bits=16)
    assert (eight.pixels != before.pixels).any()
    assert np.abs(sixteen.pixels / 257 - eight.pixels).max() <= 0.51
    assert (sixteen.depth == eight.depth).all()


def small_glint(texture: float, told: float = 0) -> tuple[View, tuple[slice, int]]:
    """A view of a near part, of which a hidden glint fills some pixels in part; and where.

    The picture has texture of so much light beside it; the near part's own slice has a part of that, `told`.
    """
    size, glint = (60, 60), np.s_[30:32, 30]
    light, shines = np.full((*size, 3), 0.2, np.float32), np.zeros(size, np.float32)
    near, plain = np.zeros(size, np.float32), np.full((*size, 3), level(0.2), np.uint8)
    light[::2] += texture
    plain[::2] = level(0.2 + told * texture)
    light[glint], shines[glint], near[glint] = 0.4, 0.15, SLICES - 1
    lit = plain.copy()
    lit[glint] = 220
    return View(near, light, shines, [(0, plain), (SLICES - 1, lit)], growth=0.25), glint


def level(light: float) -> int:
    """Give the level of 255 by which a picture says so much light."""
    return int(np.argmin(np.abs(light_of(np.arange(256, dtype=np.uint8), 255) - light)))


def test_a_glint_that_is_small_in_the_view_is_found_too() -> None:
    view, glint = small_glint(texture=0)
    found = hidden(view)
    assert (found[glint] == 0).all()
    assert (found[:20] == NOTHING).all()


@pytest.mark.parametrize(("told", "there"), [(0, False), (0.6, False), (0.7, True), (1, True)])
def test_where_the_picture_is_sharper_than_the_near_parts_slice_there_is_no_near_part(
    told: float, there: bool
) -> None:
    """A pale hair beside lichen was taken for a glint, and the lichen given to a slice that had it soft."""
    view, glint = small_glint(texture=0.05, told=told)
    assert (hidden(view)[glint] == 0).all() == there


@pytest.mark.parametrize(("from_px", "found"), [(5, False), (6, False), (7, True)])
def test_where_few_places_beside_it_are_free_of_shine_nobody_can_tell(from_px: int, found: bool) -> None:
    """The tip of a pale whisker was given to a slice that had it soft; here 12, 48 and 93 places are free."""
    view, glint = small_glint(texture=0)
    spots = np.zeros(view.near.shape, bool)
    spots[::5, ::5] = True
    y, x = np.mgrid[:60, :60]
    spots &= np.hypot(y - 30.5, x - 30) >= from_px
    view.light[spots], view.shines[spots] = 0.4, 0.05
    assert (hidden(view)[glint] == 0).all() == found


@pytest.mark.parametrize(("edge_px", "there"), [(29, False), (30, False), (33, True), (36, True)])
def test_before_rough_ground_the_part_tells_where_it_is_most_of_what_is_beside(
    edge_px: int, there: bool
) -> None:
    """Past the outline the near part's slice is soft: white squares behind a card were taken for glints."""
    view, glint = small_glint(texture=0.05, told=1)
    view.near[:, edge_px:][view.near[:, edge_px:] == 0] = SLICES - 1
    view.seen[0][1][:, edge_px:] = level(0.2)
    assert (hidden(view)[glint] == 0).all() == there


@pytest.mark.parametrize("place", [0.194, 0.198, 0.202])
def test_of_a_glint_partly_behind_a_near_part_that_is_left_which_is_in_view(place: float) -> None:
    stack, before = merged(ground=place)
    after, here = mended(before), about(before, place)
    truth = stack.truth[before.crop.rows, before.crop.columns][here]
    white, had, has = (
        int((one.min(axis=2) > 240).sum()) for one in (truth, before.pixels[here], after.pixels[here])
    )
    assert had > white + 4
    assert white / 2 - 4 < has <= white
    assert psnr(after.pixels[here], truth) > psnr(before.pixels[here], truth) + 6


def test_a_glint_behind_a_bar_that_hides_little_else_is_taken_out() -> None:
    stack, before = merged(ground=0.01, bar=0.016)
    after, here = mended(before), about(before, 0.01)
    truth = stack.truth[before.crop.rows, before.crop.columns][here]
    assert psnr(after.pixels[here], truth) > psnr(before.pixels[here], truth) + 9
