"""An easel: the paper, boards on which parts hide each other by depth, and ellipsoids to start from.

Everything is placed in frame widths: `x` right and `y` down from the frame's middle, `z` away from the lens,
0 at the nearest tip and `DEEPEST` where the subject ends. Colours are linear blue-green-red.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.lighting import KEY, recesses
from simulator.strands import Strand, shadows

Plane = NDArray[np.float32]
Vector = NDArray[np.float64]
Sphere = tuple[Plane, Plane, Plane]
Sheet = tuple[Plane, Plane]

DEEPEST = 0.605
"""1500 um of depth over a frame 2480 um wide."""


def bgr(red: float, green: float, blue: float) -> Vector:
    """Give a colour written the usual way round."""
    return np.array([blue, green, red])


@dataclass(frozen=True, slots=True)
class Paper:
    """What is drawn on: a canvas somewhat larger than the frame.

    Attributes
    ----------
    shape
        Rows and columns of the canvas.
    width_px
        Pixels of the frame's width: one unit of length.
    centre_px
        Where the frame's middle lies, `(x, y)`, counted from the middle of the first pixel.
    """

    shape: tuple[int, int]
    width_px: float
    centre_px: tuple[float, float]

    @property
    def pixel(self) -> float:
        """One pixel in frame widths."""
        return 1 / self.width_px

    def cut(self, left: float, top: float, right: float, bottom: float) -> tuple[slice, slice] | None:
        """Give the pixels of a rectangle, or None when it lies off the canvas."""
        (x, y), (rows, columns) = self.centre_px, self.shape
        first, last = int(left * self.width_px + x) - 3, int(right * self.width_px + x) + 4
        up, low = int(top * self.width_px + y) - 3, int(bottom * self.width_px + y) + 4
        first, last, up, low = max(first, 0), min(last, columns), max(up, 0), min(low, rows)
        return (slice(up, low), slice(first, last)) if first + 4 < last and up + 4 < low else None

    def grid(self, cut: tuple[slice, slice]) -> tuple[Plane, Plane]:
        """Give `x` and `y` of the pixels in `cut`."""
        columns = (np.arange(cut[1].start, cut[1].stop, dtype=np.float32) - self.centre_px[0]) * self.pixel
        rows = (np.arange(cut[0].start, cut[0].stop, dtype=np.float32) - self.centre_px[1]) * self.pixel
        x, y = np.meshgrid(columns.astype(np.float32), rows.astype(np.float32))
        return x, y


class Board:
    """One sheet while it is painted: parts hide each other by depth."""

    def __init__(self, paper: Paper) -> None:
        self.paper = paper
        self.colour = np.zeros((*paper.shape, 3), np.float32)
        self.alpha = np.zeros(paper.shape, np.float32)
        self.depth = np.full(paper.shape, DEEPEST, np.float32)

    def lay(self, cut: tuple[slice, slice], colour: Plane, alpha: Plane, depth: Plane) -> None:
        """Lay a part on, where it is nearer than what is there."""
        below = self.alpha[cut]
        nearer = (depth < self.depth[cut]) | (below <= 0)
        cover = np.where(nearer, alpha, 0)
        total = cover + below * (1 - cover)
        share = (cover / np.maximum(total, 1e-6))[..., None]
        self.colour[cut] += (colour - self.colour[cut]) * share
        np.copyto(self.depth[cut], depth, where=(cover > 0.5) | ((cover > 0) & (below <= 0)))
        self.alpha[cut] = total

    def fold_in(self, reach: float, strength: float) -> None:
        """Darken what lies in folds, at the scale of `reach`."""
        reach_px = max(reach * self.paper.width_px, 0.7)
        self.colour *= recesses(self.depth, reach_px, strength, self.paper.pixel)[..., None]

    def shade(self, strands: Sequence[Strand]) -> None:
        """Let strands throw their shadows."""
        paper = self.paper
        lit = shadows(strands, self.depth, self.alpha, paper.width_px, paper.centre_px)
        self.colour *= lit[..., None]

    def darken(self, cover: Plane, drop: float) -> None:
        """Let what covers `cover` (`(H, W)`, 0 to 1), `drop` nearer to the lens, throw a soft shadow."""
        shift = drop * self.paper.width_px / KEY[2]
        matrix = np.array([[1, 0, -shift * KEY[0]], [0, 1, -shift * KEY[1]]], np.float64)
        rows, columns = self.paper.shape
        shadow = cv2.warpAffine(cover, matrix, (columns, rows), borderMode=cv2.BORDER_REPLICATE)
        shadow = cv2.GaussianBlur(shadow, (0, 0), max(0.35 * drop * self.paper.width_px, 0.6))
        self.colour *= (1 - 0.6 * shadow)[..., None]

    def depth_at(self, x: float, y: float) -> float | None:
        """Give how deep the board is at a place; None where nothing lies."""
        column = round(x * self.paper.width_px + self.paper.centre_px[0])
        row = round(y * self.paper.width_px + self.paper.centre_px[1])
        rows, columns = self.paper.shape
        if not (0 <= row < rows and 0 <= column < columns) or self.alpha[row, column] < 0.5:
            return None
        return float(self.depth[row, column])

    def sheet(self) -> Sheet:
        """Give premultiplied light `(H, W, 4)` and depth `(H, W)` in frame widths."""
        return np.dstack([self.colour * self.alpha[..., None], self.alpha]), self.depth


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """A part's coarse form: `radii` along its axes, turned about the view axis by `roll`, then by `yaw`."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    roll: float = 0.0
    yaw: float = 0.0

    def axes(self) -> Vector:
        """Give the matrix from the frame's offsets to the unit sphere."""
        c, s = np.cos(self.roll), np.sin(self.roll)
        turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        lean = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
        return np.asarray(np.diag(1 / np.array(self.radii)) @ turn @ lean)

    def bounds(self) -> tuple[float, float, float, float]:
        """Give left, top, right, bottom."""
        spread = np.linalg.inv(self.axes())
        half = np.sqrt((spread**2).sum(axis=1))
        x, y, _ = self.centre
        return x - half[0], y - half[1], x + half[0], y + half[1]

    def seen(self, x: Plane, y: Plane) -> tuple[Plane, Plane, Sphere]:
        """Give depth, alpha and the point on the unit sphere seen at each `x`, `y`."""
        axes = self.axes().astype(np.float32)
        dx, dy = x - np.float32(self.centre[0]), y - np.float32(self.centre[1])
        start = [axes[i, 0] * dx + axes[i, 1] * dy for i in range(3)]
        ray = axes[:, 2]
        square = np.float32(ray @ ray)
        mixed = start[0] * ray[0] + start[1] * ray[1] + start[2] * ray[2]
        inside = mixed * mixed - square * (start[0] ** 2 + start[1] ** 2 + start[2] ** 2 - 1)
        slope_y, slope_x = np.gradient(inside)
        edge = inside / np.maximum(np.hypot(slope_x, slope_y), 1e-9) + 0.5
        travel = (-mixed - np.sqrt(np.maximum(inside, 0))) / square
        sphere = tuple(start[i] + ray[i] * travel for i in range(3))
        depth = travel + np.float32(self.centre[2])
        return depth, np.clip(edge, 0, 1).astype(np.float32), (sphere[0], sphere[1], sphere[2])


def outline(paper: Paper, forms: Sequence[Ellipsoid]) -> Plane:
    """Give how much of each pixel some of `forms` cover, `(H, W)`."""
    cover = np.zeros(paper.shape, np.float32)
    for form in forms:
        cut = paper.cut(*form.bounds())
        if cut is not None:
            np.maximum(cover[cut], form.seen(*paper.grid(cut))[1], out=cover[cut])
    return cover


Skin = Callable[[Sphere, Plane, float], Plane]
"""Point on the unit sphere, depth and pixel size in; light `(H, W, 3)` out."""


def lay_part(board: Board, form: Ellipsoid, skin: Skin) -> None:
    """Lay an ellipsoid with its skin on a board."""
    cut = board.paper.cut(*form.bounds())
    if cut is not None:
        depth, alpha, sphere = form.seen(*board.paper.grid(cut))
        board.lay(cut, skin(sphere, depth, board.paper.pixel), alpha, depth)
