"""The picture as a Laplacian pyramid: each scale of detail is taken from the slices that show most of it.

At every level a slice's coefficients count by the eighth power of their local strength, above a floor of the
noise: where one slice is in focus it is taken alone, where none is, all are averaged (a hard choice, which
others make, raises noise there). What is coarser than all levels is averaged by the strength of the coarsest.
Kept are one pyramid of means and one of the logarithms of summed weights, so memory does not grow.

A slice is taken apart level by level, and each level strip by strip: of all that this takes on the way only
the next level is ever whole.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.evened import Evened
from stack.merge.focus import BRIGHTNESS_WEIGHT, COARSE, GLINT_WEIGHT, Focus, Sight
from stack.merge.frames import Frame, Layers
from stack.merge.lay import laid
from stack.merge.planes import Plane, blurred, enlarged_rows
from stack.merge.similarity import Similarity
from stack.merge.tone import Gains

LEVELS: Final = 6
SMALLEST_SIDE_PX: Final = 16
POWER: Final = 8.0
SPREAD_PX: Final = 2.0
"""Over how many pixels of its level the strength of detail is averaged."""
FLOOR: Final = 0.6
"""Levels of 255 added to the strength at the finest level; that of the next is half as noisy."""
UNIT: Final = 64.0
"""Parts of a level of 255 in which coefficients are kept: sixteen bits hold twice the widest."""

TOTAL_UNIT: Final = 256.0
"""Parts of one in which the logarithms of summed weights are kept: sixteen bits hold them up to 128 and down
to -128. Of slices that are below, as white ones would be, all weigh alike and the first would stay."""
GREY: Final = np.float32(127.5)
"""Levels of 255 from which glow counts: so weights are no lower than -87 in smooth white, or 30 less where
they are held back, and no higher than 95 on rough black."""
STRIP_ROWS: Final = 64
REACH_PX: Final = 10
"""How far beyond a strip, an even number: its strength is looked for, from differences to the next level."""

Stored = NDArray[np.int16]
Rows = Callable[[slice], NDArray[Any]]


class Pyramid:
    """Accumulates slices of shape `(H, W, 3)`, as `fuse.Fuser` does.

    They are judged at a resolution lower by a whole `factor`, a power of two.
    """

    def __init__(self, height_px: int, width_px: int, factor: int) -> None:
        self._factor = factor
        shapes = [(height_px, width_px)]
        while len(shapes) <= LEVELS and min(height_px, width_px) >> len(shapes) >= SMALLEST_SIDE_PX:
            shapes.append(((shapes[-1][0] + 1) // 2, (shapes[-1][1] + 1) // 2))
        self._bands: list[Stored] = [np.empty((*shape, 3), np.int16) for shape in shapes]
        self._totals: list[Stored] = [np.empty(shape, np.int16) for shape in shapes]
        self._glow = self._glints = np.zeros((0, 0), np.float32)
        self._light = self._late = self._glow
        self._held: Plane | None = None
        self._slices = 0

    def look(self, index: int, sight: Sight) -> None:
        """Begin with a slice."""
        self._held = None
        self._light, self._late = self._glowing(sight)

    def weigh(self, focus: Focus) -> None:
        """Learn by how much a strip is held back; the rest is decided level by level."""
        if focus.held is None:
            return
        if self._held is None:
            height, width = self._bands[0].shape[:2]
            self._held = np.zeros((height // self._factor, width // self._factor), np.float32)
        self._held[focus.rows] = focus.held

    def blend(self, frame: Frame, similarity: Similarity, gains: Gains) -> None:
        """End with a slice, a whole one: blend it in; `similarity` maps output pixels to its own."""
        assert not isinstance(frame, Layers)
        evened = Evened(gains, frame.dtype, 255)
        columns = slice(0, frame.shape[1])

        def lit(rows: slice) -> Any:
            return evened(laid(frame, similarity, rows, columns, careful=True))

        whole: Rows = lit
        strength: Any = np.zeros(self._bands[-1].shape[:2], np.float32)
        for level, (shape, coarser) in enumerate(pairwise(band.shape for band in self._bands)):
            coarse = np.empty(coarser, np.int16)
            least = np.empty(shape[:2], np.float32) if level == len(self._bands) - 2 else None
            for rows in _strips(shape[0]):
                band, strong = _apart(whole, rows, shape, coarse, level)
                if least is not None:
                    least[rows] = strong
                self._blend(level, rows, band, strong)
            whole = partial(_levels, coarse)
            strength = strength if least is None else cv2.pyrDown(least)
        everything = slice(0, len(strength))
        self._blend(len(self._bands) - 1, everything, whole(everything), strength + np.float32(1))

    def refine(self) -> None:
        """Leave it: each level is refined already."""

    def taken(self) -> None:
        """Say that nobody can tell of which slices it is: each level is of slices of its own."""

    def picture(self, rows: slice, columns: slice, dtype: Any) -> NDArray[Any]:
        """Give part of the picture as uint8 or uint16; it is the last that is asked for."""
        self._totals = []
        white = np.iinfo(dtype).max
        part = np.empty((rows.stop - rows.start, columns.stop - columns.start, 3), dtype)
        for inner, strip in self._collapsed(0):
            shown = slice(max(inner.start, rows.start), min(inner.stop, rows.stop))
            if shown.start < shown.stop:
                strip = strip[shown.start - inner.start : shown.stop - inner.start, columns]
                levels = np.clip(strip * np.float32(white / 255), 0, white)
                part[shown.start - rows.start : shown.stop - rows.start] = np.rint(levels)
        return part

    def reduced(self, factor: int) -> NDArray[np.uint8]:
        """Give the picture so far at a lower resolution, uint8."""
        level = min(len(self._bands) - 1, factor.bit_length() - 1)
        height, width = (max(1, side // factor) for side in self._bands[0].shape[:2])
        whole = np.empty(self._bands[level].shape, np.uint8)
        for rows, strip in self._collapsed(level):
            whole[rows] = np.rint(np.clip(strip, 0, 255))
        small: Any = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8)

    def grey(self, factor: int) -> NDArray[np.uint8]:
        """Give its brightness at a lower resolution, uint8."""
        return np.asarray(cv2.cvtColor(self.reduced(factor), cv2.COLOR_BGR2GRAY), np.uint8)

    def _glowing(self, sight: Sight) -> tuple[Plane, Plane]:
        """Give what a slice's glow takes from its weights, and what is now known to have been owed so far.

        A glint out of focus is larger and as white; that of the slice which glows least is the true one. What
        is known to glint only now was weighed without that; the mean glow stands for what went before.
        """
        glow = sight.glow - GREY
        if not self._slices:
            self._glow, self._glints = glow, sight.glints
        glints = np.maximum(self._glints, sight.glints)
        late = np.float32(GLINT_WEIGHT) * (glints - self._glints) * self._glow
        self._slices += 1
        self._glints = glints
        self._glow = self._glow + (glow - self._glow) / np.float32(self._slices)
        return (np.float32(BRIGHTNESS_WEIGHT) + np.float32(GLINT_WEIGHT) * glints) * glow, late

    def _blend(self, level: int, rows: slice, band: NDArray[Any], strength: Plane) -> None:
        """Move some rows of a level's means towards the slice's by its share of the weights so far."""
        score = np.float32(POWER) * np.log(strength) - self._fitted(self._light, COARSE, level, rows)
        if self._held is not None:
            score -= self._fitted(self._held, 1, level, rows)
        if self._slices == 1:
            self._bands[level][rows], self._totals[level][rows] = (
                _stored(band, UNIT),
                _stored(score, TOTAL_UNIT),
            )
            return
        total = self._totals[level][rows] * np.float32(1 / TOTAL_UNIT)
        total -= self._fitted(self._late, COARSE, level, rows)
        lead = score - total
        lesser = np.exp(-np.abs(lead))
        share = np.where(lead > 0, np.float32(1), lesser) / (1 + lesser)
        self._totals[level][rows] = _stored(np.maximum(total, score) + np.log1p(lesser), TOTAL_UNIT)
        ours = _levels(self._bands[level], rows)
        ours += share[..., None] * (band - ours)
        self._bands[level][rows] = _stored(ours, UNIT)

    def _fitted(self, plane: Plane, smaller: int, level: int, rows: slice) -> Any:
        """Give rows of a level of a plane that is `smaller` than what is judged."""
        shape = self._bands[level].shape[:2]
        factor = self._factor * smaller >> level
        if factor:
            return enlarged_rows(plane, factor, rows, shape)
        return cv2.resize(plane, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)[rows]

    def _collapsed(self, level: int) -> Iterator[tuple[slice, Plane]]:
        """Give the picture of a level, strip by strip, `(h, w, 3)` in levels of 255."""
        band = self._bands[level]
        if level == len(self._bands) - 1:
            yield slice(0, len(band)), _levels(band, slice(None))
            return
        coarse = np.empty(self._bands[level + 1].shape, np.float32)
        for rows, strip in self._collapsed(level + 1):
            coarse[rows] = strip
        for rows in _strips(len(band)):
            first = max(0, rows.start // 2 - 1)
            near = coarse[first : -(-rows.stop // 2) + 1]
            size = band.shape[1], min(2 * len(near), len(band) - 2 * first)
            finer: Any = cv2.pyrUp(near, dstsize=size)
            strip = finer[rows.start - 2 * first :][: rows.stop - rows.start]
            yield rows, strip + _levels(band, rows)


def _strips(height: int) -> Iterator[slice]:
    """Give the rows of a level, some at a time; all but the last begin and end with an even one."""
    for top in range(0, height, STRIP_ROWS):
        yield slice(top, min(top + STRIP_ROWS, height))


def _apart(
    whole: Rows, rows: slice, shape: tuple[int, ...], coarse: Stored, level: int
) -> tuple[NDArray[Any], Plane]:
    """Give a strip's detail, `(h, w, 3)`, and its local strength, `(h, w)`; put the rest into `coarse`."""
    first = max(0, rows.start - REACH_PX)
    fine = whole(slice(first, min(rows.stop + REACH_PX, shape[0])))
    rest: Any = cv2.pyrDown(fine)
    band: Any = cv2.pyrUp(rest, dstsize=(fine.shape[1], fine.shape[0]))
    cv2.subtract(fine, band, band)
    inner = slice(rows.start - first, rows.stop - first)
    part = rest[inner.start // 2 : (inner.stop + 1) // 2]
    coarse[rows.start // 2 :][: len(part)] = _stored(part, UNIT)
    return band[inner], _strength(band, level)[inner]


def _strength(band: NDArray[Any], level: int) -> Plane:
    """Give the local strength of a level's detail, above its noise."""
    grey = cv2.transform(np.abs(band), np.array([[0.114, 0.587, 0.299]], np.float32))
    return blurred(grey, SPREAD_PX) + np.float32(FLOOR / 2**level)


def _levels(stored: Stored, rows: slice) -> NDArray[Any]:
    """Give rows of a plane of 1/`UNIT` in levels of 255."""
    return stored[rows] * np.float32(1 / UNIT)


def _stored(plane: NDArray[Any], unit: float) -> Stored:
    """Give a plane as whole numbers of 1/`unit`; what does not fit is held at the ends."""
    scale: Any = (unit,) * 4
    return np.asarray(cv2.multiply(plane, scale, dtype=cv2.CV_16S), np.int16)
