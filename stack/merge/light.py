"""Light and the levels that stand for it (sRGB, IEC 61966-2-1), and where nobody knows how bright it was."""

from functools import cache
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.photos import Pixels
from stack.merge.planes import Plane, reduced

SHINES: Final = 245
"""Levels of 255 from where on light may be brighter than was recorded."""
ROOTS: Final = 65535
"""Of so many levels of the square root of light a table has the picture's levels."""
STRIP_ROWS: Final = 16


def light_of(levels: NDArray[Any], most: int) -> Plane:
    """Give the light, 0 to 1, of levels up to `most`."""
    return np.asarray(_light_of_levels(most)[levels], np.float32)


def levels_of(light: Plane, most: int) -> NDArray[Any]:
    """Give the levels of light; the inverse of `light_of`."""
    roots = np.rint(np.sqrt(np.clip(light, 0, 1)) * np.float32(ROOTS)).astype(np.uint16)
    return np.asarray(_levels_of_roots(most)[roots])


def mean_light(levels: NDArray[np.uint8], factor: int) -> Plane:
    """Give the mean light, 0 to 255, of each `factor` x `factor` of 8-bit levels `(H, W)`.

    Means of levels would be too dark where levels differ: more so in a sharp slice than in a blurred one.
    """
    height, width = (side // factor for side in levels.shape)
    table = _light_of_levels(255) * np.float32(255)
    means = np.empty((height, width), np.float32)
    for top in range(0, height, STRIP_ROWS):
        light: Any = cv2.LUT(levels[top * factor : (top + STRIP_ROWS) * factor, : width * factor], table)
        means[top : top + STRIP_ROWS] = reduced(light, factor)
    return means


def shines(pixels: Pixels) -> NDArray[np.uint8]:
    """Give 255 where a colour is so bright that it may have been brighter, else 0."""
    return reaching(pixels, SHINES)


def reaching(pixels: Pixels, level: int) -> NDArray[np.uint8]:
    """Give 255 where some colour of pixels `(H, W, 3)`, 8 or 16 bits, has that level of 255, else 0."""
    limit: Any = level if pixels.dtype == np.uint8 else level << 8
    return np.asarray(cv2.bitwise_not(cv2.inRange(pixels, (0, 0, 0), (limit - 1,) * 3)), np.uint8)


def shining(pixels: Pixels, factor: int) -> Plane:
    """Give what share of each `factor` x `factor` pixels may have been brighter than was recorded."""
    height, width = (side // factor for side in pixels.shape[:2])
    share = np.empty((height, width), np.float32)
    for top in range(0, height, STRIP_ROWS):
        strip = share[top : top + STRIP_ROWS]
        bright = shines(pixels[top * factor : (top + len(strip)) * factor, : width * factor])
        mean: Any = cv2.resize(bright, (width, len(strip)), interpolation=cv2.INTER_AREA)
        strip[...] = mean * np.float32(1 / 255)
    return share


@cache
def _light_of_levels(most: int) -> Plane:
    """Give the light of each level."""
    value = np.arange(most + 1) / most
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


@cache
def _levels_of_roots(most: int) -> NDArray[Any]:
    """Give the levels of lights whose square roots are evenly apart: to within half a level of 65535."""
    light = (np.arange(ROOTS + 1) / ROOTS) ** 2
    value = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(most * value), np.uint8 if most == 255 else np.uint16)
