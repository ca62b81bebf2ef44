"""Where a subject begins and ends, from how sharp each tile of the picture is along the axis. Pure.

Every tile that shows something is sharpest at its own place. The first and the last of these places are the
ends of the subject; a tile or two that are alone out there are not taken for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stack.calibrate.curves import Sweep, telling
from stack.errors import NotMeasured

Floats = NDArray[np.float64]

STRONG: Final = 0.1
"""Part of the usual detail at its sharpest that a tile must have: light from its neighbours has less."""
STRONG_AT_AN_END: Final = 0.5
"""The same of a tile that is sharpest in the first or last picture: blurred light grows all the way."""
ALONE: Final = 0.01
"""Part of the tiles that may lie beyond an end."""
FEWEST: Final = 4


@dataclass(frozen=True, eq=False, slots=True)
class Extent:
    """Where a subject is.

    Attributes
    ----------
    first_u, last_u
        The ends, in order of place, where something is sharpest.
    first_open, last_open
        Whether something is sharpest in the very first, or last, picture: the subject goes on beyond.
    first_tile, last_tile
        Which tiles are sharpest there.
    peaks_u
        Where each tile that tells is sharpest.
    """

    first_u: float
    last_u: float
    first_open: bool
    last_open: bool
    first_tile: int
    last_tile: int
    peaks_u: Floats

    def crowd(self, places_u: Floats) -> Iterator[tuple[float, float]]:
        """Give for each place how many tiles are sharpest about there, the most as 1."""
        nearest = np.abs(places_u[:, None] - self.peaks_u).argmin(axis=0)
        counts = np.bincount(nearest, minlength=places_u.size)
        yield from zip(places_u.tolist(), (counts / counts.max()).tolist(), strict=True)


def extent(sweep: Sweep) -> Extent:
    """Give where the subject begins and ends; raises `NotMeasured` where nothing was ever sharp."""
    tiles = np.flatnonzero(_strong(sweep))
    if tiles.size < FEWEST:
        raise NotMeasured(
            "nothing in the picture was sharp anywhere on the way, or only next to nothing: look elsewhere "
            "(--around, --near and --far), in smaller steps (--pitch), or in more light"
        )
    at, peaks_u = _peaks(sweep.places_u, np.log(sweep.detail[:, tiles]))
    order = np.argsort(peaks_u)
    left_out = int(ALONE * tiles.size)
    first, last = order[left_out], order[-1 - left_out]
    return Extent(
        first_u=float(peaks_u[first]),
        last_u=float(peaks_u[last]),
        first_open=bool(at[first] == 0),
        last_open=bool(at[last] == len(sweep.places_u) - 1),
        first_tile=int(tiles[first]),
        last_tile=int(tiles[last]),
        peaks_u=peaks_u,
    )


def _strong(sweep: Sweep) -> NDArray[np.bool_]:
    """Say which tiles show something that comes into focus."""
    chosen = telling(sweep)
    if not chosen.any():
        return chosen
    highest, at = sweep.detail.max(axis=0), sweep.detail.argmax(axis=0)
    at_an_end = (at == 0) | (at == len(sweep.detail) - 1)
    least = np.where(at_an_end, STRONG_AT_AN_END, STRONG) * np.median(highest[chosen])
    return np.asarray(chosen & (highest >= least))


def _peaks(places_u: Floats, logs: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Give which sample of each tile is highest, and where the parabola through it and its neighbours is."""
    at = logs.argmax(axis=0)
    inner = np.clip(at, 1, len(logs) - 2)
    tiles = np.arange(logs.shape[1])
    before, peak, after = (logs[inner + offset, tiles] for offset in (-1, 0, 1))
    bend = before - 2 * peak + after
    part = np.where(bend < 0, 0.5 * (before - after) / np.minimum(bend, -1e-12), 0.0)
    pitch_u = (places_u[-1] - places_u[0]) / (places_u.size - 1)
    inside = at == inner
    return at, np.asarray(
        np.where(inside, places_u[inner] + np.clip(part, -0.5, 0.5) * pitch_u, places_u[at])
    )
