"""The picture so far: a weighted mean of all slices, kept as such, so memory does not grow with their number.

With scores `s` the picture is `sum(exp(s) x) / sum(exp(s))`. Kept are the mean itself and the logarithm of
the sum (log-sum-exp, which cannot overflow); a new slice moves the mean by its share of the new sum.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stack.merge.canvas import Canvas
from stack.merge.focus import COARSE, GLINT_WEIGHT, Focus
from stack.merge.frames import Frame
from stack.merge.photos import Pixels
from stack.merge.planes import Plane, enlarged, reduced
from stack.merge.similarity import Similarity
from stack.merge.tone import Gains


class Fuser:
    """Accumulates slices of shape `(H, W, 3)`; decides at a resolution lower by a whole `factor`."""

    def __init__(self, canvas: Canvas, factor: int) -> None:
        self._canvas = canvas
        self._factor = factor
        self._total: Plane | None = None
        self._glow: Plane | None = None
        self._glints: Plane | None = None

    def add(self, frame: Frame, small: Pixels, similarity: Similarity, gains: Gains, focus: Focus) -> None:
        """Blend a slice in.

        `similarity` maps output pixels to its own; `small` is the slice laid, reduced by the factor.
        """
        self._canvas.blend(frame, small, similarity, gains, self._decide(focus), self._factor)

    def picture(self, rows: slice, columns: slice, dtype: Any) -> NDArray[Any]:
        """Give part of the picture as uint8 or uint16."""
        return self._canvas.part(rows, columns, dtype)

    def reduced(self, factor: int) -> NDArray[np.uint8]:
        """Give the picture so far at a lower resolution, uint8."""
        return self._canvas.reduced(factor)

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
