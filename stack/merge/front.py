"""Front wins: where a near part was in focus, what lies behind it no longer may replace it.

Just beside and upon the outline of a near part two slices are sharp: that of the part, and that of what is
seen past it, through its blur, by a lens wider than the part. Choosing the stronger makes near parts look
transparent. Here a pixel that had a peak of sharpness, and lost it again, keeps it: later slices are held
back there, unless they show far more. Slices must come near first.
"""

from typing import Final

import numpy as np

from stack.merge.focus import Focus

PEAK: Final = 4.0
"""A peak is this many times the noise, at least ..."""
LOST: Final = 0.5
"""... and over when only this share of it is left."""
FAR_MORE: Final = 5.0
"""Detail so many times a peak's is not seen past a part: busy ground has faint peaks where it is blurred."""
HELD_BACK: Final = np.float32(30.0)
"""By how much a later slice's score is lowered: it does not count beside the peak's."""


class Front:
    """Watches the amplitude of detail at every pixel from near to far."""

    def __init__(self, height_px: int, width_px: int) -> None:
        self._peak = np.zeros((height_px, width_px), np.float32)
        self._over = np.zeros((height_px, width_px), bool)

    def held_back(self, focus: Focus, noise: float) -> Focus:
        """Give a strip with its score lowered where a nearer slice has had its peak."""
        amplitude = np.where(np.isfinite(focus.amplitude), focus.amplitude, 0).astype(np.float32)
        peak, over = self._peak[focus.rows], self._over[focus.rows]
        over |= (peak > PEAK * noise) & (amplitude < LOST * peak)
        np.maximum(peak, amplitude, out=peak, where=~over)
        behind = over & (amplitude < np.float32(FAR_MORE) * peak)
        return focus.held_back(HELD_BACK * behind.astype(np.float32))
