"""Even out the light: one gain a colour channel and slice, so that flicker leaves no patches.

Defocus moves light about but neither makes nor loses any, so block means of two slices differ by the lamp
alone: means of light, that is, since those of pixel values, about its square root, rise as detail blurs. Each
slice is compared with the mean of all slices before it, themselves evened out: the mean remembers the first,
so errors do not add up from slice to slice.

Where something clips light is lost, the less the softer it is: blocks of which some was clipped in any slice
so far, or beside such, hardly count. Not so before lit ground: of it some clips everywhere, and the dark
parts left would decide, which are lit by its blur.
"""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.light import reaching

BLOCKS: Final = 48
"""Along the longer side."""
SAMPLES: Final = 12
"""Pixels across a block that are looked at, at least: the same in every slice, so few are enough."""
DARKEST: Final = 6.0
BRIGHTEST: Final = 235.0
"""Pixel values of 255, as whose light a block's mean is to lie between: then a ratio tells of the lamp."""
CLIPPED: Final = 250
"""Pixel values of 255 from where on light is lost."""
LITTLE: Final = 0.002
"""Of a block with so much of that, half counts."""
LIT: Final = 0.12
"""Share of blocks that are white as a whole: up to .1 where there are many glints, .13 and more of paper."""
BESIDE: Final = np.ones((3, 3), np.uint8)
ENOUGH_BLOCKS: Final = 20
WIDEST_GAIN: Final = 2.0

Gains = NDArray[np.float64]


class Tone:
    """Finds the gains of slices laid over each other; the first slice's are 1."""

    def __init__(self) -> None:
        self._mean: NDArray[np.float64] | None = None
        self._clipped: NDArray[np.float64]
        self._slices = 0

    def gains(self, laid: NDArray[Any], white: int, valid: tuple[slice, slice]) -> Gains:
        """Give the factors `(3,)` to multiply with, for pixels `(H, W, 3)`, or some, in output geometry.

        `white` is the highest pixel value; `valid` says where (rows, columns) the slice has pixels at all.
        """
        blocks = block_light(laid, white)
        clipped = _clipped(laid, blocks)
        if self._mean is None:
            self._mean, self._clipped, self._slices = blocks, clipped, 1
            return np.ones(3)
        np.maximum(self._clipped, clipped, out=self._clipped)
        seen = blocks_inside(blocks.shape[:2], laid.shape[:2], valid)
        trust = 1 / (1 + np.asarray(cv2.dilate(self._clipped, BESIDE), np.float64)[seen] / LITTLE)
        ratios = np.array([_gain(self._mean[..., c][seen], blocks[..., c][seen], trust) for c in range(3)])
        self._slices += 1
        change = (blocks * ratios - self._mean) / self._slices
        self._mean[seen] += change[seen]
        gains: Gains = np.sqrt(ratios)
        return gains


def block_light(laid: NDArray[Any], white: int) -> NDArray[np.float64]:
    """Give the mean light of each block, 1 where white; light is near enough the pixel value squared."""
    values = _some(laid).astype(np.float32)
    values /= np.float32(white)
    values *= values
    return _means(values, laid.shape)


def _clipped(laid: NDArray[Any], light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give what share of each block is clipped in some colour, `(h, w)`; of lit ground none counts."""
    if np.mean(light.max(axis=2) > (BRIGHTEST / 255) ** 2) > LIT:
        return np.zeros(light.shape[:2])
    clipped = reaching(np.ascontiguousarray(_some(laid)), CLIPPED) > 0
    return _means(clipped.astype(np.float32), laid.shape)


def _some(laid: NDArray[Any]) -> NDArray[Any]:
    """Give the rows and columns that tell the light of blocks."""
    apart = sampling(*laid.shape[:2])
    return laid[::apart, ::apart]


def _means(values: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Give the mean of each block of a picture of that shape."""
    height, width = shape[:2]
    longer = max(height, width)
    size = (max(1, BLOCKS * width // longer), max(1, BLOCKS * height // longer))
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float64)


def sampling(height: int, width: int) -> int:
    """Say of how many rows and columns one is enough to tell the light of a picture's blocks."""
    return max(1, max(height, width) // (BLOCKS * SAMPLES))


def blocks_inside(
    blocks: tuple[int, ...], pixels: tuple[int, ...], valid: tuple[slice, slice]
) -> NDArray[np.bool_]:
    """Say which blocks lie wholly where there are pixels."""
    seen = np.zeros(blocks, bool)
    (first_row, last_row), (first_column, last_column) = (
        (-(-span.start * count // length), span.stop * count // length)
        for span, count, length in zip(valid, blocks, pixels, strict=True)
    )
    seen[first_row:last_row, first_column:last_column] = True
    return seen


def light_ratio(
    wanted: NDArray[np.float64], got: NDArray[np.float64], trust: NDArray[np.float64] | float = 1.0
) -> float | None:
    """Median of the blocks' ratios, weighted by brightness and trust; None where too few blocks can tell."""
    usable = np.minimum(wanted, got) > (DARKEST / 255) ** 2
    usable &= np.maximum(wanted, got) < (BRIGHTEST / 255) ** 2
    if usable.sum() < ENOUGH_BLOCKS:
        return None
    ratios, weights = wanted[usable] / got[usable], (got * trust)[usable]
    order = np.argsort(ratios)
    cumulated = np.cumsum(weights[order])
    return float(ratios[order][np.searchsorted(cumulated, cumulated[-1] / 2)])


def _gain(wanted: NDArray[np.float64], got: NDArray[np.float64], trust: NDArray[np.float64]) -> float:
    """Give the gain in light, within reason; 1 where too few blocks can tell."""
    ratio = light_ratio(wanted, got, trust)
    return 1.0 if ratio is None else min(max(ratio, 1 / WIDEST_GAIN**2), WIDEST_GAIN**2)
