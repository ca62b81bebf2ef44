"""Where a slice has no pixels: outside it, a repeated border must not pass for a sharp one."""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stack.merge.focus import Focus
from stack.merge.similarity import Similarity

BARRED: Final = np.float32(1e4)
"""A score lowered by so much never counts beside any other."""


def covered(similarity: Similarity, shape: tuple[int, int], size_px: tuple[int, int]) -> NDArray[np.bool_]:
    """Say which pixels of an output of `shape` a slice of `size_px` (width, height) shows."""
    rows, columns = np.arange(shape[0], dtype=np.float64)[:, None], np.arange(shape[1], dtype=np.float64)
    x = similarity.p * columns - similarity.q * rows + similarity.tx
    y = similarity.q * columns + similarity.p * rows + similarity.ty
    width, height = size_px
    # To the last pixel: a margin against the repeated border's part in sharpness costs 1.5 dB for 2 px.
    return np.asarray((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1))


def barred(focus: Focus, similarity: Similarity) -> Focus:
    """Bar a slice, judged at its own resolution, from wherever it has no pixels of its own.

    The first slice lies on the output as it is, so something always counts.
    """
    if similarity == Similarity():
        return focus
    height, width = focus.score.shape
    outside = ~covered(similarity, (height, width), (width, height))
    amplitude = focus.amplitude.copy()
    amplitude[outside] = np.inf  # so that it is never the least that a pixel showed
    return replace(focus, amplitude=amplitude).held_back(BARRED * outside.astype(np.float32))
