"""Subjects of another making than `subjects`, to see whether a rule holds for what it was not tuned on."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

import cv2
import numpy as np
from rendered import Surface
from subjects import Canvas

SOFT_PX: Final = 0.6
"""What lenses draw is never sharper than this, so a cubic sample of it has no rings."""
LAMPS: Final = ((-0.35, -0.4, 0.85), (0.5, -0.2, 0.84))


def strokes(c: Canvas) -> list[Surface]:
    """Give a plane that leans both ways, painted with strokes."""
    lean = np.clip(0.5 + 0.55 * (0.6 * c.u + 0.8 * c.v - 0.7) / 0.6, 0, 1)
    return [Surface(_painted(c), c.everywhere(), (c.last * lean).astype(np.float32))]


def polygons(c: Canvas) -> list[Surface]:
    """Give smooth polygons before each other."""
    ground = Surface(_painted(c), c.everywhere(), c.flat(0.97 * c.last))
    near = [(0.8, 0.15), (0.6, 0.2), (0.42, 0.1), (0.25, 0.15), (0.1, 0.1)]
    return [
        ground,
        *(Surface(_painted(c), _polygon(c, radius), c.flat(depth * c.last)) for depth, radius in near),
    ]


def wing_cases(c: Canvas) -> list[Surface]:
    """Give a beetle's dimpled back in the light of two lamps: all that it mirrors clips."""
    away = ((c.u - 0.5) / 0.62) ** 2 + ((c.v - 0.5) / 0.75) ** 2
    dome = np.sqrt(np.clip(1 - away, 0.05, 1)).astype(np.float32)
    apart = c.width / 45
    pits = c.flat(0)
    for row in range(int(c.height / apart) + 1):
        for column in range(int(c.width / apart) + 1):
            x, y = (column + 0.5 * (row % 2), row) + 0.1 * c.random.standard_normal(2)
            cv2.circle(pits, (int(x * apart), int(y * apart)), int(0.3 * apart), 1.0, -1, cv2.LINE_AA)
    pits = cv2.GaussianBlur(pits, (0, 0), 0.1 * apart)
    height = cv2.GaussianBlur((0.25 * dome - 0.004 * pits + 0.0012 * _rough(c, 4)) * c.width, (0, 0), 1)
    mirrored, lit = c.flat(0), c.flat(0.15)
    slopes = [cv2.Sobel(height, cv2.CV_32F, *along) / 8 for along in ((1, 0), (0, 1))]
    normal = np.dstack([-slopes[0], -slopes[1], c.everywhere()])
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    for lamp in LAMPS:
        towards = np.float32(lamp) / np.linalg.norm(lamp)
        between = towards + np.float32([0, 0, 1])
        lit += 0.5 * np.clip(normal @ towards, 0, 1)
        mirrored += 6 * np.clip(normal @ (between / np.linalg.norm(between)), 0, 1) ** 220
    skin = _painted(c, 150, 0.35) * np.float32([0.5, 0.9, 1.1])
    radiance = _soft(skin * lit[..., None] + mirrored[..., None])
    depth = np.clip(c.last * (1.02 - 0.98 * (dome - 0.22) / 0.78), 0, c.last)
    return [Surface(radiance, c.everywhere(), depth.astype(np.float32))]


def curved_hairs(c: Canvas) -> list[Surface]:
    """Give hairs that bend, taper and lead away in depth, over a round body, and what is never in focus."""
    away = ((c.u - 0.5) / 0.3) ** 2 + ((c.v - 0.55) / 0.33) ** 2
    cover = np.clip((1 - away) * 0.15 * c.width + 0.5, 0, 1).astype(np.float32)
    body = c.last * (0.95 - 0.6 * np.sqrt(np.clip(1 - 0.83 * away, 0, 1)))
    surfaces = [
        Surface(_painted(c, 150), c.everywhere(), c.flat(2.4 * c.last)),
        Surface(_painted(c, 700), cover, body.astype(np.float32)),
    ]
    for _ in range(45):
        tone = c.random.uniform(0.006, 0.05) if c.random.uniform() < 0.6 else c.random.uniform(0.3, 0.8)
        colour = tone * np.ones((c.height, c.width, 3), np.float32) * np.float32([0.8, 0.95, 1.05])
        surfaces.append(Surface(colour, *_hair(c)))
    return surfaces


def clay(c: Canvas) -> list[Surface]:
    """Give smooth hills with hardly a mark on them, and a few glints."""
    hills = _hills(c)
    grain = np.exp(0.25 * hills + 0.02 * _rough(c, 2))
    radiance = np.float32([0.13, 0.18, 0.24]) * grain[..., None]
    c.glints(radiance, 6)
    depth = c.last * np.clip(0.5 + 0.2 * hills, 0, 1)
    return [Surface(_soft(radiance), c.everywhere(), depth.astype(np.float32))]


def far_hills(c: Canvas) -> list[Surface]:
    """Give many slices of painted hills with glints, behind smooth polygons that lie far before them."""
    hills = np.clip(0.5 + 0.2 * _hills(c), 0, 1)
    radiance = _painted(c)
    c.glints(radiance, 12)
    ground = (c.last * (0.35 + 0.65 * hills)).astype(np.float32)
    near = ((0.3, 0.06), (0.15, 0.12), (0.05, 0.09))
    hills_seen = Surface(_soft(radiance), c.everywhere(), ground)
    return [hills_seen, *(Surface(_painted(c), _polygon(c, size), c.flat(at * c.last)) for at, size in near)]


def letters(c: Canvas) -> list[Surface]:
    """Give a board with traces and letters, and plain parts with letters on them before it."""
    board = np.float32([0.05, 0.16, 0.04]) * np.exp(0.06 * _rough(c, 2))[..., None]
    unit = c.width / 1500
    for _ in range(40):
        x, y = c.random.uniform(0, 1, 2) * (c.width, c.height)
        across, down = c.random.permutation([0.2 * c.width * c.random.standard_normal(), 0])
        thick = int(c.random.uniform(3, 12) * unit)
        end = int(x + across), int(y + down)
        cv2.line(board, (int(x), int(y)), end, (0.1, 0.3, 0.08), thick, cv2.LINE_AA)
        cv2.circle(board, end, int(8 * unit), (0.25, 0.5, 0.6), -1, cv2.LINE_AA)
    for _ in range(16):
        _write(c, board, c.random.uniform(0, 1, 2), 0.65, c.random.uniform(0.7, 1.8))
    surfaces = [Surface(_soft(board), c.everywhere(), (c.last * (0.9 - 0.15 * c.v)).astype(np.float32))]
    for _ in range(6):
        (u, v), across, down = c.random.uniform(0.2, 0.7, 2), *c.random.uniform(0.03, 0.13, 2)
        cover = ((c.u >= u) & (c.u < u + across) & (c.v >= v) & (c.v < v + down)).astype(np.float32)
        part = c.random.uniform(0.015, 0.06) * np.exp(0.05 * _rough(c, 2))[..., None] * np.ones(3, np.float32)
        _write(c, part, (u + 0.01, v + 0.6 * down), 0.3, 1.2)
        depth = c.random.uniform(0.05, 0.6) * c.last
        surfaces.append(Surface(_soft(part), cv2.GaussianBlur(cover, (0, 0), SOFT_PX), c.flat(depth)))
    return surfaces


HELD_BACK: Final[dict[str, tuple[Callable[[Canvas], list[Surface]], int, float]]] = {
    "strokes": (strokes, 15, 0.0015),
    "polygons": (polygons, 18, -0.001),
    "wing cases": (wing_cases, 20, 0.001),
    "curved hairs": (curved_hairs, 22, 0.0012),
    "clay": (clay, 15, 0.001),
    "far hills": (far_hills, 40, 0.003),
    "letters": (letters, 16, 0.001),
}
"""Subject, slices, breathing a slice."""


def _soft(radiance: Any) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(np.asarray(radiance, np.float32), (0, 0), SOFT_PX))


def _rough(c: Canvas, finest_px: float, falls: float = 0.7, scales: int = 4) -> np.ndarray:
    """Give what is rough on some scales, each twice as fine as the one before and weaker by a factor."""
    total = c.flat(0)
    for scale in range(scales):
        cell = finest_px * c.grain * 2 ** (scales - 1 - scale)
        size = int(c.height / cell) + 3, int(c.width / cell) + 3
        coarse = c.random.standard_normal(size).astype(np.float32)
        total += falls**scale * cv2.resize(coarse, (c.width, c.height), interpolation=cv2.INTER_CUBIC)
    return total


def _hills(c: Canvas) -> np.ndarray:
    hills = cv2.GaussianBlur(_rough(c, 64 / c.grain, 0.6, 3), (0, 0), 30)
    return np.asarray(hills / hills.std(), np.float32)


def _painted(c: Canvas, count: int = 400, strength: float = 0.5) -> np.ndarray:
    """Give radiance of one colour with strokes of others upon it, a little rough."""
    picture = c.everywhere()[..., None] * c.random.uniform(0.05, 0.35, 3).astype(np.float32)
    for _ in range(count):
        colour = tuple(float(part) for part in np.exp(c.random.normal(np.log(0.12), 0.7, 3)).clip(0.005, 0.8))
        middle = int(c.random.uniform(0, c.width)), int(c.random.uniform(0, c.height))
        axes = tuple(int(c.random.exponential(c.width / share)) + 1 for share in (90, 250))
        angle = c.random.uniform(0, 180)
        cv2.ellipse(picture, middle, axes, angle, 0, 360, colour, -1, cv2.LINE_AA)
    grain = np.exp(0.5 * strength * _rough(c, 2, 0.62, 7))
    return np.asarray((_soft(picture) * grain[..., None]).clip(0.003, 0.9), np.float32)


def _polygon(c: Canvas, radius: float) -> np.ndarray:
    """Give the coverage of a polygon of seven corners somewhere about the middle."""
    angles, reach = np.sort(c.random.uniform(0, 2 * np.pi, 7)), radius * c.random.uniform(0.6, 1.2, 7)
    middle = c.random.uniform(0.25, 0.75, 2) * (c.width, c.height)
    corners = middle + c.width * (reach * np.stack([np.cos(angles), np.sin(angles)])).T
    mask = np.zeros((c.height, c.width), np.uint8)
    cv2.fillPoly(mask, [np.rint(corners * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def _hair(c: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """Give the coverage of a hair and its depth, in slices."""
    angle, out = c.random.uniform(0, 2 * np.pi), c.random.uniform(0.05, 0.3)
    along = np.array([np.cos(angle), np.sin(angle)])
    root, bend = (0.5, 0.55) + out * along, 0.06 * c.random.standard_normal(2)
    share = np.linspace(0, 1, 40)[:, None]
    points = root + along * c.random.uniform(0.08, 0.25) * share + bend * share**2
    thick, depths = c.random.uniform(2, 5) * c.width / 1500, c.last * c.random.uniform(0, 0.6, 2)
    mask, depth = np.zeros((c.height, c.width), np.uint8), c.flat(0)
    places = np.rint(points * (c.width, c.height) * 16).astype(int)
    for part, (a, b) in enumerate(pairwise(places)):
        width = max(1, round(thick * (1 - part / 45)))
        at = float(depths[0] + (depths[1] - depths[0]) * part / 39)
        cv2.line(mask, tuple(map(int, a)), tuple(map(int, b)), 255, width, cv2.LINE_AA, 4)
        cv2.line(depth, tuple(map(int, a)), tuple(map(int, b)), at, width + 6, cv2.LINE_8, 4)
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), SOFT_PX), depth


def _write(c: Canvas, radiance: np.ndarray, place: Any, light: float, size: float) -> None:
    """Write four signs from that place on, shares of width and height, so large."""
    ink = np.zeros(radiance.shape[:2], np.uint8)
    signs = "".join(c.random.choice(list("RCUQLMX0123456789"), 4))
    at, unit = (int(place[0] * c.width), int(place[1] * c.height)), c.width / 1500
    thick = max(1, round(2.5 * unit))
    cv2.putText(ink, signs, at, cv2.FONT_HERSHEY_SIMPLEX, size * unit, 255, thick, cv2.LINE_AA)
    share = ink[..., None] / np.float32(255)
    radiance[:] = radiance * (1 - share) + light * share
