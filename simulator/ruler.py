"""A stage micrometer before the lens: lines a known length apart, by which a scale is measured."""

import math
from typing import Final

import cv2
import numpy as np

from simulator.scene import AT_REST, Picture, SceneSpec, View

DIVISION_UM: Final = 100.0
"""From one line to the next."""

_TURNED_DEG: Final = 3.0
"""Nobody lays a ruler down quite straight."""

_LIGHT, _INK = 0.5, 0.06


class RulerScene:
    """A flat ruler midway between `spec.near_um` and `spec.far_um`: sharp there, blurred elsewhere.

    Every fifth and tenth line is longer.
    """

    def __init__(self, spec: SceneSpec, size_px: tuple[int, int]) -> None:
        self._spec, self._size = spec, size_px
        self._middle_um = (spec.near_um + spec.far_um) / 2
        self._px_per_um = spec.px_per_um(size_px)
        self._sharp = _drawn(DIVISION_UM * self._px_per_um, size_px)

    @property
    def near_um(self) -> float:
        """Where its nearest part is in focus, and every other."""
        return self._spec.near_um

    @property
    def far_um(self) -> float:
        """As much behind it as `near_um` is before it."""
        return self._spec.far_um

    def render(self, focus_um: float, view: View = AT_REST) -> Picture:
        """Give the ruler as radiance; see `Scene.render`."""
        spec, picture = self._spec, self._sharp
        disc_um = abs(focus_um - self._middle_um) * spec.magnification / spec.effective_f_number
        if (radius_px := disc_um / 2 * self._px_per_um) > 0.5:
            picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), min(radius_px / 2, 50.0)), np.float32)
        moved = np.array([[1, 0, view.shift_px[0]], [0, 1, view.shift_px[1]]], np.float64)
        if any(view.shift_px):
            shifted = cv2.warpAffine(picture, moved, self._size, borderMode=cv2.BORDER_REPLICATE)
            picture = np.asarray(shifted, np.float32)
        return np.repeat(picture[..., None], 3, axis=2)

    def truth(self) -> Picture:
        """Give it sharp."""
        return np.repeat(self._sharp[..., None], 3, axis=2)

    def truth_at(self, focus_um: float) -> Picture:
        """Give it sharp: it neither breathes nor wanders."""
        return self.truth()

    def depth_um(self) -> Picture:
        """Give where it is in focus, the same everywhere."""
        width, height = self._size
        return np.full((height, width), self._middle_um, np.float32)

    def depth_at(self, focus_um: float) -> Picture:
        """Give `depth_um()`."""
        return self.depth_um()


def _drawn(distance_px: float, size_px: tuple[int, int]) -> Picture:
    """Draw dark lines on a light card, shape `(H, W)`, soft at their edges by a pixel."""
    width, height = size_px
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x - width / 2, y - height / 2
    angle = math.radians(_TURNED_DEG)
    along, across = (
        x * math.cos(angle) + y * math.sin(angle),
        np.abs(y * math.cos(angle) - x * math.sin(angle)),
    )
    number = np.round(along / distance_px)
    reach = np.where(number % 10 == 0, 0.45, np.where(number % 5 == 0, 0.35, 0.25)) * height
    from_line_px = np.abs(along - number * distance_px) - max(0.6, 0.12 * distance_px)
    ink = np.clip(0.5 - from_line_px, 0, 1) * np.clip(0.5 + reach - across, 0, 1)
    return np.asarray(_LIGHT + (_INK - _LIGHT) * ink, np.float32)
