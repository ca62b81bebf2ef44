"""What a merge can tell of the stack it was made of: which slice gave how much, and where slices are missing.

All of it is judged on those pixels alone whose sharpest slice stands out from the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stack.merge.depth import Peaks
from stack.merge.focus import POWER

SURE: Final = 0.5
ENOUGH_PX: Final = 200
"""Fewer pixels say nothing of a gap or an end."""
STILL_GAINING: Final = 0.05
"""Share of the picture that is sharpest in an end slice, from which on the end is said to be open."""
LEFT_BETWEEN: Final = 0.76
"""Share of the sharpness that is to be left halfway between two slices.

On a rendered slope discs that grow by 1 px of radius a slice leave 0.85, by 2 px 0.75."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Two neighbours between which the depth of field did not reach; `left` is the sharpness halfway."""

    before: int
    after: int
    left: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """Whether the slices cover the subject.

    Attributes
    ----------
    first, last
        Share, 0 to 1, of what is surely in focus somewhere that is sharpest in the first and last slice.
    gaps
        Where slices lie too far apart.
    sure
        Share of the picture that is surely in focus in some slice.
    """

    first: float
    last: float
    gaps: tuple[Gap, ...]
    sure: float


def shares(peaks: Peaks, indices: Sequence[int]) -> dict[int, float]:
    """Give for each slice the share, 0 to 1, of the picture that is sharpest in it; they add up to 1."""
    sure = peaks.sure >= SURE
    chosen = peaks.index[sure] if sure.any() else peaks.index.ravel()
    counts = np.bincount(chosen.astype(np.intp).ravel(), minlength=max(indices) + 1)
    return {index: float(counts[index] / counts.sum()) for index in indices}


def coverage(peaks: Peaks, indices: Sequence[int]) -> Coverage:
    """Judge whether slices with these indices, in the order merged, cover what they show."""
    sure = peaks.sure >= SURE
    count = int(sure.sum())
    if count < ENOUGH_PX or len(indices) < 2:
        return Coverage(0.0, 0.0, (), float(sure.mean()))
    ends = [float((peaks.index[sure] == index).sum() / count) for index in (indices[0], indices[-1])]
    found = [_between(peaks, sure & peaks.known, a, b) for a, b in pairwise(indices)]
    gaps = tuple(gap for gap in found if gap is not None and gap.left < LEFT_BETWEEN)
    return Coverage(ends[0], ends[1], gaps, float(sure.mean()))


def _between(peaks: Peaks, judged: NDArray[np.bool_], a: int, b: int) -> Gap | None:
    """Give how much sharpness is left halfway between two slices, by the curvature of peaks at either.

    Near its peak the logarithm of sharpness is a parabola: half a slice away it has fallen by a quarter of
    what it falls over a whole one.
    """
    here = judged & ((peaks.index == a) | (peaks.index == b))
    if int(here.sum()) < ENOUGH_PX:
        return None
    drop = float(np.median(peaks.drop[here])) / POWER
    return Gap(a, b, round(float(np.exp(-max(0.0, drop) / 4)), 3))


def warnings_of(found: Coverage, near_first: bool = True) -> list[str]:
    """Say in sentences what is missing."""
    said = []
    for name, share, onward in (("first", found.first, "begin"), ("last", found.last, "go on")):
        if share >= STILL_GAINING:
            where = "nearer" if (name == "first") == near_first else "farther"
            said.append(
                f"{share:.0%} of what is in focus is sharpest in the {name} slice and may have been sharper "
                f"still beyond it: {onward} {where} next time"
            )
    if found.gaps:
        worst = min(found.gaps, key=lambda gap: gap.left)
        said.append(
            f"between {len(found.gaps)} pairs of neighbouring slices the depth of field did not reach; worst "
            f"between {worst.before} and {worst.after}, where {worst.left:.0%} of the sharpness is left "
            f"halfway: a smaller pitch would show more"
        )
    return said
