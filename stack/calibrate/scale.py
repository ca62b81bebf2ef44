"""Micrometres of the subject for a pixel, from a travel across the picture or from a ruler in it. Pure.

Where the axis moves along the line of sight its travel does not show in the picture, and a ruler has to: its
lines are a grid, and the distance between them is the strongest wave in the picture's spectrum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stack.errors import NotMeasured

Floats = NDArray[np.float64]

FEWEST_LINES: Final = 4
FINEST_PX: Final = 4.0
"""Lines nearer to each other than this are not told from noise and aliases."""
AGREED: Final = 0.03
"""Part of the distance by which quarters of a picture of a ruler may differ: a subject's differ by more."""
CLEAR: Final = 12.0
"""A wave must stand out so many times from the middle of the spectrum to be lines."""
FAINTEST: Final = 0.02
"""Part of the brightness by which lines must swing: out of focus only the long ones are left, faintly."""
LEAST_SHIFT_PX: Final = 8.0
ZOOMS: Final = 12


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure and its standard error, in the same unit."""

    value: float
    error: float

    def into(self, length: float) -> "Measured":
        """Give how much of a length there is for one of it."""
        return Measured(length / self.value, length / self.value * self.error / self.value)


def line_distance_px(plane: NDArray[np.uint8]) -> Measured:
    """Give the distance between the lines of a ruler, whichever way they run, in pixels.

    The error is that of the mean of four quarters of the picture, measured one by one: it grows where the
    ruler is tilted away, or the lens draws it unevenly. Raises `NotMeasured` where there are no lines.
    """
    whole = _contrast(plane)
    wave = _strongest(whole)
    if _depth(whole, wave) < FAINTEST * plane.mean():
        raise NotMeasured(
            f"lines are seen, {1 / np.hypot(*wave):.0f} px apart, but so faint that they may be every tenth "
            "of a ruler out of focus: bring the ruler into focus, or light it so that its lines stand out"
        )
    height, width = (side // 2 for side in plane.shape)
    quarters = [
        _refined(_contrast(plane[top : top + height, left : left + width]), wave)
        for top in (0, height)
        for left in (0, width)
    ]
    distances = 1 / np.hypot(*np.array(quarters).T)
    found = Measured(float(1 / np.hypot(*_refined(whole, wave))), float(distances.std(ddof=1) / 2))
    if found.error > AGREED * found.value:
        raise NotMeasured(
            f"the quarters of the picture do not agree on a ruler: {found.value:.1f} ± {found.error:.1f} px "
            "from line to line. Let it fill the picture, square to the line of sight"
        )
    return found


def _contrast(plane: NDArray[np.uint8]) -> Floats:
    """Give brightness less its mean, fading out towards the edges."""
    window = np.outer(np.hanning(plane.shape[0]), np.hanning(plane.shape[1]))
    return np.asarray((plane - plane.mean(dtype=np.float64)) * window, np.float64)


def _strongest(plane: Floats) -> tuple[float, float]:
    """Give the strongest wave, as waves a pixel down and across."""
    height, width = plane.shape
    strength = np.abs(np.fft.rfft2(plane))
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :]
    waves = np.hypot(down, across)
    possible = (waves <= 1 / FINEST_PX) & (np.hypot(down * height, across * width) >= FEWEST_LINES)
    strength = np.where(possible, strength, 0.0)
    row, column = np.unravel_index(int(strength.argmax()), strength.shape)
    if strength[row, column] < CLEAR * np.median(strength[possible]) or not strength[row, column]:
        raise NotMeasured(
            f"no lines of a ruler are seen, at least {FEWEST_LINES} of them and {FINEST_PX:.0f} px apart: "
            "put one before the lens, bring it into focus, and let it fill the picture"
        )
    return float(down[row, 0]), float(across[0, column])


def _refined(plane: Floats, wave: tuple[float, float]) -> tuple[float, float]:
    """Give the strongest wave near `wave`, far finer than the spectrum's own steps, by halving them."""
    (down, across), step = wave, np.array(plane.shape, np.float64)
    step_down, step_across = 0.5 / step
    for _ in range(ZOOMS):
        downs, acrosses = (
            at + near * np.arange(-2, 3) for at, near in ((down, step_down), (across, step_across))
        )
        strength = np.abs(_waves(downs, plane.shape[0]) @ plane @ _waves(acrosses, plane.shape[1]).T)
        row, column = np.unravel_index(int(strength.argmax()), strength.shape)
        down, across = float(downs[row]), float(acrosses[column])
        step_down, step_across = step_down / 2, step_across / 2
    return down, across


def _depth(plane: Floats, wave: tuple[float, float]) -> float:
    """Give how far brightness swings to either side along a wave, under the window of `_contrast`."""
    (height, width), (down, across) = plane.shape, wave
    sum_of_window = np.hanning(height).sum() * np.hanning(width).sum()
    at = _waves(np.array([down]), height) @ plane @ _waves(np.array([across]), width).T
    return float(2 * np.abs(at[0, 0]) / sum_of_window)


def _waves(frequencies: Floats, length: int) -> NDArray[np.complex128]:
    return np.asarray(np.exp(-2j * np.pi * frequencies[:, None] * np.arange(length)), np.complex128)


def shift_a_length(places_u: Sequence[float], shifts_px: Sequence[tuple[float, float]]) -> Measured:
    """Give how far the picture moves for one unit of travel, in pixels.

    Parameters
    ----------
    places_u
        Where pictures were taken.
    shifts_px
        How far each lies to the right of the first, and below it.

    Raises `NotMeasured` where the picture does not move with the axis, or not evenly.
    """
    places, shifts = np.asarray(places_u, np.float64), np.asarray(shifts_px, np.float64)
    places = places - places.mean()
    shifts = shifts - shifts.mean(axis=0)
    slopes = places @ shifts / (places @ places)
    left = shifts - np.outer(places, slopes)
    moved_px = float(np.hypot(*slopes) * np.ptp(places))
    if moved_px < LEAST_SHIFT_PX:
        raise NotMeasured(
            f"the picture moved by {moved_px:.1f} px only: an axis along the line of sight does not show its "
            "travel. Put a ruler before the lens and give its --division, or go farther with --travel"
        )
    off_px = float(np.sqrt(np.mean(left**2)))
    if off_px > max(1.0, 0.05 * moved_px):
        raise NotMeasured(
            f"the picture does not move evenly with the axis ({off_px:.1f} px off a line): use a shorter "
            "--travel, before something with detail all over"
        )
    error = off_px * np.sqrt(2 / max(1, places.size - 2)) / np.sqrt(places @ places)
    return Measured(float(np.hypot(*slopes)), float(error))
