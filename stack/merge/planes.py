"""Planes: pictures of one channel, float32, and the few things done to them everywhere."""

import math
from collections.abc import Iterator
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
REACH_SIGMAS: Final = 2.5
STRIP_ROWS: Final = 16
"""So few, enlarged, stay in the cache."""


def blurred(plane: NDArray[Any], sigma_px: float) -> Plane:
    """Blur by a Gaussian, as far as two and a half sigmas: what lies beyond is a hundredth."""
    across = 2 * math.ceil(REACH_SIGMAS * sigma_px) + 1
    return np.asarray(cv2.GaussianBlur(plane, (across, across), sigma_px), np.float32)


def reduced(plane: NDArray[Any], factor: int) -> Plane:
    """Give the mean of each `factor` x `factor` pixels; rows and columns that fill no pixel are left out."""
    height, width = plane.shape[0] // factor, plane.shape[1] // factor
    cut = plane[: height * factor, : width * factor]
    if factor == 1:
        return cut.astype(np.float32)
    if cut.dtype == np.float32:
        return np.asarray(cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA), np.float32)
    # Means of whole numbers would be rounded to whole numbers.
    means = np.empty((height, width), np.float32)
    for top in range(0, height, STRIP_ROWS):
        strip = cut[top * factor : (top + STRIP_ROWS) * factor].astype(np.float32)
        means[top : top + STRIP_ROWS] = reduced(strip, factor)
    return means


def enlarged(plane: NDArray[Any], factor: int, shape: tuple[int, ...]) -> Any:
    """Undo `reduced` smoothly; what had been left out repeats its neighbour."""
    height, width = shape[0], shape[1]
    whole: Any = plane
    if factor > 1:
        size = (plane.shape[1] * factor, plane.shape[0] * factor)
        whole = cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR)
    more = max(0, height - whole.shape[0]), max(0, width - whole.shape[1])
    if any(more):
        whole = cv2.copyMakeBorder(whole, 0, more[0], 0, more[1], cv2.BORDER_REPLICATE)
    return whole[:height, :width]


def enlarged_rows(plane: NDArray[Any], factor: int, rows: slice, shape: tuple[int, ...]) -> Any:
    """Give rows of a plane enlarged to `shape`; strips meet without a seam."""
    return enlarged_part(plane, factor, rows, slice(0, shape[1]), shape)


def enlarged_part(
    plane: NDArray[Any], factor: int, rows: slice, columns: slice, shape: tuple[int, ...]
) -> Any:
    """Give part of a plane enlarged to `shape`; parts meet without a seam."""
    if factor == 1 and rows.stop <= plane.shape[0] and columns.stop <= plane.shape[1]:
        return plane[rows, columns]
    top, bottom = _sources(rows, factor, plane.shape[0])
    left, right = _sources(columns, factor, plane.shape[1])
    size = rows.stop - top * factor, columns.stop - left * factor
    whole = enlarged(plane[top:bottom, left:right], factor, size)
    return np.ascontiguousarray(whole[rows.start - top * factor :, columns.start - left * factor :])


def tiles(shape: tuple[int, ...], size_px: int) -> Iterator[tuple[slice, slice]]:
    """Give rows and columns of the tiles of a picture; what is at hand in one stays in the cache."""
    for rows in spans(shape[0], size_px):
        for columns in spans(shape[1], size_px):
            yield rows, columns


def spans(length_px: int, size_px: int) -> Iterator[slice]:
    """Give a side of a picture in pieces."""
    for first in range(0, length_px, size_px):
        yield slice(first, min(first + size_px, length_px))


def _sources(span: slice, factor: int, length: int) -> tuple[int, int]:
    """Give the first pixel that `span` is enlarged from, and the first beyond."""
    first = max(0, min(span.start // factor - 1, length - 1))
    return first, min(length, -(-span.stop // factor) + 1)
