"""In which slice is each pixel sharpest: the depth map, kept as the running best.

A parabola through the score of the best slice and its two neighbours gives a fraction of a slice. Where
no slice stands out the place is filled from what is around it, or, far from everything, stays unknown.
What is kept of every pixel are seven whole numbers of sixteen bits: half the memory of floats, and faster.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.focus import LESSER_POWER, POWER
from stack.merge.leaks import doubted
from stack.merge.planes import Plane, enlarged

UNKNOWN: Final = 0
ORIGIN: Final = 1
PER_SLICE: Final = 128
MAX_INDEX: Final = (65535 - ORIGIN) // PER_SLICE
SCATTER: Final = 0.12
"""By what part the amplitude of a place that is never in focus differs from slice to slice, one sigma."""
FAINT: Final = 42.0
"""Times the noise: detail so strong is halfway between faint and plain, given `focus.PLAIN`."""
SURE_PEAK: Final = 1.5
"""A peak this many times higher than chance would make it is surely one."""
GUIDE_RADIUS_PX: Final = 8
GUIDE_EDGE: Final = 6.0
"""Levels of 255: steps of brightness above this may be edges of depth."""
FIT_EVERY_PX: Final = 2
LEAST_SUPPORT: Final = 0.02
SURE_ENOUGH: Final = 0.9
STRIP_ROWS: Final = 128
MOST_PEAKS: Final = 250_000
FILTER_REACH_PX: Final = 2 * GUIDE_RADIUS_PX + 2
SCORE_UNIT: Final = 256.0
"""Parts of one of a score, which lies between -64 and 64, in which it is kept."""
AMPLITUDE_UNIT: Final = 128.0
"""Parts of a level of 255 in which amplitudes are kept."""
NONE: Final = np.int16(-32768)
"""The score of a neighbour that there is not."""

Stored = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Peaks:
    """Where focus curves have their peaks.

    Attributes
    ----------
    index
        Of the sharpest slice.
    sure
        How surely it stands out, 0 to 1.
    drop
        By how much the logarithm of sharpness falls from a peak to one slice beside it.
    known
        Where the sharpest slice has a neighbour on both sides, so that `drop` is known.
    """

    index: Stored
    sure: Plane
    drop: Plane
    known: NDArray[np.bool_]


class Depth:
    """Follows the sharpest slice of every pixel."""

    def __init__(self, height_px: int, width_px: int) -> None:
        shape = height_px, width_px
        self._best, self._before, self._after = (np.full(shape, NONE, np.int16) for _ in range(3))
        self._last, self._index, self._amplitude = (np.zeros(shape, np.int16) for _ in range(3))
        self._least = np.full(shape, np.iinfo(np.int16).max, np.int16)
        self._was_best = np.zeros(shape, np.uint8)
        self._newest: int | None = None
        self._spacing = 1
        self._slices = 0

    def begin(self, index: int) -> None:
        """Begin with a slice: its index in the stack."""
        if self._newest is not None:
            self._spacing = index - self._newest
        self._newest = index
        self._slices += 1

    def follow(self, rows: slice, score: Plane, amplitude: Plane) -> None:
        """Take in a strip of it: its score and its amplitude of detail, `(h, W)` each."""
        scored, strength = _stored(score, SCORE_UNIT), _stored(amplitude, AMPLITUDE_UNIT)
        best, last, after = self._best[rows], self._last[rows], self._after[rows]
        cv2.copyTo(scored, self._was_best[rows], after)
        np.minimum(self._least[rows], strength, out=self._least[rows])
        better = cv2.compare(scored, best, cv2.CMP_GT)
        cv2.copyTo(scored, better, best)
        if self._slices > 1:
            cv2.copyTo(last, better, self._before[rows])
        cv2.copyTo(np.full_like(scored, NONE), better, after)
        cv2.copyTo(strength, better, self._amplitude[rows])
        cv2.copyTo(np.full_like(scored, self._newest), better, self._index[rows])
        last[...], self._was_best[rows] = scored, better

    def sure(self, noise: float) -> Plane:
        """Give, from 0 to 1, how surely each pixel is in focus in its best slice.

        What no slice has in focus, be it smooth or rough, looks alike in all of them but for noise: only a
        best slice that stands out from the least one farther than the noise of so many slices would have it
        tells a depth.
        """
        spread = SCATTER * math.sqrt(2 * math.log(max(2, self._slices)))
        chance = (1 + spread) / (1 - spread)
        sure = np.empty(self._amplitude.shape, np.float32)
        for top in range(0, len(sure), STRIP_ROWS):
            rows = slice(top, top + STRIP_ROWS)
            least = np.maximum(self._least[rows], np.float32(noise * AMPLITUDE_UNIT))
            sure[rows] = np.clip((self._amplitude[rows] / (least * chance) - 1) / (SURE_PEAK - 1), 0, 1)
        return sure

    def own(
        self, confidence: NDArray[np.uint8], noise: float, picture: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """Give how surely pixels are in focus by detail of their own, 0 to 255.

        `confidence` is what `sure` gives, 0 to 255, `noise` the amplitude of flat areas, `picture` the
        brightness of the merged one.
        """
        return doubted(confidence, self._amplitude, AMPLITUDE_UNIT, noise, picture)

    def peaks(self, sure: Plane, noise: float) -> "Peaks":
        """Give what focus curves say, of every second or third ... pixel of many: to sum up, that will do.

        `sure` is what `sure` gives, `noise` the amplitude of flat areas.
        """
        thin = max(1, round((sure.size / MOST_PEAKS) ** 0.5))
        apart = np.s_[::thin, ::thin]
        rise, fall, known = self._slopes(apart)
        amplitude = self._amplitude[apart].astype(np.float32)
        above = amplitude / (amplitude + np.float32(FAINT * noise * AMPLITUDE_UNIT))
        # By how much the score falls for every e-fold of sharpness: less where all detail is faint.
        power = LESSER_POWER + (POWER - LESSER_POWER) * above
        drop = (rise + fall) / 2 / power
        return Peaks(self._index[apart], sure[apart], np.asarray(drop, np.float32), known)

    def map(self, guide: NDArray[np.uint8], sure: Plane) -> NDArray[np.uint16]:
        """Give the depth map `(H, W)`: 1 + 128 x slice index, 0 where unknown, smoothed but not across edges.

        `guide` is the merged picture's brightness in the same geometry, `sure` is what `sure` gives.
        """
        half = abs(self._spacing) / 2
        nearest, farthest = int(self._index.min()) - half, int(self._index.max()) + half
        depth = np.empty(self._best.shape, np.uint16)
        for top in range(0, len(depth), STRIP_ROWS):  # the filter needs many planes; a strip of each will do
            first = max(0, top - FILTER_REACH_PX)
            rows = slice(first, top + STRIP_ROWS + FILTER_REACH_PX)
            smooth, support = _guided(self._fraction(rows), sure[rows], guide[rows].astype(np.float32))
            value = np.rint(ORIGIN + PER_SLICE * np.clip(smooth, nearest, farthest))
            found = np.where(support > LEAST_SUPPORT, np.clip(value, ORIGIN, 65535), UNKNOWN)
            depth[top : top + STRIP_ROWS] = found[top - first :][:STRIP_ROWS]
        return depth

    def _fraction(self, rows: slice) -> Plane:
        """Give the top of the parabola through the best score and its neighbours, as an index of slices."""
        rise, fall, _ = self._slopes(rows)
        bends = rise + fall > 1e-3
        offset = (rise - fall) / np.where(bends, 2 * (rise + fall), 1)
        return np.asarray(self._index[rows] + np.where(bends, offset, 0) * self._spacing, np.float32)

    def _slopes(self, part: Any) -> tuple[Plane, Plane, NDArray[np.bool_]]:
        """Give by how much the score falls from its peak to the slice before and the one after.

        Both are 0 where one of these is not known; last of all is where they are.
        """
        best, before, after = (
            plane[part].astype(np.float32) for plane in (self._best, self._before, self._after)
        )
        known = (before > NONE) & (after > NONE)
        rise, fall = (best - before) / SCORE_UNIT, (best - after) / SCORE_UNIT
        return np.where(known, rise, 0), np.where(known, fall, 0), known


def in_slices(depth: NDArray[np.uint16], unknown: float) -> Plane:
    """Give a depth map in slices, and `unknown` where it is unknown."""
    places = (depth - np.float32(ORIGIN)) * np.float32(1 / PER_SLICE)
    places[depth == UNKNOWN] = unknown
    return np.asarray(places, np.float32)


def _stored(plane: Plane, unit: float) -> Stored:
    """Give a plane as whole numbers of 1/`unit`; what does not fit is held at the ends."""
    scale: Any = unit
    return np.asarray(cv2.multiply(plane, scale, dtype=cv2.CV_16S), np.int16)


def _guided(values: Plane, sure: Plane, guide: Plane) -> tuple[Plane, Plane]:
    """Fit `values` as a linear function of `guide` around every pixel; give its support too."""
    median = np.asarray(cv2.medianBlur(values, 5), np.float32)
    apart = np.s_[::FIT_EVERY_PX, ::FIT_EVERY_PX]
    slope, offset, support = (
        enlarged(plane, FIT_EVERY_PX, values.shape)
        for plane in _fit(median[apart], sure[apart], guide[apart])
    )
    # What is sharp somewhere speaks for itself; the fit is for what lies between.
    fitted = np.where(sure > SURE_ENOUGH, median, slope * guide + offset)
    return fitted.astype(np.float32), support


def _fit(values: Plane, sure: Plane, guide: Plane) -> tuple[Plane, Plane, Plane]:
    """Give slope, offset and support of that function.

    It is a guided filter; its factors are smooth, so fewer pixels do (K. He, J. Sun, Fast Guided Filter,
    2015, arXiv:1505.00996).
    """
    size = (2 * GUIDE_RADIUS_PX // FIT_EVERY_PX + 1,) * 2

    def mean(plane: Any) -> Any:
        return cv2.blur(plane, size)

    sure = sure + np.float32(1e-6)
    weight = mean(sure)
    mean_guide, mean_value = mean(sure * guide) / weight, mean(sure * values) / weight
    covariance = mean(sure * guide * values) / weight - mean_guide * mean_value
    variance = np.maximum(mean(sure * guide * guide) / weight - mean_guide * mean_guide, 0)
    slope = covariance / (variance + np.float32(GUIDE_EDGE**2))
    offset = mean_value - slope * mean_guide
    support = mean(weight)
    return mean(weight * slope) / support, mean(weight * offset) / support, support
