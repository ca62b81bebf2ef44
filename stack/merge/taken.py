"""From which slices a merged picture is taken: what lies over a place depends on that, not on its depth.

Beside the outline of a near part the picture often is of the near part's slice, or of both: the ground there
is soft, but nothing veils it.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from stack.merge.planes import Plane, enlarged_part


@dataclass(frozen=True, slots=True)
class Taken:
    """Of which slice a picture is, in its own geometry.

    Attributes
    ----------
    index
        `(h, w)` float32: the mean of the slices' indices, each by its share.
    factor
        By how much it is smaller than the picture.
    """

    index: Plane
    factor: int

    def reduced(self, factor: int, shape: tuple[int, ...]) -> Plane:
        """Give it for a picture reduced by `factor` to `shape`."""
        scale = factor / self.factor
        offset = (scale - 1) / 2  # the middles of the pixels lie one upon the other
        matrix: Any = np.array([[scale, 0, offset], [0, scale, offset]])
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = shape[1], shape[0]
        index = cv2.warpAffine(self.index, matrix, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(index, np.float32)

    def part(self, rows: slice, columns: slice, shape: tuple[int, ...]) -> Plane:
        """Give it for part of the picture, which is of that shape."""
        return np.asarray(enlarged_part(self.index, self.factor, rows, columns, shape), np.float32)

    def cropped(self, left: int, top: int, width_px: int, height_px: int) -> "Taken":
        """Give it for part of the picture, in that part's geometry."""
        matrix: Any = np.array([[1, 0, left / self.factor], [0, 1, top / self.factor]])
        size = max(1, -(-width_px // self.factor)), max(1, -(-height_px // self.factor))
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        index = cv2.warpAffine(self.index, matrix, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
        return Taken(np.asarray(index, np.float32), self.factor)
