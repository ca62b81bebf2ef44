"""Whether a frame shows anything, and whether two were exposed alike."""

import math

import numpy as np
from numpy.typing import NDArray

from camera.camera import Exposure

BLACK_BELOW = 24
"""A frame whose brightest thousandth stays below this (of 255) shows nothing: under 1 % of full light."""

BLOWN_FROM = 250
"""A frame of which all but the darkest hundredth reaches this (of 255) is clipped."""

SAME_EXPOSURE = 0.01
"""How far, relatively, a recorded exposure and what the sensor grants later may lie apart."""


def frame_fault(pixels: NDArray[np.uint8]) -> str | None:
    """Say why a frame of shape `(H, W, 3)` shows nothing; None when it shows something."""
    sample = pixels[::4, ::4]
    if np.percentile(sample, 99.9) < BLACK_BELOW:
        return "black all over: look for a lens cap, a light that is off, or an exposure far too short"
    if np.percentile(sample, 1) >= BLOWN_FROM:
        return "white all over: the exposure is far too long, or light falls straight into the lens"
    return None


def same_exposure(a: Exposure, b: Exposure) -> bool:
    """Say whether two exposures differ by less than can be seen."""
    pairs = zip((a.time_us, a.gain, *a.colour_gains), (b.time_us, b.gain, *b.colour_gains), strict=True)
    return all(math.isclose(x, y, rel_tol=SAME_EXPOSURE) for x, y in pairs)
