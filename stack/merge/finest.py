"""The finest detail of the picture, chosen apart from all that is coarser.

What a slice weighs is judged over several pixels (`stack.merge.focus`), or noise would choose. A hair is
narrower: where it crosses what is textured, or another hair, the slice that has it sharp is outweighed by all
that lies about it, and ground between hairs is outweighed by the hairs. So detail of about a pixel is chosen
once more, by its own amplitude over a pixel, and in the end takes the place of the picture's own.

Where the picture has hardly any, it stays so: what is smooth there is a near part, and the detail is that of
ground seen through its blur. Nor does anything change about glints, where the rims of discs are sharp. And
what is fainter than some times the noise is better where it is, a mean.

Only of brightness, and at the resolution at which slices are judged. Kept are two planes, however many slices
there are, the sum of weights and that of weighted detail; where that resolution is lower than the picture's,
also what the picture has of it.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stack.merge.canvas import WHOLE, Canvas
from stack.merge.focus import COARSE, Focus, finest, inner, outer, strips
from stack.merge.planes import Plane, blurred, enlarged_rows

FLOOR: Final = 2.0
"""Times its noise, added to that."""
UNIT: Final = 16.0
"""Levels of 255 that count as one: so powers fit into floats, and add up over any stack."""
SPREAD_PX: Final = 1.0
PLAIN: Final = 7.0
"""Times its noise that detail must have for it to be taken."""
GROWS: Final = 1.5
"""Up to so many times the picture's own is taken, and nothing from twice as much on."""
LEAST: Final = 1e-3


class Finest:
    """Chooses detail among slices, strip by strip, at a resolution that is lower by a whole `factor`."""

    def __init__(self, height_px: int, width_px: int, factor: int) -> None:
        shape = height_px // factor, width_px // factor
        self._factor = factor
        self._weights, self._detail = (np.zeros(shape, np.float32) for _ in range(2))
        # Reduced and laid, slices have lost some of what the picture has: like is to be compared with like.
        self._own = None if factor == 1 else np.zeros(shape, np.float32)
        self._noise = 0.0

    def take(self, focus: Focus, share: NDArray[np.uint16]) -> None:
        """Take in a strip of a slice, and its share in the picture, of `WHOLE`."""
        rows, fine = focus.rows, inner(focus.fine, focus.rows)
        self._noise = focus.noise
        weight: Any = inner(blurred(np.abs(focus.fine), SPREAD_PX), rows) + np.float32(FLOOR * focus.noise)
        weight *= np.float32(1 / UNIT)
        weight *= weight
        weight *= weight
        weight *= weight * weight  # the twelfth power: more is noisier, less keeps less of hairs
        if focus.held is not None:
            weight[focus.held > 0] = 0
        self._weights[rows] += weight
        weight *= fine
        self._detail[rows] += weight
        if self._own is not None:
            self._own[rows] += (fine - self._own[rows]) * (share * np.float32(1 / WHOLE))

    def refine(self, canvas: Canvas, shining: Plane) -> None:
        """Put what was chosen into the picture, in the end; `shining`, `(h/4, w/4)`, says where it glints."""
        own = finest(canvas.light()) if self._own is None else self._own
        canvas.brighten(self._change(own, shining), self._factor)

    def _change(self, own: Plane, shining: Plane) -> Plane:
        """Give what is to be added to brightness, levels of 255; `own` is the picture's finest detail."""
        detail, change = self._detail, self._weights
        np.divide(detail, np.maximum(self._weights, np.finfo(np.float32).tiny), out=detail)
        for rows in strips(len(own)):
            has, found = (blurred(np.abs(outer(plane, rows)), SPREAD_PX) for plane in (own, detail))
            share = np.clip(2 - found / (np.float32(GROWS) * has + np.float32(LEAST)), 0, 1)
            share *= blurred((found > PLAIN * self._noise).astype(np.float32), SPREAD_PX)
            glints = np.clip(enlarged_rows(shining, COARSE, rows, own.shape), 0, 1)
            change[rows] = inner(share, rows) * (1 - glints) * (detail[rows] - own[rows])
        return change
