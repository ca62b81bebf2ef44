"""A fly's portrait, part by part: eyes, face, thorax, wings, legs, bristles, dew, the leaf it stands on."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from simulator.drawing import DEEPEST, Board, Ellipsoid, Paper, Plane, Sheet, Vector, bgr, lay_part, outline
from simulator.lighting import Normals, diffuse, mirrored
from simulator.skins import BlendSkin, DewSkin, EyeSkin, GlossSkin, MetalSkin, VelvetSkin
from simulator.strands import Strand, curved, draw
from simulator.texture import Noise, pits, ramp, smoothstep

_EMERALD = (
    bgr(0.55, 0.26, 0.05),
    bgr(0.30, 0.44, 0.06),
    bgr(0.06, 0.46, 0.13),
    bgr(0.02, 0.38, 0.30),
    bgr(0.03, 0.20, 0.46),
    bgr(0.15, 0.08, 0.42),
)
_GOLD_DUST = (bgr(0.16, 0.10, 0.05), bgr(0.28, 0.19, 0.085), bgr(0.44, 0.33, 0.16), bgr(0.68, 0.60, 0.42))
_RUST = (bgr(0.07, 0.03, 0.012), bgr(0.20, 0.085, 0.025), bgr(0.40, 0.19, 0.06), bgr(0.60, 0.42, 0.22))
_UMBER = (bgr(0.03, 0.018, 0.012), bgr(0.10, 0.05, 0.025), bgr(0.26, 0.14, 0.06), bgr(0.45, 0.32, 0.18))
_BLACK = bgr(0.030, 0.022, 0.018)
_BROWN = bgr(0.16, 0.075, 0.03)
_PALE = bgr(0.85, 0.62, 0.30)
_STRAW = bgr(1.05, 0.84, 0.46)

_LEFT_EYE = Ellipsoid((-0.162, -0.035, 0.315), (0.172, 0.232, 0.205), roll=0.16, yaw=0.20)
_RIGHT_EYE = Ellipsoid((0.208, -0.025, 0.335), (0.150, 0.222, 0.195), roll=-0.15, yaw=-0.25)
_THORAX = Ellipsoid((0.085, -0.085, 0.560), (0.37, 0.245, 0.245))
_FACE = Ellipsoid((0.028, 0.055, 0.300), (0.112, 0.245, 0.185))
_ANTENNAE = ((-1, 0.004), (1, 0.062))


def fly(paper: Paper, seed: int) -> Iterator[Sheet]:
    """Draw the portrait: its sheets, back to front, as premultiplied light and depth in frame widths."""
    noise = Noise(np.random.default_rng([seed, 0]))
    soft = Noise(np.random.default_rng([seed, 1]), 2.6)
    yield _leaf(paper, noise, seed).sheet()
    thorax, on_thorax = _thorax(paper, noise, seed)
    yield _with(_wings(paper, noise), _thorax_down(seed) + _legs(seed), paper)
    yield thorax.sheet()
    del thorax
    yield _with(_blank(paper), on_thorax + _eye_fringe(seed), paper)
    head, antennae = _head(paper, noise, soft, seed), _antennae(paper, noise)
    random = np.random.default_rng([seed, 6])
    bristles, whiskers = _head_bristles(head, random), _beard(head, random) + _feathers(random)
    head.shade(bristles + whiskers)
    head.darken(antennae.alpha, 0.018)
    yield head.sheet()
    del head
    deep = [strand for strand in bristles if strand.path[:, 2].mean() > 0.2]
    yield _with(_blank(paper), deep, paper)
    yield _with(antennae.sheet(), [strand for strand in bristles if strand not in deep] + whiskers, paper)


def _blank(paper: Paper) -> Sheet:
    return np.zeros((*paper.shape, 4), np.float32), np.zeros(paper.shape, np.float32)


def _with(sheet: Sheet, strands: Sequence[Strand], paper: Paper) -> Sheet:
    draw(strands, *sheet, paper.width_px, paper.centre_px)
    return sheet


def _head(paper: Paper, noise: Noise, soft: Noise, seed: int) -> Board:
    board = Board(paper)
    frons = MetalSkin([seed, 2], noise, 0.12, _EMERALD, 0.0065)
    lay_part(board, _FACE, BlendSkin(VelvetSkin(noise, _GOLD_DUST), frons, noise))
    ocellus = GlossSkin(noise, bgr(0.17, 0.045, 0.008), 0.0115, 0.35, 0.01)
    for x, y in ((0.030, -0.128), (0.013, -0.153), (0.048, -0.153)):
        lay_part(board, Ellipsoid((x, y, 0.163), (0.0115, 0.0115, 0.016)), ocellus)
    lay_part(board, _LEFT_EYE, EyeSkin([seed, 3], soft, 0.20, 0.20))
    lay_part(board, _RIGHT_EYE, EyeSkin([seed, 4], soft, 0.19, -0.20))
    lay_part(
        board, Ellipsoid((0.036, 0.190, 0.185), (0.078, 0.062, 0.085)), VelvetSkin(noise, _UMBER, 0.25, 0.08)
    )
    lips = GlossSkin(noise, bgr(0.050, 0.022, 0.012), 0.06, 0.35, 0.06)
    lay_part(board, Ellipsoid((0.038, 0.268, 0.215), (0.050, 0.082, 0.075)), lips)
    for x, roll in ((-0.035, 0.35), (0.105, -0.35)):
        palp = Ellipsoid((x, 0.245, 0.205), (0.022, 0.066, 0.04), roll=roll)
        lay_part(board, palp, VelvetSkin(noise, _GOLD_DUST, 0.2, 0.06))
    board.fold_in(0.012, 1.6)
    board.fold_in(0.045, 0.9)
    for x, y, size in (
        (-0.235, -0.120, 0.0075),
        (-0.105, 0.112, 0.0055),
        (-0.268, 0.060, 0.0045),
        (0.245, 0.085, 0.0065),
        (0.165, -0.128, 0.0048),
    ):
        _dew(board, x, y, size, bgr(0.10, 0.22, 0.12))
    return board


def _antennae(paper: Paper, noise: Noise) -> Board:
    board = Board(paper)
    for side, x in _ANTENNAE:
        for at, radii, roll, colours in (
            ((x, -0.004, 0.105), (0.0130, 0.0150, 0.022), 0.0, _UMBER),
            ((x + 0.007 * side, 0.014, 0.072), (0.0150, 0.0145, 0.016), 0.0, _UMBER),
            ((x + 0.013 * side, 0.048, 0.060), (0.0155, 0.0370, 0.018), 0.16 * side, _RUST),
        ):
            lay_part(board, Ellipsoid(at, radii, roll=roll), VelvetSkin(noise, colours, 0.35, 0.03))
    board.fold_in(0.008, 1.5)
    return board


def _dew(board: Board, x: float, y: float, size: float, tint: Vector) -> None:
    """Set a drop on whatever is at `x`, `y`."""
    z = board.depth_at(x, y)
    if z is not None:
        lay_part(board, Ellipsoid((x, y, z - 0.2 * size), (size, size, size)), DewSkin(tint))


def _head_bristles(board: Board, random: np.random.Generator) -> list[Strand]:
    """Two rows up the frons, bending outward and toward the lens, and tall ones at the vertex."""
    strands = []
    for n in range(8):
        for side in (-1, 1):
            x = 0.03 + side * (0.036 + 0.003 * n) + 0.004 * random.standard_normal()
            y = -0.045 - 0.024 * n
            z = board.depth_at(x, y)
            if z is None:
                continue
            length = 0.075 + 0.012 * n + 0.02 * random.random()
            heading = np.array([0.35 * side, -0.55 - 0.04 * n, -0.75 + 0.05 * n])
            bend = np.array([-0.35 * side, -0.25, 0.15]) + 0.12 * random.standard_normal(3)
            path = _ahead_of_the_lens(curved(np.array([x, y, z]), heading, length, bend, 9))
            strands.append(Strand(path, 0.0021, 0.0003, _BLACK, _BROWN, 3.0))
    for side, lean in ((-1, 0.9), (1, 0.9), (-1, 0.35), (1, 0.35)):
        root, heading = np.array([0.03 + side * 0.034, -0.160, 0.20]), np.array([side * lean, -0.9, -0.25])
        path = curved(root, heading, 0.15, np.array([side * 0.2, 0.28, 0.1]), 10)
        strands.append(Strand(path, 0.0026, 0.0003, _BLACK, _BROWN, 3.0))
    return strands


def _eye_fringe(seed: int) -> list[Strand]:
    """Short hairs behind the eyes' rims."""
    random = np.random.default_rng([seed, 7])
    strands = []
    for eye in (_LEFT_EYE, _RIGHT_EYE):
        for angle in 2 * np.pi * random.random(110):
            out = np.array([np.cos(angle) * eye.radii[0], np.sin(angle) * eye.radii[1]])
            root = np.array([*(np.array(eye.centre[:2]) + 0.97 * out), eye.centre[2] + 0.012])
            heading = np.array([*(out / np.linalg.norm(out)), 0.2 + 0.3 * random.standard_normal()])
            bend = 0.3 * random.standard_normal(3)
            path = curved(root, heading, 0.030 + 0.025 * random.random(), bend, 5)
            strands.append(Strand(path, 0.0009, 0.0002, _BROWN, _PALE, 0.8, 0.4))
    return strands


def _feathers(random: np.random.Generator) -> list[Strand]:
    """Long feathered bristles on the antennae, out across the eyes and toward the lens: the aristae."""
    strands = []
    for side, x in _ANTENNAE:
        root = np.array([x + 0.022 * side, 0.030, 0.054])
        arista = curved(root, np.array([side, -0.42, -0.34]), 0.150, np.array([0.05 * side, 0.30, 0.06]), 16)
        arista = _ahead_of_the_lens(arista)
        strands.append(Strand(arista, 0.0026, 0.0004, _BLACK, _BROWN, 2.5))
        for n in range(2, 16):
            for way in (-1, 1):
                ahead = arista[n] - arista[n - 1]
                across = np.array([ahead[1], -ahead[0], 0.0]) * way
                heading = across / np.linalg.norm(across) + 0.8 * ahead / np.linalg.norm(ahead)
                heading[2] += 0.25 * random.standard_normal()
                path = curved(arista[n], heading, 0.034 * (1.1 - n / 18), np.zeros(3), 3)
                strands.append(Strand(_ahead_of_the_lens(path), 0.0008, 0.0002, _BROWN, _BROWN, 0.8, 0.2))
        for _ in range(12):
            base = np.array([x + 0.007 * side, 0.010, 0.060]) + 0.006 * random.standard_normal(3)
            heading = np.array([side * random.random(), 0.3 + 0.5 * random.standard_normal(), -0.8])
            path = curved(base, heading, 0.02 + 0.025 * random.random(), np.array([0, 0.3, 0]), 5)
            strands.append(Strand(_ahead_of_the_lens(path), 0.0011, 0.0002, _BLACK, _BROWN, 1.5))
    return strands


def _beard(board: Board, random: np.random.Generator) -> list[Strand]:
    """Long down round the mouth, short down on the face, and black bristles that reach for the lens."""
    strands = []
    for _ in range(430):
        x, y = 0.034 + 0.062 * random.standard_normal(), 0.150 + 0.052 * random.standard_normal()
        z = board.depth_at(x, y)
        sway, drop, rise, hang = random.standard_normal(4)
        length, tone = 0.035 + 0.055 * random.random(), 0.30 + 0.70 * random.random()
        if z is None or abs(x - 0.034) > 0.13 or z > 0.26:
            continue
        heading = np.array([(x - 0.034) * 5 + 0.22 * sway, 0.75, -0.50 + 0.2 * rise])
        path = curved(np.array([x, y, z]), heading, length, np.array([0.3 * drop, 0.3 + 0.1 * hang, 0.30]), 7)
        colours = (_BROWN * tone, _STRAW * tone) if tone > 0.48 else (_BLACK, _BROWN * 1.5)
        strands.append(Strand(_ahead_of_the_lens(path), 0.00080, 0.00012, *colours, 1.0, 0.5))
    for _ in range(560):
        x, y = 0.030 + 0.055 * random.standard_normal(), 0.10 * random.standard_normal() + 0.06
        z = board.depth_at(x, y)
        sway, length, tone = (
            random.standard_normal(),
            0.012 + 0.012 * random.random(),
            0.5 + 0.5 * random.random(),
        )
        if z is None or abs(x - 0.03) > 0.10:
            continue
        heading = np.array([(x - 0.03) * 4 + 0.3 * sway, 0.9, -0.35])
        path = curved(np.array([x, y, z]), heading, length, np.array([0, 0.2, 0.2]), 3)
        strands.append(Strand(path, 0.00050, 0.0001, _PALE * 0.5, _STRAW * tone, 0.5, 0.6))
    for n in range(4):
        for side in (-1, 1):
            x, y = 0.034 + side * (0.055 + 0.006 * n), 0.185 - 0.018 * n
            z = board.depth_at(x, y)
            if z is None:
                continue
            bend = np.array([-0.25 * side, 0.35, 0.05])
            path = curved(np.array([x, y, z]), np.array([side * 0.45, 0.45, -0.9]), 0.16 - 0.012 * n, bend, 9)
            strands.append(Strand(_ahead_of_the_lens(path), 0.0023, 0.0003, _BLACK, _BROWN, 3.0))
    return strands


def _ahead_of_the_lens(path: Vector) -> Vector:
    """Bend a path that would come nearer than the nearest tip."""
    path[:, 2] = np.maximum(path[:, 2], 0.0)
    return path


def _thorax(paper: Paper, noise: Noise, seed: int) -> tuple[Board, list[Strand]]:
    board = Board(paper)
    lay_part(board, _THORAX, MetalSkin([seed, 8], noise, 0.30, _EMERALD, 0.0125))
    board.fold_in(0.03, 1.2)
    board.darken(outline(paper, (_LEFT_EYE, _RIGHT_EYE, _FACE)), 0.035)
    random = np.random.default_rng([seed, 9])
    middle = np.array(_THORAX.centre)
    bristles = []
    for _ in range(78):
        x, y = middle[0] + 0.36 * (2 * random.random() - 1), middle[1] - 0.245 * random.random()
        z = board.depth_at(x, y)
        if z is None:
            continue
        out = (np.array([x, y, z]) - middle) * (1.0, 1.6, 1.2)
        heading = out / np.linalg.norm(out) + (0, -0.3, 0.1) + 0.15 * random.standard_normal(3)
        bend = np.array([0.1 * random.standard_normal(), 0.25, 0.35])
        path = curved(np.array([x, y, z]), heading, 0.055 + 0.085 * random.random(), bend, 8)
        path[:, 2] = np.minimum(path[:, 2], DEEPEST)
        bristles.append(Strand(path, 0.0021, 0.0003, _BLACK, _BROWN, 2.6))
    board.shade(bristles)
    for x, y, size in (
        (0.150, -0.275, 0.0085),
        (0.262, -0.215, 0.0060),
        (0.330, -0.130, 0.0095),
        (0.060, -0.262, 0.0050),
        (0.385, -0.060, 0.0055),
    ):
        _dew(board, x, y, size, bgr(0.12, 0.30, 0.16))
    return board, bristles


def _thorax_down(seed: int) -> list[Strand]:
    """Pale down along the thorax's outline."""
    random = np.random.default_rng([seed, 10])
    strands = []
    for angle in np.pi + np.pi * random.random(330):
        out = np.array([np.cos(angle) * _THORAX.radii[0], np.sin(angle) * _THORAX.radii[1]])
        root = np.array([*(np.array(_THORAX.centre[:2]) + 0.975 * out), _THORAX.centre[2] - 0.03])
        heading = np.array([*(out / np.linalg.norm(out)), 0.0]) + 0.35 * random.standard_normal(3)
        path = curved(root, heading, 0.022 + 0.035 * random.random(), 0.35 * random.standard_normal(3), 4)
        path[:, 2] = np.clip(path[:, 2], 0, DEEPEST)
        strands.append(Strand(path, 0.0008, 0.0002, _PALE * 0.6, _STRAW, 0.8, 0.7))
    return strands


def _legs(seed: int) -> list[Strand]:
    random = np.random.default_rng([seed, 11])
    metal, brown = (
        (bgr(0.04, 0.15, 0.08), bgr(0.22, 0.13, 0.04)),
        (bgr(0.20, 0.10, 0.035), bgr(0.06, 0.03, 0.02)),
    )
    strands = []
    for joints in (
        ((-0.15, 0.13, 0.46), (-0.345, 0.115, 0.36), (-0.425, 0.315, 0.40), (-0.47, 0.42, 0.38)),
        ((0.22, 0.13, 0.47), (0.385, 0.125, 0.40), (0.415, 0.300, 0.45), (0.455, 0.42, 0.42)),
    ):
        points = np.array(joints)
        for n, (thick, thin) in enumerate(((0.022, 0.013), (0.0125, 0.0085), (0.0075, 0.0050))):
            ahead = points[n + 1] - points[n]
            unit = ahead / np.linalg.norm(ahead)
            limb = curved(points[n], ahead, float(np.linalg.norm(ahead)), np.zeros(3), 4)
            strands.append(Strand(limb, thick, thin, *(metal if n == 0 else brown), 0.9))
            aside = np.cross(unit, [0, 0, 1.0])
            for _ in range((40, 60, 24)[n]):
                place, turn = random.random(), 2 * np.pi * random.random()
                out = np.cos(turn) * aside + np.sin(turn) * np.array([0, 0, -1.0])
                root = points[n] + place * ahead + 0.8 * (thick + place * (thin - thick)) * out
                path = curved(root, out + 0.9 * unit, 0.014 + 0.026 * random.random() ** 2, 0.3 * unit, 4)
                strands.append(Strand(path, 0.0010, 0.0002, _BLACK, _BROWN, 1.2))
    return strands


def _leaf(paper: Paper, noise: Noise, seed: int) -> Board:
    board = Board(paper)
    left, low = -(paper.centre_px[0] + 1) * paper.pixel, (paper.shape[0] - paper.centre_px[1]) * paper.pixel
    cut = paper.cut(left, 0.1, -left, low)
    if cut is None:
        return board
    x, y = paper.grid(cut)
    broad = noise.at(x, y + 0.35, 0.5)
    rim = 0.232 - 0.05 * np.sin(2.4 * x + 0.5) + 0.003 * broad
    below = np.maximum(y - rim, 0)
    depth = (DEEPEST - below**0.92 * (1.15 + 0.05 * broad)).astype(np.float32)
    # Seen along the leaf, its own plane is stretched away from us.
    along, across = depth, x + 0.25 * y
    vein = smoothstep(0.045, 0.0, np.abs(np.mod(across * 5.5 + along * 3.0 + 0.04 * broad, 1) - 0.5))
    blister = noise.at(across, along, 2.6)
    cells = pits(across, along, 0.0075, np.random.default_rng([seed, 12]))
    relief = 0.004 * vein - 0.0012 * smoothstep(0.3, 0.65, cells.distance) + 0.0020 * blister
    normals = Normals.of(depth - relief.astype(np.float32), paper.pixel)
    tone = 0.40 + 0.13 * broad + 0.06 * blister + 0.06 * (cells.chance - 0.5)
    greens = (bgr(0.02, 0.06, 0.015), bgr(0.045, 0.15, 0.022), bgr(0.13, 0.29, 0.04), bgr(0.34, 0.46, 0.12))
    colour = ramp(tone, greens) * (1 - 0.4 * vein[..., None])
    colour += (0.4 * vein)[..., None] * bgr(0.38, 0.50, 0.18).astype(np.float32)
    light = colour * diffuse(normals, 0.5) * 0.75
    light += mirrored(normals, 0.42) * np.float32(0.06)
    # Under the body it is dusk.
    shade = np.exp(-(((x - 0.04) / 0.28) ** 2)) * smoothstep(0.42, 0.22, y)
    light *= (1 - 0.65 * shade)[..., None]
    alpha = np.clip((y - rim) * paper.width_px + 0.5, 0, 1).astype(np.float32)
    board.lay(cut, light.astype(np.float32), alpha, depth)
    for at_x, at_y, size in (
        (-0.30, 0.300, 0.012),
        (-0.225, 0.335, 0.007),
        (0.235, 0.320, 0.010),
        (0.33, 0.345, 0.006),
    ):
        _dew(board, at_x, at_y, size, bgr(0.16, 0.42, 0.08))
    return board


_LONG_VEINS = (
    (0.0, 0.0, 2.6),
    (0.14, 0.05, 1.6),
    (0.30, 0.10, 1.5),
    (0.47, 0.07, 1.6),
    (0.66, -0.05, 1.3),
    (0.84, -0.12, 1.1),
    (1.0, 0.0, 1.0),
)
"""Where each crosses the wing (0 front edge, 1 back), how far it bows, how thick it is."""
_CROSS_VEINS = (
    (0.24, 0.14, 0.36),
    (0.42, 0.33, 0.52),
    (0.52, 0.50, 0.70),
    (0.36, 0.66, 0.86),
    (0.66, 0.0, 0.2),
)
"""How far out each lies, and between which places across."""
_FILM = (
    bgr(0.30, 0.36, 0.46),
    bgr(0.24, 0.48, 0.42),
    bgr(0.50, 0.50, 0.26),
    bgr(0.58, 0.34, 0.36),
    bgr(0.36, 0.32, 0.56),
    bgr(0.30, 0.36, 0.46),
)


def _wings(paper: Paper, noise: Noise) -> Sheet:
    light, depth = _blank(paper)
    for side, x, y in ((-1, -0.17, -0.15), (1, 0.36, -0.13)):
        cut = paper.cut(*((x - 0.7, -1.0, x, 1.0) if side < 0 else (x, -1.0, x + 0.7, 1.0)))
        if cut is not None:
            _wing(light[cut], depth[cut], paper, cut, noise, (side, x, y))
    return light, depth


def _wing(
    light: Plane,
    depth: Plane,
    paper: Paper,
    cut: tuple[slice, slice],
    noise: Noise,
    root: tuple[int, float, float],
) -> None:
    """Draw one wing: `place` runs from its root to its tip, `part` from its front edge to its back."""
    side, root_x, root_y = root
    x, y = paper.grid(cut)
    lean, span = np.float32(0.42), np.float32(0.62)
    dx, dy = (x - np.float32(root_x)) * np.float32(side), y - np.float32(root_y)
    along, across = dx * np.cos(lean) - dy * np.sin(lean), dx * np.sin(lean) + dy * np.cos(lean)
    place = np.clip(along / span, 0, 1)
    front = -0.085 * np.sin(np.pi * place**0.8) - 0.01
    chord = 0.155 * np.sin(np.pi * place**0.55) + 0.015 - front
    edge = np.minimum(np.minimum(across - front, front + chord - across), along)
    inside = np.clip(edge * paper.width_px + 0.5, 0, 1).astype(np.float32)
    part = ((across - front) / chord).astype(np.float32)
    film = noise.at(along, across, 0.9)
    z = 0.40 + 0.30 * along + 0.05 * across + 0.012 * np.sin(across * 60) * place + 0.004 * film
    vein = _veins(place, part, chord * paper.width_px, float(span) * paper.width_px) * inside
    tint = ramp(np.mod(0.3 + 0.9 * place + 0.5 * part + 0.16 * film, 1), _FILM)
    sheen = 0.30 + 0.9 * np.exp(-((part - 0.36 - 0.2 * place) ** 2) * 16) * (1 - 0.4 * place)
    glassy = inside * (0.34 + 0.12 * sheen)
    alpha = glassy * (1 - vein) + vein * 0.96
    light[..., :3] = tint * (sheen * glassy * 1.1 * (1 - vein))[..., None]
    light[..., :3] += vein[..., None] * bgr(0.10, 0.055, 0.03).astype(np.float32)
    light[..., 3] = alpha
    np.copyto(depth, np.clip(z, 0.30, DEEPEST), where=inside > 0, casting="same_kind")


def _veins(place: Plane, part: Plane, chord_px: Plane, span_px: float) -> Plane:
    """Give how much of each pixel is vein."""
    vein = np.zeros_like(part)
    unit_px = span_px / 600
    for at, bow, thick in _LONG_VEINS:
        line = at + bow * np.sin(np.pi * place) * (1 - 0.4 * place)
        wide = thick * unit_px * (1.35 - 0.7 * place)
        vein = np.maximum(vein, np.clip(wide + 0.5 - np.abs(part - line) * chord_px, 0, 1))
    for at, low, high in _CROSS_VEINS:
        away = np.abs(place - at - 0.06 * (part - low)) * span_px
        between = smoothstep(low - 0.01, low + 0.01, part) * smoothstep(high + 0.01, high - 0.01, part)
        vein = np.maximum(vein, np.clip(1.1 * unit_px + 0.5 - away, 0, 1) * between)
    return vein.astype(np.float32)


def backdrop(paper: Paper, seed: int, shrink: int) -> Plane:
    """Paint the garden far behind, where no carriage reaches: `(H, W, 3)` at `1 / shrink` of the canvas.

    So far beyond the travel its blur hardly changes over the subject's depth; it is painted blurred.
    """
    random = np.random.default_rng([seed, 20])
    drift = Noise(np.random.default_rng([seed, 21]), 2.6)
    rows, columns = -(-paper.shape[0] // shrink), -(-paper.shape[1] // shrink)
    y, x = np.mgrid[:rows, :columns].astype(np.float32) * np.float32(shrink * paper.pixel)
    x -= np.float32(paper.centre_px[0] * paper.pixel)
    y -= np.float32(paper.centre_px[1] * paper.pixel)
    tone = 0.44 - 0.80 * y + 0.46 * x + 0.13 * drift.at(x + 0.5, y + 0.5, 0.45)
    dusk = (
        bgr(0.005, 0.014, 0.016),
        bgr(0.010, 0.034, 0.032),
        bgr(0.026, 0.075, 0.046),
        bgr(0.085, 0.150, 0.050),
        bgr(0.260, 0.250, 0.085),
    )
    light = ramp(tone, dusk)
    petals = (bgr(0.9, 0.8, 0.4), bgr(0.55, 0.8, 0.3), bgr(0.95, 0.9, 0.8), bgr(0.35, 0.7, 0.55))
    for _ in range(60):
        at_x, at_y = 1.2 * (random.random() - 0.5), 0.95 * (random.random() - 0.62)
        size = 0.014 + 0.040 * random.random() ** 1.5
        away = np.hypot(x - np.float32(at_x), y - np.float32(at_y))
        inside = smoothstep(size + 0.0045, size - 0.0045, away)
        rim = np.exp(-(((away - size * 0.95) / (0.10 * size)) ** 2)) * inside
        strength = 0.01 + 0.20 * random.random() ** 3
        glow = ((inside + 0.35 * rim) * strength)[..., None]
        light += glow * petals[random.integers(4)].astype(np.float32)
    blur_px = max(0.0022 * paper.width_px / shrink, 0.3)
    return np.asarray(cv2.GaussianBlur(light, (0, 0), blur_px), np.float32)
