"""Whether a picture shows anything at all: pure, of its pixels."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

PATCH_PX: Final = 8
"""Of patches, not of pixels: in the dark the gain is high, and noise alone is bright here and there."""

BLACK, BLOWN = 24, 250
"""Of 255: nothing is seen where the brightest thousandth is darker, four stops below middle grey, or all but
the darkest hundredth as bright: a subject may be as small as that."""


def blank(pixels: NDArray[np.uint8]) -> str | None:
    """Say what a picture that shows nothing is instead, in words to follow `it is`; None: it shows something.

    `pixels` have shape `(H, W, 3)`, H and W 8 or more.
    """
    rows, columns = (length // PATCH_PX for length in pixels.shape[:2])
    whole = pixels[: rows * PATCH_PX, : columns * PATCH_PX]
    patches = whole.reshape(rows, PATCH_PX, columns, PATCH_PX, 3).mean(axis=(1, 3))
    dark = float(np.percentile(patches.min(axis=2), 1))  # a subject may be dark in one colour only
    bright = float(np.percentile(patches.max(axis=2), 99.9))
    if bright < BLACK:
        return f"black all over (its brightest thousandth is {bright:.0f} of 255)"
    if dark >= BLOWN:
        return f"white all over, blown out (its darkest hundredth is {dark:.0f} of 255)"
    return None


def blank_to_the_last(pixels: NDArray[np.uint8]) -> str | None:
    """Say the same of a frame that was exposed as asked for; None also where no more than a hair shows.

    Of pixels by two, as a hair in the dark is nothing in a larger patch: to refuse it would end a stack.
    """
    why = blank(pixels)
    if why is None:
        return None
    rows, columns = (length // 2 * 2 for length in pixels.shape[:2])
    halved = np.zeros((rows // 2, columns // 2, 3), np.uint16)
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        halved += pixels[row:rows:2, column:columns:2]
    dark, bright = np.percentile(halved.min(axis=2), 0.1) / 4, np.percentile(halved.max(axis=2), 99.9) / 4
    return None if dark < BLOWN and bright >= BLACK else why
