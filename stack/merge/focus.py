"""How sharp is a slice at every pixel, as the logarithm of a weight.

At each pixel the slices are averaged with the weights `exp(score)`. The score is the sum of

- `8 ln` and `2 ln` of the amplitude of fine detail, averaged over about 4 and 1.5 pixels. A floor of the noise is
  added: where no slice shows detail all weigh the same, and the average is smoother than any one of them.
- `-0.09` a level of local mean brightness (6 px), and `-0.3` more (10 px) around pixels that are clipped in some
  slice. Clipping and gamma are concave, so a glint out of focus *raises* the local mean: lowest is sharpest.

The brightness is held within a band about its running mean, lest a dark blurred thing before a glint win.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

BROAD_POWER: Final = 8.0
BROAD_SIGMA_PX: Final = 4.0
NARROW_POWER: Final = 2.0
NARROW_SIGMA_PX: Final = 1.5
DETAIL_SIGMA_PX: Final = 2.0
BRIGHTNESS_WEIGHT: Final = 0.09
BRIGHTNESS_SIGMA_PX: Final = 6.0
GLINT_WEIGHT: Final = 0.3
GLINT_SIGMA_PX: Final = 10.0
BAND: Final = 20.0
"""Levels of 255 by which brightness may count, either way."""
CLIPPED: Final = 250
GLINT_REACH_PX: Final = 10
NOISE_FLOORS: Final = 2.0
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
    """

    score: Plane
    amplitude: Plane
    glow: Plane
    glints: Plane


class Focuser:
    """Scores slices in the order they come; keeps the noise of the first and the mean brightness of all."""

    def __init__(self) -> None:
        self.noise = 0.0
        self._near: Plane | None = None
        self._wide: Plane | None = None
        self._slices = 0

    def judge(self, grey: Plane, brightest: NDArray[np.uint8]) -> Focus:
        """Score a slice by its brightness `(H, W)`, levels of 255, and its brightest channel before gains."""
        detail = np.abs(grey - blurred(grey, DETAIL_SIGMA_PX))
        broad, narrow = blurred(detail, BROAD_SIGMA_PX), blurred(detail, NARROW_SIGMA_PX)
        if self._slices == 0:
            self.noise = max(LEAST_NOISE, float(np.percentile(broad[::4, ::4], 5)))
        floor = self.noise * NOISE_FLOORS
        score = BROAD_POWER * cv2.log(broad + floor) + NARROW_POWER * cv2.log(narrow + floor)
        coarse = reduced(grey)
        near = self._above_mean("_near", blurred(coarse, BRIGHTNESS_SIGMA_PX / COARSE))
        glow = self._above_mean("_wide", blurred(coarse, GLINT_SIGMA_PX / COARSE))
        self._slices += 1
        score -= BRIGHTNESS_WEIGHT * enlarged(near, score.shape)
        return Focus(score, broad, glow, _glints(brightest))

    def _above_mean(self, name: str, brightness: Plane) -> Plane:
        """Give brightness relative to its running mean, held within the band; the mean takes it in."""
        mean: Plane | None = getattr(self, name)
        mean = brightness if mean is None else mean + (brightness - mean) / (self._slices + 1)
        setattr(self, name, mean)
        held: Plane = np.clip(brightness, mean - BAND, mean + BAND)
        return held


def blurred(plane: Any, sigma_px: float) -> Plane:
    """Blur by a Gaussian."""
    return cv2.GaussianBlur(plane, (0, 0), sigma_px)  # type: ignore[return-value]


def reduced(plane: Any) -> Plane:
    """Give the picture at a quarter of its resolution."""
    height, width = plane.shape
    size = (max(1, width // COARSE), max(1, height // COARSE))
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def enlarged(plane: Plane, shape: tuple[int, ...]) -> Plane:
    """Bring a picture back to `shape` (rows, columns)."""
    return cv2.resize(plane, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def _glints(brightest: NDArray[np.uint8]) -> Plane:
    clipped = (brightest >= CLIPPED).astype(np.uint8)
    size = 2 * GLINT_REACH_PX + 1
    wide = cv2.dilate(clipped, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    return blurred(reduced(wide.astype(np.float32)), 1.0)
