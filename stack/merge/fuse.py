"""The picture so far: a weighted mean of all slices, kept as such, so memory does not grow with their number.

With scores `s` the picture is `sum(exp(s) x) / sum(exp(s))`. Kept are the mean itself and the logarithm of
the sum (log-sum-exp, which cannot overflow); a new slice moves the mean by its share of the new sum.
"""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.canvas import WHOLE, Canvas, Share
from stack.merge.finest import Finest
from stack.merge.focus import BROAD, COARSE, GLINT_WEIGHT, Focus, Sight
from stack.merge.frames import Frame
from stack.merge.planes import Plane, enlarged_rows, reduced
from stack.merge.similarity import Similarity
from stack.merge.taken import Taken
from stack.merge.tone import Gains

NOTHING: Final = -1e6
"""The logarithm of the sum of no weights, near enough."""
CERTAIN: Final = 80.0
"""A lead by which one slice is all: beyond, its exponential would not fit."""


class Fuser:
    """Accumulates slices; decides at a resolution lower by a whole `factor`.

    A slice is taken in by `look`, `weigh` for each of its strips, and `blend`. Without `finest` nothing is
    refined.
    """

    def __init__(self, canvas: Canvas, factor: int, finest: Finest | None = None) -> None:
        self._canvas = canvas
        self._factor = factor
        self._finest = finest
        self._total: Plane | None = None
        self._shining: tuple[Plane, Plane]
        self._glare: tuple[Plane, Plane]
        self._term: Plane
        self._late: Plane
        self._seen: tuple[tuple[Plane, Plane], Plane]
        self._share: NDArray[np.uint16]
        self._index: int
        self._taken: Plane | None = None

    def look(self, index: int, sight: Sight) -> None:
        """Begin with a slice: learn what shines in it, which all slices so far have to be told."""
        self._index = index
        self._share = np.empty(sight.light.shape, np.uint16)
        # What counts elsewhere and not there: a glint out of focus glows, and has the more contrast.
        glare = np.float32(GLINT_WEIGHT) * sight.glow, sight.contrast
        if self._total is None:
            self._total = np.full(self._share.shape, NOTHING, np.float32)
            self._glare = np.zeros_like(sight.glow), np.zeros_like(sight.contrast)
            self._shining = sight.glints, sight.white
        shining = np.maximum(self._shining[0], sight.glints), np.maximum(self._shining[1], sight.white)
        # What is known to shine only now was weighed with its glare; the mean glare stands for all of it.
        self._late, self._term = np.zeros_like(sight.glow), np.zeros_like(sight.glow)
        for now, before, mean, one in zip(shining, self._shining, self._glare, glare, strict=True):
            self._late += (now - before) * mean
            self._term += now * one
        self._shining = shining
        self._seen = glare, reduced(sight.broad, COARSE // BROAD)

    def weigh(self, focus: Focus) -> None:
        """Decide on a strip."""
        assert self._total is not None
        rows, shape = focus.rows, self._share.shape
        score = _lowered(focus.score, self._term, rows, shape)
        total = _lowered(self._total[rows], self._late, rows, shape)
        lead = total - score
        grown: Any = cv2.exp(np.clip(lead, -CERTAIN, CERTAIN, out=lead))
        grown += 1  # the new sum of weights over this slice's
        cv2.divide(WHOLE, grown, self._share[rows], dtype=cv2.CV_16U)
        if self._finest is not None:
            self._finest.take(focus, self._share[rows])
        # What had a greater lead keeps it.
        np.maximum(total, score + cv2.log(grown), out=self._total[rows])

    def blend(self, frame: Frame, similarity: Similarity, gains: Gains) -> None:
        """End with a slice: blend it in as decided; `similarity` maps output pixels to its own."""
        half = reduced(self._share, BROAD) * np.float32(1 / WHOLE)
        self._taken = (
            half * self._index if self._taken is None else self._taken + half * (self._index - self._taken)
        )
        mean = reduced(half, COARSE // BROAD)
        glare, broad = self._seen
        for kept, one in zip(self._glare, glare, strict=True):
            kept += mean * (one - kept)
        self._canvas.blend(frame, similarity, gains, Share(self._share, mean, mean * broad, self._factor))
        del self._share

    def refine(self) -> None:
        """End with all slices: give the picture the finest detail there is."""
        if self._finest is not None:
            self._finest.refine(self._canvas, self._shining[1])
            self._finest = None

    def picture(self, rows: slice, columns: slice, dtype: Any) -> NDArray[Any]:
        """Give part of the picture as uint8 or uint16."""
        return self._canvas.part(rows, columns, dtype)

    def taken(self) -> Taken | None:
        """Give of which slices the picture is; None where there is no picture yet."""
        return None if self._taken is None else Taken(self._taken, BROAD * self._factor)

    def reduced(self, factor: int) -> NDArray[np.uint8]:
        """Give the picture so far at a lower resolution, uint8."""
        return self._canvas.reduced(factor)

    def grey(self, factor: int) -> NDArray[np.uint8]:
        """Give its brightness at a lower resolution, uint8."""
        return self._canvas.grey(factor)


def _lowered(values: Plane, by: Plane, rows: slice, shape: tuple[int, ...]) -> Plane:
    """Give a strip of values less those of a coarser plane, which mostly are 0."""
    if not by[max(0, rows.start // COARSE - 1) : rows.stop // COARSE + 1].any():
        return values
    return np.asarray(values - enlarged_rows(by, COARSE, rows, shape), np.float32)
