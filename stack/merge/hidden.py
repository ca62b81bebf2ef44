"""Glints behind a near part, that no place of the picture should show.

In the slice that has a glint sharp the near part before it is so soft that light comes by on either side: the
glint shines through, and no slice shows anything sharper there. Past the part's outline the slices between
show a piece of its disc, with an edge where the part cuts it off.

The part's own slice tells. There a glint in view is a disc, at least as bright as white spread over that
disc; of one that is hidden nothing is seen: no light comes past an outline that is sharp.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.depth import ORIGIN, PER_SLICE, in_slices
from stack.merge.glances import Eight
from stack.merge.light import light_of, shining
from stack.merge.planes import Plane, blurred, enlarged_part, tiles
from stack.merge.reach import LEAST_GAP, NOWHERE
from stack.merge.stream import Merged
from stack.merge.travel import NEAR_FIRST, Travel

Mask = NDArray[np.bool_]

SHINING: Final = 0.1
"""Share of a pixel that must shine for it to be of a glint ..."""
WHITE: Final = 0.6
"""... and part of its brightest colour that the least one must have."""
BESIDE_PX: Final = 1
AROUND_PX: Final = 3
FEWEST: Final = 6
NEARER: Final = 0.25
"""Part of what is within a disc's reach of a glint that must lie nearer, or it cannot be hidden."""
SEEN: Final = 0.75
MOST_SEEN: Final = 0.15
"""Hidden is a glint of which less light is seen than this share of the least that can be, or of what its disc
has past the outline, and than this."""
COVERED: Final = 20
"""Per cent of it that lie upon the part at least: a tip of it may be in view."""
WITHIN_SIGMA: Final = (16, 50, 84)
"""Per cent: between the outer two lies what is within a sigma of the middle."""
SPREAD_PX: Final = 2
"""A glint's light reaches a little beyond where it is as bright as white."""
GLOWS: Final = 0.05
"""By so much light is the picture brighter where it shows a piece of a glint's disc."""
BESIDE_SHINE_PX: Final = 4
FINEST_PX, FINEST_REACH_PX = 1.0, 3
"""The sigma of its blur, and how far what shines tells on it."""
AS_SHARP: Final = 0.65
"""Beside what shines upon it the near part's own slice has this share of the picture's detail, or the part is
not there: rendered ones have .73 to 1.6 of it, what had been mistaken for one .59 and .61."""
FEWEST_BESIDE: Final = 50
"""Of fewer pixels there nobody can tell: beside glints that are hidden lie 61 to 134, where a thin or pale
part had been mistaken 6 and 23."""
MOSTLY: Final = 0.56
"""Of what lies beside, so much is the part where that alone tells: rendered ones are .6 to .9 of it, what had
been mistaken for one before white squares is .24 to .52."""
ENCLOSED: Final = 0.6
NOTHING: Final = -1
SURE: Final = 0.5
SOFT_PX: Final = 0.8
"""So softly what is given back meets what stays."""
HALF: Final = 0.5
"""Where more than this is given back, depth is too."""
TILE_PX: Final = 160


@dataclass(frozen=True, slots=True)
class View:
    """A merged picture, as small as glances: what is known of depth, and its light.

    Attributes
    ----------
    near
        Depth in slices from the near end, `NOWHERE` where it is not sure.
    light
        `(h, w, 3)`, 0 to 1.
    shines
        Share of each pixel that may have been brighter than was recorded.
    seen
        Of some slices how far they are from the near end, and their levels.
    growth
        By how many of these pixels a disc's radius grows from a slice to the next.
    """

    near: Plane
    light: Plane
    shines: Plane
    seen: Sequence[tuple[int, Eight]]
    growth: float


@dataclass(frozen=True, slots=True)
class _Glint:
    """One that is hidden: its depth, that of the part before it, and how bright that part is at the most."""

    depth: float
    front: float
    part_light: float


@dataclass(frozen=True, slots=True)
class _Patches:
    """What is given back to other slices, `(h, w)` each, reduced by `factor`.

    The share of each place, 0 to 1; `instead`, `(h, w, 3)`, levels of what its slice shows, times the share;
    and that slice's index, or `NOTHING`.
    """

    share: Plane
    instead: Plane
    index: Plane
    factor: int


def remove_hidden(merged: Merged, travel: Travel = NEAR_FIRST) -> None:
    """Take hidden glints out of a merge's picture, in place; depth and what is taken go along.

    Nothing is done where nobody can tell how fast slices blur.
    """
    patches = _patches(merged, travel)
    if patches is None:
        return
    for tile in tiles(merged.depth.shape, TILE_PX):
        _give_back(merged, patches, *tile)
    if merged.taken is None:
        return
    index, factor = merged.taken.index, merged.taken.factor / patches.factor
    rows, columns = (
        _sampled(np.arange(length), factor, side)
        for length, side in zip(index.shape, patches.share.shape, strict=True)
    )
    other = patches.index[rows][:, columns]
    given = (patches.share[rows][:, columns] > HALF) & (other != NOTHING)
    index[given] = other[given]


def _patches(merged: Merged, travel: Travel) -> _Patches | None:
    view = _view(merged, travel)
    if view is None:
        return None
    numbers = hidden(view)
    some = numbers != NOTHING
    if not some.any():
        return None
    share, instead = some.astype(np.float32), np.zeros((*some.shape, 3), np.float32)
    for number in np.unique(numbers[some]):
        here = numbers == number
        instead[here] = view.seen[number][1][here]
    indices = np.array([travel.counted(index) for index, _ in view.seen], np.float32)
    index = np.where(some, indices[numbers], NOTHING)
    assert merged.glances is not None
    share, instead = blurred(share, SOFT_PX), blurred(instead, SOFT_PX)
    return _Patches(share, instead, index.astype(np.float32), merged.glances.factor)


def _view(merged: Merged, travel: Travel) -> View | None:
    glances, growth = merged.glances, merged.blur_px_a_slice
    if glances is None or growth is None:
        return None
    shines = shining(merged.pixels, glances.factor)
    if not (shines > SHINING).any():
        return None
    places = in_slices(glances.sampled(merged.depth), NOWHERE)
    sure = glances.sampled(merged.confidence) > SURE * 255
    near = travel.counted(np.where(sure, places, NOWHERE)).astype(np.float32)
    light = light_of(glances.shrunk(merged.pixels), int(np.iinfo(merged.pixels.dtype).max))
    kept = glances.part(merged.crop.left, merged.crop.top, places.shape)
    seen = [(int(travel.counted(index)), levels) for index, levels in kept]
    return View(near, light, shines, seen, growth / glances.factor)


def hidden(view: View) -> NDArray[np.int_]:
    """Give which of the glances shows what belongs where a hidden glint is seen, `(h, w)`; else `NOTHING`."""
    numbers = np.full(view.near.shape, NOTHING)
    if not (view.near < NOWHERE).any():
        return numbers
    nearest = float(view.near.min())
    white = view.light.min(axis=2) > WHITE * view.light.max(axis=2)
    shines = ((view.shines > SHINING) & white).astype(np.uint8)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(shines)
    for label in range(1, count):
        left, top, width, height = (int(side) for side in boxes[label, :4])
        box = slice(top, top + height), slice(left, left + width)
        depth = _depth(view.near[box], labels[box] == label)
        if depth is None:
            continue
        window = _grown(box, int(view.growth * (depth - nearest)) + max(width, height) + AROUND_PX)
        found = _found(view, window, labels[window] == label, depth)
        if found is not None:
            _take_out(view, window, labels[window] == label, found, numbers[window])
    return numbers


def _depth(near: Plane, glint: Mask) -> float | None:
    """Give how deep a glint lies, where that is known of half of it."""
    known = near[glint & (near < NOWHERE)]
    return float(np.percentile(known, 75)) if 2 * len(known) >= np.count_nonzero(glint) else None


def _found(view: View, window: tuple[slice, slice], glint: Mask, depth: float) -> _Glint | None:
    """Say whether a glint is hidden: in the near part's slice it is as bright as the part beyond its disc."""
    near = view.near[window]
    away = cv2.distanceTransform((~glint).astype(np.uint8), cv2.DIST_L2, 5)
    around = away > BESIDE_PX
    nearer = near[around & (near < depth - LEAST_GAP)]
    if len(nearer) < max(FEWEST, NEARER * np.count_nonzero(around)):
        return None
    front = float(np.median(nearer))
    index, levels = view.seen[_nearest(view.seen, front)]
    radius, own = view.growth * abs(depth - index), np.sqrt(np.count_nonzero(glint) / np.pi)
    if radius < own:
        return None
    beyond = (away > radius) & (away <= radius + AROUND_PX)
    part = beyond & (np.abs(near - front) < LEAST_GAP)
    if np.count_nonzero(part) < FEWEST:
        return None
    light = light_of(levels[window], 255).mean(axis=2)
    # Not mean and deviation: the depth map holds some of the disc for the part.
    least, middle, most = (float(each) for each in np.percentile(light[part], WITHIN_SIGMA))
    spread = (most - least) / 2
    past = light[(away <= radius) & (near > front + LEAST_GAP)]
    disc = float(np.percentile(past, WITHIN_SIGMA[2])) - middle if len(past) >= FEWEST else 0.0
    shown = float(np.percentile(light[glint], COVERED)) - middle + spread / np.sqrt(np.count_nonzero(glint))
    hidden = shown < min(MOST_SEEN, SEEN * max((own / radius) ** 2, disc))
    return _Glint(depth, front, middle + 3 * spread) if hidden else None


def _take_out(
    view: View, window: tuple[slice, slice], mask: Mask, glint: _Glint, numbers: NDArray[np.int_]
) -> None:
    """Note which glance shows what belongs where a glint shines, and where pieces of its disc lie.

    Upon the near part the part's own slice is without its light, beyond the outline its own is.
    """
    light = view.light[window].mean(axis=2)
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    within = away < view.growth * (glint.depth - glint.front) + AROUND_PX
    part = np.abs(view.near[window] - glint.front) < LEAST_GAP
    front = _nearest(view.seen, glint.front)
    own = _nearest(view.seen, max(glint.depth, _ground(view.near[window][within], glint)))
    without, beyond = (light_of(view.seen[at][1][window], 255).mean(axis=2) for at in (front, own))
    shines = (view.shines[window] > 0) & (light > glint.part_light)
    dark = (without <= beyond) & (without < glint.part_light + GLOWS)
    upon = (within & (_spread(shines, SPREAD_PX) > 0) & dark).astype(np.uint8)
    upon = cv2.morphologyEx(upon, cv2.MORPH_CLOSE, _square(SPREAD_PX))
    beside = (_spread(upon > 0, BESIDE_SHINE_PX) > 0) & (_spread(shines | mask, FINEST_REACH_PX) == 0)
    if not _is_there(without, light, beside, part):
        return
    glow = within & (beyond < without) & (light - beyond > GLOWS) & (light > glint.part_light)
    glow = _spread(glow, BESIDE_PX) > 0
    # What has the near part all around it is a glint of its own.
    numbers[glow & ~_enclosed(glow, part) & (beyond < without)] = own
    its_own = _enclosed(without > glint.part_light, part)
    numbers[(upon > 0) & (_spread(its_own, SPREAD_PX) == 0)] = front


def _ground(near: Plane, glint: _Glint) -> float:
    """Give how deep what lies behind the part is; a piece of a glint's disc seems to lie before it."""
    behind = near[(near > glint.front + LEAST_GAP) & (near < NOWHERE)]
    return float(np.median(behind)) if len(behind) else glint.depth


def _is_there(slice_light: Plane, picture_light: Plane, beside: Mask, part: Mask) -> bool:
    """Say whether a part is near some places, by a slice that ought to have it in focus.

    Where the ground past its outline is rough, and soft in that slice, the part alone has to tell; but then
    it has to be most of what is there.
    """
    if _as_sharp(slice_light, picture_light, beside):
        return True
    its = beside & part
    mostly = np.count_nonzero(its) >= MOSTLY * np.count_nonzero(beside)
    return bool(mostly) and _as_sharp(slice_light, picture_light, its)


def _as_sharp(slice_light: Plane, picture_light: Plane, where: Mask) -> bool:
    """Say whether a slice shows what the picture does at some places; else it has nothing there in focus."""
    if np.count_nonzero(where) < FEWEST_BESIDE:
        return False
    theirs, ours = (
        float(cv2.absdiff(light, blurred(light, FINEST_PX))[where].mean())
        for light in (slice_light, picture_light)
    )
    return theirs >= AS_SHARP * ours


def _enclosed(mask: Mask, part: Mask) -> Mask:
    """Give the pieces of a mask that have a near part around them."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8))
    found = np.zeros(count, bool)
    for label in range(1, count):
        piece = labels == label
        around = (_spread(piece, BESIDE_PX) > 0) & ~piece
        found[label] = np.count_nonzero(part & around) >= ENCLOSED * np.count_nonzero(around)
    return np.asarray(found[labels])


def _nearest(seen: Sequence[tuple[int, Eight]], depth: float) -> int:
    return min(range(len(seen)), key=lambda number: abs(seen[number][0] - depth))


def _grown(box: tuple[slice, slice], margin_px: int) -> tuple[slice, slice]:
    rows, columns = (slice(max(0, side.start - margin_px), side.stop + margin_px) for side in box)
    return rows, columns


def _spread(mask: Mask, reach_px: int) -> Any:
    return cv2.dilate(mask.astype(np.uint8), _square(reach_px))


def _square(reach_px: int) -> NDArray[np.uint8]:
    return np.ones((2 * reach_px + 1,) * 2, np.uint8)


def _give_back(merged: Merged, patches: _Patches, rows: slice, columns: slice) -> None:
    """Mend a tile of the picture and of the depth map."""
    down, right = (
        _sampled(np.arange(span.start, span.stop), 1 / patches.factor, side)
        for span, side in zip((rows, columns), patches.share.shape, strict=True)
    )
    if not patches.share[max(0, down[0] - 1) : down[-1] + 2, max(0, right[0] - 1) : right[-1] + 2].any():
        return
    share, instead = (
        enlarged_part(plane, patches.factor, rows, columns, merged.depth.shape)
        for plane in (patches.share, patches.instead)
    )
    ours, unit = merged.pixels[rows, columns], np.iinfo(merged.pixels.dtype).max / 255
    ours[...] = np.rint(ours * (1 - share[..., None]) + instead * np.float32(unit))
    other = patches.index[down][:, right]
    given = (share > HALF) & (other != NOTHING)
    merged.depth[rows, columns][given] = np.rint(ORIGIN + PER_SLICE * other[given])


def _sampled(places: NDArray[np.int_], scale: float, side: int) -> NDArray[np.int_]:
    """Give which of `side` pixels, each `1 / scale` large, some places lie in."""
    return np.minimum(((places + 0.5) * scale).astype(np.int_), side - 1)
