"""Slices that do not lie where the travel would have brought them: the rig or the subject was touched.

Or they were laid where they do not belong: of a pattern that is the same all over and shows nothing else,
coarse views see only where it is sharp, and that goes across a subject that lies askew.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from stack.merge.similarity import Similarity

LEAST_SHARE: Final = 0.005
"""Of the picture's diagonal; less than this may be a worn screw."""
TIMES_USUAL: Final = 5.0
FAR_SHARE: Final = 0.15
"""Of the picture's diagonal; no travel goes so far across the view, unless it is meant to."""
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


def wandering(steps: Sequence[Similarity], size_px: tuple[int, int]) -> list[str]:
    """Say in a sentence where slices lie far from the first; `steps` and `size_px` as `jolts` has them."""
    places = np.cumsum([(step.tx, step.ty) for step in steps], axis=0)
    farthest_px = float(np.hypot(*places.T).max())
    if farthest_px < FAR_SHARE * float(np.hypot(*size_px)):
        return []
    return [
        f"slices lie up to {farthest_px:.0f} px from the first: if nothing moved so far, a pattern that is "
        "the same all over, as of wire cloth, led them astray; look for doubled detail, and try --no-align"
    ]


def _beyond(amounts: Sequence[float], least: float) -> list[bool]:
    """Say of each amount whether it is far above what is usual."""
    usual = float(np.median(amounts)) if amounts else 0.0
    return [amount > max(least, TIMES_USUAL * usual) for amount in amounts]


def _others(amounts: Sequence[float], unit: str) -> str:
    return f"where others lie {np.median(amounts):.1f}{unit} apart"
