"""How sharp is a slice at every pixel, as the logarithm of a weight.

At each pixel the slices are averaged with the weights `exp(score)`. The score is the sum of

- `8 ln` of the amplitude of detail, averaged over about 4 pixels, and `2 ln` of that of still finer detail,
  averaged over 1.5, for hairs. A floor of the noise is added: where no slice shows detail all weigh alike,
  and the average is smoother than any of them.
- `-0.09` a level of local mean brightness (6 px), and `-0.3` more (10 px) around pixels that are clipped in
  some slice. Clipping and gamma are concave, so a glint out of focus *raises* the local mean: lowest is best.

The brightness is held within a band about its running mean, lest a dark blurred thing before a glint win.
"""

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.planes import Plane, blurred, enlarged, reduced

BROAD_SIGMA_PX: Final = 4.0
NARROW_POWER: Final = 2.0
NARROW_SIGMA_PX: Final = 1.5
POWER: Final = 10.0
"""A score grows by so much for every e-fold of all detail: eight for broad, two for narrow."""
DETAIL_SIGMA_PX: Final = 2.0
FINEST_SIGMA_PX: Final = 1.0
BRIGHTNESS_WEIGHT: Final = 0.09
BRIGHTNESS_SIGMA_PX: Final = 6.0
GLINT_WEIGHT: Final = 0.3
GLINT_SIGMA_PX: Final = 10.0
BAND: Final = 20.0
"""Levels of 255 by which brightness may count, either way."""
CLIPPED: Final = 250
GLINT_REACH_PX: Final = 10
LEAST_NOISE: Final = 0.25
COARSE: Final = 4
"""Brightness is smooth, so it is worked out at a quarter of the resolution."""


@dataclass(frozen=True, slots=True)
class Focus:
    """What one slice says.

    Attributes
    ----------
    score
        `(H, W)` float32, without the glint term.
    amplitude
        `(H, W)` float32, levels of 255: fine detail over 4 px.
    glow
        Brightness `(H/4, W/4)` float32, 10 px, levels about its running mean.
    glints
        `(H/4, W/4)` float32, 0 to 1: near pixels that are clipped in this slice.
    held
        By how much the score was lowered for other reasons than focus; `(H, W)` float32, or None.
    """

    score: Plane
    amplitude: Plane
    glow: Plane
    glints: Plane
    held: Plane | None = None

    def held_back(self, by: Plane) -> "Focus":
        """Give it with its score lowered."""
        held = by if self.held is None else self.held + by
        return replace(self, score=self.score - by, held=held)


class Focuser:
    """Scores slices in the order they come; keeps the noise of the first and the mean brightness of all."""

    def __init__(self) -> None:
        self.noise = self._finest_noise = 0.0
        self._near: Plane | None = None
        self._wide: Plane | None = None
        self._slices = 0

    def judge(self, grey: Plane, brightest: NDArray[np.uint8]) -> Focus:
        """Score a slice by its brightness `(H, W)`, levels of 255, and its brightest channel before gains."""
        detail = np.abs(grey - blurred(grey, DETAIL_SIGMA_PX))
        broad = enlarged(blurred(reduced(detail, 2), BROAD_SIGMA_PX / 2), 2, detail.shape)
        narrow = blurred(np.abs(grey - blurred(grey, FINEST_SIGMA_PX)), NARROW_SIGMA_PX)
        if self._slices == 0:
            self.noise, self._finest_noise = _quiet(broad), _quiet(reduced(narrow, COARSE))
        narrow += self._finest_noise
        score = broad + self.noise
        score *= score
        score *= score
        score *= narrow
        score = np.float32(NARROW_POWER) * np.log(score, out=score)  # 2 ln(broad^4 narrow), one logarithm
        coarse = reduced(grey, COARSE)
        self._near, near = self._held(self._near, blurred(coarse, BRIGHTNESS_SIGMA_PX / COARSE))
        self._wide, glow = self._held(self._wide, blurred(coarse, GLINT_SIGMA_PX / COARSE))
        self._slices += 1
        score -= BRIGHTNESS_WEIGHT * enlarged(near, COARSE, score.shape)
        return Focus(score, broad, glow, _glints(brightest))

    def _held(self, mean: Plane | None, brightness: Plane) -> tuple[Plane, Plane]:
        """Give the running mean with this brightness in it, and the brightness within the band about it."""
        new = brightness if mean is None else mean + (brightness - mean) / np.float32(self._slices + 1)
        return new, np.clip(brightness, new - BAND, new + BAND)


def _quiet(amplitude: Plane) -> float:
    """Give the amplitude where a slice shows least: its noise."""
    return max(LEAST_NOISE, float(np.percentile(amplitude[::4, ::4], 5)))


def _glints(brightest: NDArray[np.uint8]) -> Plane:
    clipped = (brightest >= CLIPPED).astype(np.uint8)
    size = 2 * GLINT_REACH_PX + 1
    wide = cv2.dilate(clipped, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    return blurred(reduced(wide, COARSE), 1.0)
