"""Slices that do not go on from those before: soft all over, or of something that has changed meanwhile."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from stack.merge.align import ASKED

SOFT: Final = 0.6
BESIDE: Final = 2
"""A slice as soft as that against each of so many on both sides was shaken: one that lies between two layers
of a subject is softer than those that have them in focus, and not than what lies beyond."""
LEAST_UNLIKE: Final = 0.03
TIMES_USUAL: Final = 4.0
"""What a slice lacks in likeness to those before it, at least, and against what slices of its stack lack."""
FEWEST: Final = 5
"""Of fewer slices it cannot be said what is usual."""
BLURRED: Final = (
    "is much less sharp than the slices before and after it: something moved while it was exposed; what is "
    "in focus only there is soft"
)
BROKEN: Final = (
    "is far less like the slice before it than others are: slices are missing between them, or the subject "
    "moved; look there for a soft band or a double outline"
)


def breaks(
    names: Sequence[str], indices: Sequence[int], sharpness: Sequence[float], likeness: Sequence[float]
) -> list[str]:
    """Give a sentence for each slice that is softer than those beside it, or unlike those before it."""
    soft = list(_soft(sharpness))
    # What is laid over a soft slice is unlike it, too.
    explained = {at + later for at in soft for later in range(ASKED + 1)}
    unlike = [at for at in _unlike(indices, likeness) if at not in explained]
    return [f"{names[at]} {BLURRED}" for at in soft] + [f"{names[at]} {BROKEN}" for at in unlike]


def _soft(sharpness: Sequence[float]) -> Iterator[int]:
    if len(sharpness) < FEWEST:
        return
    for at in range(1, len(sharpness) - 1):
        beside = [*sharpness[max(0, at - BESIDE) : at], *sharpness[at + 1 : at + 1 + BESIDE]]
        if sharpness[at] < SOFT * min(beside):
            yield at


def _unlike(indices: Sequence[int], likeness: Sequence[float]) -> Iterator[int]:
    """Give the places at which likeness breaks down; not where a slice is known to be missing."""
    if len(likeness) < FEWEST:
        return
    lacks = 1 - np.array(likeness[1:])
    steps = np.abs(np.diff(indices))
    usual, pitch = float(np.median(lacks)), float(np.median(steps))
    last = -ASKED
    for at, (lack, step) in enumerate(zip(lacks, steps, strict=True), start=1):
        if lack > max(LEAST_UNLIKE, TIMES_USUAL * usual):
            # The next is laid over one from before the break, too.
            if step <= pitch and at - last >= ASKED:
                yield at
            last = at
