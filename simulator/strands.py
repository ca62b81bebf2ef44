"""Bristles, hairs and legs: thin tapered curves in space, lit as cylinders."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.lighting import KEY

Plane = NDArray[np.float32]
Vector = NDArray[np.float64]

_TOGETHER = 40_000
"""Up to how many pixels times pieces a strand is painted in one go."""
_HALFWAY = (KEY + np.array([0, 0, 1], np.float32)) / np.float32(np.linalg.norm(KEY + np.array([0, 0, 1])))


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
    together = pieces if cover.size * pieces < _TOGETHER else 1
    for first in range(0, pieces, together):
        some = np.arange(first, first + together)
        ends = np.append(some, first + together)
        cut = (
            slice(max(int(y[ends].min() - margin) - top, 0), max(int(y[ends].max() + margin) + 2 - top, 0)),
            slice(max(int(x[ends].min() - margin) - left, 0), max(int(x[ends].max() + margin) + 2 - left, 0)),
        )
        into = cover[cut], colour[cut], z[cut]
        if into[0].size:
            corner = (cut[1].start + left, cut[0].start + top)
            _pieces(strand, some, (x, y), corner, width_px, into)
    place = (slice(top, bottom), slice(left, right))
    light[place] *= (1 - cover)[..., None]
    light[place][..., :3] += colour * cover[..., None]
    light[place][..., 3] += cover
    np.copyto(depth[place], z, where=(cover > 0.25) | ((cover > 0) & (light[place][..., 3] < cover + 0.05)))


def _pieces(
    strand: Strand,
    some: NDArray[np.intp],
    path_px: tuple[Vector, Vector],
    corner_px: tuple[int, int],
    width_px: float,
    into: tuple[Plane, Plane, Plane],
) -> None:
    """Lay straight pieces into `into` (cover, colour, depth) wherever they cover more than is there."""
    cover, colour, z = into
    # Arrays run over pieces, rows, columns.
    x, y = (at[some, None, None].astype(np.float32) for at in path_px)
    span_x, span_y = (np.diff(at)[some, None, None].astype(np.float32) for at in path_px)
    dx = np.arange(cover.shape[1], dtype=np.float32)[None, None, :] + (np.float32(corner_px[0]) - x)
    dy = np.arange(cover.shape[0], dtype=np.float32)[None, :, None] + (np.float32(corner_px[1]) - y)
    length = np.maximum(np.hypot(span_x, span_y), np.float32(1e-3))
    ux, uy = span_x / length, span_y / length
    along = np.clip((dx * ux + dy * uy) / length, 0, 1)
    distance = np.hypot(dx - along * span_x, dy - along * span_y)
    place = (some[:, None, None].astype(np.float32) + along) / np.float32(len(strand.path) - 1)
    root, tip = np.float32(strand.root_radius * width_px), np.float32(strand.tip_radius * width_px)
    radius = root + place * (tip - root)
    # Thinner than a pixel a strand fades instead of breaking up.
    shown = np.maximum(radius, np.float32(0.5))
    covers = np.clip(shown + np.float32(0.5) - distance, 0, 1) * np.minimum(radius / shown, 1)
    best = covers.argmax(axis=0)
    won = best, *np.ogrid[: cover.shape[0], : cover.shape[1]]
    new = covers[won]
    wins = new > cover
    side = np.clip(((ux * dy - uy * dx) / shown)[won], -1, 1)
    ahead = np.diff(strand.path, axis=0)[some].astype(np.float32)
    tangents = ahead * np.array([1, 1, -1], np.float32)
    tangents /= np.maximum(np.linalg.norm(tangents, axis=1, keepdims=True), 1e-9)
    way = ux[:, 0, 0][best], uy[:, 0, 0][best]
    np.copyto(colour, _lit(strand, place[won], side, radius[won], tangents[best], way), where=wins[..., None])
    depth = strand.path[some, 2].astype(np.float32)[best] + along[won] * ahead[best, 2]
    np.copyto(z, depth, where=wins)
    np.copyto(cover, new, where=wins)


def _lit(
    strand: Strand, place: Plane, side: Plane, radius: Plane, tangent: Plane, way: tuple[Plane, Plane]
) -> Plane:
    """Light a cylinder: `side` is -1 to 1 across it, `tangent` runs along it, `way` along it as seen."""
    ux, uy = way
    # Its normal: across the strand on the picture, and outward from its axis toward the lens.
    outward = -ux * tangent[..., 2], -uy * tangent[..., 2], ux * tangent[..., 0] + uy * tangent[..., 1]
    across_key, outward_key = ux * KEY[1] - uy * KEY[0], sum(a * k for a, k in zip(outward, KEY, strict=True))
    lambert = np.maximum(side * across_key + np.sqrt(1 - side * side) * outward_key, 0)
    shine = strand.gloss * (1 - (tangent @ _HALFWAY) ** 2) ** 24
    # A highlight narrower than a pixel is met everywhere across, at its mean.
    fine = np.clip(1.6 - radius, 0, 1)
    offset = side - (ux * _HALFWAY[1] - uy * _HALFWAY[0])
    glance = np.exp(-14 * offset * offset) * (1 - fine) + np.float32(0.22) * fine
    base = np.float32(0.20 + 0.55 * strand.glow) + np.float32(0.95 - 0.45 * strand.glow) * lambert
    tone = strand.root_bgr + place[..., None] * (strand.tip_bgr - strand.root_bgr)
    return np.asarray(base[..., None] * tone + (shine * glance)[..., None], np.float32)
