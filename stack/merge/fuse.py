"""The picture so far: a weighted mean of all slices, kept as such, so memory does not grow with their number.

With scores `s` the picture is `sum(exp(s) x) / sum(exp(s))`. Kept are the mean itself and the logarithm of
the sum (log-sum-exp, which cannot overflow); a new slice moves the mean by its share of the new sum.
"""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.focus import COARSE, GLINT_WEIGHT, Focus
from stack.merge.planes import Plane, enlarged, reduced

STRIP_ROWS: Final = 256
WHITE: Final = 65535


class Fuser:
    """Accumulates slices of shape `(H, W, 3)`; decides at a resolution lower by a whole `factor`."""

    def __init__(self, height_px: int, width_px: int, factor: int) -> None:
        self._picture = np.zeros((height_px, width_px, 3), np.uint16)
        self._factor = factor
        self._total: Plane | None = None
        self._glow: Plane | None = None
        self._glints: Plane | None = None

    def add(self, laid: NDArray[Any], gains: NDArray[np.float64], white: int, focus: Focus) -> Plane:
        """Blend a slice in, in output geometry; `white` is its highest value. Give its final score."""
        score, share = self._decide(focus)
        self._blend(laid, gains * (WHITE / white), share)
        return score

    def picture(self, rows: slice, columns: slice, dtype: Any) -> NDArray[Any]:
        """Give part of the picture as uint8 or uint16."""
        part = self._picture[rows, columns]
        if dtype == np.uint16:
            return part.copy()
        return cv2.convertScaleAbs(part, alpha=255 / WHITE)

    def reduced(self, factor: int) -> NDArray[np.uint8]:
        """Give the picture so far at a lower resolution, uint8."""
        height, width = self._picture.shape[0] // factor, self._picture.shape[1] // factor
        small = cv2.resize(self._picture, (max(1, width), max(1, height)), interpolation=cv2.INTER_AREA)
        return cv2.convertScaleAbs(small, alpha=255 / WHITE)  # type: ignore[return-value]

    def _decide(self, focus: Focus) -> tuple[Plane, Plane]:
        """Give the slice's score, glints considered, and its share in the mean, 0 to 1."""
        if self._total is None or self._glow is None or self._glints is None:
            self._glow, self._glints = focus.glow, focus.glints
            self._total = focus.score - self._glint_term(self._glints * focus.glow, focus.score.shape)
            return self._total, np.ones_like(self._total)
        glints = np.maximum(self._glints, focus.glints)
        # What is known to glint only now was weighed without its glow; the mean glow stands for all of it.
        self._total = self._total - self._glint_term((glints - self._glints) * self._glow, self._total.shape)
        self._glints = glints
        score = focus.score - self._glint_term(glints * focus.glow, focus.score.shape)
        # Both exponentials divided by the greater, so that neither overflows.
        lead = score - self._total
        lesser = np.exp(-np.abs(lead))
        share = np.where(lead > 0, np.float32(1), lesser) / (1 + lesser)
        self._total = np.maximum(self._total, score) + np.log1p(lesser)
        self._glow = self._glow + reduced(share, COARSE) * (focus.glow - self._glow)
        return score, share

    def _glint_term(self, glow: Plane, shape: tuple[int, ...]) -> Plane:
        return np.float32(GLINT_WEIGHT) * enlarged(glow, COARSE, shape)

    def _blend(self, laid: NDArray[Any], gains: NDArray[np.float64], share: Plane) -> None:
        """Move the picture towards the slice, strip by strip."""
        height = self._picture.shape[0]
        scale: Any = (*gains, 0.0)
        for top in range(0, height, STRIP_ROWS):
            bottom = min(top + STRIP_ROWS, height)
            ours = self._picture[top:bottom]
            theirs = cv2.multiply(laid[top:bottom], scale, dtype=cv2.CV_32F)
            new = self._share_rows(share, top, bottom)
            # blendLinear adds 1e-5 to the sum of weights; scaled up, that is nothing.
            mixed: Any = cv2.blendLinear(theirs, ours.astype(np.float32), new * 1e3, (1 - new) * 1e3)
            np.clip(mixed, 0, WHITE, out=mixed)
            mixed += 0.5
            self._picture[top:bottom] = mixed

    def _share_rows(self, share: Plane, top: int, bottom: int) -> Plane:
        """Give rows of the share at full resolution; strips meet without a seam."""
        factor, width = self._factor, self._picture.shape[1]
        first = max(0, top // factor - 1)
        last = min(share.shape[0], -(-bottom // factor) + 1)
        rows = enlarged(share[first:last], factor, (bottom - first * factor, width))
        return np.ascontiguousarray(rows[top - first * factor :])
