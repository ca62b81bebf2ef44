"""A white field and a dark frame, made of the mean of several frames. Pure."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from camera.camera import Pixels, eight_bits
from camera.shading import linear
from stack.errors import NotMeasured

MOST_FRAMES: Final = 64
FINEST_SIDE: Final = 1024
"""Blocks of a white field along the longer side of a frame: finer than the shadow of any dust."""
STRONGEST: Final = 8.0
"""More than this a corner is not lifted: it is no shading then, but something before the lens."""
CLIPPED, DIM = 248, 60
ODD: Final = 0.05
"""Part of its light by which a block that is neither shading nor noise differs from a smooth fall-off."""
MOST_ODD: Final = 0.07
"""Dust darkens less of a picture than this; whatever is seen before the lens covers more."""
FITS: Final = 8
SAMPLES: Final = 128
"""Blocks along the longer side, or up to twice as many, that tell whether a fall-off is smooth."""
BEND: Final = 6
"""The highest power in a smooth fall-off: a lens's goes with the fourth power of a cosine."""
HOT: Final = 20
"""Levels of 255 by which a pixel in the dark stands out from all others when it is hot."""
DARK: Final = 12
MOST_HOT: Final = 0.005


def mean_levels(frames: Iterable[Pixels]) -> NDArray[np.float32]:
    """Give the mean of up to `MOST_FRAMES` frames of shape `(H, W, 3)`, in levels of 255.

    One sum of two bytes a value is all that is held beside the frame at hand.
    """
    total: NDArray[np.uint16] | None = None
    count = 0
    for pixels in frames:
        if total is None:
            total = np.zeros(pixels.shape, np.uint16)
        total += eight_bits(pixels)
        count += 1
    if total is None:
        raise ValueError("a mean of no frames")
    return np.asarray(total / np.float32(count), np.float32)


def white_field(mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the gains that make a picture of something evenly white even, shape `(h, w, 3)`, 1 and more.

    Raises `NotMeasured` where the mean is not that: clipped, dim, or with something in it.
    """
    some = mean[::4, ::4]
    middle, brightest = float(np.median(some)), float(np.percentile(some, 99.9))
    if brightest >= CLIPPED or middle < DIM:
        raise NotMeasured(
            f"a white field is neither clipped nor dim, and this one has {middle:.0f} of 255 in its middle "
            f"and {brightest:.0f} at the most: give the plan an aim, or change the light"
        )
    blocks = _light_of_blocks(mean)
    gains = np.percentile(blocks, 99.5, axis=(0, 1)).astype(np.float32) / np.maximum(blocks, 1e-4)
    if gains.max() > STRONGEST:
        raise NotMeasured(
            f"a part of the picture is {gains.max():.0f} times darker than the rest: put something evenly "
            "white before the lens, out of focus, and light it evenly"
        )
    if (odd := _odd(blocks)) > MOST_ODD:
        raise NotMeasured(
            f"something is seen: {odd:.0%} of the picture is lighter or darker than what is about it, more "
            "than dust would be, and would be stamped on every slice. Put something evenly white before the "
            "lens, out of focus, and see that the light does not flicker"
        )
    return np.maximum(gains, 1.0).astype(np.float32)


def hot_pixels(mean: NDArray[np.float32]) -> NDArray[np.int32]:
    """Give row and column of every pixel that shines in the dark, shape `(n, 2)`.

    Raises `NotMeasured` where it is not dark.
    """
    level = float(np.median(mean))
    found = np.argwhere(mean.max(axis=2) >= level + HOT).astype(np.int32)
    share = len(found) / (mean.shape[0] * mean.shape[1])
    if level > DARK or share > MOST_HOT:
        seen = (
            f"the middle of all pixels is at {level:.0f} of 255, and at most {DARK:g} is dark"
            if level > DARK
            else f"{share:.1%} of all pixels shine, and at most {MOST_HOT:.1%} can be hot"
        )
        raise NotMeasured(f"it is not dark: {seen}. Put the cap on the lens, or cover it")
    return found


def dark_light(mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the light of darkness, blue, green, red, of which 1 is white: what most pixels show in the dark.

    `mean` has shape `(H, W, 3)` and passed `hot_pixels`. Down there levels are light, so their mean is right.
    """
    middles = [float(np.median(mean[:, :, colour])) for colour in range(3)]
    return linear(np.array(middles, np.float32), 255)


def field_picture(gains: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Draw a white field: the light of each block, the brightest white; never less than 64 px wide."""
    drawn = np.rint(255 / gains).astype(np.uint8)
    larger = -(-64 // drawn.shape[1])
    return np.asarray(drawn.repeat(larger, axis=0).repeat(larger, axis=1))


def dark_picture(mean: NDArray[np.float32], hot: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Draw darkness eight times as bright as it is, shape `(H, W, 3)`, every hot pixel a white spot."""
    drawn = np.clip(mean * 8, 0, 255).astype(np.uint8)
    height, width = drawn.shape[:2]
    reach = max(1, width // 640)  # seen, too, once the page is as wide as a screen
    for down in range(-reach, reach + 1):
        for across in range(-reach, reach + 1):
            rows, columns = hot[:, 0] + down, hot[:, 1] + across
            drawn[rows.clip(0, height - 1), columns.clip(0, width - 1)] = 255
    return drawn


def _odd(blocks: NDArray[np.float32]) -> float:
    """Give the part of a picture, 0 to 1, that lies off the smooth fall-off that suits most of it.

    Fitted by least absolute distance, so that a corner beyond the image circle does not bend the rest.
    """
    height, width = blocks.shape[:2]
    every = max(1, max(height, width) // SAMPLES)
    light = np.log(np.maximum(blocks[::every, ::every].mean(axis=2), 1e-4)).astype(np.float64)
    down, across = (np.linspace(-1, 1, count) for count in light.shape)
    powers = [(i, j) for i in range(BEND + 1) for j in range(BEND + 1 - i)]
    smooth = np.stack([np.outer(down**i, across**j).ravel() for i, j in powers], axis=1)
    off = weights = np.ones(light.size)
    for _ in range(FITS):
        weighed = smooth.T * weights
        off = np.abs(light.ravel() - smooth @ np.linalg.solve(weighed @ smooth, weighed @ light.ravel()))
        weights = 1 / np.maximum(off, ODD / 5)
    return float(np.mean(off > ODD))


def _light_of_blocks(mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average light over nearly equal blocks, `FINEST_SIDE` of them along the longer side at most.

    A row of them after the other: the light of a whole picture of 12 megapixels takes 600 MB on its way.
    """
    height, width = mean.shape[:2]
    longest = max(height, width, FINEST_SIDE)
    rows, columns = (_edges(side, max(1, side * FINEST_SIDE // longest)) for side in (height, width))
    light = np.stack([linear(mean[first:after], 255).mean(axis=0) for first, after in pairwise(rows)])
    sizes = np.diff(columns).astype(np.float32)[:, None]
    return np.asarray(np.add.reduceat(light, columns[:-1], axis=1) / sizes, np.float32)


def _edges(side: int, count: int) -> NDArray[np.intp]:
    return np.arange(count + 1) * side // count
