"""A macro photographer's light: a large softbox above left, a strip behind right, a leaf's green from below.

Directions are unit vectors `(right, down, toward the lens)`; light is linear blue-green-red.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.texture import smoothstep

Plane = NDArray[np.float32]

KEY = np.array([-0.48, -0.66, 0.58], np.float32) / np.float32(1.002)
_RIM = np.array([0.86, -0.34, -0.12], np.float32) / np.float32(0.932)

_KEY_BGR = np.array([0.98, 1.0, 1.03], np.float32)
_RIM_BGR = np.array([1.15, 1.0, 0.86], np.float32)
_SKY_BGR = np.array([0.40, 0.36, 0.32], np.float32)
_GROUND_BGR = np.array([0.05, 0.14, 0.08], np.float32)


@dataclass(frozen=True, slots=True)
class Normals:
    """Which way a surface faces at every pixel."""

    right: Plane
    down: Plane
    toward: Plane

    @classmethod
    def of(cls, depth: Plane, pixel: float) -> "Normals":
        """Take the slopes of `depth`, both in units of `pixel`."""
        right = np.asarray(cv2.Scharr(depth, cv2.CV_32F, 1, 0, scale=1 / (32 * pixel)), np.float32)
        down = np.asarray(cv2.Scharr(depth, cv2.CV_32F, 0, 1, scale=1 / (32 * pixel)), np.float32)
        # Beyond a slope of 12 a pixel sees the far side of the edge it lies on, not the surface.
        np.clip(right, -12, 12, out=right)
        np.clip(down, -12, 12, out=down)
        toward = np.asarray(1 / np.sqrt(1 + right * right + down * down), np.float32)
        return cls(right * toward, down * toward, toward)

    def along(self, direction: NDArray[np.float32]) -> Plane:
        """Give the cosine with `direction`."""
        x, y, z = direction
        return np.asarray(self.right * x + self.down * y + self.toward * z, np.float32)


def diffuse(normals: Normals, wrap: float = 0.25) -> Plane:
    """Give what matt white returns, `(H, W, 3)`; with `wrap` light creeps round, as through skin."""
    key = np.maximum((normals.along(KEY) + wrap) / (1 + wrap), 0)
    rim = np.maximum(normals.along(_RIM), 0)
    up = 0.5 - 0.5 * normals.down
    light = (1.35 * key)[..., None] * _KEY_BGR
    light += (0.34 * rim)[..., None] * _RIM_BGR
    light += up[..., None] * _SKY_BGR
    light += (1 - up)[..., None] * _GROUND_BGR
    return np.asarray(light, np.float32)


def mirrored(normals: Normals, softness: float) -> Plane:
    """Give what a surface mirrors toward the lens, `(H, W, 3)`; `softness` 0 is polished, 0.5 satin."""
    right = 2 * normals.toward * normals.right
    down = 2 * normals.toward * normals.down
    toward = 2 * normals.toward * normals.toward - 1
    ray = Normals(right, down, toward)
    up = np.clip(0.5 - 0.5 * down, 0, 1)
    light = (up**1.5)[..., None] * (_SKY_BGR * 1.1) + ((1 - up) ** 1.5)[..., None] * (_GROUND_BGR * 1.2)
    brightness = 38.0 * (0.09 / (0.09 + softness)) ** 2 + 0.5
    light += (brightness * _softbox(ray, KEY, 0.42, 0.34, softness))[..., None] * _KEY_BGR
    light += (0.42 * brightness * _softbox(ray, _RIM, 0.16, 0.7, softness))[..., None] * _RIM_BGR
    return np.asarray(light, np.float32)


def recesses(depth: Plane, reach_px: float, strength: float, pixel: float) -> Plane:
    """Give how much of the surrounding light reaches each pixel: 1 in the open, less in folds.

    A pixel deeper than the mean of its surroundings is in a fold. `depth` is deeper still round the surface.
    """
    # What lies far around is smooth: seen smaller, it costs less.
    height, width = depth.shape
    shrink = max(int(reach_px / 4), 1)
    size = (-(-width // shrink), -(-height // shrink))
    around = cv2.resize(depth, size, interpolation=cv2.INTER_AREA)
    around = cv2.resize(cv2.GaussianBlur(around, (0, 0), reach_px / shrink), (width, height))
    fold = np.maximum(depth - around, 0) / (reach_px * pixel)
    return np.asarray(np.exp(-strength * fold), np.float32)


def _softbox(ray: Normals, centre: NDArray[np.float32], wide: float, tall: float, softness: float) -> Plane:
    """Give the share of a rectangular light's middle brightness that comes along `ray`."""
    across = np.cross(centre, np.array([0, 1, 0], np.float32)).astype(np.float32)
    across /= np.linalg.norm(across)
    along = np.cross(across, centre).astype(np.float32)
    ahead = ray.along(centre)
    safe = np.maximum(ahead, np.float32(0.05))
    x, y = (np.asarray(np.abs(ray.along(way)) / safe, np.float32) for way in (across, along))
    edge = 0.04 + softness
    inside = smoothstep(wide + edge, wide - edge, x) * smoothstep(tall + edge, tall - edge, y)
    fall = 1 / (1 + 1.2 * (x * x + y * y))
    return np.where(ahead > 0, inside * fall, 0).astype(np.float32)
