"""A few slices kept small, in colour: they show what the merged picture does not. Memory does not grow."""

from copy import copy
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.lay import laid_whole
from stack.merge.photos import Pixels
from stack.merge.similarity import Similarity
from stack.merge.tone import Gains

Eight = NDArray[np.uint8]
WIDTH_PX: Final = 320
"""What is kept of slices is about so wide: discs are larger than a pixel there, where they matter at all."""
MOST_KEPT: Final = 12


class Glances:
    """Keeps every slice, then every second, every fourth ... of those it is shown.

    Parameters
    ----------
    width_px
        Of the slices as they are shown, which are reduced by `factor` already.

    Attributes
    ----------
    apart
        By how much more they are reduced here.
    factor
        By how much they are smaller than the picture.
    """

    def __init__(self, width_px: int, factor: int) -> None:
        self.apart = max(1, width_px // WIDTH_PX)
        self.factor = factor * self.apart
        self.kept: list[tuple[int, Eight]] = []
        self._seen = 0
        self._every = 1

    def keep(self, index: int, small: Pixels, similarity: Similarity, gains: Gains) -> None:
        """Take in a slice: its index, its pixels `(H, W, 3)`, where it lies, and what evens out its light."""
        if self._seen % self._every == 0:
            height, width = (side // self.apart for side in small.shape[:2])
            whole = small[: height * self.apart, : width * self.apart]
            reduced: Any = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
            laid: Any = laid_whole(reduced, similarity.reduced(self.apart))
            scale: Any = (*(gains * (255 / np.iinfo(small.dtype).max)), 0.0)
            self.kept.append((index, np.asarray(cv2.multiply(laid, scale, dtype=cv2.CV_8U), np.uint8)))
        self._seen += 1
        if len(self.kept) > 2 * MOST_KEPT:
            self.kept, self._every = self.kept[::2], 2 * self._every

    @property
    def span(self) -> float:
        """How many slices lie between the first and the last."""
        return float(max(1, abs(self.kept[-1][0] - self.kept[0][0])))

    def shrunk(self, picture: Pixels) -> Pixels:
        """Give the merged picture, `(H, W, 3)`, as small as glances."""
        height, width = (side // self.factor for side in picture.shape[:2])
        whole = picture[: height * self.factor, : width * self.factor]
        small: Any = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
        return small  # type: ignore[no-any-return]

    def sampled(self, plane: NDArray[Any]) -> NDArray[Any]:
        """Give one value of a plane of the picture, `(H, W)`, for each pixel of a glance: in its middle."""
        height, width = (side // self.factor for side in plane.shape)
        middle = np.s_[self.factor // 2 :: self.factor, self.factor // 2 :: self.factor]
        return plane[middle][:height, :width]

    def some(self, count: int) -> "Glances":
        """Give so many of them, from the first to the last, evenly spread."""
        some = copy(self)
        last = len(self.kept) - 1
        some.kept = [self.kept[round(number * last / (count - 1))] for number in range(count)]
        return some

    def part(self, left: int, top: int, shape: tuple[int, int]) -> list[tuple[int, Eight]]:
        """Give them in the geometry of a part of the picture, so large, that begins at `left` and `top`."""
        begin: Any = np.array([[1, 0, left / self.factor], [0, 1, top / self.factor]])
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = shape[1], shape[0]
        return [
            (index, np.asarray(cv2.warpAffine(one, begin, size, flags=how, borderMode=cv2.BORDER_REPLICATE)))
            for index, one in self.kept
        ]
