"""How far the blur of near parts reaches, by the depth of what lies about them."""

from typing import Final

import cv2
import numpy as np

from stack.merge.planes import Plane

LEAST_GAP: Final = 1.5
"""Slices between a near part and what it veils: less is the slope of one surface."""
FINER: Final = 1.25
"""Ratio of the reaches that are tried."""
FINE_RADIUS_PX: Final = 5
NOWHERE: Final = 1e6
"""The depth of what has none."""


def reach(where: Plane, near: Plane, growth: float) -> Plane:
    """Give how far each place has to look around itself for what may veil it, in pixels; 0: nothing does.

    `where` and `near` are depths in slices, `NOWHERE` where there is none; a disc's radius grows by `growth`
    pixels a slice.
    """
    known = where < NOWHERE
    far = np.zeros(where.shape, np.float32)
    if not (near < NOWHERE).any() or not known.any():
        return far
    behind = np.where(known, where, -NOWHERE).astype(np.float32)
    farthest = growth * float(behind.max() - near.min())
    tried = 2.0
    while tried < farthest * FINER:
        gap = behind - _nearest(near, tried)
        cv2.threshold(gap, max(LEAST_GAP, tried / FINER / growth), 0, cv2.THRESH_TOZERO, dst=gap)
        np.maximum(far, gap, out=far)
        tried *= FINER
    far *= np.float32(growth)
    return np.minimum(far, np.float32(farthest), out=far)


def _nearest(near: Plane, radius_px: float) -> Plane:
    """Give the nearest part within a radius of every place; of a large radius roughly, or it takes long."""
    factor = max(1, round(radius_px / FINE_RADIUS_PX))
    block = np.ones((factor, factor), np.uint8)
    small = cv2.erode(near, block, anchor=(0, 0))[::factor, ::factor]
    across = 2 * round(radius_px / factor) + 1
    within = cv2.erode(small, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (across, across)))
    size = within.shape[1] * factor, within.shape[0] * factor
    whole = cv2.resize(within, size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(whole[: len(near), : near.shape[1]])
