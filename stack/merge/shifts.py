"""Where each block of one picture lies in another, though their blur differs: shifts, and how sure they are.

Two neighbours in a stack differ in three ways within a block of some pixels: the second is shifted; it is
darker or lighter; and it is sharper or blurrier, which for small changes adds the light's Laplacian times a
number. All are fitted at once by least squares, so that a change of blur is not taken for a shift. What is
left over says how far to trust the block: blurred ones, edges where near covers far, and what moved by itself
weigh little without being recognised.

Where depth slopes, blur changes from place to place, and that displaces what is seen: each point spreads its
light evenly about itself, so the blurrier side is drawn to the sharper one. In neighbours the displacement is
minus twice the gradient of that number (expand `light + Laplacian(number * light)`), always to the same side,
so that it would add up along the stack: on a slope to a shift, on a dome to a change of scale. Where blur
jumps, as at an outline, either side spreads by itself, and nothing is displaced.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.planes import Plane, reduced
from stack.merge.similarity import Floats
from stack.merge.views import Known

DRAWN: Final = 1.2
"""Of twice the gradient; what is above first order takes the rest (tuned on rendered domes and slopes)."""
SLOPE: Final = 4.0
"""Blur slopes where it changes to either side by the mean of both over this, or more; by less, it jumps."""
LEAST_KNOWN: Final = 0.5
"""Share of a block's pixels that must be known in both pictures."""
NOISE: Final = 0.06
"""Levels of light below which what is left over says no more about a block."""
LAPLACIAN: Final = np.array([[1, 2, 1], [2, -12, 2], [1, 2, 1]], np.float32) / 4
BLUR, GAIN, OFFSET = 2, 3, 4
"""Columns of the fit, after the two of the shift."""
LEAST_WEIGHT: Final = 0.02
"""Times the mean weight, that blocks to either side have at least where the slope is asked for."""
HEAVIEST: Final = 4.0
"""Times the mean weight, that a block has at most when the gradient of blur is worked out."""

Sums = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shifts:
    """What `N` blocks say.

    Attributes
    ----------
    places
        `(N, 2)` centres of blocks, pixels x and y.
    moved
        `(N, 2)`: what lies at a place in the first picture lies so much farther in the second, pixels.
    information
        `(N, 2, 2)`: inverse of its covariance but for a factor common to all; 0 where a block says nothing.
    texture, likeness
        `(N,)`: variance of light in the block in the plainer of the pictures, and how both correlate there.
    """

    places: Floats
    moved: Floats
    information: Floats
    texture: Floats
    likeness: Floats


def shifts(still: tuple[Plane, Known], moved: tuple[Plane, Known], block_px: int) -> Shifts:
    """Compare two levels of views that lie within a fraction of a pixel; `block_px` is even."""
    (first, first_known), (second, second_known) = still, moved
    known = np.asarray(first_known * second_known, np.float32)
    second = second * np.float32(_total(first, known) / max(_total(second, known), 1e-6))
    mean = (first + second) * np.float32(0.5)
    thin = 2 if block_px >= 16 else 1  # light without grain says little more at every pixel

    def thinned(plane: Any) -> Plane:
        return np.ascontiguousarray(plane[::thin, ::thin])

    shown = [
        thinned(cv2.Scharr(mean, cv2.CV_32F, 1, 0, scale=1 / 32)),
        thinned(cv2.Scharr(mean, cv2.CV_32F, 0, 1, scale=1 / 32)),
        thinned(cv2.filter2D(mean, cv2.CV_32F, LAPLACIAN)),
        thinned(mean - np.float32(_total(mean, known) / max(float(known.sum()), 1.0))),
    ]
    sums = _sums(shown, thinned(second - first), thinned(known), block_px // thin)
    return _fitted(*sums, block_px)


def _total(plane: Plane, known: Plane) -> float:
    return float(cv2.mean(plane * known)[0]) * plane.size


def _sums(shown: list[Plane], difference: Plane, known: Plane, block: int) -> tuple[Sums, Sums, Sums]:
    """Give each block's normal matrix `(R, C, 5, 5)`, right side `(R, C, 5)`, and squared difference."""

    def summed(plane: Plane) -> Sums:
        return reduced(plane, block).astype(np.float64) * block**2

    weighted = [plane * known for plane in shown] + [known]
    count = len(weighted)
    blocks = (known.shape[0] // block, known.shape[1] // block)
    normal, right = np.empty((*blocks, count, count)), np.empty((*blocks, count))
    for i, one in enumerate(weighted):
        right[..., i] = summed(one * difference)
        for j, other in enumerate(shown[: i + 1]):
            normal[..., i, j] = normal[..., j, i] = summed(one * other)
    normal[..., OFFSET, OFFSET] = summed(known)
    return normal, right, summed(known * difference * difference)


def _fitted(normal: Sums, right: Sums, squared: Sums, block_px: int) -> Shifts:
    rows, columns, count = right.shape
    pixels = normal[..., OFFSET, OFFSET]
    diagonal = np.arange(count)
    stiff = normal.copy()
    stiff[..., diagonal, diagonal] += 1e-7 * stiff[..., diagonal, diagonal] + 1e-6
    found = np.linalg.solve(stiff, right[..., None])[..., 0]
    others = stiff[..., BLUR:, BLUR:]
    carried = np.linalg.solve(others, stiff[..., BLUR:, :BLUR])
    information = stiff[..., :BLUR, :BLUR] - stiff[..., :BLUR, BLUR:] @ carried
    left = np.maximum(squared - (found * right).sum(-1), 0) / np.maximum(pixels - count, 1) + NOISE**2
    information /= left[..., None, None]
    information[pixels < LEAST_KNOWN * pixels.max(initial=1)] = 0
    weight: Sums = information[..., 0, 0] + information[..., 1, 1]
    blur = np.asarray(found[..., BLUR], np.float64)
    heard = np.minimum(weight / max(float(weight.mean()), 1e-12), HEAVIEST)
    drawn = DRAWN * _gradient(blur, heard) * _sloping(blur, heard) / block_px
    # The difference of two pictures is the gradient times what the second is *behind* by.
    moved = drawn - found[..., :BLUR]
    texture, likeness = _texture(normal, right, squared)
    y, x = np.mgrid[:rows, :columns]
    places = (np.stack([x, y], -1) + 0.5) * block_px - 0.5
    return Shifts(
        places.reshape(-1, 2),
        moved.reshape(-1, 2),
        information.reshape(-1, 2, 2),
        texture.ravel() * (weight.ravel() > 0),
        likeness.ravel(),
    )


def _texture(normal: Sums, right: Sums, squared: Sums) -> tuple[Sums, Sums]:
    """Give each block's lesser variance, and how both pictures correlate in it."""
    pixels = np.maximum(normal[..., OFFSET, OFFSET], 1)
    mean, difference = normal[..., GAIN, OFFSET] / pixels, right[..., OFFSET] / pixels
    middle = np.maximum(normal[..., GAIN, GAIN] / pixels - mean**2, 0)
    change = np.maximum(squared / pixels - difference**2, 0) / 4
    common = right[..., GAIN] / pixels - mean * difference
    # The pictures are the mean, less or more half the difference.
    first, second = (np.maximum(middle + change + sign * common, 0) for sign in (-1, 1))
    return np.minimum(first, second), (middle - change) / np.sqrt(np.maximum(first * second, 1e-12))


def _gradient(numbers: Sums, weights: Sums) -> Sums:
    """Give `(R, C, 2)`: how numbers grow a block to the right and down, by planes through neighbours."""
    rows, columns = numbers.shape
    y, x = np.mgrid[:rows, :columns].astype(np.float64)

    def near(plane: Sums) -> Sums:
        return np.asarray(cv2.GaussianBlur(plane, (0, 0), 1.0, borderType=cv2.BORDER_CONSTANT), np.float64)

    total = near(weights) + 1e-6
    mean_x, mean_y = near(weights * x) / total, near(weights * y) / total
    mean = near(weights * numbers) / total
    # A little of a block's width is added, so that a lonely block has a gradient of nothing.
    xx = near(weights * x * x) / total - mean_x**2 + 0.02
    yy = near(weights * y * y) / total - mean_y**2 + 0.02
    xy = near(weights * x * y) / total - mean_x * mean_y
    xn = near(weights * x * numbers) / total - mean_x * mean
    yn = near(weights * y * numbers) / total - mean_y * mean
    return np.stack([yy * xn - xy * yn, xx * yn - xy * xn], -1) / (xx * yy - xy**2)[..., None]


def _sloping(numbers: Sums, weights: Sums) -> Sums:
    """Give `(R, C, 2)`: 1 where numbers grow alike to both sides, across and down, to 0 where they jump."""
    down = _growing_across(numbers.T.copy(), weights.T.copy()).T
    return np.stack([_growing_across(numbers, weights), down], -1)


def _growing_across(numbers: Sums, weights: Sums) -> Sums:
    def over(plane: Sums, columns: NDArray[np.float64]) -> Sums:
        return np.asarray(cv2.sepFilter2D(plane, cv2.CV_64F, columns, _ROWS, borderType=cv2.BORDER_CONSTANT))

    total, summed = zip(*((over(weights, one), over(weights * numbers, one)) for one in _SIDES), strict=True)
    before, here, after = (each / (weight + 1e-6) for each, weight in zip(summed, total, strict=True))
    left, right = here - before, after - here
    slope = np.minimum(SLOPE * np.minimum(abs(left), abs(right)) / (abs(left + right) / 2 + 1e-12), 1)
    known = np.minimum.reduce(total) > LEAST_WEIGHT
    return np.where(known, np.where(left * right > 0, slope, 0), 1)


_SIDES: Final = tuple(np.array(one) for one in ((0.5, 1, 0, 0, 0), (0, 0, 1.0, 0, 0), (0, 0, 0, 1, 0.5)))
"""Columns of blocks before one, its own, and those after it."""
_ROWS: Final = cv2.getGaussianKernel(7, 1.0)
