"""How much fine detail a picture shows, all over or tile by tile: the larger, the sharper. Pure.

The measure is Brenner's (1976): the mean square of differences between pixels two apart, here across and
down. It is cheap, and falls off steadily on both sides of focus; it compares pictures of one scene, exposed
alike, and no others.
"""

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from camera.camera import Pixels, eight_bits

APART_PX = 2
GREEN = 1


def green(pixels: Pixels) -> NDArray[np.uint8]:
    """Give the green of a picture in 8 bits: it has most of a sensor's pixels, and least noise."""
    return np.ascontiguousarray(eight_bits(pixels[..., GREEN]))


def detail(pixels: Pixels, rows: int, columns: int) -> NDArray[np.float64]:
    """Give the detail of each of `rows` x `columns` tiles of a picture of shape `(H, W, 3)`, by its green.

    In squares of levels of 255. Raises ValueError for a picture that has not four pixels for every tile,
    both ways.
    """
    return plane_detail(pixels[..., GREEN], rows, columns)


def plane_detail(
    plane: NDArray[np.uint8] | NDArray[np.uint16], rows: int, columns: int
) -> NDArray[np.float64]:
    """Give the same of one colour, shape `(H, W)`."""
    height, width = plane.shape
    if height < 4 * rows or width < 4 * columns:
        raise ValueError(f"{width} x {height} pixels are too few for {columns} x {rows} tiles")
    return np.array([_strip(plane[top:bottom], columns) for top, bottom in pairwise(_edges(height, rows))])


def sharpness(pixels: Pixels) -> float:
    """Give the detail of a whole picture as a root mean square, in levels of 255."""
    return math.sqrt(float(detail(pixels, 1, 1)[0, 0]))


def _strip(plane: NDArray[np.uint8] | NDArray[np.uint16], columns: int) -> NDArray[np.float64]:
    """Give the detail of one row of tiles: a copy of a strip at a time, never of the whole picture."""
    level = eight_bits(plane).astype(np.float32)
    across, down = level[:, APART_PX:] - level[:, :-APART_PX], level[APART_PX:] - level[:-APART_PX]
    return _means(across, columns) + _means(down, columns)


def _means(differences: NDArray[np.float32], columns: int) -> NDArray[np.float64]:
    np.square(differences, out=differences)
    by_column = differences.mean(axis=0, dtype=np.float64)
    edges = _edges(by_column.size, columns)
    return np.array([by_column[left:right].mean() for left, right in pairwise(edges)])


def _edges(length: int, parts: int) -> list[int]:
    return [part * length // parts for part in range(parts + 1)]
