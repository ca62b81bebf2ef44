"""Bristles, hairs and legs: thin tapered curves in space, lit as cylinders."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.lighting import KEY

Plane = NDArray[np.float32]
Vector = NDArray[np.float64]

_HALFWAY = (KEY + np.array([0, 0, 1])) / np.linalg.norm(KEY + np.array([0, 0, 1]))


@dataclass(frozen=True, slots=True, eq=False)
class Strand:
    """One curve. Lengths in frame widths.

    Attributes
    ----------
    path
        `(n, 3)`: right, down, depth, from the root to the tip.
    root_radius, tip_radius
        Half the thickness at both ends.
    root_bgr, tip_bgr
        Colours of the matt light at both ends.
    gloss
        Brightness of the highlight along it.
    glow
        Share of light that shines through: 0 black bristle, 1 pale down.
    """

    path: Vector
    root_radius: float
    tip_radius: float
    root_bgr: Vector
    tip_bgr: Vector
    gloss: float = 1.0
    glow: float = 0.0


def curved(root: Vector, heading: Vector, length: float, bend: Vector, pieces: int = 7) -> Vector:
    """Give a path that leaves `root` along `heading` and is bent away by `bend`, as by weight or growth."""
    along = np.linspace(0, 1, pieces + 1)[:, None]
    unit = heading / max(float(np.linalg.norm(heading)), 1e-9)
    return root + length * (along * unit + along**2 * bend)


def draw(
    strands: Iterable[Strand], light: Plane, depth: Plane, width_px: float, centre_px: tuple[float, float]
) -> None:
    """Paint strands, the farthest first, over premultiplied `(H, W, 4)` light and `(H, W)` depth."""
    for strand in sorted(strands, key=lambda one: -float(one.path[:, 2].mean())):
        _paint(strand, light, depth, width_px, centre_px)


def shadows(
    strands: Iterable[Strand],
    surface: Plane,
    inked: Plane,
    width_px: float,
    centre_px: tuple[float, float],
) -> Plane:
    """Give how much key light strands leave on a surface `(H, W)` deep: 1 lit, 0 in the dark.

    The nearer a strand to the surface, the sharper and darker its shadow.
    """
    height, width = surface.shape
    sharp, soft = np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8)
    for strand in strands:
        x = strand.path[:, 0] * width_px + centre_px[0]
        y = strand.path[:, 1] * width_px + centre_px[1]
        column = np.clip(np.rint(x), 0, width - 1).astype(int)
        row = np.clip(np.rint(y), 0, height - 1).astype(int)
        if inked[row[0], column[0]] < 0.5:
            continue
        above = np.clip(surface[row, column] - strand.path[:, 2], 0, 0.08) * width_px
        fallen = np.stack([x - above * KEY[0] / KEY[2], y - above * KEY[1] / KEY[2]], axis=1)
        thick = max(1, round(1.6 * strand.root_radius * width_px))
        near = max(2, len(fallen) // 3)
        _line(sharp, fallen[: near + 1], thick)
        _line(soft, fallen[near:], thick)
    unit = width_px / 1600
    dark = 0.55 * cv2.GaussianBlur(sharp.astype(np.float32), (0, 0), max(1.6 * unit, 0.4))
    dark += 0.60 * cv2.GaussianBlur(soft.astype(np.float32), (0, 0), max(6.0 * unit, 0.8))
    return np.asarray(1 - 0.62 * (1 - np.exp(-dark / 160)), np.float32)


def _line(picture: NDArray[np.uint8], points: Vector, thick: int) -> None:
    fixed = np.rint(points * 16).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(picture, [fixed], False, 255, thick, cv2.LINE_AA, 4)


def _paint(
    strand: Strand, light: Plane, depth: Plane, width_px: float, centre_px: tuple[float, float]
) -> None:
    x = strand.path[:, 0] * width_px + centre_px[0]
    y = strand.path[:, 1] * width_px + centre_px[1]
    margin = strand.root_radius * width_px + 2
    height, width = depth.shape
    left, right = max(int(x.min() - margin), 0), min(int(x.max() + margin) + 2, width)
    top, bottom = max(int(y.min() - margin), 0), min(int(y.max() + margin) + 2, height)
    if left >= right or top >= bottom:
        return
    cover = np.zeros((bottom - top, right - left), np.float32)
    colour = np.zeros((*cover.shape, 3), np.float32)
    z = np.zeros_like(cover)
    pieces = len(x) - 1
    for n in range(pieces):
        reach = margin
        x0, x1 = sorted((x[n], x[n + 1]))
        y0, y1 = sorted((y[n], y[n + 1]))
        cut = (
            slice(max(int(y0 - reach) - top, 0), max(int(y1 + reach) + 2 - top, 0)),
            slice(max(int(x0 - reach) - left, 0), max(int(x1 + reach) + 2 - left, 0)),
        )
        if cover[cut].size == 0:
            continue
        rows = np.arange(cut[0].start, min(cut[0].stop, cover.shape[0]), dtype=np.float32)[:, None] + top
        columns = np.arange(cut[1].start, min(cut[1].stop, cover.shape[1]), dtype=np.float32)[None, :] + left
        _piece(
            strand,
            (n, pieces),
            (columns - np.float32(x[n]), rows - np.float32(y[n])),
            (x[n + 1] - x[n], y[n + 1] - y[n]),
            width_px,
            (cover[cut], colour[cut], z[cut]),
        )
    place = (slice(top, bottom), slice(left, right))
    light[place] *= (1 - cover)[..., None]
    light[place][..., :3] += colour * cover[..., None]
    light[place][..., 3] += cover
    np.copyto(depth[place], z, where=(cover > 0.25) | ((cover > 0) & (light[place][..., 3] < cover + 0.05)))


def _piece(
    strand: Strand,
    which: tuple[int, int],
    offset: tuple[Plane, Plane],
    span: tuple[float, float],
    width_px: float,
    into: tuple[Plane, Plane, Plane],
) -> None:
    """Lay one straight piece into `into` (cover, colour, depth) wherever it covers more than is there."""
    cover, colour, z = into
    n, pieces = which
    dx, dy = offset
    length = max(float(np.hypot(*span)), 1e-3)
    ux, uy = np.float32(span[0] / length), np.float32(span[1] / length)
    along = np.clip((dx * ux + dy * uy) / np.float32(length), 0, 1)
    aside_x, aside_y = dx - along * np.float32(span[0]), dy - along * np.float32(span[1])
    distance = np.sqrt(aside_x * aside_x + aside_y * aside_y)
    place = (n + along) / np.float32(pieces)
    radius = np.float32(width_px) * (
        np.float32(strand.root_radius) + place * np.float32(strand.tip_radius - strand.root_radius)
    )
    # Thinner than a pixel a strand fades instead of breaking up.
    shown = np.maximum(radius, 0.5)
    new = np.clip(shown + 0.5 - distance, 0, 1) * np.minimum(radius / shown, 1)
    ahead = strand.path[n + 1] - strand.path[n]
    tangent = np.array([ahead[0], ahead[1], -ahead[2]]) / max(float(np.linalg.norm(ahead)), 1e-9)
    # The cylinder's own normal: `side` across the strand as seen, the rest toward the lens.
    side = np.clip((ux * dy - uy * dx) / shown, -1, 1)
    across = np.array([-uy, ux, 0.0])
    outward = np.array([-ux * tangent[2], -uy * tangent[2], ux * tangent[0] + uy * tangent[1]])
    lambert = np.maximum(
        side * np.float32(across @ KEY) + np.sqrt(1 - side * side) * np.float32(outward @ KEY), 0
    )
    shine = strand.gloss * (1 - float(tangent @ _HALFWAY) ** 2) ** 24
    # A highlight narrower than a pixel is met everywhere across, at its mean.
    fine = np.clip(1.6 - radius, 0, 1)
    glance = (
        np.exp(-((side - np.float32(across @ _HALFWAY)) ** 2) * 14) * (1 - fine) + np.float32(0.22) * fine
    )
    base = np.float32(0.20 + 0.55 * strand.glow) + np.float32(0.95 - 0.45 * strand.glow) * lambert
    tone = strand.root_bgr + place[..., None] * (strand.tip_bgr - strand.root_bgr)
    lit = (base[..., None] * tone + (np.float32(shine) * glance)[..., None]).astype(np.float32)
    wins = new > cover
    np.copyto(colour, lit, where=wins[..., None])
    np.copyto(z, np.float32(strand.path[n, 2]) + along * np.float32(ahead[2]), where=wins)
    np.copyto(cover, new, where=wins)
