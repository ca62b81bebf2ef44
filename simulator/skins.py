"""What covers a fly: facets, pitted metal, velvet, lacquer, dew. A skin turns a form into light."""

from collections.abc import Sequence

import numpy as np

from simulator.drawing import Plane, Skin, Sphere, Vector, bgr
from simulator.lighting import KEY, Normals, diffuse, mirrored
from simulator.texture import Noise, facets, pits, ramp, smoothstep

_BANDS = (
    bgr(0.40, 0.035, 0.075),
    bgr(0.50, 0.085, 0.030),
    bgr(0.50, 0.270, 0.030),
    bgr(0.16, 0.370, 0.035),
    bgr(0.015, 0.330, 0.120),
    bgr(0.010, 0.210, 0.200),
    bgr(0.045, 0.120, 0.330),
    bgr(0.170, 0.100, 0.330),
)
_RIM_GLOW = bgr(0.06, 0.10, 0.10).astype(np.float32)
"""What a rim at grazing shows of the bright surroundings."""
_PSEUDOPUPILS = (
    (0.02, 0.07, 0.15),
    (-0.27, 0.20, 0.085),
    (0.30, 0.19, 0.085),
    (0.03, 0.40, 0.08),
    (0.0, -0.26, 0.07),
)


class EyeSkin:
    """Thousands of lenses over bands of interference colours."""

    def __init__(self, seed: Sequence[int], soft: Noise, radius: float, lean: float) -> None:
        self._seed, self._soft, self._radius, self._lean = list(seed), soft, radius, lean

    def __call__(self, sphere: Sphere, depth: Plane, pixel: float) -> Plane:
        """Give the light from each pixel."""
        soft = self._soft
        u, v = flatten(sphere)
        pitch = np.float32(0.0061 / self._radius)
        bent_u, bent_v = u + 0.012 * soft.at(u, v, 0.22), v + 0.012 * soft.at(u, v + 0.4, 0.22)
        lattice = facets(bent_u, bent_v, pitch, np.random.default_rng(self._seed))
        dome = np.sqrt(np.maximum(0.55 - lattice.distance**2, 0.02))
        relief = dome * np.float32(pitch * self._radius * 0.62)
        normals, smooth = Normals.of(depth - relief, pixel), Normals.of(depth, pixel)
        grazing = 1 - smooth.toward
        grooves = smoothstep(0.34, 0.56, lattice.distance)
        # One colour a facet: what it shows is read at its centre.
        colour = self._colour(u - lattice.right * pitch, v - lattice.down * pitch, grazing, lattice.chance)
        colour *= (1 - 0.72 * grooves)[..., None]
        light = colour * diffuse(smooth, 0.15) * 0.62
        lit = np.clip(smooth.along(KEY), 0, 1)
        share = (0.16 + 0.84 * lit**3) * (1 - 0.85 * grooves)
        light += mirrored(normals, 0.11) * (0.030 + 0.62 * colour) * share[..., None]
        light += mirrored(smooth, 0.14) * (0.012 + 0.05 * grazing**4)[..., None]
        light += _RIM_GLOW * (grazing**3)[..., None]
        return light

    def _colour(self, u: Plane, v: Plane, grazing: Plane, chance: Plane) -> Plane:
        wave = v + self._lean * u * (1 + 0.5 * u) + 0.05 * self._soft.at(u + 0.3, v + 0.1, 0.16)
        band = smoothstep(-0.15, 0.95, np.sin(wave * 6.6 + 1.05))
        colour = ramp(0.60 - 0.52 * band + 0.40 * grazing**2 + 0.06 * (chance - 0.5), _BANDS)
        # The facets that look straight at us show their dark depths.
        seen = 0.80 + 0.40 * chance
        for at_u, at_v, size in _PSEUDOPUPILS:
            seen *= 1 - 0.72 * smoothstep(size, size * 0.3, np.hypot(u - at_u, v - at_v))
        return colour * seen[..., None]


class MetalSkin:
    """Pitted metallic chitin whose colour turns with the angle, as on a jewel beetle."""

    def __init__(
        self,
        seed: Sequence[int],
        noise: Noise,
        size: float,
        colours: Sequence[Vector],
        pit: float = 0.0105,
        gloss: float = 1.0,
    ) -> None:
        self._seed, self._noise, self._size = list(seed), noise, size
        self._colours, self._pit, self._gloss = colours, pit, gloss

    def __call__(self, sphere: Sphere, depth: Plane, pixel: float) -> Plane:
        """Give the light from each pixel."""
        random = np.random.default_rng(self._seed)
        noise = self._noise
        u, v = flatten(sphere)
        broad = noise.at(u + 0.7, v + 0.2, 0.5)
        fine = noise.at(u * self._size, v * self._size, 14.0)
        holes = pits(u + 0.01 * broad, v, self._pit / self._size, random)
        wide = 0.30 + 0.16 * holes.chance
        cup = smoothstep(1, 0, holes.distance / wide)
        ridge = np.exp(-((holes.distance - wide) ** 2) * 60)
        relief = self._pit * (-0.34 * cup + 0.05 * ridge) + np.float32(0.0005) * fine + 0.006 * broad
        normals = Normals.of(depth - relief.astype(np.float32), pixel)
        smooth = Normals.of(depth - np.float32(0.006) * broad, pixel)
        turn = 1 - smooth.toward
        hue = 0.16 + 0.52 * turn + 0.13 * broad + 0.035 * fine + 0.05 * (holes.chance - 0.5)
        colour = ramp(hue, self._colours)
        light = colour * diffuse(normals) * 0.42
        glance = (0.10 + 0.9 * turn**4)[..., None]
        light += mirrored(normals, 0.16) * (colour * 1.25 + 0.05 * glance) * np.float32(self._gloss)
        light += _RIM_GLOW * (turn**3)[..., None]
        return light * (1 - 0.55 * cup)[..., None]


class VelvetSkin:
    """A face under short dense down: matt, warm, paler where it is seen from the side."""

    def __init__(
        self, noise: Noise, colours: Sequence[Vector], gloss: float = 0.12, size: float = 0.15
    ) -> None:
        self._noise, self._colours, self._gloss, self._size = noise, colours, gloss, size

    def __call__(self, sphere: Sphere, depth: Plane, pixel: float) -> Plane:
        """Give the light from each pixel."""
        noise = self._noise
        u, v = flatten(sphere)
        broad = noise.at(u + 0.1, v + 0.6, 0.6)
        # Down lies along the face: stretched noise reads as nap.
        nap = noise.at(u * 2.6 + 0.1 * broad, v * 0.5, 20 * self._size)
        grain = noise.at(u, v, 40 * self._size)
        relief = 0.0011 * nap + 0.0008 * grain + 0.027 * self._size * broad
        normals = Normals.of(depth - relief.astype(np.float32), pixel)
        turn = 1 - Normals.of(depth, pixel).toward
        colour = ramp(0.42 + 0.16 * broad + 0.10 * nap + 0.05 * grain + 0.25 * turn, self._colours)
        light = colour * diffuse(normals, 0.45) * (0.85 + 0.5 * turn**2)[..., None]
        light += mirrored(normals, 0.3) * (np.float32(self._gloss) * (0.3 + turn))[..., None]
        return light


class BlendSkin:
    """One skin that gives way to another toward the top."""

    def __init__(self, below: Skin, above: Skin, noise: Noise) -> None:
        self._below, self._above, self._noise = below, above, noise

    def __call__(self, sphere: Sphere, depth: Plane, pixel: float) -> Plane:
        """Give the light from each pixel."""
        u, v = flatten(sphere)
        border = v + 0.10 * np.cos(u * 3.2) + 0.07 * self._noise.at(u, v, 1.3)
        share = smoothstep(-0.20, -0.38, border)[..., None]
        return self._below(sphere, depth, pixel) * (1 - share) + self._above(sphere, depth, pixel) * share


class GlossSkin:
    """Smooth lacquered chitin: ocelli, mouthparts."""

    def __init__(self, noise: Noise, colour: Vector, size: float, shine: float, softness: float) -> None:
        self._noise, self._colour, self._size = noise, colour.astype(np.float32), size
        self._shine, self._softness = np.float32(shine), softness

    def __call__(self, sphere: Sphere, depth: Plane, pixel: float) -> Plane:
        """Give the light from each pixel."""
        u, v = flatten(sphere)
        broad = self._noise.at(u, v, 0.4)
        normals = Normals.of(depth - np.float32(0.008 * self._size) * broad, pixel)
        light = self._colour * diffuse(normals, 0.35) * (1 + 0.25 * broad)[..., None]
        fresnel = 0.06 + 0.94 * (1 - normals.toward) ** 5
        light += mirrored(normals, self._softness) * (self._shine * (0.35 + fresnel))[..., None]
        return light


class DewSkin:
    """A drop of water: dark where the light enters, bright where it leaves, and the softbox in it."""

    def __init__(self, tint: Vector) -> None:
        self._tint = tint.astype(np.float32)

    def __call__(self, sphere: Sphere, depth: Plane, pixel: float) -> Plane:
        """Give the light from each pixel."""
        right, down, _ = sphere
        normals = Normals.of(depth, pixel)
        # The drop is a lens: the key light gathers on the side away from it.
        level = np.float32(np.hypot(KEY[0], KEY[1]))
        through, aside = -(right * KEY[0] + down * KEY[1]) / level, (right * KEY[1] - down * KEY[0]) / level
        bright = 0.10 + 1.25 * smoothstep(-0.35, 0.95, through) ** 1.5
        bright *= 1 - 0.7 * smoothstep(0.88, 1.0, np.hypot(right, down))
        bright += 2.0 * np.exp(-((through - 0.62) ** 2 + 0.5 * aside**2) * 26)
        light = self._tint * bright[..., None]
        light += mirrored(normals, 0.0) * (0.20 + 0.6 * (1 - normals.toward) ** 4)[..., None]
        return light


def flatten(sphere: Sphere) -> tuple[Plane, Plane]:
    """Unroll the half of a sphere that faces us on a plane, areas kept."""
    right, down, away = sphere
    length = np.sqrt(right * right + down * down + away * away)
    stretch = np.sqrt(2 / np.maximum(1 - away / np.maximum(length, 1e-3), 0.05)) / np.maximum(length, 1e-3)
    return right * stretch, down * stretch
