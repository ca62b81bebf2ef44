"""What lies behind a near part's blur, seen without it.

Beside the outline of a near part, the slice that has the ground sharp shows the near part as a soft veil over
it: no slice has that ground clear, so no choice among slices can. Depth says who veils what, and how large
the discs are (`stack.merge.defocus`); what the veil adds is the near part's own light, which the picture has.
Taken off, and the rest raised by what the veil held back, the ground is left. In light, as it was mixed.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.depth import in_slices
from stack.merge.light import levels_of, light_of, shines, shining
from stack.merge.photos import Pixels
from stack.merge.planes import Plane, enlarged_part, spans
from stack.merge.reach import LEAST_GAP, NOWHERE, reach
from stack.merge.taken import Taken
from stack.merge.travel import NEAR_FIRST, Travel

WORKING_PIXELS: Final = 520_000
"""Veils are soft: they are found in a picture reduced to this, and taken off at full size."""
LOOKS: Final = 64
"""Places in a disc's reach that are asked whether they veil: as good as 256 within 0.05 dB."""
LEAST: Final = 0.003
FAINTEST: Final = 0.02
"""Where less of a veil is to be taken off, it stays."""
FULL, MOST = 0.35, 0.55
"""Covers up to the first are taken off whole, from the second on not at all: noise would grow too far."""
DIM, BRIGHT = 1.6, 2.6
"""Times the light that a veil should add: what is as dark as the first cannot lie behind it, from the second
on it may. In a dark gap between bright parts the picture often is of a slice in which nothing veils it."""
AROUND_PX: Final = 9
"""Over so many pixels ground is looked at for that."""
LEFT: Final = 0.35
"""No place loses more than the rest of this share of its light."""
NEAR_SURE: Final = 0.2
"""Also what is doubted beside its own outline (`stack.merge.leaks`)."""
GROUND_SURE: Final = 0.85
SHINING: Final = 0.02
"""Share of a reach that may shine: how bright it was nobody knows."""
SHINE_REACH_PX: Final = 4
LOOKED_AT_ONCE: Final = 50_000
"""Places: each takes a hundred bytes meanwhile."""
TILE_PX: Final = 320


@dataclass(frozen=True, slots=True)
class Veils:
    """What lies over the ground, `(h, w)` each, reduced by `factor`; 0 where nothing does.

    Attributes
    ----------
    ground
        1 where ground is veiled.
    taken
        The slice that the picture is of there, counted from the near end.
    part
        What part of the veil is to be taken off, 0 to 1: less where it is doubted.
    back, lost, added
        Light `x` without its veil is `x + back x - min(lost x, added)`: `back` is for what was held back, the
        others, `(h, w, 3)`, for what was added to it.
    shone
        What share of it may be brighter than was recorded.
    factor
        By how much they are smaller than the picture.
    """

    ground: Plane
    taken: Plane
    part: Plane
    back: Plane
    lost: Plane
    added: Plane
    shone: Plane
    factor: int

    def over(self, rows: slice, columns: slice) -> bool:
        """Say whether anything is to be taken off in part of the picture."""
        return self._touches(self.part, rows, columns)

    def shines(self, rows: slice, columns: slice) -> bool:
        """Say whether anything may be brighter than was recorded there."""
        return self._touches(self.shone, rows, columns)

    def _touches(self, plane: Plane, rows: slice, columns: slice) -> bool:
        across, down = (
            slice(max(0, span.start // self.factor - 1), span.stop // self.factor + 2)
            for span in (columns, rows)
        )
        return bool(plane[down, across].any())


def unveil(
    pixels: Pixels,
    depth: NDArray[np.uint16],
    confidence: NDArray[np.uint8],
    px_a_slice: float,
    taken: Taken | None = None,
    travel: Travel = NEAR_FIRST,
    threads: int = 1,
) -> None:
    """Take the veils of near parts off a merged picture `(H, W, 3)`, 8 or 16 bits, in place.

    `depth` and `confidence` are as `Merged` has them; a disc's radius grows by `px_a_slice` pixels a slice.
    Where nobody tells of which slices the picture is `taken`, it is of those that depth says. The result is
    the same with any number of threads; each takes some megabytes.
    """
    veils = found(pixels, depth, confidence, px_a_slice, taken, travel)
    with ThreadPoolExecutor(threads, "unveils") as workers:
        for rows in spans(depth.shape[0], TILE_PX):
            across = [columns for columns in spans(depth.shape[1], TILE_PX) if veils.over(rows, columns)]
            # Before any of them changes: it looks beyond its tile.
            glares = list(workers.map(partial(_glare, pixels, veils, rows), across))
            take_off = partial(_take_off, pixels, depth, confidence, veils, taken, travel, rows)
            list(workers.map(take_off, across, glares))


def found(
    pixels: Pixels,
    depth: NDArray[np.uint16],
    confidence: NDArray[np.uint8],
    px_a_slice: float,
    taken: Taken | None = None,
    travel: Travel = NEAR_FIRST,
) -> Veils:
    """Give the veils over a picture; all as `unveil` has it."""
    factor = 1
    while depth.size > WORKING_PIXELS * factor**2:
        factor += 1
    height, width = (side // factor for side in depth.shape)
    whole = np.s_[: height * factor, : width * factor]
    light = light_of(
        np.asarray(cv2.resize(pixels[whole], (width, height), interpolation=cv2.INTER_AREA)),
        int(np.iinfo(pixels.dtype).max),
    )
    shone_there = shining(pixels, factor)
    middle = np.s_[factor // 2 :: factor, factor // 2 :: factor]
    places, sure = depth[middle][:height, :width], confidence[middle][:height, :width]
    where = np.asarray(travel.counted(in_slices(places, NOWHERE)), np.float32)
    near = np.where(sure > NEAR_SURE * 255, where, NOWHERE).astype(np.float32)
    if taken is not None:
        np.copyto(where, travel.counted(taken.reduced(factor, where.shape)), where=where < NOWHERE)
    growth = px_a_slice / factor
    far = reach(where, near, growth)
    cover, added, shone = _covers(light, near, shone_there, where, far, growth)
    del near, far
    ground = (cover * np.clip(1 - shone / SHINING, 0, 1) > LEAST).astype(np.float32)
    part = _believed(light, added, ground, factor)
    part *= ground * np.clip((MOST - cover) / (MOST - FULL), 0, 1) * np.clip(1 - shone / SHINING, 0, 1)
    where *= ground
    # What is darker than its surroundings loses in proportion, or errors of the veil would drive it to black.
    lost = np.divide(added, np.maximum(light, 1e-5, out=light), out=light)
    np.minimum(lost, 1 - LEFT, out=lost)
    back = ground / (1 - np.minimum(cover, MOST))
    for colours in (lost, added):
        colours *= back[..., None]
    back -= ground
    return Veils(ground, where, part, back, lost, added, shone_there, factor)


def _covers(
    light: Plane, near: Plane, shining_there: Plane, where: Plane, reaches: Plane, growth: float
) -> tuple[Plane, Plane, Plane]:
    """Give what `_looked` does, of every place that has something in its reach; 0 elsewhere."""
    rows, columns = np.nonzero(reaches > 1)
    cover, added, shone = (np.zeros(shape, np.float32) for shape in (where.shape, light.shape, where.shape))
    for first in range(0, len(rows), LOOKED_AT_ONCE):
        at = rows[first : first + LOOKED_AT_ONCE], columns[first : first + LOOKED_AT_ONCE]
        cover[at], added[at], shone[at] = _looked(light, near, shining_there, where, reaches, growth, *at)
    return cover, added, shone


def _believed(light: Plane, added: Plane, ground: Plane, factor: int) -> Plane:
    """Give how far places of veiled ground can lie behind their veil, 0 to 1; make `light` its mean there."""
    across = max(3, AROUND_PX // factor | 1)

    share = np.maximum(cv2.blur(ground, (across, across)), 1e-3)

    def mean(plane: Plane) -> Any:
        return cv2.blur(plane * ground, (across, across)) / share

    brighter = np.full_like(ground, np.inf)
    for colour in range(3):
        light[..., colour] = mean(light[..., colour])
        veil = np.maximum(mean(added[..., colour]), 1e-4)
        np.minimum(brighter, light[..., colour] / veil, out=brighter)
    return np.asarray(np.clip((brighter - DIM) / (BRIGHT - DIM), 0, 1), np.float32)


def _looked(
    light: Plane,
    near: Plane,
    shining_there: Plane,
    where: Plane,
    reaches: Plane,
    growth: float,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
) -> tuple[Plane, Plane, Plane]:
    """Give, for some places, how much is held back, what light is added, and how much of that shone.

    A near part spreads its light evenly over its disc, so at a place within it each of its pixels counts as
    one over the disc's area; `LOOKS` places, spread evenly over the reach, stand for all of them.
    """
    height, width = where.shape
    far, ground = reaches[rows, columns], where[rows, columns]
    cover, shone = np.zeros_like(far), np.zeros_like(far)
    added = np.zeros((len(rows), 3), np.float32)
    flat, nears, shines = light.reshape(-1, 3), near.ravel(), shining_there.ravel()
    x, y = columns.astype(np.float32), rows.astype(np.float32)
    slices = far / np.float32(growth)
    for right, down, away in zip(*_spread(LOOKS), strict=True):
        at = np.rint(np.clip(y + down * far, 0, height - 1)).astype(np.int32) * np.int32(width)
        at += np.rint(np.clip(x + right * far, 0, width - 1)).astype(np.int32)
        gap = ground - nears[at]
        veiled = np.flatnonzero(gap >= np.maximum(away * slices, np.float32(LEAST_GAP)))
        from_there = at[veiled]
        weight = (slices[veiled] / gap[veiled]) ** 2 / np.float32(LOOKS)
        cover[veiled] += weight
        added[veiled] += weight[:, None] * flat[from_there]
        shone[veiled] += weight * shines[from_there]
    return cover, added, shone


def _spread(count: int) -> tuple[Plane, Plane, Plane]:
    """Give places spread evenly over the unit disc, by the golden angle: right, down and from its middle."""
    number = np.arange(count) + 0.5
    radius, angle = np.sqrt(number / count), number * np.pi * (3 - np.sqrt(5))
    right, down = radius * np.cos(angle), radius * np.sin(angle)
    return right.astype(np.float32), down.astype(np.float32), radius.astype(np.float32)


def _take_off(
    clear: Pixels,
    depth: NDArray[np.uint16],
    confidence: NDArray[np.uint8],
    veils: Veils,
    taken: Taken | None,
    travel: Travel,
    rows: slice,
    columns: slice,
    glare: NDArray[np.bool_],
) -> None:
    """Take the veils off a tile of a picture, in place; not where it glares."""

    def whole(plane: Plane) -> Any:
        enlarged = enlarged_part(plane, veils.factor, rows, columns, depth.shape)
        return enlarged.reshape(-1, *plane.shape[2:])

    share, part = whole(veils.ground), whole(veils.part)
    at = np.flatnonzero(part > FAINTEST * share)
    share, part = share[at], part[at]
    here = in_slices(depth[rows, columns].ravel()[at], NOWHERE)
    if taken is not None:
        here = np.where(here == NOWHERE, NOWHERE, taken.part(rows, columns, depth.shape).ravel()[at])
    sure = confidence[rows, columns].ravel()[at] * np.float32(1 / 255 / (1 - GROUND_SURE))
    part *= np.maximum(sure - np.float32(GROUND_SURE / (1 - GROUND_SURE)), 0)
    ground = np.abs(travel.counted(here) * share - whole(veils.taken)[at]) < LEAST_GAP * share
    ground &= part > FAINTEST * share
    ground &= ~glare.ravel()[at]
    at, part = at[ground], (part / share)[ground]
    most = int(np.iinfo(clear.dtype).max)
    ours = clear[rows, columns].reshape(-1, 3)
    seen = light_of(ours[at], most)
    back, lost, added = (whole(plane)[at] for plane in (veils.back, veils.lost, veils.added))
    less = np.minimum(lost * seen, added)
    ours[at] = levels_of(seen + part[:, None] * (back[:, None] * seen - less), most)
    clear[rows, columns] = ours.reshape(clear[rows, columns].shape)


def _glare(pixels: Pixels, veils: Veils, rows: slice, columns: slice) -> NDArray[np.bool_]:
    """Say where light of a tile may be brighter than was recorded, or lies beside such."""
    if not veils.shines(rows, columns):
        return np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.bool_)
    top, left = max(0, rows.start - SHINE_REACH_PX), max(0, columns.start - SHINE_REACH_PX)
    bright = shines(pixels[top : rows.stop + SHINE_REACH_PX, left : columns.stop + SHINE_REACH_PX])
    around = np.ones((2 * SHINE_REACH_PX + 1,) * 2, np.uint8)
    tile = np.s_[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    return cv2.dilate(bright, around)[tile] > 0
