"""The picture so far: a weighted mean of all slices, kept as such, so memory does not grow with their number.

With scores `s` the picture is `sum(exp(s) x) / sum(exp(s))`. Kept are the mean itself and the logarithm of
the sum (log-sum-exp, which cannot overflow); a new slice moves the mean by its share of the new sum.
"""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.focus import COARSE, GLINT_WEIGHT, Focus
from stack.merge.lay import laid
from stack.merge.photos import Pixels
from stack.merge.planes import Plane, enlarged, reduced
from stack.merge.similarity import Similarity

TILE_ROWS: Final = 128
TILE_COLUMNS: Final = 1024
"""A tile of the picture, the slice and the weights stays in a small processor's cache."""
LEAST_SHARE: Final = 1e-3
"""Where a slice's share stays below, the picture is left as it is."""
CAREFUL_SHARE: Final = 0.1
"""Where it stays below this, the slice is laid with less care."""
WHITE: Final = 65535


class Fuser:
    """Accumulates slices of shape `(H, W, 3)`; decides at a resolution lower by a whole `factor`."""

    def __init__(self, height_px: int, width_px: int, factor: int) -> None:
        self._picture = np.zeros((height_px, width_px, 3), np.uint16)
        self._factor = factor
        self._total: Plane | None = None
        self._glow: Plane | None = None
        self._glints: Plane | None = None

    def add(self, pixels: Pixels, similarity: Similarity, gains: NDArray[np.float64], focus: Focus) -> None:
        """Blend a slice in; `similarity` maps output pixels to its own."""
        share = self._decide(focus)
        scale: Any = (*(gains * (WHITE / np.iinfo(pixels.dtype).max)), 0.0)
        height, width = self._picture.shape[:2]
        for top in range(0, height, TILE_ROWS):
            rows = slice(top, min(top + TILE_ROWS, height))
            strip = self._share_rows(share, rows.start, rows.stop)
            for left in range(0, width, TILE_COLUMNS):
                columns = slice(left, min(left + TILE_COLUMNS, width))
                most = strip[:, columns].max()
                if most >= LEAST_SHARE:
                    part = laid(pixels, similarity, rows, columns, careful=most >= CAREFUL_SHARE)
                    _blend(self._picture[rows, columns], part, scale, strip[:, columns])

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

    def _decide(self, focus: Focus) -> Plane:
        """Give the slice's share in the mean, 0 to 1."""
        if self._total is None or self._glow is None or self._glints is None:
            self._glow, self._glints = focus.glow, focus.glints
            self._total = focus.score - self._glint_term(self._glints * focus.glow, focus.score.shape)
            return np.ones_like(self._total)
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
        return share  # type: ignore[no-any-return]

    def _glint_term(self, glow: Plane, shape: tuple[int, ...]) -> Plane:
        return np.float32(GLINT_WEIGHT) * enlarged(glow, COARSE, shape)

    def _share_rows(self, share: Plane, top: int, bottom: int) -> Plane:
        """Give rows of the share at full resolution; strips meet without a seam."""
        factor, width = self._factor, self._picture.shape[1]
        first = max(0, top // factor - 1)
        last = min(share.shape[0], -(-bottom // factor) + 1)
        rows = enlarged(share[first:last], factor, (bottom - first * factor, width))
        return np.ascontiguousarray(rows[top - first * factor :])


def _blend(ours: NDArray[np.uint16], theirs: NDArray[Any], scale: Any, share: Plane) -> None:
    """Move a tile of the picture towards the slice's, in place."""
    new: Any = cv2.multiply(theirs, scale, dtype=cv2.CV_32F)
    # blendLinear adds 1e-5 to the sum of weights; scaled up, that is nothing.
    weight = share * np.float32(1e3)
    mixed: Any = cv2.blendLinear(new, ours.astype(np.float32), weight, np.float32(1e3) - weight)
    np.clip(mixed, 0, WHITE, out=mixed)
    mixed += 0.5
    ours[...] = mixed
