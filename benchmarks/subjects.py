"""What the merge is measured on: rendered stacks of each kind that macro photographers meet, truth known."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from rendered import MARGIN, Surface, _disc_mask, _line, _texture


class Canvas:
    """Where surfaces are drawn: larger than the frame, so that frames may move about."""

    def __init__(self, size: tuple[int, int], slices: int, seed: int, grain: float = 1.0) -> None:
        self.width, self.height = (round(side * (1 + 2 * MARGIN)) for side in size)
        self.y, self.x = np.mgrid[: self.height, : self.width].astype(np.float32)
        self.u, self.v = self.x / self.width, self.y / self.height
        self.last = slices - 1
        self.random = np.random.default_rng(seed)
        self.grain = grain

    def texture(self, strength: float = 1.0) -> np.ndarray:
        """Give radiance that is rough on every scale."""
        return _texture(self.height, self.width, self.random, strength, self.grain)

    def everywhere(self) -> np.ndarray:
        """Give full coverage."""
        return np.ones((self.height, self.width), np.float32)

    def flat(self, depth: float) -> np.ndarray:
        """Give one depth."""
        return np.full((self.height, self.width), depth, np.float32)

    def disc(self, u: float, v: float, radius: float) -> np.ndarray:
        """Give the coverage of a disc, in shares of the width."""
        return _disc_mask(self.x, self.y, u * self.width, v * self.height, radius * self.width)

    def line(self, a: tuple[float, float], b: tuple[float, float], thick: float) -> np.ndarray:
        """Give the coverage of a line, its thickness a share of the height."""
        return _line(self.height, self.width, a, b, max(1, round(thick * self.height)))

    def glints(self, radiance: np.ndarray, count: int) -> None:
        """Put spots on a surface that are brighter than the sensor can tell."""
        for _ in range(count):
            u, v = self.random.uniform(0.15, 0.85, 2)
            spot = self.disc(u, v, self.random.uniform(0.001, 0.006))
            radiance += spot[..., None] * np.float32(self.random.uniform(3, 12))


def plane(c: Canvas) -> list[Surface]:
    """Give a slanted plane, nothing more."""
    return [Surface(c.texture(), c.everywhere(), np.clip(c.last * (1.05 * c.v - 0.02), 0, c.last))]


def steps(c: Canvas) -> list[Surface]:
    """Give terraces whose edges cover what lies behind, a dark smooth ball among them."""
    surfaces = [Surface(c.texture(), c.everywhere(), c.flat(c.last))]
    for depth, u, v, radius in ((0.75, 0.3, 0.3, 0.2), (0.5, 0.62, 0.6, 0.2), (0.15, 0.36, 0.68, 0.13)):
        surfaces.append(Surface(c.texture(), c.disc(u, v, radius), c.flat(depth * c.last)))
    ball = 0.03 + 0.1 * np.clip(1 - np.hypot(c.u - 0.75, c.v - 0.3) / 0.12, 0, 1)
    radiance = np.repeat(ball[..., None], 3, axis=2) * np.float32([0.6, 0.8, 1.3])
    surfaces.append(Surface(radiance.astype(np.float32), c.disc(0.74, 0.32, 0.1), c.flat(0.05 * c.last)))
    return surfaces


def bumps(c: Canvas) -> list[Surface]:
    """Give hills with glints that clip."""
    waves = np.sin(9 * c.u + 1) * np.sin(7 * c.v + c.random.uniform(0, 3))
    radiance = c.texture()
    c.glints(radiance, 40)
    return [Surface(radiance, c.everywhere(), (c.last * (0.5 + 0.48 * waves)).astype(np.float32))]


def bristles(c: Canvas) -> list[Surface]:
    """Give hairs, light and dark, over a textured body, and behind both what is never in focus."""
    body = np.clip(c.last * (0.3 + 2.2 * np.hypot(c.u - 0.5, c.v - 0.52) ** 2 * 3), 0, c.last)
    surfaces = [
        Surface(c.texture(1.2), c.everywhere(), c.flat(2.2 * c.last)),
        Surface(c.texture(), c.disc(0.5, 0.55, 0.27), body.astype(np.float32)),
    ]
    for _ in range(36):
        a, b = c.random.uniform(0.14, 0.86, 2), c.random.uniform(0.14, 0.86, 2)
        b = a + (b - a) * 0.6
        dark = c.random.uniform() < 0.6
        light = c.random.uniform(0.008, 0.04) if dark else c.random.uniform(0.4, 0.8)
        hair = c.line(tuple(a), tuple(b), c.random.uniform(0.001, 0.006))
        colour = np.full((c.height, c.width, 3), light, np.float32)
        surfaces.append(Surface(colour, hair, c.flat(c.random.uniform(0, 0.3) * c.last)))
    return surfaces


def low_texture(c: Canvas) -> list[Surface]:
    """Give a smooth slope and a smooth ball with few marks on them, and a few glints."""
    radiance = c.texture(0.12)
    c.glints(radiance, 8)
    ball = c.texture(0.12)
    return [
        Surface(radiance, c.everywhere(), np.clip(c.last * (0.3 + 0.7 * c.v), 0, c.last)),
        Surface(ball, c.disc(0.55, 0.45, 0.14), c.flat(0.1 * c.last)),
    ]


def deep(c: Canvas) -> list[Surface]:
    """Give many slices, much breathing: a hill, a plate and a bar before a slope."""
    hill = np.exp(-(((c.u - 0.35) / 0.16) ** 2 + ((c.v - 0.55) / 0.2) ** 2))
    ground = np.clip(c.last * (1 - 0.45 * c.v - 0.5 * hill), 0, c.last)
    radiance = c.texture()
    c.glints(radiance, 10)
    return [
        Surface(radiance, c.everywhere(), ground.astype(np.float32)),
        Surface(c.texture(), c.disc(0.68, 0.62, 0.13), c.flat(0.2 * c.last)),
        Surface(c.texture(), c.line((0.12, 0.2), (0.5, 0.32), 0.025), c.flat(0.4 * c.last)),
    ]


def prints(c: Canvas) -> list[Surface]:
    """Give what is printed, smooth between plain outlines: bars behind a board with marks, and two labels."""
    bars = c.everywhere() * np.float32(0.55)
    place = 0.0
    while place < 1:
        wide = c.random.choice([0.006, 0.012, 0.02, 0.035, 0.07])
        if c.random.uniform() < 0.5:
            leaning = c.u + 0.03 * c.v
            bars[(leaning >= place) & (leaning < place + wide)] = 0.02
        place += wide
    board = np.ones((c.height, c.width, 3), np.float32) * np.float32([0.05, 0.14, 0.03])
    for _ in range(60):
        u, v = c.random.uniform(0, 1), c.random.uniform(0.45, 1)
        white = c.random.uniform() < 0.6
        colour = np.float32([0.6, 0.6, 0.6]) if white else c.random.uniform(0.01, 0.5, 3).astype(np.float32)
        if c.random.uniform() < 0.5:
            mark = c.disc(u, v, c.random.uniform(0.004, 0.04)) > 0.5
        else:
            mark = (abs(c.u - u) < c.random.uniform(0.01, 0.08)) & (
                abs(c.v - v) < c.random.uniform(0.004, 0.05)
            )
        board[mark] = colour
    rings = np.hypot(c.u - 0.68, (c.v - 0.45) * 0.75) % 0.03 < 0.008
    label = np.where(rings, 0.03, 0.3)[..., None] * np.float32([0.6, 0.9, 1.1])
    plain = c.everywhere()[..., None] * np.float32([0.156, 0.108, 0.06])
    return [
        Surface(bars[..., None] * np.float32([0.8, 0.95, 1.0]), c.everywhere(), c.flat(c.last)),
        Surface(
            board,
            (c.v > 0.5).astype(np.float32),
            np.clip(c.last * (1.8 - 1.6 * c.v), 0, c.last).astype(np.float32),
        ),
        Surface(label.astype(np.float32), c.disc(0.68, 0.45, 0.11), c.flat(0.2 * c.last)),
        Surface(plain, c.disc(0.3, 0.35, 0.09), c.flat(0.1 * c.last)),
    ]


KINDS: Final[dict[str, tuple[Callable[[Canvas], list[Surface]], int, float]]] = {
    "plane": (plane, 15, 0.001),
    "steps": (steps, 16, 0.001),
    "bumps": (bumps, 16, -0.001),
    "bristles": (bristles, 20, 0.001),
    "low texture": (low_texture, 16, 0.001),
    "deep": (deep, 40, 0.003),
    "prints": (prints, 16, 0.001),
}
"""Subject, slices, breathing a slice."""
