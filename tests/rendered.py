"""Stacks rendered with a known truth: surfaces in depth, disc defocus in linear light, shake, flicker, noise.

A surface is a texture with a mask and a depth for every pixel. Each is cut into thin layers of depth, every
layer is blurred by its disc, layers of one surface add up, and surfaces cover each other from far to near.
"""

from dataclasses import dataclass, field
from functools import cache
from itertools import repeat

import cv2
import numpy as np

from stack.merge.light import levels_of, light_of

LAYERS = 24
MARGIN = 0.12


@dataclass
class Surface:
    """Radiance `(H, W, 3)`, coverage `(H, W)` and depth `(H, W)` in slices."""

    radiance: np.ndarray
    coverage: np.ndarray
    depth: np.ndarray


@dataclass
class Rendered:
    """A stack: frames, the truth as the first frame has it, its depth, where each frame lies (2x3)."""

    frames: list
    truth: np.ndarray
    depth: np.ndarray
    transforms: list
    gains: list = field(default_factory=list)


@dataclass
class Shake:
    """What a real rig does to frame `i`, beyond its focus."""

    breathing: float = 0.0  # growth a slice
    shift_px: float = 0.0  # wander, standard deviation
    turn_deg: float = 0.0
    flicker: float = 0.0  # +- share of the light
    noise: float = 1.0  # times a usual sensor's
    seed: int = 1


def render(surfaces, slices, blur_px, size, shake=None, dtype=np.uint8):
    """Photograph surfaces on a canvas larger than `size` (width, height); discs grow by `blur_px` a slice."""
    shake = shake or Shake()
    random = np.random.default_rng(shake.seed)
    canvas = surfaces[0].coverage.shape
    frames, transforms, gains = [], [], []
    sheets = [_Sheet(surface, slices, blur_px) for surface in surfaces]
    for i in range(slices):
        place = _place(i, canvas, size, shake, random)
        linear = _laid(_photograph(sheets, i, blur_px), place, size)
        gain = 1 + shake.flicker * random.uniform(-1, 1) if i else 1.0
        gains.append(gain)
        frames.append(_developed(linear * gain, shake.noise, random, dtype))
        transforms.append(place)
    sharp = np.zeros((*canvas, 3), np.float32)
    depth = np.zeros(canvas, np.float32)
    for surface in surfaces:
        a = surface.coverage
        sharp = sharp * (1 - a[..., None]) + surface.radiance * a[..., None]
        depth = np.where(a > 0.5, surface.depth, depth)
    truth = _encoded(_laid(sharp, transforms[0], size)) * 255
    depth = cv2.warpAffine(
        depth,
        transforms[0],
        size,
        flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    to_frames = [_from_first(transforms[0], t) for t in transforms]
    return Rendered(frames, truth, depth, to_frames, gains)


def scene(size, slices, seed=1, glints=True, hairs=True, texture=1.0, near_parts=True):
    """A sloping ground with a hill, near plates that cover it, hairs and glints; depth spans all slices."""
    random = np.random.default_rng(seed)
    width, height = (round(side * (1 + 2 * MARGIN)) for side in size)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    u, v = x / width, y / height
    last = slices - 1
    hill = np.exp(-(((u - 0.35) / 0.16) ** 2 + ((v - 0.55) / 0.2) ** 2))
    ground = np.clip(last * (1.0 - 0.45 * v - 0.5 * hill), 0, last)
    surfaces = [
        Surface(_texture(height, width, random, texture), np.ones((height, width), np.float32), ground)
    ]
    if near_parts:
        disc = _disc_mask(x, y, 0.68 * width, 0.62 * height, 0.13 * width)
        surfaces.append(Surface(_texture(height, width, random, texture), disc, np.full_like(u, 0.2 * last)))
        bar = _line(height, width, (0.12, 0.2), (0.5, 0.32), max(3, round(height / 40)))
        surfaces.append(Surface(_texture(height, width, random, texture), bar, np.full_like(u, 0.4 * last)))
    if hairs:
        for _ in range(5):
            a, b = random.uniform(0.12, 0.88, 2), random.uniform(0.12, 0.88, 2)
            hair = _line(height, width, a, b, max(1, round(height / 400)))
            colour = np.full((height, width, 3), random.uniform(0.01, 0.05), np.float32)
            surfaces.append(Surface(colour, hair, np.full_like(u, random.uniform(0, 0.4) * last)))
    if glints:
        ground_texture = surfaces[0].radiance
        for _ in range(14):
            cx, cy = random.uniform(0.15, 0.85) * width, random.uniform(0.15, 0.85) * height
            spot = _disc_mask(x, y, cx, cy, random.uniform(0.8, 3.0) * height / 600 + 0.7)
            ground_texture += spot[..., None] * np.float32(random.uniform(3, 12))
    return surfaces


def psnr(picture, truth, where=None):
    """Peak signal to noise ratio in dB, of 255."""
    error = (picture.astype(np.float64) - truth) ** 2
    return 10 * np.log10(255**2 / (error if where is None else error[where]).mean())


def ssim(a, b):
    """Mean structural similarity of brightness (Wang et al. 2004, Gaussian window 1.5)."""
    a, b = (cv2.cvtColor(p.astype(np.float32), cv2.COLOR_BGR2GRAY) for p in (a, b))

    def mean(p):
        return cv2.GaussianBlur(p, (11, 11), 1.5)

    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float(((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))).mean())


def hard_argmax(stack):
    """The merge everybody writes first: lay by the true transforms, take the largest Laplacian energy."""
    return _taken(stack.frames[0].shape, _frames_laid(stack), _blandness)


def nearest_to_the_truth(stack, reach_px=2.0):
    """What no choice among slices surpasses: of all, laid and lit rightly, the nearest to the truth there."""
    gains = stack.gains or repeat(1.0)
    lit = (
        levels_of(light_of(laid, 255) / gain, 255)
        for laid, gain in zip(_frames_laid(stack), gains, strict=False)
    )

    def error(laid):
        return cv2.GaussianBlur(((laid - stack.truth) ** 2).sum(axis=2), (0, 0), reach_px)

    return _taken(stack.frames[0].shape, lit, error)


def _taken(shape, pictures, cost):
    """Put together what costs least, pixel by pixel."""
    least, picture = np.full(shape[:2], np.inf, np.float32), np.zeros(shape, np.uint8)
    for one in pictures:
        costs = cost(one)
        better = costs < least
        picture[better], least[better] = one[better], costs[better]
    return picture


def _frames_laid(stack):
    """Give the frames, each laid by its true transform."""
    for frame, transform in zip(stack.frames, stack.transforms, strict=True):
        yield cv2.warpAffine(
            frame,
            transform,
            (frame.shape[1], frame.shape[0]),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )


def _blandness(laid):
    grey = cv2.GaussianBlur(cv2.cvtColor(laid, cv2.COLOR_BGR2GRAY), (3, 3), 0)
    return -cv2.GaussianBlur(cv2.Laplacian(grey, cv2.CV_32F, ksize=3) ** 2, (0, 0), 2)


def displacement_rms_px(found, true, size):
    """How far two 2x3 matrices put the pixels of a picture apart."""
    y, x = np.mgrid[0 : size[1] : 9j, 0 : size[0] : 9j]
    points = np.stack([x.ravel(), y.ravel(), np.ones(81)])
    return float(np.sqrt(np.square((found - true) @ points).sum(axis=0).mean()))


def _photograph(sheets, focus, blur_px):
    picture = np.zeros((*sheets[0].shape, 3), np.float32)
    for sheet in sheets:
        box, colour, cover = sheet.seen(focus, blur_px)
        picture[box] = picture[box] * (1 - cover[..., None]) + colour
    return picture


class _Sheet:
    """A surface cut into layers, each with its place, its light and where that lies."""

    def __init__(self, surface, slices, blur_px):
        self.shape = surface.coverage.shape
        self._layers = []
        low, high = float(surface.depth.min()), float(surface.depth.max())
        layers = max(1, min(LAYERS, round((high - low) * 2)))
        between = (surface.depth - low) / max(high - low, 1e-6) * (layers - 1)
        for layer, place in enumerate(np.linspace(low, high, layers)):
            # Hats, not steps: a pixel between two layers belongs to both, so that no seams show.
            weight = surface.coverage * np.clip(1 - np.abs(between - layer), 0, 1).astype(np.float32)
            if not weight.any():
                continue
            rows, columns = (np.flatnonzero(weight.any(axis=axis)) for axis in (1, 0))
            drawn = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
            widest = _box(drawn, blur_px * max(abs(place), abs(place - slices + 1)))
            light = np.dstack([(surface.radiance[widest] * weight[widest][..., None]), weight[widest]])
            self._layers.append((place, drawn, widest, light))

    def seen(self, focus, blur_px):
        """Give where the surface is seen, and its colour and coverage there, blurred as with that focus."""
        radii = [blur_px * abs(place - focus) for place, *_ in self._layers]
        boxes = [_box(drawn, radius) for (_, drawn, *_), radius in zip(self._layers, radii, strict=True)]
        around = _around(boxes, self.shape)
        shape = tuple(side.stop - side.start for side in around)
        colour, cover = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32)
        for (_, _, widest, light), radius, box in zip(self._layers, radii, boxes, strict=True):
            part = light[_within(box, widest)]
            spread = cv2.filter2D(part, -1, _disc(radius), borderType=cv2.BORDER_REPLICATE)
            here = _within(box, around)
            colour[here] += spread[..., :3]
            cover[here] += spread[..., 3]
        # Every ray ends on some point of the surface: what layers lose or gain at their seams is not light.
        covered = np.clip(cover, 0, 1)
        return around, colour * (covered / np.maximum(cover, 1e-6))[..., None], covered


def _box(drawn, radius):
    """Give rows and columns that a disc of that radius reaches from what is drawn."""
    top, bottom, left, right = drawn
    pad = int(np.ceil(radius)) + 2
    return slice(max(0, top - pad), bottom + pad), slice(max(0, left - pad), right + pad)


def _around(boxes, shape):
    """Give the box about others, on a canvas of that shape."""
    return tuple(
        slice(min(side.start for side in sides), min(length, max(side.stop for side in sides)))
        for sides, length in zip(zip(*boxes, strict=True), shape, strict=True)
    )


def _within(box, whole):
    """Give a box as seen from another that holds it."""
    return tuple(
        slice(side.start - edge.start, side.stop - edge.start) for side, edge in zip(box, whole, strict=True)
    )


@cache
def _disc(radius):
    reach = int(np.ceil(radius)) + 1
    fine = np.linspace(-reach - 0.5, reach + 0.5, (2 * reach + 1) * 8 + 1)[:-1] + 1 / 16
    inside = (fine[:, None] ** 2 + fine[None] ** 2 <= max(radius, 0.35) ** 2).astype(np.float32)
    kernel = inside.reshape(2 * reach + 1, 8, 2 * reach + 1, 8).sum(axis=(1, 3))
    return kernel / kernel.sum()


def _texture(height, width, random, strength, grain=1.0):
    total = np.zeros((height, width), np.float32)
    for finest_px, share in ((1.5, 0.35), (3, 0.3), (8, 0.3), (40, 0.5)):
        cell = grain * finest_px
        rough = random.normal(size=(int(height / cell) + 2, int(width / cell) + 2)).astype(np.float32)
        total += share * cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC)
    base = np.exp(0.6 * strength * total)
    hue = 1 + 0.3 * random.uniform(-1, 1, 3)
    return (0.18 * base[..., None] * hue).clip(0.004, 0.9).astype(np.float32)


def _disc_mask(x, y, cx, cy, radius):
    return np.clip(radius - np.hypot(x - cx, y - cy) + 0.5, 0, 1).astype(np.float32)


def _line(height, width, a, b, thickness):
    mask = np.zeros((height, width), np.uint8)
    ends = [(round(p[0] * width * 16), round(p[1] * height * 16)) for p in (a, b)]
    cv2.line(mask, *ends, 255, thickness, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def _place(i, canvas, size, shake, random):
    """2x3: pixel of the frame to pixel of the canvas."""
    scale = 1 / (1 + shake.breathing) ** i
    turn = np.deg2rad(shake.turn_deg * random.normal()) if i else 0.0
    shift = shake.shift_px * random.normal(size=2) if i else np.zeros(2)
    c, s = scale * np.cos(turn), scale * np.sin(turn)
    matrix = np.array([[c, -s], [s, c]])
    centre = np.array([(size[0] - 1) / 2, (size[1] - 1) / 2])
    middle = np.array([(canvas[1] - 1) / 2, (canvas[0] - 1) / 2])
    return np.column_stack([matrix, middle + shift - matrix @ centre])


def _from_first(first, other):
    """2x3 from pixels of the first frame to pixels of the other."""
    whole = [np.vstack([m, [0, 0, 1]]) for m in (first, other)]
    return (np.linalg.inv(whole[1]) @ whole[0])[:2]


def _laid(canvas, place, size):
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.maximum(cv2.warpAffine(canvas, place, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), 0)


def _developed(linear, noise, random, dtype):
    """Shot and read noise of a small sensor, clipping, sRGB's curve, rounding."""
    electrons = 6000.0
    spread = noise * np.sqrt(linear / electrons + (4 / electrons) ** 2)
    grains = random.standard_normal(linear.shape, dtype=np.float32)
    white = np.iinfo(dtype).max
    return np.rint(_encoded(linear + spread * grains) * white).astype(dtype)


def _encoded(linear):
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
