"""The picture as a Laplacian pyramid: each scale of detail is taken from the slices that show most of it.

At every level a slice's coefficients count by the eighth power of their local strength, above a floor of the
noise: where one slice is in focus it is taken alone, where none is, all are averaged (a hard choice, which
others make, raises noise there). What is coarser than all levels is averaged by the strength of the coarsest.
Kept are one pyramid of means and one of the logarithms of summed weights, so memory does not grow.
"""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.focus import BRIGHTNESS_WEIGHT, GLINT_WEIGHT, Focus, Sight
from stack.merge.frames import Frame, Layers
from stack.merge.lay import laid_whole
from stack.merge.planes import Plane, blurred
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

Stored = NDArray[np.int16]


class Pyramid:
    """Accumulates slices of shape `(H, W, 3)`, as `fuse.Fuser` does."""

    def __init__(self, height_px: int, width_px: int) -> None:
        self._shape = height_px, width_px
        self._levels = 0
        while self._levels < LEVELS and min(height_px, width_px) >> self._levels >= 2 * SMALLEST_SIDE_PX:
            self._levels += 1
        self._bands: list[Stored] = []
        self._totals: list[Plane] = []
        self._glow = self._glints = np.zeros((0, 0), np.float32)
        self._slices = 0

    def look(self, sight: Sight) -> None:
        """Begin with a slice."""
        self._held = np.zeros(sight.light.shape, np.float32)

    def weigh(self, focus: Focus) -> None:
        """Learn by how much a strip is held back; the rest is decided level by level."""
        if focus.held is not None:
            self._held[focus.rows] = focus.held

    def blend(self, frame: Frame, sight: Sight, similarity: Similarity, gains: Gains) -> None:
        """End with a slice, a whole one: blend it in; `similarity` maps output pixels to its own."""
        assert not isinstance(frame, Layers)
        whole: Any = laid_whole(frame, similarity)
        scale: Any = (*(gains * (255 / np.iinfo(frame.dtype).max)), 0.0)
        height, width = self._shape
        held: Any = cv2.resize(self._held, (width, height), interpolation=cv2.INTER_LINEAR)
        fine: Any = cv2.multiply(whole, scale, dtype=cv2.CV_32F)
        strength: Plane | None = None
        light, late = self._light(sight)
        for level in range(self._levels):
            coarse = cv2.pyrDown(fine)
            band = fine - cv2.pyrUp(coarse, dstsize=(fine.shape[1], fine.shape[0]))
            strength = _strength(band, level)
            self._blend(level, band, _log_weight(strength, held) - _fitted(light, band), late)
            fine, held = coarse, cv2.pyrDown(held)
        base = np.zeros(fine.shape[:2], np.float32) if strength is None else cv2.pyrDown(strength)
        weight = _log_weight(base + np.float32(1), held) - _fitted(light, fine)
        self._blend(self._levels, fine, weight, late)

    def picture(self, rows: slice, columns: slice, dtype: Any) -> NDArray[Any]:
        """Give part of the picture as uint8 or uint16."""
        whole = self._collapsed(0)[rows, columns]
        white = np.iinfo(dtype).max
        return np.asarray(np.rint(np.clip(whole * np.float32(white / 255), 0, white)), dtype)

    def reduced(self, factor: int) -> NDArray[np.uint8]:
        """Give the picture so far at a lower resolution, uint8."""
        level = min(self._levels, factor.bit_length() - 1)
        height, width = self._shape[0] // factor, self._shape[1] // factor
        small: Any = self._collapsed(level)
        small = cv2.resize(small, (max(1, width), max(1, height)), interpolation=cv2.INTER_AREA)
        return np.asarray(np.rint(np.clip(small, 0, 255)), np.uint8)

    def _light(self, sight: Sight) -> tuple[Plane, Plane]:
        """Give what a slice's glow takes from its weights, and what is now known to have been owed so far.

        A glint out of focus is larger and as white; that of the slice which glows least is the true one. What
        is known to glint only now was weighed without that; the mean glow stands for what went before.
        """
        if not self._slices:
            self._glow, self._glints = sight.glow, sight.glints
        glints = np.maximum(self._glints, sight.glints)
        late = np.float32(GLINT_WEIGHT) * (glints - self._glints) * self._glow
        self._slices += 1
        self._glints = glints
        self._glow = self._glow + (sight.glow - self._glow) / np.float32(self._slices)
        return (np.float32(BRIGHTNESS_WEIGHT) + np.float32(GLINT_WEIGHT) * glints) * sight.glow, late

    def _blend(self, level: int, band: NDArray[Any], score: Plane, late: Plane) -> None:
        """Move a level's means towards the slice's by its share of the weights so far."""
        if level == len(self._bands):
            self._bands.append(_stored(band))
            self._totals.append(score)
            return
        total = self._totals[level] - _fitted(late, band)
        lead = score - total
        lesser = np.exp(-np.abs(lead))
        share = np.where(lead > 0, np.float32(1), lesser) / (1 + lesser)
        self._totals[level] = np.maximum(total, score) + np.log1p(lesser)
        ours = self._bands[level].astype(np.float32) / np.float32(UNIT)
        ours += share[..., None] * (band - ours)
        self._bands[level] = _stored(ours)

    def _collapsed(self, level: int) -> Plane:
        """Give the picture of a level, `(h, w, 3)`, in levels of 255."""
        whole: Any = self._bands[-1].astype(np.float32) / np.float32(UNIT)
        for band in self._bands[level:-1][::-1]:
            whole = cv2.pyrUp(whole, dstsize=(band.shape[1], band.shape[0]))
            whole += band.astype(np.float32) / np.float32(UNIT)
        return whole  # type: ignore[no-any-return]


def _strength(band: NDArray[Any], level: int) -> Plane:
    """Give the local strength of a level's detail, above its noise."""
    grey = cv2.transform(np.abs(band), np.array([[0.114, 0.587, 0.299]], np.float32))
    return blurred(grey, SPREAD_PX) + np.float32(FLOOR / 2**level)


def _log_weight(strength: Plane, held: NDArray[Any]) -> Plane:
    """Give the logarithm of a weight."""
    return np.asarray(np.float32(POWER) * np.log(strength) - held, np.float32)


def _fitted(plane: Plane, band: NDArray[Any]) -> Plane:
    """Give a smooth plane at a level's resolution."""
    size = band.shape[1], band.shape[0]
    how = cv2.INTER_AREA if band.shape[1] < plane.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, size, interpolation=how), np.float32)


def _stored(band: NDArray[Any]) -> Stored:
    return np.asarray(np.rint(band * np.float32(UNIT)), np.int16)
