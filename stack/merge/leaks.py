"""Where a place seems to be in focus only because its neighbour's outline is.

Detail is judged over some pixels, so beside an outline a smooth place has as much of it as the outline, and
in the same slice. In the merged picture, where all that is sharp somewhere is sharp, it has none of its own.
"""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.focus import finest_detail
from stack.merge.planes import spans

OWN: Final = 0.25
"""Share of the detail judged over some pixels that a rough place has itself, in brightness alone."""
GRAIN: Final = 0.25
"""Times the noise of a slice: what is left of it in a merged picture is no detail of its own."""
NOWHERE: Final = 77
"""What is less surely in focus is so in no slice."""
DOUBTED: Final = np.arange(256, dtype=np.uint8) // 4
"""What is left of the confidence in what leaks."""
APART: Final = 2
"""One in so many rows and columns is asked what it is joined to."""
GAP: Final = np.ones((3, 3), np.uint8)
"""Gaps narrower than this, of those asked, lie between grains."""
OPEN: Final = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
"""And what is in focus nowhere but has no room for this."""
STRIP_ROWS: Final = 128

Eight = NDArray[np.uint8]


def doubted(
    confidence: Eight, amplitude: NDArray[np.int16], unit: float, noise: float, picture: Eight
) -> Eight:
    """Give how surely places are in focus by detail of their own, `(H, W)`, 0 to 255.

    What has none is doubted if it is joined, by others that have none, to what is in focus nowhere. What is
    enclosed by an outline all around, or lies between grains, is not.

    Parameters
    ----------
    confidence
        `(H, W)`, 0 to 255: how surely some slice has them in focus.
    amplitude, unit
        `(H, W)`: of detail over some pixels in that slice, and how much of it is a level of 255.
    noise
        The amplitude of a slice's flat areas, levels of 255.
    picture
        `(H, W)`: brightness of the merged picture.
    """
    nowhere: Any = cv2.compare(confidence, NOWHERE, cv2.CMP_LT)  # type: ignore[call-overload]
    bare = nowhere.copy()
    for rows in spans(len(bare), STRIP_ROWS):
        part = amplitude[rows]
        leaked = cv2.addWeighted(part, OWN / unit, part, 0, GRAIN * noise, dtype=cv2.CV_32F)
        bare[rows] |= cv2.compare(finest_detail(picture, rows), leaked, cv2.CMP_LT)
    some = np.s_[::APART, ::APART]
    count, areas = cv2.connectedComponents(cv2.morphologyEx(bare[some], cv2.MORPH_OPEN, GAP), connectivity=4)
    joined = np.zeros(count, np.uint8)
    joined[areas[cv2.erode(nowhere[some], OPEN) > 0]] = 255
    joined[0] = 0  # what has detail of its own
    leaks = cv2.resize(joined[areas], bare.shape[::-1], interpolation=cv2.INTER_NEAREST)
    leaks &= bare & ~nowhere
    found = confidence.copy()
    cv2.copyTo(cv2.LUT(confidence, DOUBTED), leaks, found)
    return found
