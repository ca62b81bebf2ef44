"""Slices that do not lie where the travel would have brought them: the rig or the subject was touched."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from stack.merge.similarity import Similarity

LEAST_SHARE: Final = 0.005
"""Of the picture's diagonal; less than this may be a worn screw."""
TIMES_USUAL: Final = 5.0
TOUCHED: Final = "the rig or the subject was touched; it was laid where it belongs"


def jolts(names: Sequence[str], steps: Sequence[Similarity], size_px: tuple[int, int]) -> list[str]:
    """Give a sentence for each slice that jumped or turned; `steps` say how each moved from the last.

    Steps are about the centre of a picture of `size_px`, width and height; the first slice's is none.
    """
    diagonal_px = float(np.hypot(*size_px))
    least_px = LEAST_SHARE * diagonal_px
    shifts_px = [float(np.hypot(step.tx, step.ty)) for step in steps[1:]]
    turns = [abs(float(np.arctan2(step.q, step.p))) for step in steps[1:]]
    # A turn counts by how far it takes the corners.
    shifted, turned = _beyond(shifts_px, least_px), _beyond(turns, least_px / (diagonal_px / 2))
    said = []
    for name, shift_px, turn, jumped, swung in zip(names[1:], shifts_px, turns, shifted, turned, strict=True):
        moved = [f"lies {shift_px:.0f} px from the slice before it, {_others(shifts_px, ' px')}"] * jumped
        moved += [f"is turned by {np.degrees(turn):.1f} ° against the slice before it"] * swung
        if moved:
            said.append(f"{name} {' and '.join(moved)}: {TOUCHED}")
    return said


def _beyond(amounts: Sequence[float], least: float) -> list[bool]:
    """Say of each amount whether it is far above what is usual."""
    usual = float(np.median(amounts)) if amounts else 0.0
    return [amount > max(least, TIMES_USUAL * usual) for amount in amounts]


def _others(amounts: Sequence[float], unit: str) -> str:
    return f"where others lie {np.median(amounts):.1f}{unit} apart"
