"""In which slice is each pixel sharpest: the depth map, kept as the running best.

A parabola through the score of the best slice and its two neighbours gives a fraction of a slice. Where
no slice stands out the place is filled from what is around it, or, far from everything, stays unknown.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.planes import Plane

UNKNOWN: Final = 0
ORIGIN: Final = 1
PER_SLICE: Final = 128
MAX_INDEX: Final = (65535 - ORIGIN) // PER_SLICE
SCATTER: Final = 0.12
"""By what part the amplitude of a place that is never in focus differs from slice to slice, one sigma."""
SURE_PEAK: Final = 1.5
"""A peak this many times higher than chance would make it is surely one."""
GUIDE_RADIUS_PX: Final = 8
GUIDE_EDGE: Final = 6.0
"""Levels of 255: steps of brightness above this may be edges of depth."""
LEAST_SUPPORT: Final = 0.02
SURE_ENOUGH: Final = 0.9
STRIP_ROWS: Final = 128
FILTER_REACH_PX: Final = 2 * GUIDE_RADIUS_PX + 2


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
        By how much the score, a logarithm, falls from a peak to one slice beside it.
    known
        Where the sharpest slice has a neighbour on both sides, so that `drop` is known.
    """

    index: Plane
    sure: Plane
    drop: Plane
    known: NDArray[np.bool_]


class Depth:
    """Follows the sharpest slice of every pixel."""

    def __init__(self) -> None:
        self._best: Plane | None = None
        self._before: Plane
        self._after: Plane
        self._last: Plane
        self._index: Plane
        self._amplitude: Plane
        self._least: Plane
        self._was_best: NDArray[np.bool_]
        self._slices = 0

    def add(self, index: int, score: Plane, amplitude: Plane) -> None:
        """Take in a slice's score and amplitude of detail, `(H, W)` each."""
        self._slices += 1
        if self._best is None:
            self._best, self._last, self._amplitude = score.copy(), score, amplitude.copy()
            self._least = amplitude.copy()
            self._before, self._after = np.full_like(score, -np.inf), np.full_like(score, -np.inf)
            self._index = np.full_like(score, index)
            self._was_best = np.ones(score.shape, bool)
            self._newest, self._spacing = index, 1
            return
        self._newest, self._spacing = index, index - self._newest
        self._after[self._was_best] = score[self._was_best]
        np.minimum(self._least, amplitude, out=self._least)
        better = score > self._best
        chosen = better.astype(np.uint8)
        cv2.copyTo(score, chosen, self._best)
        cv2.copyTo(self._last, chosen, self._before)
        self._after[better] = -np.inf
        cv2.copyTo(amplitude, chosen, self._amplitude)
        cv2.copyTo(np.full_like(score, index), chosen, self._index)
        self._was_best, self._last = better, score

    def peaks(self, noise: float) -> "Peaks":
        """Give what each pixel's focus curve says, `(H, W)` each; `noise` as in `map`."""
        assert self._best is not None
        with np.errstate(invalid="ignore"):
            drop = (2 * self._best - self._before - self._after) / 2
        known = np.isfinite(drop)
        return Peaks(self._index, self._sure(noise), np.where(known, drop, 0).astype(np.float32), known)

    def map(self, guide: NDArray[np.uint8], noise: float) -> NDArray[np.uint16]:
        """Give the depth map `(H, W)`: 1 + 128 x slice index, 0 where unknown, smoothed but not across edges.

        `guide` is the merged picture's brightness in the same geometry, `noise` the amplitude of flat areas.
        """
        assert self._best is not None
        sure = self._sure(noise)
        fraction = self._fraction()
        half = abs(self._spacing) / 2
        nearest, farthest = self._index.min() - half, self._index.max() + half
        depth = np.empty(fraction.shape, np.uint16)
        for top in range(0, len(depth), STRIP_ROWS):  # the filter needs many planes; a strip of each will do
            first = max(0, top - FILTER_REACH_PX)
            rows = slice(first, top + STRIP_ROWS + FILTER_REACH_PX)
            smooth, support = _guided(fraction[rows], sure[rows], guide[rows].astype(np.float32))
            value = np.rint(ORIGIN + PER_SLICE * np.clip(smooth, nearest, farthest))
            found = np.where(support > LEAST_SUPPORT, np.clip(value, ORIGIN, 65535), UNKNOWN)
            depth[top : top + STRIP_ROWS] = found[top - first :][:STRIP_ROWS]
        return depth

    def _sure(self, noise: float) -> Plane:
        """Give, from 0 to 1, how surely each pixel is in focus in its best slice.

        What no slice has in focus, be it smooth or rough, looks alike in all of them but for noise: only a
        best slice that stands out from the least one farther than the noise of so many slices would have it
        tells a depth.
        """
        spread = SCATTER * math.sqrt(2 * math.log(max(2, self._slices)))
        chance = (1 + spread) / (1 - spread)
        peak = self._amplitude / np.maximum(self._least, noise)
        return np.clip((peak / chance - 1) / (SURE_PEAK - 1), 0, 1).astype(np.float32)

    def _fraction(self) -> Plane:
        """Give the top of the parabola through the best score and its neighbours, as an index of slices."""
        assert self._best is not None
        rise, fall = self._best - self._before, self._best - self._after
        known = np.isfinite(rise) & np.isfinite(fall) & (rise + fall > 1e-3)
        rise, fall = np.where(known, rise, 1), np.where(known, fall, 1)
        offset: Any = (rise - fall) / (2 * (rise + fall))
        return np.asarray(self._index + np.where(known, offset, 0) * self._spacing, np.float32)


def _guided(values: Plane, sure: Plane, guide: Plane) -> tuple[Plane, Plane]:
    """Fit `values` as a linear function of `guide` around every pixel; give its support too."""
    median = cv2.medianBlur(values, 5)
    size = (2 * GUIDE_RADIUS_PX + 1, 2 * GUIDE_RADIUS_PX + 1)

    def mean(plane: Any) -> Any:
        return cv2.blur(plane, size)

    sure = sure + 1e-6
    weight = mean(sure)
    mean_guide, mean_value = mean(sure * guide) / weight, mean(sure * median) / weight
    covariance = mean(sure * guide * median) / weight - mean_guide * mean_value
    variance = np.maximum(mean(sure * guide * guide) / weight - mean_guide * mean_guide, 0)
    slope = covariance / (variance + GUIDE_EDGE**2)
    offset = mean_value - slope * mean_guide
    weight_sum = mean(weight)
    fitted = (mean(weight * slope) * guide + mean(weight * offset)) / weight_sum
    # What is sharp somewhere speaks for itself; the fit is for what lies between.
    fitted = np.where(sure > SURE_ENOUGH, median, fitted)
    return fitted.astype(np.float32), weight_sum.astype(np.float32)
