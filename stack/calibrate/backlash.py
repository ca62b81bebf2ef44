"""The play of a screw, from how sharp pictures are on the way there and on the way back. Pure.

Going towards far the nut pushes the carriage; going back it first has to cross its play. At the same step
count the carriage therefore stands farther on the way back, by just the play, and so the curve of sharpness
against steps is the same curve, moved by it. How far is found by laying one over the other, with the
sharpness of many tiles of the picture at once: each has its own depth, so some tile changes at any place.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stack.calibrate.curves import Sweep, telling
from stack.errors import NotMeasured

Floats = NDArray[np.float64]

LEAST_OVERLAP: Final = 0.4
"""Part of the sweep that both curves must share for one to be laid over the other."""
BEFORE: Final = 0.15
"""So much of the sweep is tried on the wrong side of zero too, lest no play be found as some."""
GROUPS: Final = 10
"""Tiles are left out by so many turns, to see how far the result rests on any of them."""
STEPS_A_PITCH: Final = 10


@dataclass(frozen=True, slots=True)
class Play:
    """How far a carriage lags behind its motor after a turn back.

    Attributes
    ----------
    play_u, error_u
        The estimate, and its standard error, in the axis's unit: that of the comparison and of whole steps.
    tiles
        How many tiles of the picture told.
    """

    play_u: float
    error_u: float
    tiles: int

    @property
    def ample_u(self) -> float:
        """What is surely enough to take the play up: two standard errors more, and never below nothing."""
        return max(0.0, self.play_u) + 2 * self.error_u


def play(there: Sweep, back: Sweep, step_u: float) -> Play:
    """Give the play between a sweep towards far and one back over the same places.

    Parameters
    ----------
    there, back
        Both in order of place, evenly and equally spaced.
    step_u
        One step of the axis.

    Raises `NotMeasured` where no tile changes enough, or the play is larger than the sweeps can show.
    """
    pitch_u, places = there.pitch_u, there.places_u.size
    tiles = telling(there) & telling(back)
    if not tiles.any():
        raise NotMeasured(
            "no part of the picture changes its sharpness over the way that was gone, so play cannot be seen "
            "in it: go to where the subject is about sharp, or sweep farther with --span"
        )
    log_there, log_back = (np.log(sweep.detail[:, tiles]) for sweep in (there, back))
    weights = 1 / (there.noise()[tiles] ** 2 + back.noise()[tiles] ** 2)
    shifts = _tried(places)
    costs = np.array([_costs(log_there, log_back, shift) for shift in shifts])
    best = _lowest(shifts, costs @ weights)
    if best is None:
        longest_u = (1 - LEAST_OVERLAP) * places * pitch_u
        raise NotMeasured(
            "the way there and the way back are alike nowhere, within the play that these sweeps can show "
            f"({longest_u:.3g}): sweep farther with --span, or see whether the carriage moves at all"
        )
    error = np.hypot(_jackknife(shifts, costs, weights) * pitch_u, step_u / np.sqrt(12))
    return Play(best * pitch_u, float(error), int(tiles.sum()))


def _tried(places: int) -> Floats:
    """Give the shifts to try, in pitches."""
    first, last = -BEFORE * places, (1 - LEAST_OVERLAP) * (places - 1)
    return np.arange(round(first * STEPS_A_PITCH), round(last * STEPS_A_PITCH)) / STEPS_A_PITCH


def _costs(there: Floats, back: Floats, shift: float) -> Floats:
    """Give for each tile how unlike `there`, moved by `shift` pitches, and `back` are where both are."""
    index = np.arange(len(back), dtype=np.float64) + shift
    inside = (index >= 0) & (index <= len(there) - 1)
    moved = interpolated(there, index[inside])
    unlike = back[inside] - moved
    return np.asarray(np.mean((unlike - unlike.mean(axis=0)) ** 2, axis=0), np.float64)


def interpolated(curve: Floats, index: Floats) -> Floats:
    """Give a curve of shape `(n, ...)` between its samples, by Catmull and Rom's cubic."""
    left = np.clip(np.floor(index).astype(int), 0, len(curve) - 2)
    part = (index - left).reshape(-1, *([1] * (curve.ndim - 1)))
    around = [curve[np.clip(left + offset, 0, len(curve) - 1)] for offset in (-1, 0, 1, 2)]
    before, here, after, beyond = around
    return np.asarray(
        here
        + 0.5
        * part
        * (
            after
            - before
            + part
            * (2 * before - 5 * here + 4 * after - beyond + part * (3 * (here - after) + beyond - before))
        )
    )


def _lowest(shifts: Floats, costs: Floats) -> float | None:
    """Give where a cost is lowest, between its samples; None where that is at an end."""
    at = int(np.argmin(costs))
    if at in (0, len(costs) - 1):
        return None
    # Over a pitch either way: between neighbouring samples the interpolation shows more than the cost.
    near = slice(max(0, at - STEPS_A_PITCH), at + STEPS_A_PITCH + 1)
    curve = np.polyfit(shifts[near] - shifts[at], costs[near], 2)
    if curve[0] <= 0:
        return float(shifts[at])
    return float(shifts[at] + np.clip(-curve[1] / (2 * curve[0]), -1.0, 1.0))


def _jackknife(shifts: Floats, costs: Floats, weights: Floats) -> float:
    """Give the standard error in pitches, from the results with a part of the tiles left out in turn."""
    groups = min(GROUPS, len(weights))
    if groups < 2:
        return 0.5
    turns = np.arange(len(weights)) % groups
    found = [_lowest(shifts, costs[:, turns != turn] @ weights[turns != turn]) for turn in range(groups)]
    known = np.array([shift for shift in found if shift is not None])
    return float(np.sqrt((groups - 1) * np.var(known))) if known.size > 1 else 0.5
