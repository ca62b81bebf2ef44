"""A slice as alignment sees it: light without its finest grain, at several sizes, and where it is known."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.light import mean_light
from stack.merge.planes import Plane, blurred, reduced
from stack.merge.similarity import Similarity

Known = NDArray[np.uint8]

GRAIN_SIGMA_PX: Final = 2.0
"""Noise and JPEG's blocks stay in place when the picture moves; light so blurred shows little of them."""
CLIPPED: Final = 232
"""Light of 255, that of level 245."""
CLIPPED_REACH_PX: Final = 5
EDGE_PX: Final = 8
"""Margin in which the blur has seen what is not there."""
COARSEST_SIDE_PX: Final = 48
TAPS_PX: Final = 1
ROWS: Final = 32


class View:
    """Light of a slice as a pyramid, finest first, each level half of the one before.

    A level is a plane of light, `(H, W)` float32, 0 to 255, and one, uint8, that is 1 where it is known and 0
    where the slice is clipped or ends. In pixel values a blurred edge would lie nearer to its dark side.
    """

    def __init__(self, light: Plane, known: Known) -> None:
        self.levels: list[tuple[Plane, Known]] = [(light, known)]
        while min(self.levels[-1][0].shape) >= 2 * COARSEST_SIDE_PX:
            light, known = self.levels[-1]
            whole = (reduced(known, 2) > 0.9).astype(np.uint8)
            self.levels.append((reduced(light, 2), whole))

    @classmethod
    def of(cls, grey: NDArray[np.uint8], factor: int = 1) -> "View":
        """Take a slice's brightness `(H, W)` as it is stored, each `factor` x `factor` pixels as one."""
        light = mean_light(grey, factor)
        clipped = cv2.dilate((light >= CLIPPED).astype(np.uint8), np.ones((CLIPPED_REACH_PX,) * 2, np.uint8))
        known: Known = 1 - np.asarray(clipped, np.uint8)
        for edge in (np.s_[:EDGE_PX], np.s_[-EDGE_PX:], np.s_[:, :EDGE_PX], np.s_[:, -EDGE_PX:]):
            known[edge] = 0
        return cls(blurred(light, GRAIN_SIGMA_PX), known)

    def laid(self, similarity: Similarity) -> "View":
        """Give it as seen from the frame that `similarity` maps from."""
        return View(*sampled(*self.levels[0], similarity))


def sampled(light: Plane, known: Known, similarity: Similarity) -> tuple[Plane, Known]:
    """Give a level in the frame that `similarity` maps from.

    Exactly bilinear: some of OpenCV's warps place pixels on a grid of 1/32, and such errors would add up from
    slice to slice.
    """
    height, width = light.shape
    out, out_known = np.zeros_like(light), np.zeros_like(known)
    flat, flat_known = light.ravel(), known.ravel()
    columns = np.arange(width, dtype=np.float64)
    right_by_column = similarity.p * columns + similarity.tx
    down_by_column = similarity.q * columns + similarity.ty
    for top in range(0, height, ROWS):
        rows = np.arange(top, min(top + ROWS, height), dtype=np.float64)[:, None]
        x = (right_by_column - similarity.q * rows).astype(np.float32)
        y = (down_by_column + similarity.p * rows).astype(np.float32)
        inside = _inside(x, y, width, height)
        x, y = x * inside, y * inside
        column, row = x.astype(np.int32), y.astype(np.int32)
        right, below = x - column.astype(np.float32), y - row.astype(np.float32)
        at = row * width + column
        upper = flat[at]
        upper += right * (flat[at + 1] - upper)
        at += width
        lower = flat[at]
        lower += right * (flat[at + 1] - lower)
        out[top : top + ROWS] = (upper + below * (lower - upper)) * inside
        nearest = at - (below <= 0.5) * np.int32(width) + (right > 0.5)
        out_known[top : top + ROWS] = flat_known[nearest] * inside
    return out, out_known


def _inside(x: Plane, y: Plane, width: int, height: int) -> NDArray[np.bool_]:
    inside = (x >= TAPS_PX) & (x < width - 1 - TAPS_PX)
    inside &= (y >= TAPS_PX) & (y < height - 1 - TAPS_PX)
    return inside
