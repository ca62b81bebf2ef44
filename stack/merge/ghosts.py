"""Ground that shows through the blur of a smooth near part, taken out again.

Inside the outline of a smooth near part, the slice that has the ground behind it sharp shows that ground
through the part's blur. No slice has other detail there, and so the merge takes it: as if the part were of
glass. Beside the outline the same slice is the right one, so sharpness cannot tell inside from outside.

The part's own slice can. There the outline is sharp: what lies inside has the part's colour, what is outside
has, softly, that of the ground. Where the two colours differ, ghosts are given back to that slice. Small
pictures of it will do (`stack.merge.glances`): what it shows there is smooth.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.depth import ORIGIN, PER_SLICE, in_slices
from stack.merge.glances import Eight, Glances
from stack.merge.hidden import NOTHING, View, hidden
from stack.merge.light import light_of, shining
from stack.merge.planes import Plane, blurred, enlarged_part, tiles
from stack.merge.reach import LEAST_GAP, NOWHERE, reach
from stack.merge.similarity import Floats
from stack.merge.stream import Merged
from stack.merge.taken import Taken

Mask = NDArray[np.bool_]

SURE: Final = 0.5
FEWEST: Final = 30
"""Places of one near part: fewer are no band."""
PART_REACHES: Final = 1.2
CLEAR_REACHES: Final = 2.5
AROUND_REACHES: Final = 1.0
"""Colours are means over squares about a place, of so many reaches each way: that of the near part, of ground
clear of it, and of all ground."""
LEAST_KNOWN: Final = 0.003
"""Share of such a square in which the part or the ground must be seen."""
LEAST_CONTRAST: Final = 0.02
"""Of light, the sum of the differences in three colours."""
LIKE: Final = 0.3
ALIKE: Final = 0.6
"""1 is the part's very colour, -1 the ground's: above the second all is a ghost, below the first nothing."""
BAND: Final = np.ones((3, 3), np.uint8)
"""Bands are wider than this."""
JOINED: Final = np.ones((15, 15), np.uint8)
"""Pieces of a band that lie so near each other are one."""
LEAST_REACHES: Final = 3.0
"""And larger than so many squares of the reach: a smaller one is a mark on the ground as likely."""
SHORT_REACHES: Final = 0.5
MOST_GROUND: Final = 0.35
LEAST_PART: Final = 0.15
"""Unless of what is about it, no ghost itself, so little is ground, and so much the near part: an outline on
one side, and what is smooth on the other. About a mark on the ground is ground."""
BESIDE: Final = np.ones((7, 7), np.uint8)
ABOUT: Final = np.ones((41, 41), np.uint8)
"""As near as this to such a band, what looks like the part is of it."""
BRIGHT: Final = 235
"""Levels of 255: how bright what shines truly is nobody knows, so its colour tells nothing."""
GLOW: Final = np.ones((11, 11), np.uint8)
"""As near as this to what shines, its glow tells nothing either."""
EVEN_PX: Final = (5, 5)
"""Over so many the picture's detail is evened out."""
HALF: Final = 0.5
SOFT_PX: Final = 0.8
TILE_PX: Final = 160


@dataclass(frozen=True, slots=True)
class Bands:
    """Ghosts, `(h, w)` each, reduced as glances are.

    Attributes
    ----------
    share
        What part of the picture is a ghost, 0 to 1.
    instead
        `(h, w, 3)`: levels of what is seen there in the near part's slice, times the share.
    index
        The slice that has the near part sharp.
    factor
        By how much they are smaller than the picture.
    """

    share: Plane
    instead: Plane
    index: Plane
    factor: int


def remove_ghosts(merged: Merged) -> None:
    """Give ghosts in a merge's picture back to the near part, in place; depth and what is taken go along."""
    bands = found(merged)
    if bands is None:
        return
    assert merged.taken is not None
    for tile in tiles(merged.depth.shape, TILE_PX):
        _give_back(merged, bands, *tile)
    index, factor = merged.taken.index, merged.taken.factor / bands.factor
    rows, columns = (
        _sampled(np.arange(length), factor, side)
        for length, side in zip(index.shape, bands.share.shape, strict=True)
    )
    front = bands.index[rows][:, columns]
    ghost = (bands.share[rows][:, columns] > HALF) & (front < NOWHERE)
    index[ghost] = front[ghost]


def found(merged: Merged) -> Bands | None:
    """Give the ghosts in a merge's picture; None if there are none, or if nobody can tell."""
    taken, glances, growth = merged.taken, merged.glances, merged.blur_px_a_slice
    if taken is None or glances is None or growth is None:
        return None
    view = _view(merged, taken, glances, growth)
    share, chosen, index = _bands(*_likeness(view), view), view.chosen, view.front
    glints = hidden(view.glints)
    if (some := glints != NOTHING).any():
        share, chosen = np.maximum(share, some), np.where(some, glints, chosen)
        index = np.where(some, np.array([one for one, _ in view.seen], np.float32)[glints], index)
    if not share.any():
        return None
    instead = np.zeros((*share.shape, 3), np.float32)
    for number in np.unique(chosen[share > 0]):
        here = chosen == number
        instead[here] = view.seen[number][1][here]
    instead *= share[..., None]
    return Bands(blurred(share, SOFT_PX), blurred(instead, SOFT_PX), index, glances.factor)


@dataclass(frozen=True, slots=True)
class _View:
    """A picture as small as glances.

    It has depth where that is surely known, how far near parts reach, the slice of the nearest of them, what
    may be a ghost, the picture's own light, and which of the glances shows the near part sharp; and all that
    tells of hidden glints.
    """

    near: Plane
    far: Plane
    front: Plane
    doubted: Mask
    shown: Plane
    seen: list[tuple[int, Eight]]
    chosen: NDArray[np.int_]
    glints: View


def _view(merged: Merged, taken: Taken, glances: Glances, growth: float) -> _View:
    factor = glances.factor
    height, width = (side // factor for side in merged.depth.shape)
    middle = np.s_[factor // 2 :: factor, factor // 2 :: factor]
    places = in_slices(merged.depth[middle][:height, :width], NOWHERE)
    sure = merged.confidence[middle][:height, :width] > SURE * 255
    near = np.where(sure, places, NOWHERE).astype(np.float32)
    index = taken.reduced(factor, near.shape)
    far, front = reach(index, near, growth / factor)
    seen = glances.part(merged.crop.left, merged.crop.top, (height, width))
    shines = shining(merged.pixels, factor)
    doubted = sure & (far > 1) & (near - front >= LEAST_GAP) & ~_bright(shines, seen)
    whole = merged.pixels[: height * factor, : width * factor]
    small: Any = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    light = light_of(small, int(np.iinfo(small.dtype).max))
    shown = np.asarray(cv2.blur(light, EVEN_PX), np.float32)
    chosen = _nearest(np.array([index for index, _ in seen]), front)
    glints = View(near, index, light, shines, seen, growth / factor)
    return _View(near, far, front, doubted, shown, seen, chosen, glints)


def _likeness(view: _View) -> tuple[Plane, Plane]:
    """Give how much more like the near part each place is than like the ground clear of it, -1 to 1.

    And the same, but surely: than like the ground about it too, for ground has patches.
    """
    like, surely = np.full_like(view.near, -1), np.full_like(view.near, -1)
    many = np.bincount(view.chosen[view.doubted], minlength=len(view.seen)) >= FEWEST
    for number in np.flatnonzero(many):
        index, levels = view.seen[number]
        here = view.doubted & (view.chosen == number)
        light, reach_px = light_of(levels, 255), float(np.median(view.far[here]))
        ground = (view.near < NOWHERE) & (view.near - index >= LEAST_GAP)
        part = _mean(light, np.abs(view.near - index) < LEAST_GAP, PART_REACHES * reach_px)
        clear = _mean(light, ground & (view.far <= 1), CLEAR_REACHES * reach_px)
        around = _mean(light, ground, AROUND_REACHES * reach_px)
        told = _nearer(light[here], part[here], clear[here])
        like[here] = told
        told = np.minimum(told, _nearer(light[here], part[here], around[here]))
        # At least half of what a ghost shows is the part, or it would lie outside.
        told[_nearer(view.shown[here], light[here], clear[here]) < 0] = -1
        surely[here] = told
    return like, surely


def _bright(shines: Plane, seen: list[tuple[int, Eight]]) -> Mask:
    """Say where something shines in the picture or in a slice, or near by."""
    brightest = np.maximum.reduce([levels for _, levels in seen])
    some = (shines > 0) | (brightest >= BRIGHT).any(axis=2)
    return np.asarray(cv2.dilate(some.astype(np.uint8), GLOW) > 0)


def _nearest(indices: NDArray[np.int_], front: Plane) -> NDArray[np.int_]:
    """Give the number of the glance whose index is nearest to each place's."""
    order = np.argsort(indices)
    between = (indices[order][1:] + indices[order][:-1]) / 2
    return np.asarray(order[np.searchsorted(between, front)])


def _mean(light: Plane, part: Mask, reach_px: float) -> Plane:
    """Give the mean light `(h, w, 3)` of a part over squares that reach so far each way; NaN without it."""
    across = (2 * max(1, round(reach_px)) + 1,) * 2
    weight = part.astype(np.float32)
    share: Any = cv2.blur(weight, across)
    mean = cv2.blur(light * weight[..., None], across) / np.maximum(share, LEAST_KNOWN)[..., None]
    mean[share < LEAST_KNOWN] = np.nan
    return np.asarray(mean, np.float32)


def _nearer(light: Plane, part: Plane, ground: Plane) -> Plane:
    """Give how much nearer light is to a part's than to the ground's, -1 to 1; -1 where nobody can tell."""
    apart = np.abs(ground - part).sum(axis=-1)
    nearer = np.abs(light - ground).sum(axis=-1) - np.abs(light - part).sum(axis=-1)
    told = apart > LEAST_CONTRAST  # never of NaN
    return np.where(told, nearer / np.where(told, apart, 1), -1).astype(np.float32)


def _bands(like: Plane, surely: Plane, view: _View) -> Plane:
    """Give what is a ghost, 0 to 1: bands of some width and length that look like the near part.

    A band is begun by what surely does, and joined by what does.
    """
    begun, share = _share(surely), _share(like)
    count, labels = cv2.connectedComponents(cv2.dilate(_opened(begun), JOINED))
    labels[begun <= HALF] = 0
    area = np.bincount(labels.ravel(), minlength=count)
    reach_px, front = (
        np.bincount(labels.ravel(), plane.ravel(), minlength=count) / np.maximum(area, 1)
        for plane in (view.far, view.front)
    )
    bands = area >= LEAST_REACHES * reach_px**2
    ground, part = _about(labels, front, view.near, share)
    bands |= (area >= SHORT_REACHES * reach_px**2) & (ground <= MOST_GROUND) & (part >= LEAST_PART)
    bands[0] = False
    about = cv2.dilate(bands[labels].astype(np.uint8), ABOUT)
    share *= about
    return np.asarray(share * cv2.dilate(_opened(share), BAND), np.float32)


def _about(labels: Any, front: Floats, near: Plane, share: Plane) -> tuple[Floats, Floats]:
    """Give what share of the places about each band is ground and no ghost, and what share the near part."""
    numbers = np.asarray(labels, np.float32)
    about = np.where(cv2.dilate(numbers, BAND) > 0, 0, cv2.dilate(numbers, BESIDE)).astype(np.intp)
    behind = near - front[about]
    ground = (behind >= LEAST_GAP) & (near < NOWHERE) & (share <= HALF)
    count = np.maximum(np.bincount(about.ravel(), minlength=len(front)), 1)
    of_ground, of_part = (
        np.bincount(about.ravel(), mask.ravel(), minlength=len(front)) / count
        for mask in (ground, np.abs(behind) < LEAST_GAP)
    )
    return of_ground, of_part


def _share(like: Plane) -> Plane:
    return np.asarray(np.clip((like - LIKE) / (ALIKE - LIKE), 0, 1), np.float32)


def _opened(share: Plane) -> NDArray[np.uint8]:
    """Give 1 where bands are of some width, else 0."""
    half = (share > HALF).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(half, cv2.MORPH_OPEN, BAND), np.uint8)


def _give_back(merged: Merged, bands: Bands, rows: slice, columns: slice) -> None:
    """Mend a tile of the picture and of the depth map."""
    down, right = (
        _sampled(np.arange(span.start, span.stop), 1 / bands.factor, side)
        for span, side in zip((rows, columns), bands.share.shape, strict=True)
    )
    if not bands.share[max(0, down[0] - 1) : down[-1] + 2, max(0, right[0] - 1) : right[-1] + 2].any():
        return
    share, instead = (
        enlarged_part(plane, bands.factor, rows, columns, merged.depth.shape)
        for plane in (bands.share, bands.instead)
    )
    ours, unit = merged.pixels[rows, columns], np.iinfo(merged.pixels.dtype).max / 255
    ours[...] = np.rint(ours * (1 - share[..., None]) + instead * np.float32(unit))
    ghost, index = share > HALF, bands.index[down][:, right]
    ghost &= index < NOWHERE
    merged.depth[rows, columns][ghost] = np.rint(ORIGIN + PER_SLICE * index[ghost])


def _sampled(places: NDArray[np.int_], scale: float, side: int) -> NDArray[np.int_]:
    """Give which of `side` pixels, each `1 / scale` large, some places lie in."""
    return np.minimum(((places + 0.5) * scale).astype(np.int_), side - 1)
