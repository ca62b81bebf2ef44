"""A fly's portrait, part by part: eyes, face, thorax, wings, legs, bristles, the leaf it stands on.

Everything is placed in frame widths: `x` right and `y` down from the frame's middle, `z` away from the lens, 0 at
the nearest tip and `DEEPEST` where the subject ends. Colours are linear blue-green-red.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.lighting import Normals, diffuse, mirrored, recesses
from simulator.strands import Strand, curved, draw, shadows
from simulator.texture import Noise, facets, pits, ramp, smoothstep

Plane = NDArray[np.float32]
Vector = NDArray[np.float64]

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
        self.colour *= recesses(self.depth, self.alpha, reach_px, strength, self.paper.pixel)[..., None]

    def shade(self, strands: Sequence[Strand]) -> None:
        """Let strands throw their shadows."""
        paper = self.paper
        lit = shadows(strands, self.depth, self.alpha, paper.width_px, paper.centre_px)
        self.colour *= lit[..., None]

    def sheet(self) -> tuple[Plane, Plane]:
        """Give premultiplied light `(H, W, 4)` and depth `(H, W)` in frame widths."""
        return np.dstack([self.colour * self.alpha[..., None], self.alpha]), self.depth


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """A part's coarse form: `radii` along its own axes, turned about the view axis by `roll` and then by `yaw`."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    roll: float = 0.0
    yaw: float = 0.0

    def axes(self) -> Vector:
        """Give the matrix from the frame's offsets to the unit sphere."""
        c, s = np.cos(self.roll), np.sin(self.roll)
        turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        return np.diag(1 / np.array(self.radii)) @ turn @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])

    def bounds(self) -> tuple[float, float, float, float]:
        """Give left, top, right, bottom."""
        spread = np.linalg.inv(self.axes())
        half = np.sqrt((spread**2).sum(axis=1))
        x, y, _ = self.centre
        return x - half[0], y - half[1], x + half[0], y + half[1]

    def seen(self, x: Plane, y: Plane, pixel: float) -> tuple[Plane, Plane, tuple[Plane, Plane, Plane]]:
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


Skin = Callable[[tuple[Plane, Plane, Plane], Plane, float], Plane]


def lay_part(board: Board, form: Ellipsoid, skin: Skin) -> None:
    """Lay an ellipsoid with its skin on a board."""
    cut = board.paper.cut(*form.bounds())
    if cut is None:
        return
    pixel = board.paper.pixel
    depth, alpha, sphere = form.seen(*board.paper.grid(cut), pixel)
    board.lay(cut, skin(sphere, depth, pixel), alpha, depth)


def flatten(sphere: tuple[Plane, Plane, Plane]) -> tuple[Plane, Plane]:
    """Unroll the half of a sphere that faces us on a plane, areas kept."""
    right, down, away = sphere
    length = np.sqrt(right * right + down * down + away * away)
    stretch = np.sqrt(2 / np.maximum(1 - away / np.maximum(length, 1e-3), 0.05)) / np.maximum(length, 1e-3)
    return right * stretch, down * stretch


def facing(normals: Normals) -> Plane:
    """Give how little a surface reflects for lack of grazing: 1 seen from above, 0 at grazing."""
    return np.clip(normals.toward, 0, 1)


class EyeSkin:
    """Thousands of lenses over bands of interference colours."""

    def __init__(self, seed: Sequence[int], noise: Noise, radius: float, lean: float) -> None:
        self._seed, self._noise, self._radius, self._lean = list(seed), noise, radius, lean

    def __call__(self, sphere: tuple[Plane, Plane, Plane], depth: Plane, pixel: float) -> Plane:
        """Give the light from each pixel."""
        random = np.random.default_rng(self._seed)
        noise = self._noise
        u, v = flatten(sphere)
        drift = noise.at(u + 0.3, v + 0.1, 0.35)
        pitch = 0.0068 / self._radius
        lattice = facets(u + 0.006 * drift, v + 0.006 * noise.at(u, v + 0.4, 0.3), pitch, random)
        dome = np.sqrt(np.maximum(0.55 - lattice.distance**2, 0.02))
        relief = dome * np.float32(pitch * self._radius * 0.75)
        normals = Normals.of(depth - relief, pixel)
        smooth = Normals.of(depth, pixel)
        # Bands follow the eye's height; a second, slower wave tilts the hue toward the rim.
        wave = v * 1.0 + self._lean * u + 0.10 * drift
        band = 0.5 + 0.5 * np.sin(wave * 7.2 + 0.9)
        hue = np.clip(0.10 + 0.62 * band + 0.22 * (1 - facing(smooth)) + 0.05 * (lattice.chance - 0.5), 0, 1)
        colour = ramp(
            hue,
            [
                bgr(0.46, 0.06, 0.07),
                bgr(0.62, 0.15, 0.04),
                bgr(0.58, 0.34, 0.05),
                bgr(0.20, 0.42, 0.07),
                bgr(0.03, 0.34, 0.21),
                bgr(0.03, 0.20, 0.38),
                bgr(0.17, 0.07, 0.36),
            ],
        )
        colour *= (0.82 + 0.36 * lattice.chance)[..., None]
        # The facets that look straight at us show their dark depths: pseudopupils.
        for at_u, at_v, size in ((0.02, 0.05, 0.17), (-0.31, 0.27, 0.10), (0.34, 0.24, 0.10), (0.04, 0.48, 0.09)):
            away = np.hypot(u - at_u, v - at_v)
            colour *= (1 - 0.62 * smoothstep(size, size * 0.35, away))[..., None]
        grooves = smoothstep(0.36, 0.54, lattice.distance)
        colour *= (1 - 0.66 * grooves)[..., None]
        light = colour * diffuse(smooth, 0.1) * 0.75
        glance = 1 - facing(smooth)
        sheen = 0.05 + 0.25 * glance**3
        light += mirrored(normals, 0.10) * (0.10 + 0.75 * colour) * (1 - 0.8 * grooves)[..., None]
        light += mirrored(smooth, 0.05) * (0.16 * sheen)[..., None]
        return light


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

    def __call__(self, sphere: tuple[Plane, Plane, Plane], depth: Plane, pixel: float) -> Plane:
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
        relief = self._pit * (-0.34 * cup + 0.05 * ridge) + np.float32(0.0009) * fine + 0.006 * broad
        normals = Normals.of(depth - relief.astype(np.float32), pixel)
        smooth = Normals.of(depth - np.float32(0.006) * broad, pixel)
        turn = 1 - facing(smooth)
        hue = 0.16 + 0.52 * turn + 0.13 * broad + 0.035 * fine + 0.05 * (holes.chance - 0.5)
        colour = ramp(hue, self._colours)
        light = colour * diffuse(normals) * 0.42
        glance = (0.10 + 0.9 * turn**4)[..., None]
        light += mirrored(normals, 0.16) * (colour * 1.25 + 0.05 * glance) * np.float32(self._gloss)
        return light * (1 - 0.55 * cup)[..., None]


class VelvetSkin:
    """A face under short dense down: matt, warm, paler where it is seen from the side."""

    def __init__(self, noise: Noise, colours: Sequence[Vector], gloss: float = 0.12) -> None:
        self._noise, self._colours, self._gloss = noise, colours, gloss

    def __call__(self, sphere: tuple[Plane, Plane, Plane], depth: Plane, pixel: float) -> Plane:
        """Give the light from each pixel."""
        noise = self._noise
        u, v = flatten(sphere)
        broad = noise.at(u + 0.1, v + 0.6, 0.6)
        # Down lies along the face: stretched noise reads as nap.
        nap = noise.at(u * 2.6 + 0.1 * broad, v * 0.5, 3.1)
        grain = noise.at(u, v, 6.0)
        relief = 0.0016 * nap + 0.0010 * grain + 0.004 * broad
        normals = Normals.of(depth - relief.astype(np.float32), pixel)
        turn = 1 - facing(Normals.of(depth, pixel))
        colour = ramp(0.42 + 0.16 * broad + 0.10 * nap + 0.05 * grain + 0.25 * turn, self._colours)
        light = colour * diffuse(normals, 0.45) * (0.85 + 0.5 * turn**2)[..., None]
        light += mirrored(normals, 0.3) * (np.float32(self._gloss) * (0.3 + turn))[..., None]
        return light


class GlossSkin:
    """Smooth lacquered chitin: ocelli, mouthparts."""

    def __init__(self, noise: Noise, colour: Vector, shine: float = 0.35, softness: float = 0.03) -> None:
        self._noise, self._colour, self._shine, self._softness = noise, colour, shine, softness

    def __call__(self, sphere: tuple[Plane, Plane, Plane], depth: Plane, pixel: float) -> Plane:
        """Give the light from each pixel."""
        u, v = flatten(sphere)
        broad = self._noise.at(u, v, 0.8)
        normals = Normals.of(depth - np.float32(0.0012) * broad, pixel)
        turn = 1 - facing(normals)
        light = self._colour.astype(np.float32) * diffuse(normals, 0.35) * (1 + 0.25 * broad)[..., None]
        fresnel = 0.06 + 0.94 * turn**5
        light += mirrored(normals, self._softness) * (self._shine * (0.35 + fresnel))[..., None]
        return light


@dataclass(frozen=True, slots=True)
class Fly:
    """All sheets of the portrait, back to front, as premultiplied light and depth in frame widths."""

    sheets: tuple[tuple[Plane, Plane], ...]


EMERALD = (
    bgr(0.55, 0.26, 0.05),
    bgr(0.30, 0.44, 0.06),
    bgr(0.06, 0.46, 0.13),
    bgr(0.02, 0.38, 0.30),
    bgr(0.03, 0.20, 0.46),
    bgr(0.15, 0.08, 0.42),
)
GOLD_DUST = (bgr(0.10, 0.06, 0.03), bgr(0.28, 0.18, 0.07), bgr(0.50, 0.38, 0.18), bgr(0.72, 0.64, 0.45))
UMBER = (bgr(0.03, 0.018, 0.012), bgr(0.10, 0.05, 0.025), bgr(0.26, 0.14, 0.06), bgr(0.45, 0.32, 0.18))

LEFT_EYE = Ellipsoid((-0.162, -0.035, 0.335), (0.172, 0.232, 0.205), roll=0.16, yaw=0.20)
RIGHT_EYE = Ellipsoid((0.208, -0.025, 0.355), (0.150, 0.222, 0.195), roll=-0.15, yaw=-0.25)
THORAX = Ellipsoid((0.085, -0.085, 0.560), (0.37, 0.245, 0.245))
FACE = Ellipsoid((0.028, 0.055, 0.320), (0.112, 0.245, 0.185))


def fly(paper: Paper, seed: int) -> tuple[tuple[Plane, Plane], ...]:
    """Draw the portrait: its sheets, back to front."""
    noise = Noise(np.random.default_rng([seed, 0]))
    leaf = _leaf(paper, noise, seed)
    wings = _wings(paper, noise, seed)
    body, behind, on_thorax = _thorax(paper, noise, seed)
    legs = _legs(seed)
    head, on_head, beard = _head(paper, noise, seed)
    leaf.shade(legs)
    painted = [leaf.sheet(), wings]
    painted.append(_drawn(behind + legs, paper))
    painted.append(body.sheet())
    painted.append(_drawn(on_thorax, paper))
    painted.append(head.sheet())
    deep = [one for one in on_head if one.path[:, 2].mean() > 0.2]
    painted.append(_drawn(deep, paper))
    painted.append(_drawn([one for one in on_head if one.path[:, 2].mean() <= 0.2] + beard, paper))
    return tuple(painted)


def _drawn(strands: Sequence[Strand], paper: Paper) -> tuple[Plane, Plane]:
    return draw(strands, paper.shape, paper.width_px, paper.centre_px)


def _head(paper: Paper, noise: Noise, seed: int) -> tuple[Board, list[Strand], list[Strand]]:
    board = Board(paper)
    lay_part(board, FACE, VelvetSkin(noise, GOLD_DUST))
    lay_part(board, Ellipsoid((0.03, -0.13, 0.30), (0.066, 0.125, 0.11)), MetalSkin([seed, 5], noise, 0.12, EMERALD, 0.007))
    lay_part(board, LEFT_EYE, EyeSkin([seed, 1], noise, 0.20, 0.22))
    lay_part(board, RIGHT_EYE, EyeSkin([seed, 2], noise, 0.19, -0.22))
    lay_part(board, Ellipsoid((0.036, 0.19, 0.205), (0.078, 0.062, 0.085)), VelvetSkin(noise, UMBER, 0.25))
    lay_part(board, Ellipsoid((0.038, 0.268, 0.235), (0.050, 0.082, 0.075)), GlossSkin(noise, bgr(0.055, 0.022, 0.012), 0.5, 0.08))
    lay_part(board, Ellipsoid((-0.035, 0.245, 0.225), (0.022, 0.066, 0.04), roll=0.35), VelvetSkin(noise, GOLD_DUST, 0.2))
    lay_part(board, Ellipsoid((0.105, 0.245, 0.235), (0.022, 0.066, 0.04), roll=-0.35), VelvetSkin(noise, GOLD_DUST, 0.2))
    for x, y in ((0.03, -0.205), (0.010, -0.235), (0.051, -0.235)):
        lay_part(board, Ellipsoid((x, y, 0.225), (0.0125, 0.0125, 0.013)), GlossSkin(noise, bgr(0.34, 0.09, 0.02), 0.6, 0.02))
    # Sockets of the antennae.
    for x in (0.004, 0.062):
        lay_part(board, Ellipsoid((x, 0.0, 0.145), (0.02, 0.018, 0.02)), GlossSkin(noise, bgr(0.10, 0.05, 0.02), 0.3, 0.1))
    board.fold_in(0.012, 1.6)
    board.fold_in(0.045, 0.9)
    random = np.random.default_rng([seed, 6])
    bristles = _head_bristles(board, random)
    antennae = _antennae(random)
    beard = _beard(board, random)
    board.shade(bristles + antennae + beard)
    return board, bristles, antennae + beard


def _depth_at(board: Board, x: float, y: float) -> float | None:
    paper = board.paper
    column = round(x * paper.width_px + paper.centre_px[0])
    row = round(y * paper.width_px + paper.centre_px[1])
    if not (0 <= row < paper.shape[0] and 0 <= column < paper.shape[1]) or board.alpha[row, column] < 0.5:
        return None
    return float(board.depth[row, column])


_BLACK = bgr(0.030, 0.022, 0.018)
_BROWN = bgr(0.16, 0.075, 0.03)
_PALE = bgr(0.85, 0.62, 0.30)
_STRAW = bgr(0.95, 0.82, 0.55)


def _head_bristles(board: Board, random: np.random.Generator) -> list[Strand]:
    strands = []
    # Two rows up the frons, bending outward and toward the lens; then the tall ones at the vertex.
    for n in range(8):
        for side in (-1, 1):
            x = 0.03 + side * (0.036 + 0.003 * n) + 0.004 * random.standard_normal()
            y = -0.045 - 0.024 * n
            z = _depth_at(board, x, y)
            if z is None:
                continue
            length = 0.075 + 0.012 * n + 0.02 * random.random()
            heading = np.array([0.35 * side, -0.55 - 0.04 * n, -0.75 + 0.05 * n])
            bend = np.array([-0.35 * side, -0.25, 0.15]) + 0.12 * random.standard_normal(3)
            strands.append(Strand(curved(np.array([x, y, z]), heading, length, bend, 9), 0.0021, 0.0003, _BLACK, _BROWN, 3.0))
    for side, lean in ((-1, 0.9), (1, 0.9), (-1, 0.35), (1, 0.35)):
        root = np.array([0.03 + side * 0.04, -0.215, 0.26])
        heading = np.array([side * lean, -0.9, -0.25])
        strands.append(Strand(curved(root, heading, 0.15, np.array([side * 0.2, 0.28, 0.1]), 10), 0.0026, 0.0003, _BLACK, _BROWN, 3.0))
    # The fringe behind the eyes' rims.
    for eye in (LEFT_EYE, RIGHT_EYE):
        for angle in np.linspace(np.pi * 0.62, np.pi * 1.9, 46):
            angle += 0.03 * random.standard_normal()
            out = np.array([np.cos(angle) * eye.radii[0], np.sin(angle) * eye.radii[1]])
            root = np.array([eye.centre[0] + out[0] * 0.985, eye.centre[1] + out[1] * 0.985, eye.centre[2] + 0.012])
            if root[0] > -0.05 and root[0] < 0.1:
                continue
            heading = np.array([*(out / np.linalg.norm(out)), 0.2 + 0.3 * random.standard_normal()])
            length = 0.03 + 0.022 * random.random()
            strands.append(Strand(curved(root, heading, length, 0.3 * random.standard_normal(3), 5), 0.0011, 0.0002, _BROWN, _PALE, 0.8, 0.3))
    return strands


def _antennae(random: np.random.Generator) -> list[Strand]:
    strands = []
    for side, root_x in ((-1, 0.004), (1, 0.062)):
        root = np.array([root_x, -0.002, 0.128])
        scape = curved(root, np.array([0.35 * side, 0.25, -1.0]), 0.034, np.zeros(3), 3)
        strands.append(Strand(scape, 0.0092, 0.0105, bgr(0.20, 0.09, 0.03), bgr(0.24, 0.11, 0.04), 0.5))
        knee = scape[-1]
        pedicel = curved(knee, np.array([0.5 * side, 0.75, -0.55]), 0.026, np.zeros(3), 3)
        strands.append(Strand(pedicel, 0.0125, 0.0115, bgr(0.26, 0.12, 0.04), bgr(0.20, 0.09, 0.03), 0.5))
        joint = pedicel[-1]
        club = curved(joint, np.array([0.3 * side, 1.0, -0.12]), 0.062, np.array([-0.1 * side, 0, 0.12]), 6)
        strands.append(Strand(club, 0.0150, 0.0062, bgr(0.30, 0.15, 0.06), bgr(0.10, 0.05, 0.03), 0.25))
        # The arista: a long feathered bristle standing out sideways, across the eye and toward the lens.
        start = club[1]
        arista = curved(start, np.array([1.0 * side, -0.42, -0.35]), 0.135, np.array([0.05 * side, 0.30, 0.12]), 14)
        arista[:, 2] = np.maximum(arista[:, 2], 0.004)
        strands.append(Strand(arista, 0.0027, 0.0004, _BLACK, _BROWN, 2.5))
        for n in range(2, 14):
            for way in (-1, 1):
                ahead = arista[n] - arista[n - 1]
                across = np.array([ahead[1], -ahead[0], 0.0]) * way
                heading = across / np.linalg.norm(across) + 0.8 * ahead / np.linalg.norm(ahead)
                heading[2] += 0.25 * random.standard_normal()
                length = 0.030 * (1.15 - n / 15)
                strands.append(Strand(curved(arista[n], heading, length, np.zeros(3), 3), 0.0009, 0.0002, _BROWN, _BROWN, 0.8, 0.2))
        for _ in range(7):
            base = (pedicel if random.random() < 0.6 else scape)[random.integers(1, 4)]
            heading = np.array([side * random.random(), 0.3 + 0.5 * random.random(), -0.8])
            path = curved(base, heading, 0.02 + 0.02 * random.random(), np.array([0, 0.3, 0]), 4)
            path[:, 2] = np.maximum(path[:, 2], 0.0)
            strands.append(Strand(path, 0.0011, 0.0002, _BLACK, _BROWN, 1.5))
    return strands


def _beard(board: Board, random: np.random.Generator) -> list[Strand]:
    strands = []
    for _ in range(240):
        x = 0.034 + 0.072 * random.standard_normal()
        y = 0.15 + 0.055 * random.standard_normal()
        z = _depth_at(board, x, y)
        if z is None or abs(x - 0.034) > 0.15 or z > 0.30:
            continue
        heading = np.array([(x - 0.034) * 6 + 0.2 * random.standard_normal(), 0.75, -0.55 + 0.2 * random.standard_normal()])
        length = 0.045 + 0.05 * random.random()
        bend = np.array([0.25 * random.standard_normal(), 0.30, 0.28])
        path = curved(np.array([x, y, z]), heading, length, bend, 6)
        path[:, 2] = np.maximum(path[:, 2], 0.0)
        strands.append(Strand(path, 0.00105, 0.0002, _PALE * 0.75, _STRAW, 0.9, 0.75))
    # A few strong black ones at the mouth's corners, right toward the lens.
    for side in (-1, 1):
        for n in range(4):
            root_x, root_y = 0.034 + side * (0.055 + 0.006 * n), 0.185 - 0.018 * n
            z = _depth_at(board, root_x, root_y)
            if z is None:
                continue
            heading = np.array([side * 0.45, 0.45, -0.9])
            length = min(0.13 - 0.012 * n, z / 0.75)
            path = curved(np.array([root_x, root_y, z]), heading, length, np.array([-0.25 * side, 0.35, 0.05]), 9)
            path[:, 2] = np.maximum(path[:, 2], 0.0)
            strands.append(Strand(path, 0.0023, 0.0003, _BLACK, _BROWN, 3.0))
    return strands


def _thorax(paper: Paper, noise: Noise, seed: int) -> tuple[Board, list[Strand], list[Strand]]:
    board = Board(paper)
    lay_part(board, THORAX, MetalSkin([seed, 7], noise, 0.30, EMERALD, 0.0125))
    for x, y, size in ((-0.225, -0.06, 0.075), (0.395, -0.04, 0.08)):
        lay_part(board, Ellipsoid((x, y, 0.50), (size, size * 1.15, 0.08)), MetalSkin([seed, 8], noise, 0.08, EMERALD, 0.0095))
    board.fold_in(0.03, 1.2)
    random = np.random.default_rng([seed, 9])
    on, behind = [], []
    for _ in range(78):
        x = THORAX.centre[0] + 0.36 * (2 * random.random() - 1)
        y = THORAX.centre[1] - 0.245 * random.random()
        z = _depth_at(board, x, y)
        if z is None:
            continue
        out = np.array([x - THORAX.centre[0], (y - THORAX.centre[1]) * 1.6, (z - THORAX.centre[2]) * 1.2])
        heading = out / np.linalg.norm(out) + np.array([0, -0.3, 0.1]) + 0.15 * random.standard_normal(3)
        bend = np.array([0.1 * random.standard_normal(), 0.25, 0.35])
        length = 0.055 + 0.085 * random.random()
        path = curved(np.array([x, y, z]), heading, length, bend, 8)
        path[:, 2] = np.minimum(path[:, 2], DEEPEST)
        on.append(Strand(path, 0.0021, 0.0003, _BLACK, _BROWN, 2.6))
    for angle in np.pi + np.pi * random.random(330):
        out = np.array([np.cos(angle) * THORAX.radii[0], np.sin(angle) * THORAX.radii[1]]) * 0.975
        root = np.array([THORAX.centre[0] + out[0], THORAX.centre[1] + out[1], THORAX.centre[2] - 0.03])
        heading = np.array([*(out / np.linalg.norm(out)), 0.0]) + np.array([0.35, 0.35, 0.35]) * random.standard_normal(3)
        length = 0.022 + 0.035 * random.random()
        path = curved(root, heading, length, 0.35 * random.standard_normal(3), 4)
        path[:, 2] = np.clip(path[:, 2], 0, DEEPEST)
        behind.append(Strand(path, 0.0008, 0.0002, _PALE * 0.6, _STRAW, 0.8, 0.7))
    board.shade(on)
    return board, behind, on


def _legs(seed: int) -> list[Strand]:
    random = np.random.default_rng([seed, 11])
    strands = []
    for joints in (
        ((-0.15, 0.13, 0.46), (-0.345, 0.115, 0.36), (-0.425, 0.315, 0.40), (-0.47, 0.42, 0.38)),
        ((0.22, 0.13, 0.47), (0.385, 0.125, 0.40), (0.415, 0.300, 0.45), (0.455, 0.42, 0.42)),
    ):
        points = np.array(joints)
        for n, (thick, thin) in enumerate(((0.024, 0.015), (0.0145, 0.0105), (0.0085, 0.006))):
            ahead = points[n + 1] - points[n]
            path = curved(points[n], ahead, float(np.linalg.norm(ahead)), np.array([0.0, 0.0, 0.0]), 10)
            path[:, 1] -= 0.012 * np.sin(np.linspace(0, np.pi, 11)) * (1 if n == 0 else 0)
            colours = (bgr(0.05, 0.17, 0.10), bgr(0.18, 0.12, 0.04)) if n == 0 else (bgr(0.16, 0.08, 0.03), bgr(0.10, 0.05, 0.025))
            strands.append(Strand(path, thick, thin, *colours, 0.55))
            for _ in range(26 if n < 2 else 10):
                place = random.random()
                root = path[0] + place * (path[-1] - path[0])
                radius = thick + place * (thin - thick)
                turn = 2 * np.pi * random.random()
                unit = ahead / np.linalg.norm(ahead)
                aside = np.cross(unit, [0, 0, 1.0])
                aside /= max(float(np.linalg.norm(aside)), 1e-6)
                out = np.cos(turn) * aside + np.sin(turn) * np.array([0, 0, -1.0])
                heading = out + 0.8 * unit
                length = 0.02 + 0.028 * random.random()
                hair = curved(root + 0.8 * radius * out, heading, length, 0.3 * unit, 4)
                strands.append(Strand(hair, 0.0013, 0.0002, _BLACK, _BROWN, 1.6))
    return strands


def _leaf(paper: Paper, noise: Noise, seed: int) -> Board:
    board = Board(paper)
    half_width = paper.shape[1] / paper.width_px
    low = (paper.shape[0] - paper.centre_px[1]) * paper.pixel
    cut = paper.cut(-half_width, 0.1, half_width, low)
    if cut is None:
        return board
    x, y = paper.grid(cut)
    broad = noise.at(x, y + 0.35, 0.5)
    rim = 0.232 - 0.05 * np.sin(2.4 * x + 0.5) + 0.004 * broad
    below = np.maximum(y - rim, 0)
    depth = np.float32(DEEPEST) - 1.15 * below**0.92 + 0.012 * broad
    # Seen along the leaf: its own plane is stretched away from us.
    along, across = (depth * 1.0).astype(np.float32), (x + 0.25 * y).astype(np.float32)
    veins = np.abs(np.mod(across * 5.5 + along * 3.0 + 0.04 * broad, 1) - 0.5)
    vein = smoothstep(0.045, 0.0, veins)
    blister = noise.at(across, along, 2.6)
    cells = pits(across, along, 0.0075, np.random.default_rng([seed, 12]))
    relief = 0.004 * vein - 0.0012 * smoothstep(0.3, 0.65, cells.distance) + 0.0022 * blister
    normals = Normals.of((depth - relief).astype(np.float32), paper.pixel)
    tone = 0.45 + 0.13 * broad + 0.06 * blister + 0.05 * (cells.chance - 0.5)
    colour = ramp(
        tone.astype(np.float32), [bgr(0.02, 0.07, 0.015), bgr(0.06, 0.20, 0.025), bgr(0.17, 0.38, 0.05), bgr(0.40, 0.55, 0.14)]
    )
    colour = colour * (1 - 0.35 * vein[..., None]) + vein[..., None] * 0.35 * bgr(0.45, 0.6, 0.22).astype(np.float32)
    light = colour * diffuse(normals, 0.5) * 0.9
    light += mirrored(normals, 0.42) * np.float32(0.055)
    # Under the body it is dusk.
    shade = np.exp(-(((x - 0.04) / 0.26) ** 2)) * smoothstep(0.40, 0.22, y)
    light *= (1 - 0.62 * shade)[..., None]
    alpha = np.clip((y - rim) * paper.width_px + 0.5, 0, 1)
    board.lay(cut, light.astype(np.float32), alpha.astype(np.float32), np.minimum(depth, DEEPEST).astype(np.float32))
    return board


def _wings(paper: Paper, noise: Noise, seed: int) -> tuple[Plane, Plane]:
    light = np.zeros((*paper.shape, 4), np.float32)
    depth = np.full(paper.shape, DEEPEST, np.float32)
    for side, root in ((-1, (-0.17, -0.15)), (1, (0.36, -0.13))):
        _wing(light, depth, paper, noise, side, root)
    return light, depth


def _wing(light: Plane, depth: Plane, paper: Paper, noise: Noise, side: int, root: tuple[float, float]) -> None:
    rows, columns = paper.shape
    x, y = paper.grid((slice(0, rows), slice(0, columns)))
    # The wing's own frame: `along` from the root outward, `across` from the front edge back.
    lean = np.float32(0.42)
    dx, dy = (x - root[0]) * side, y - root[1]
    along = dx * np.cos(lean) - dy * np.sin(lean)
    across = dx * np.sin(lean) + dy * np.cos(lean)
    span = 0.62
    place = np.clip(along / span, 0, 1)
    front = -0.085 * np.sin(np.pi * place**0.8) - 0.01
    back = 0.155 * np.sin(np.pi * place**0.55) + 0.015
    edge_px = np.minimum(np.minimum(across - front, back - across), along) * paper.width_px
    inside = np.clip(edge_px + 0.5, 0, 1).astype(np.float32)
    if not inside.any():
        return
    film = noise.at(along.astype(np.float32), across.astype(np.float32), 0.9)
    z = (0.40 + 0.30 * along + 0.05 * across + 0.012 * np.sin(across * 60) * place + 0.004 * film).astype(np.float32)
    z = np.clip(z, 0.30, DEEPEST)
    part = (across - front) / np.maximum(back - front, 1e-3)
    vein = np.zeros_like(z)
    # Long veins fan out from the root; cross-veins tie them.
    for at, bow, thick in ((0.0, 0.0, 2.6), (0.14, 0.05, 1.6), (0.30, 0.10, 1.5), (0.47, 0.07, 1.6), (0.66, -0.05, 1.3), (0.84, -0.12, 1.1), (1.0, 0.0, 1.0)):
        line = at + bow * np.sin(np.pi * place) * (1 - 0.4 * place)
        away = np.abs(part - line) * (back - front) * paper.width_px
        wide = thick * 0.00105 * paper.width_px * (1.35 - 0.7 * place)
        vein = np.maximum(vein, np.clip(wide + 0.5 - away, 0, 1) * min(1.0, 1.0))
    for at, low, high in ((0.24, 0.14, 0.36), (0.42, 0.33, 0.52), (0.52, 0.50, 0.70), (0.36, 0.66, 0.86), (0.66, 0.0, 0.2)):
        away = np.abs(place - at - 0.06 * (part - low)) * span * paper.width_px
        between = smoothstep(low - 0.01, low + 0.01, part) * smoothstep(high + 0.01, high - 0.01, part)
        vein = np.maximum(vein, np.clip(0.0011 * paper.width_px + 0.5 - away, 0, 1) * between)
    vein *= inside
    hue = np.mod(0.3 + 0.9 * place + 0.5 * part + 0.16 * film, 1)
    tint = ramp(
        hue.astype(np.float32),
        [bgr(0.30, 0.36, 0.46), bgr(0.24, 0.48, 0.42), bgr(0.50, 0.50, 0.26), bgr(0.58, 0.34, 0.36), bgr(0.36, 0.32, 0.56), bgr(0.30, 0.36, 0.46)],
    )
    sheen = 0.30 + 0.9 * np.exp(-((part - 0.36 - 0.2 * place) ** 2) * 16) * (1 - 0.4 * place)
    alpha = inside * (0.34 + 0.12 * sheen)
    membrane = tint * (sheen * alpha * 1.3)[..., None]
    alpha = alpha * (1 - vein) + vein * 0.96
    colour = membrane * (1 - vein)[..., None] + (vein[..., None] * bgr(0.10, 0.055, 0.03)).astype(np.float32)
    light[..., :3] = light[..., :3] * (1 - alpha)[..., None] + colour
    light[..., 3] = light[..., 3] * (1 - alpha) + alpha
    np.copyto(depth, z, where=inside > 0)


def backdrop(paper: Paper, seed: int, shrink: int) -> Plane:
    """Paint what lies far behind, where no carriage reaches: `(H, W, 3)` at `1 / shrink` of the canvas.

    It is so far beyond the travel that its blur hardly changes over the subject's depth; it is painted blurred.
    """
    random = np.random.default_rng([seed, 20])
    noise = Noise(np.random.default_rng([seed, 21]), 2.6)
    rows, columns = -(-paper.shape[0] // shrink), -(-paper.shape[1] // shrink)
    y, x = np.mgrid[:rows, :columns].astype(np.float32) * np.float32(shrink * paper.pixel)
    x -= paper.centre_px[0] * paper.pixel
    y -= paper.centre_px[1] * paper.pixel
    drift = noise.at(x + 0.5, y + 0.5, 0.45)
    tone = 0.52 - 0.75 * y + 0.42 * x + 0.13 * drift
    light = ramp(
        tone.astype(np.float32),
        [bgr(0.010, 0.030, 0.028), bgr(0.018, 0.062, 0.050), bgr(0.05, 0.13, 0.075), bgr(0.17, 0.27, 0.09), bgr(0.42, 0.42, 0.16)],
    )
    discs = np.zeros_like(light)
    for _ in range(46):
        at_x, at_y = 1.2 * (random.random() - 0.5), 0.95 * (random.random() - 0.62)
        size = 0.018 + 0.040 * random.random() ** 1.5
        colour = [bgr(0.9, 0.8, 0.4), bgr(0.55, 0.8, 0.3), bgr(0.95, 0.9, 0.8), bgr(0.35, 0.7, 0.55)][random.integers(4)]
        away = np.hypot(x - np.float32(at_x), y - np.float32(at_y))
        inside = smoothstep(size + 0.0035, size - 0.0035, away)
        rim = np.exp(-(((away - size * 0.95) / (0.10 * size)) ** 2)) * inside
        strength = 0.02 + 0.24 * random.random() ** 2.2
        discs += ((inside + 0.35 * rim) * strength)[..., None] * colour.astype(np.float32)
    return cv2.GaussianBlur(light + discs, (0, 0), max(0.0022 * paper.width_px / shrink, 0.3))
