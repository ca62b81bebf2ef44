"""What is clipped in a slice stays white, whatever gain evens out its light."""

import cv2
import numpy as np
import pytest

import stack.merge.resolution
from stack.merge.bydepth import by_depth
from stack.merge.evened import STRAIGHT, Evened
from stack.merge.frames import in_layers
from stack.merge.settings import MergeSettings, Method
from stack.merge.stream import Merge

HEIGHT, WIDTH, SLICES = 320, 480, 6
ENCODED = 1 / 2.2
LIGHT = np.array(
    [[1, 1, 1], [1.06, 1.1, 1.13], [0.95, 0.9, 0.92], [1.1, 1.02, 1.05], [0.96, 1, 1.04], [1.1, 1.1, 1.1]]
)
"""Of each slice, blue, green and red: in some of them gains are below 1, in some above, in one both."""
TYPES = (np.uint8, np.uint16)
SEEN = np.s_[12:-12, 12:-12]
SHINING = np.s_[130:190]
"""Rows as bright as three times white; beside them a strip is left out, where they glow."""
MID_TONES = (np.s_[20:100], np.s_[220:300])


def scene():
    """Give the light of a subject: mid tones of two colours, and a band far brighter than white."""
    random = np.random.default_rng(7)
    grain = cv2.GaussianBlur(random.standard_normal((HEIGHT, WIDTH)).astype(np.float32), (0, 0), 1)
    light = 0.2 * np.exp(0.8 * grain)[..., None] * np.linspace([1, 0.8, 0.6], [0.6, 0.8, 1], WIDTH)
    light[SHINING] = 3
    return light


def slices(dtype):
    """Give the slices, each sharp in a part of its own, as a camera stores them."""
    sharp = scene()
    soft = cv2.GaussianBlur(sharp, (0, 0), 2.5)
    white = np.iinfo(dtype).max
    frames = []
    for index, lamp in enumerate(LIGHT):
        in_focus = np.arange(WIDTH) * SLICES // WIDTH == index
        light = np.where(in_focus[:, None], sharp, soft) * lamp
        frames.append(np.rint(np.clip(light, 0, 1) ** ENCODED * white).astype(dtype))
    return frames


def merged(frames, method=Method.WEIGHTED):
    merge = Merge(MergeSettings(align=False, method=method))
    for index, frame in enumerate(frames):
        merge.add(index, frame)
    return merge.finish()


def levels(pixels):
    return pixels * (255 / np.iinfo(pixels.dtype).max)


def check(pixels, least_white=253, most_tint=1):
    """Check a picture against the truth: white is white, and mid tones are lit as in the first slice."""
    found = levels(pixels)
    white = cv2.blur(found[SHINING][12:-12, 12:-12], (5, 5))
    assert white.min() > least_white
    assert np.ptp(white, axis=2).max() < most_tint
    truth = 255 * np.clip(scene(), 0, 1) ** ENCODED
    for rows in MID_TONES:
        for part in np.array_split(np.arange(12, WIDTH - 12), SLICES):
            wrong = (found[rows][:, part] - truth[rows][:, part]).mean(axis=(0, 1))
            assert np.abs(wrong).max() < 1.2


@pytest.mark.parametrize("dtype", TYPES)
def test_clipped_areas_are_white_under_flicker(dtype):
    check(merged(slices(dtype)).pixels)


@pytest.mark.parametrize("dtype", TYPES)
def test_in_the_pyramid_too(dtype):
    """Its coarse levels bring a little of the dark surroundings into white, with gains or without."""
    check(merged(slices(dtype), Method.PYRAMID).pixels, 250, 3)


@pytest.mark.parametrize("dtype", TYPES)
def test_in_layers_too(dtype, monkeypatch):
    # Layers are for large pictures, whose sharpness is judged at half the resolution.
    monkeypatch.setattr(stack.merge.resolution, "DECIDING_PIXELS", HEIGHT * WIDTH // 2)
    check(merged([in_layers(frame) for frame in slices(dtype)]).pixels)


@pytest.mark.parametrize("dtype", TYPES)
def test_and_by_depth(dtype):
    frames = slices(dtype)
    result = merged(frames)
    result.confidence[:] = 255  # all of it anew
    by_depth(result, frames.__getitem__)
    check(result.pixels)


@pytest.mark.parametrize("gains", [(0.9, 0.95, 0.93), (0.96, 1.0, 1.04), (0.7, 0.98, 0.99), (1.1, 1.2, 1.05)])
@pytest.mark.parametrize("dtype", TYPES)
def test_a_ramp_rises_without_a_step_up_to_white(dtype, gains):
    white = np.iinfo(dtype).max
    ramp = np.arange(white + 1).astype(dtype)[None, :, None].repeat(3, axis=2)
    lit = Evened(np.array(gains), np.dtype(dtype), 255)(ramp)[0]
    rises = np.diff(lit, axis=0) * (white / 255)  # levels for each level
    assert rises.min() > 0
    assert rises.max() < 1.3 + 30 * (1 - min(1, *gains))
    assert np.abs(np.diff(rises, axis=0)).max() < 1.5 * (1 - min(1, *gains)) + 0.02
    assert np.allclose(lit[-1], 255 * np.maximum(gains, 1), atol=0.01)
    straight = int(STRAIGHT * white / 255)
    assert np.allclose(lit[:straight], ramp[0, :straight] * np.array(gains) * 255 / white, atol=0.01)


@pytest.mark.parametrize("dtype", TYPES)
def test_dark_pixels_are_given_as_bright_ones_give_them(dtype):
    """Parts with nothing bright in them are only multiplied: that must not show where such parts meet."""
    white = np.iinfo(dtype).max
    random = np.random.default_rng(1)
    dark = random.integers(0, int(0.9 * white), (40, 50, 3)).astype(dtype)
    evened = Evened(np.array([0.9, 1.02, 0.97]), np.dtype(dtype), 65535)
    both = np.vstack([dark, np.full_like(dark, white)])
    assert evened.bends(both)
    assert not evened.bends(dark)
    assert np.allclose(evened(both)[: len(dark)], evened(dark), atol=0.02)


@pytest.mark.parametrize("dtype", TYPES)
def test_no_more_than_white_is_given_where_that_is_asked(dtype):
    white = np.iinfo(dtype).max
    bright = np.full((4, 4, 3), 0.9 * white).astype(dtype)
    gains = np.array([1.2, 0.9, 1.0])
    assert np.allclose(Evened(gains, np.dtype(dtype), 255, clips=True)(bright)[0, 0, 0], 255)
    assert Evened(gains, np.dtype(dtype), 255)(bright)[0, 0, 0] > 270
