"""What a merge can tell of the stack it was made of: which slice gave how much, and where slices are missing.

All of it is judged on those pixels alone whose sharpest slice stands out from the rest.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stack.merge.coverage import Coverage, Gap
from stack.merge.depth import Peaks
from stack.merge.planes import Plane

SURE: Final = 0.5
ENOUGH_PX: Final = 200
"""Fewer pixels say nothing of a gap or an end."""
LEFT_BETWEEN: Final = 0.775
"""Share of the sharpness that is to be left halfway between two slices.

On a rendered slope discs that grow by 1 px of radius a slice leave 0.83, by 2 px 0.76."""


def shares(peaks: Peaks, indices: Sequence[int]) -> dict[int, float]:
    """Give for each slice the share, 0 to 1, of the picture that is sharpest in it; they add up to 1."""
    sure = peaks.sure >= SURE
    chosen = peaks.index[sure] if sure.any() else peaks.index.ravel()
    counts = np.bincount(chosen.astype(np.intp).ravel(), minlength=max(indices) + 1)
    return {index: float(counts[index] / counts.sum()) for index in indices}


def coverage(peaks: Peaks, indices: Sequence[int]) -> Coverage:
    """Judge whether slices with these indices cover what they show.

    The first is the one of lowest index, whenever it was merged: slices that are shot again come last.
    """
    indices = sorted(indices)
    sure = peaks.sure >= SURE
    count = int(sure.sum())
    if count < ENOUGH_PX or len(indices) < 2:
        return Coverage(0.0, 0.0, (), float(sure.mean()), judged=False)
    ends = [float((peaks.index[sure] == index).sum() / count) for index in (indices[0], indices[-1])]
    drops = _drops(peaks, sure & peaks.known, indices)
    found = [_between(a, b, np.concatenate((drops[a], drops[b]))) for a, b in pairwise(indices)]
    gaps = tuple(gap for gap in found if gap is not None and gap.left < LEFT_BETWEEN)
    return Coverage(ends[0], ends[1], gaps, float(sure.mean()))


def _drops(peaks: Peaks, judged: NDArray[np.bool_], indices: Sequence[int]) -> dict[int, Plane]:
    """Give for each slice by how much sharpness falls beside the peaks that lie in it."""
    index, drop = peaks.index[judged], peaks.drop[judged]
    order = np.argsort(index, kind="stable")
    first, beyond = (np.searchsorted(index[order], indices, side) for side in ("left", "right"))
    return {one: drop[order[a:b]] for one, a, b in zip(indices, first, beyond, strict=True)}


def _between(a: int, b: int, drops: Plane) -> Gap | None:
    """Give how much sharpness is left halfway between two slices, by the curvature of peaks at either.

    Near its peak the logarithm of sharpness is a parabola: half a slice away it has fallen by a quarter of
    what it falls over a whole one.
    """
    if len(drops) < ENOUGH_PX:
        return None
    return Gap(a, b, round(float(np.exp(-max(0.0, float(np.median(drops))) / 4)), 3))
