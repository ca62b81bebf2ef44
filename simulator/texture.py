"""Grown surfaces without photographs: fractal noise, pits, facets and colour ramps, all from a seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Plane = NDArray[np.float32]

_SIDE = 512


class Noise:
    """A square of fractal noise that repeats without a seam; mean 0, standard deviation 1."""

    def __init__(self, random: np.random.Generator, roughness: float = 1.6) -> None:
        frequency = np.hypot(np.fft.fftfreq(_SIDE)[:, None], np.fft.rfftfreq(_SIDE)[None, :])
        frequency[0, 0] = np.inf
        spectrum = np.fft.rfft2(random.standard_normal((_SIDE, _SIDE))) * frequency**-roughness
        field = np.fft.irfft2(spectrum, s=(_SIDE, _SIDE))
        self._field = (field / field.std()).astype(np.float32)

    def at(self, u: Plane, v: Plane, repeats: float = 1.0) -> Plane:
        """Sample where `u`, `v` say; the square repeats `repeats` times from 0 to 1."""
        step = np.float32(repeats * _SIDE)
        at = u * step, v * step
        sampled = cv2.remap(self._field, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        return np.asarray(sampled, np.float32)


@dataclass(frozen=True, slots=True)
class Cells:
    """For every pixel the cell of a lattice it falls in.

    Attributes
    ----------
    right, down
        From the cell's centre, in pitches.
    distance
        Length of that, in pitches.
    chance
        A number from 0 to 1 that belongs to the cell.
    """

    right: Plane
    down: Plane
    distance: Plane
    chance: Plane


def facets(u: Plane, v: Plane, pitch: float | np.float32, random: np.random.Generator) -> Cells:
    """Find the hexagons of a honeycomb, as in a compound eye."""
    chances = random.random((64, 64)).astype(np.float32)
    tall = np.float32(np.sqrt(3))
    x, y = u / pitch, v / (pitch * tall)
    even, odd = (np.round(x), np.round(y)), (np.floor(x) + 0.5, np.floor(y) + 0.5)
    away = [((x - cx), (y - cy) * tall) for cx, cy in (even, odd)]
    nearer = np.hypot(*away[0]) <= np.hypot(*away[1])
    right, down = (np.where(nearer, a, b) for a, b in zip(*away, strict=True))
    column, row = (np.where(nearer, a * 2, b * 2).astype(np.int32) for a, b in zip(even, odd, strict=True))
    return Cells(right, down, np.hypot(right, down), chances[row & 63, column & 63])


def pits(u: Plane, v: Plane, pitch: float, random: np.random.Generator) -> Cells:
    """Find the nearest of points strewn one to a square, each anywhere in its square's middle."""
    strewn = (0.5 + 0.76 * (random.random((2, 64, 64)) - 0.5)).astype(np.float32)
    chances = random.random((64, 64)).astype(np.float32)
    x, y = u / np.float32(pitch), v / np.float32(pitch)
    column, row = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
    inside_x, inside_y = x - column, y - row
    best = np.full(x.shape, 9, np.float32)
    right, down, chance = np.zeros_like(best), np.zeros_like(best), np.zeros_like(best)
    for dy, dx in np.ndindex(3, 3):
        cell = (row + (dy - 1)) & 63, (column + (dx - 1)) & 63
        away_x = inside_x - (strewn[0][cell] + np.float32(dx - 1))
        away_y = inside_y - (strewn[1][cell] + np.float32(dy - 1))
        square = away_x * away_x + away_y * away_y
        nearer = square < best
        for kept, new in ((best, square), (right, away_x), (down, away_y), (chance, chances[cell])):
            np.copyto(kept, new, where=nearer)
    return Cells(right, down, np.sqrt(best), chance)


def ramp(position: Plane, colours_bgr: Sequence[ArrayLike]) -> Plane:
    """Give the colour at `position` on a ramp from the first colour (0) to the last (1), smoothly."""
    stops = np.asarray(colours_bgr, np.float32)
    steps = np.linspace(0, len(stops) - 1, 1024)
    first = np.minimum(steps.astype(int), len(stops) - 2)
    part = (steps - first)[:, None]
    part = part * part * (3 - 2 * part)
    table = (stops[first] * (1 - part) + stops[first + 1] * part).astype(np.float32)
    return np.asarray(table[(np.clip(position, 0, 1) * 1023).astype(np.int32)], np.float32)


def smoothstep(low: float, high: float, value: Plane) -> Plane:
    """Give 0 below `low`, 1 above `high`, and a smooth way between; falling where `high` is below `low`."""
    part = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(part * part * (3 - 2 * part), np.float32)
