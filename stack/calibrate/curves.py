"""Sharpness against place, tile by tile: what a sweep along the axis shows. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_RISE: Final = 0.25
"""A tile tells of focus where its sharpness changes by at least this, as a natural logarithm ..."""
LEAST_SIGNAL: Final = 6.0
"""... and by so many times its noise."""


@dataclass(frozen=True, eq=False, slots=True)
class Sweep:
    """The sharpness of every tile at every place.

    Attributes
    ----------
    places_u
        Shape `(n,)`, in the axis's unit, in order, evenly spaced.
    detail
        Shape `(n, tiles)`, above zero: `camera.sharpness.detail`.
    """

    places_u: Floats
    detail: Floats

    @property
    def pitch_u(self) -> float:
        """The distance between places."""
        return float(np.abs(self.places_u[-1] - self.places_u[0]) / (self.places_u.size - 1))

    def noise(self) -> Floats:
        """Give the noise of the logarithm of each tile, shape `(tiles,)`.

        By the median of second differences, of which a smooth curve has next to none.
        """
        jumps = np.abs(np.diff(np.log(self.detail), n=2, axis=0))
        return np.asarray(np.median(jumps, axis=0) / (0.6745 * np.sqrt(6.0)) + 1e-3, np.float64)


def sweep_of(places_u: Sequence[float], tiles: Sequence[NDArray[np.float64]]) -> Sweep:
    """Give what was seen at places, in order of place; `tiles` may have any shape, the same for all."""
    order = np.argsort(np.asarray(places_u, np.float64), kind="stable")
    detail = np.maximum(np.array([np.ravel(one) for one in tiles], np.float64), 1e-6)
    return Sweep(np.asarray(places_u, np.float64)[order], detail[order])


def telling(sweep: Sweep) -> NDArray[np.bool_]:
    """Say which tiles change their sharpness clearly along the way, shape `(tiles,)`."""
    rise = np.ptp(np.log(sweep.detail), axis=0)
    return np.asarray((rise >= LEAST_RISE) & (rise >= LEAST_SIGNAL * sweep.noise()))


def overall(sweep: Sweep) -> Floats:
    """Give one curve for people to look at, 0 to 1: the mean of the telling tiles over their own ranges."""
    chosen = telling(sweep)
    logs = np.log(sweep.detail[:, chosen if chosen.any() else slice(None)])
    low, high = logs.min(axis=0), logs.max(axis=0)
    return np.asarray(((logs - low) / np.maximum(high - low, 1e-9)).mean(axis=1), np.float64)
