"""Apply the gains that even out a slice's light, and keep white what is clipped.

Of a clipped colour nobody knows how bright it was, only that it was at least white: a gain below 1 would
make it grey, and three that differ would tint it. So near white such a gain goes back to 1, smoothly, as a
raw converter recovers highlights. A gain above 1 clips as it must.
"""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.planes import Plane
from stack.merge.tone import Gains

STRAIGHT: Final = 235.0
"""Levels of 255 up to which a gain below 1 is left as it is: as far as slices are compared, too."""
LEAST: Final = 0.002
"""Gains so close to 1 keep white within half a level of 255."""


class Evened:
    """Gives a slice's pixels, lit as the first slice's are.

    Parameters
    ----------
    gains
        One for each colour, or a single one for pixels of one channel.
    dtype
        Of the slice's pixels.
    most
        What is given for white.
    clips
        Whether no more than that is given, where a gain is above 1.
    """

    def __init__(self, gains: Gains, dtype: "np.dtype[Any]", most: float, clips: bool = False) -> None:
        white = int(np.iinfo(dtype).max)
        straight = white * STRAIGHT / 255
        self._straight = np.float32(straight)
        self._scale = gains * (most / white)
        self._lift = np.float32(np.maximum(1 - gains, 0) * most / (white - straight) ** 2)
        self._most = np.float32(most if clips else np.inf)
        self._bound = straight if gains.min() < 1 - LEAST else np.inf
        if clips and gains.max() > 1 + LEAST:
            self._bound = min(self._bound, white / gains.max())
        self._table: Any = None
        if dtype == np.uint8:
            levels = np.arange(256, dtype=np.uint8)[None, :, None]
            self._table = self._bent(np.repeat(levels, len(gains), axis=2))

    def bends(self, pixels: NDArray[Any]) -> bool:
        """Say whether some of these are so bright that it takes more than to multiply them."""
        # A tenth of the time of numpy's maximum, of a part that lies in rows of the whole.
        return bool(self._bound < np.inf and cv2.norm(pixels, cv2.NORM_INF) > self._bound)

    def __call__(self, pixels: NDArray[Any]) -> Plane:
        """Give pixels `(h, w, 3)`, or `(h, w)` for a single gain."""
        if not self.bends(pixels):
            scale: Any = (*self._scale, 0.0) if pixels.ndim > 2 else float(self._scale[0])
            return np.asarray(cv2.multiply(pixels, scale, dtype=cv2.CV_32F), np.float32)
        if self._table is not None:
            return np.asarray(cv2.LUT(pixels, self._table), np.float32)
        return self._bent(pixels)

    def _bent(self, pixels: NDArray[Any]) -> Plane:
        """Calculate what `Evened` gives: a parabola that leaves the straight line without a bend."""
        above = np.maximum(pixels, self._straight)
        above -= self._straight
        above *= above
        above *= self._lift
        above += pixels * self._scale.astype(np.float32)
        np.minimum(above, self._most, out=above)
        return np.asarray(above, np.float32)
