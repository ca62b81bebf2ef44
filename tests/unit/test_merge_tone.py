import cv2
import numpy as np
import pytest
from merge_stacks import KINDS, SIZE, kind_stack

from stack.merge.tone import Tone

INNER = (slice(20, SIZE[1] - 20), slice(24, SIZE[0] - 24))
ENCODED = 0.4665
"""A mid tone's pixel value grows by its light's growth to this power (sRGB)."""


def laid(stack):
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    for frame, matrix in zip(stack.frames, stack.transforms, strict=True):
        yield cv2.warpAffine(frame, matrix, SIZE, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def gains_of(frames, white=255):
    tone = Tone()
    return np.array([tone.gains(frame, white, INNER) for frame in frames])


@pytest.mark.parametrize("kind", KINDS)
def test_flicker_is_found_whatever_comes_into_focus(kind):
    """Flicker is 5 %; measured 0.01 to 0.04 %. Means of pixel values instead of light: up to 0.4 %."""
    stack = kind_stack(kind)
    wrong = gains_of(laid(stack)) * np.power(stack.gains, ENCODED)[:, None] - 1
    assert np.abs(wrong).mean() < 0.0008
    assert abs(wrong[-1].mean()) < 0.0025  # nor does it drift


def test_a_drift_of_white_balance_is_found():
    stack = kind_stack("slope")
    tint = np.linspace(1, [1.08, 1.0, 0.94], len(stack.frames))
    frames = [
        np.clip(frame * by, 0, 255).astype(np.uint8) for frame, by in zip(laid(stack), tint, strict=True)
    ]
    wrong = gains_of(frames) * np.power(stack.gains, ENCODED)[:, None] * tint - 1
    assert np.abs(wrong - wrong.mean(1, keepdims=True)).max() < 0.006


def test_glints_that_clip_are_not_taken_for_a_darker_lamp():
    """In focus they lose light, out of focus less: these lie all over two thirds of the picture."""
    random = np.random.default_rng(3)
    sharp = cv2.GaussianBlur(random.uniform(0.05, 0.2, (SIZE[1], SIZE[0])).astype(np.float32), (0, 0), 2)
    for x, y in random.integers(20, (SIZE[0] * 2 // 3, SIZE[1] - 20), (120, 2)):
        sharp[y, x] += 60
    frames = []
    for radius in (1, 2, 3, 5, 7, 9):
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2).astype(np.float32)
        light = np.clip(cv2.filter2D(sharp, -1, disc / disc.sum()), 0, 1)
        frames.append(np.repeat(np.rint(255 * np.sqrt(light))[..., None], 3, axis=2).astype(np.uint8))
    assert np.abs(gains_of(frames) - 1).max() < 0.002


def test_deeper_pixels_have_the_same_gains():
    frames = list(laid(kind_stack("slope")))[:4]
    deep = [frame.astype(np.uint16) * 257 for frame in frames]
    assert np.allclose(gains_of(frames), gains_of(deep, 65535), atol=1e-5)
