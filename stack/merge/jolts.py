"""Slices that do not lie where the travel would have brought them: the rig or the subject was touched."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from stack.merge.similarity import Similarity

LEAST_SHARE: Final = 0.005
"""Of the picture's diagonal; less than this may be a worn screw."""
TIMES_USUAL: Final = 5.0


def jolts(names: Sequence[str], steps: Sequence[Similarity], size_px: tuple[int, int]) -> list[str]:
    """Give a sentence for each slice that jumped; `steps` say how each moved from the one before it.

    Steps are about the centre of a picture of `size_px`, width and height; the first slice's is none.
    """
    far = np.array([np.hypot(step.tx, step.ty) for step in steps[1:]])
    if not len(far):
        return []
    usual = float(np.median(far))
    least = max(LEAST_SHARE * float(np.hypot(*size_px)), TIMES_USUAL * usual)
    return [
        f"{name} lies {moved:.0f} px from the slice before it, where others lie {usual:.1f} px apart: "
        "the rig or the subject was touched; it was laid where it belongs"
        for name, moved in zip(names[1:], far, strict=True)
        if moved > least
    ]
