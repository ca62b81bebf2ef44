"""The darkest slice is best about glints, and neither a shadow nor lit ground is taken for that."""

import cv2
import numpy as np
from rendered import MARGIN, Rendered, Shake, Surface, _disc_mask, _texture, psnr, render

from stack.merge.settings import MergeSettings
from stack.merge.stream import Merge, Merged

SIZE = (640, 480)
SLICES = 9
BLUR_PX = 2.6
GLINTS = ((0.3, 0.35), (0.5, 0.5), (0.7, 0.35), (0.35, 0.7), (0.65, 0.7))
SHADED = 6


def slope(strength: float, glints: tuple[tuple[float, float], ...] = ()) -> Rendered:
    """A slope rough to that degree, with glints at these shares of its width and height."""
    height, width = (round(side * (1 + 2 * MARGIN)) for side in SIZE[::-1])
    y, x = np.mgrid[:height, :width].astype(np.float32)
    ground = _texture(height, width, np.random.default_rng(5), strength)
    for u, v in glints:
        ground += 12 * _disc_mask(x, y, u * width, v * height, 3)[..., None]
    surface = Surface(ground, np.ones_like(y), (SLICES - 1) * x / width)
    return render([surface], SLICES, BLUR_PX, SIZE, Shake(noise=0.3, seed=5))


def merged(frames: list[np.ndarray]) -> Merged:
    merge = Merge(MergeSettings(align=False, even_light=False))
    for index, frame in enumerate(frames):
        merge.add(index, frame)
    return merge.finish()


def test_faint_ground_about_glints_is_not_seen_through_their_discs() -> None:
    """A disc lightens what it lies over by a hundred levels; how much by still tells its slices apart."""
    stack = slope(0.12, GLINTS)
    result = merged(stack.frames)
    truth = stack.truth[result.crop.rows, result.crop.columns]
    shining = (truth.min(axis=2) > 250).astype(np.uint8)
    away = cv2.distanceTransform(1 - shining, cv2.DIST_L2, 5)
    assert psnr(result.pixels, truth, (away > 3) & (away < 24)) > 42.5


def test_a_shadow_that_fell_on_one_slice_is_not_what_the_picture_is_of() -> None:
    frames = slope(0.04).frames
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    shade = 1 - 0.3 * np.exp(-(np.hypot(x - 160, y - 240) ** 4) / 100**4)
    shaded = [*frames]
    shaded[SHADED] = np.rint(frames[SHADED] * shade[..., None]).astype(np.uint8)
    within = np.s_[180:300, 100:220]  # there another slice is the sharpest
    darker = merged(frames).pixels[within].mean() - merged(shaded).pixels[within].mean()
    assert darker < 0.4 * (frames[SHADED][within].mean() - shaded[SHADED][within].mean())


def test_ground_that_is_lit_keeps_its_light_beside_a_dark_part() -> None:
    """Where it clips here and there it is no glint: the darkest slice has the part's blur over it."""
    height, width = (round(side * (1 + 2 * MARGIN)) for side in SIZE[::-1])
    y, x = np.mgrid[:height, :width].astype(np.float32)
    lamp = 1.1 - 0.3 * np.hypot(x / width - 0.5, y / height - 0.5)
    lit = lamp[..., None] * np.float32([0.5, 0.75, 1.0])
    part = _disc_mask(x, y, 0.5 * width, 0.5 * height, 0.13 * width)
    dark = _texture(height, width, np.random.default_rng(5), 1.0) * np.float32(0.3)
    ground = Surface(lit.astype(np.float32), np.ones_like(x), np.full_like(x, 14.0))
    stack = render([ground, Surface(dark, part, np.zeros_like(x))], 6, 12.0, SIZE, Shake(noise=0.5, seed=5))
    result = merged(stack.frames)
    truth = stack.truth[result.crop.rows, result.crop.columns]
    outside = (truth.min(axis=2) > 120).astype(np.uint8)
    away = cv2.distanceTransform(outside, cv2.DIST_L2, 5)
    assert psnr(result.pixels, truth, (away > 2) & (away < 60)) > 39
