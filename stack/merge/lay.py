"""Lay a slice's pixels where the output has them: only the part that is asked for."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.similarity import Similarity


def laid(
    pixels: NDArray[Any], similarity: Similarity, rows: slice, columns: slice, careful: bool
) -> NDArray[Any]:
    """Give rows and columns of the output; outside the slice its border is repeated, to be cropped later.

    `careful` samples are cubic, others bilinear: softer, at a third of the cost.
    """
    if similarity == Similarity():
        return pixels[rows, columns]
    matrix = similarity.after(Similarity(tx=columns.start, ty=rows.start)).matrix
    size = (columns.stop - columns.start, rows.stop - rows.start)
    flags = (cv2.INTER_CUBIC if careful else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    part: Any = cv2.warpAffine(pixels, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(part)


def laid_whole(pixels: NDArray[Any], similarity: Similarity) -> NDArray[Any]:
    """Give the whole slice in output geometry."""
    height, width = pixels.shape[:2]
    return laid(pixels, similarity, slice(0, height), slice(0, width), careful=True)


def laid_sparsely(pixels: NDArray[Any], similarity: Similarity, apart: int) -> NDArray[Any]:
    """Give of each `apart` rows and columns of the output one, the first."""
    if similarity == Similarity():
        return pixels[::apart, ::apart]
    height, width = (-(-side // apart) for side in pixels.shape[:2])
    every = similarity.after(Similarity(p=apart))
    return laid(pixels, every, slice(0, height), slice(0, width), careful=False)
