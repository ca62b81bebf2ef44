"""How far a picture lies from another, to a fraction of a pixel. Pure."""

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]


def shift_px(reference: NDArray[np.uint8], other: NDArray[np.uint8]) -> tuple[float, float]:
    """Give how far `other` lies to the right of `reference` and below it, in pixels.

    Both of shape `(H, W)`. Whole pixels by the peak of their correlation (up to a quarter of a side), what is
    left of a pixel by least squares on the slopes of brightness, as Lucas and Kanade (1981) do.
    """
    still, moved = _smooth(reference), _smooth(other)
    right, down = _whole(still, moved)
    height, width = still.shape
    here = still[max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
    there = moved[max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)]
    part_right, part_down = _part(here, there)
    return right + part_right, down + part_down


def _smooth(pixels: NDArray[np.uint8]) -> Plane:
    """Give brightness over 3 x 3 pixels, less its mean: slopes of single pixels are noise."""
    plane = pixels.astype(np.float32)
    plane = plane[:-2] + 2 * plane[1:-1] + plane[2:]
    plane = plane[:, :-2] + 2 * plane[:, 1:-1] + plane[:, 2:]
    return np.asarray(plane / 16 - plane.mean() / 16, np.float32)


def _whole(still: Plane, moved: Plane) -> tuple[int, int]:
    """Give the shift in whole pixels at which two pictures correlate best."""
    height, width = still.shape
    window = np.outer(np.hanning(height), np.hanning(width))
    spectrum = np.fft.rfft2(moved * window) * np.conj(np.fft.rfft2(still * window))
    likeness = np.fft.irfft2(spectrum, s=still.shape)
    rows = np.r_[0 : height // 4 + 1, height - height // 4 : height]
    columns = np.r_[0 : width // 4 + 1, width - width // 4 : width]
    near = likeness[np.ix_(rows, columns)]
    row, column = np.unravel_index(int(np.argmax(near)), near.shape)
    down, right = int(rows[row]), int(columns[column])
    return right - width * (right > width // 2), down - height * (down > height // 2)


def _part(still: Plane, moved: Plane) -> tuple[float, float]:
    """Give what is left of the shift: the `d` that makes `moved + slope * d` most like `still`."""
    mean = (still + moved) / 2
    across = (mean[1:-1, 2:] - mean[1:-1, :-2]) / 2
    down = (mean[2:, 1:-1] - mean[:-2, 1:-1]) / 2
    change = (still - moved)[1:-1, 1:-1]
    a, b, c = (
        float(np.sum(x * y, dtype=np.float64)) for x, y in ((across, across), (across, down), (down, down))
    )
    u, v = (float(np.sum(x * change, dtype=np.float64)) for x in (across, down))
    determinant = a * c - b * b
    if determinant <= 1e-9 * max(a, c, 1e-9) ** 2:
        return 0.0, 0.0
    right, below = (c * u - b * v) / determinant, (a * v - b * u) / determinant
    return float(np.clip(right, -1, 1)), float(np.clip(below, -1, 1))
