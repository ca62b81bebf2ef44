"""What somebody sees of a frame: all of it, or a part at 1:1, with sharp and clipped pixels marked."""

import cv2
import numpy as np
import pytest
import simplejpeg

from camera.sharpness import detail, sharpness
from camera.view import View, clipped_percent, show


def frame(height: int = 240, width: int = 320) -> np.ndarray:
    """Give a smooth picture whose right half holds fine texture."""
    random = np.random.default_rng(3)
    pixels = np.full((height, width, 3), 120, np.uint8)
    noise = random.integers(-60, 60, (height, width // 2, 1)).astype(np.int16)
    pixels[:, width // 2 :] = np.clip(pixels[:, width // 2 :] + noise, 0, 255)
    return pixels


def decoded(jpeg: bytes) -> np.ndarray:
    return simplejpeg.decode_jpeg(jpeg, colorspace="BGR")


def marked(jpeg: bytes, colour: tuple[int, int, int]) -> np.ndarray:
    """Say where a picture is nearer to a colour than JPEG's colour blur takes it."""
    return np.abs(decoded(jpeg).astype(int) - colour).max(axis=2) < 60


def test_a_whole_frame_is_reduced_to_the_width_asked_for() -> None:
    for width_px, size in ((320, (240, 320)), (160, (120, 160)), (100, (60, 80)), (4000, (240, 320))):
        assert decoded(show(frame(), View(width_px=width_px)).jpeg).shape[:2] == size


def test_a_part_is_shown_at_1_to_1_and_stays_inside() -> None:
    pixels = frame()
    pixels[150:170, 200:220] = 255
    middle = decoded(show(pixels, View(width_px=80, crop=(210 / 320, 160 / 240))).jpeg)
    assert middle.shape[:2] == (60, 80)
    assert middle[28:33, 38:43].min() > 240
    for crop in ((0.0, 0.0), (1.0, 1.0)):
        assert decoded(show(pixels, View(width_px=80, crop=crop)).jpeg).shape[:2] == (60, 80)


def test_what_is_sharp_is_marked_and_what_is_not_is_not() -> None:
    for width_px in (320, 80):
        green = marked(show(frame(), View(width_px=width_px, peaking=True)).jpeg, (60, 255, 60))
        half = green.shape[1] // 2
        assert green[:, half + 4 :].mean() > 0.5
        assert green[:, : half - 4].mean() == 0


def test_a_clipped_pixel_is_marked_however_much_the_frame_is_reduced() -> None:
    pixels = np.full((240, 320, 3), 120, np.uint8)
    pixels[101, 203, 2] = 255
    pixels[200:204, 40:44] = 0
    shown = decoded(show(pixels, View(width_px=80, clipping=True, quality=100)).jpeg).astype(int)
    assert np.abs(shown[25, 50] - (255, 0, 255)).max() < 60
    assert np.abs(shown[50, 10] - (255, 120, 0)).max() < 60
    assert np.abs(shown[10, 10] - 120).max() < 4


def test_the_frame_itself_is_never_painted_on() -> None:
    pixels = frame()
    before = pixels.copy()
    show(pixels, View(peaking=True, clipping=True))
    show(pixels, View(width_px=80, crop=(0.7, 0.5), peaking=True, clipping=True))
    assert np.array_equal(pixels, before)


def test_the_figures_are_of_what_is_shown() -> None:
    smooth, sharp = (show(frame(), View(width_px=80, crop=(x, 0.5))).sharpness for x in (0.2, 0.8))
    assert sharp > 10 * max(smooth, 0.1)
    pixels = frame()
    pixels[:, :160] = 255
    assert show(pixels, View()).clipped_percent == pytest.approx(50, abs=1)
    assert clipped_percent(frame()) == 0


def test_sixteen_bits_are_shown_like_eight() -> None:
    deep = frame().astype(np.uint16) * 257
    eight, sixteen = show(frame(), View()), show(deep, View())
    assert sixteen == eight


def test_sharpness_falls_as_a_picture_blurs() -> None:
    pixels = frame()
    figures = [sharpness(cv2.GaussianBlur(pixels, (0, 0), sigma)) for sigma in (0.5, 1.0, 2.0, 4.0)]
    assert figures == sorted(figures, reverse=True)
    assert figures[0] > 5 * figures[-1]


def test_detail_is_told_tile_by_tile() -> None:
    tiles = detail(frame(), 3, 4)
    assert tiles.shape == (3, 4)
    assert (tiles[:, :2].max(), tiles[:, 2:].min() > 1000) == (pytest.approx(0, abs=300), True)
    with pytest.raises(ValueError, match="too few"):
        detail(frame(), 100, 4)
