"""Shading, dust and hot pixels: measured in white and in the dark, and taken out of any picture."""

import tracemalloc
from dataclasses import replace

import cv2
import numpy as np
import pytest

from camera.camera import Exposure
from camera.shading import Shading, linear, unpacked
from camera.taken import Taken, taken_of
from stack.calibrate.shading import dark_light, hot_pixels, mean_levels, white_field
from stack.errors import NotMeasured

HEIGHT, WIDTH = 150, 203


def encoded(light: np.ndarray, most: int = 255) -> np.ndarray:
    light = np.clip(light, 0, 1)
    value = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(most * value).astype(np.uint8 if most == 255 else np.uint16)


def fall_off() -> np.ndarray:
    """Give what a lens lets through: less in the corners, a little less of blue, and dust in one place."""
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    through = 1 - 0.28 * (x**2 + y**2)
    through = through * (1 - 0.2 * np.exp(-((x - 0.3) ** 2 + (y + 0.4) ** 2) / 0.01))
    return np.stack([0.9 * through, through, through], axis=2)


def photographed(scene: np.ndarray, seed: int, most: int = 255) -> np.ndarray:
    noise = 0.004 * np.random.default_rng(seed).standard_normal(scene.shape)
    return encoded(scene * fall_off() + noise, most)


def field() -> np.ndarray:
    white = np.full((HEIGHT, WIDTH, 3), 0.6)
    return white_field(mean_levels(photographed(white, seed) for seed in range(12)))


@pytest.mark.parametrize("most", [255, 65_535])
def test_what_was_even_is_even_again_and_nothing_is_darkened(most: int) -> None:
    grey = photographed(np.full((HEIGHT, WIDTH, 3), 0.25), 77, most)
    shading = Shading((WIDTH, HEIGHT), field())
    after = shading.corrected(grey)
    smooth = cv2.GaussianBlur(after.astype(np.float32), (0, 0), 4)
    unevenness = [np.ptp(plane[10:-10, 10:-10]) / plane.mean() for plane in np.moveaxis(smooth, 2, 0)]
    assert max(unevenness) < 0.025
    assert np.ptp(grey[10:-10, 10:-10].astype(float)) > 3 * 0.025 * grey.mean()
    assert (after >= grey).all()
    assert after.dtype == grey.dtype


def test_what_is_clipped_stays_clipped() -> None:
    white = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    assert (Shading((WIDTH, HEIGHT), field()).corrected(white) == 255).all()


DARK = np.array([0.004, 0.002, 0.001], np.float32)


@pytest.mark.parametrize("most", [255, 65_535])
@pytest.mark.parametrize("lifted", [True, False])
def test_the_light_of_darkness_is_found_and_taken_away_before_lifting(most: int, lifted: bool) -> None:
    noise = 0.0015 * np.random.default_rng(5).standard_normal((8, HEIGHT, WIDTH, 3))
    dark = dark_light(mean_levels(encoded(DARK + one) for one in noise))
    assert dark == pytest.approx(DARK, abs=3e-4)  # a level is that much down there

    scene = np.full((HEIGHT, WIDTH, 3), 0.05) * (fall_off() if lifted else 1)
    shading = Shading((WIDTH, HEIGHT), field() if lifted else None, dark=dark)
    after = linear(shading.corrected(encoded(scene + (1 - scene) * DARK, most)), most)
    middle = after[60:90, 80:120].mean(axis=(0, 1)), after[5:15, 5:15].mean(axis=(0, 1))
    even = [0.9 * 0.05 if lifted else 0.05, 0.05, 0.05]  # a white field leaves each colour its own brightest
    assert middle[0] == pytest.approx(even, rel=0.03)
    assert middle[1] == pytest.approx(even, rel=0.04)


def test_darkness_becomes_black_and_white_stays_white() -> None:
    dark = 5 * DARK
    shading = Shading((WIDTH, HEIGHT), field(), dark=dark)
    assert not shading.corrected(encoded(np.broadcast_to(0.9 * dark, (HEIGHT, WIDTH, 3)))).any()
    assert (shading.corrected(np.full((HEIGHT, WIDTH, 3), 255, np.uint8)) == 255).all()


@pytest.mark.parametrize(("light", "words"), [(1.5, "clipped"), (0.01, "dim"), (None, "evenly white")])
def test_what_is_no_white_field_is_refused(light: float | None, words: str) -> None:
    scene = np.full((HEIGHT, WIDTH, 3), 0.6 if light is None else light)
    if light is None:
        scene[40:80, 60:100] = 0.001
    with pytest.raises(NotMeasured, match=words):
        white_field(mean_levels(photographed(scene, seed) for seed in range(4)))


def test_a_white_field_takes_less_memory_than_what_it_is_made_of() -> None:
    """It took five times that, 740 MB of a board that may have as much."""
    mean = np.full((512, 4096, 3), 128, np.float32)
    tracemalloc.start()
    try:
        gains = white_field(mean)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (gains.shape, float(gains.max())) == ((128, 1024, 3), 1.0)
    assert most_bytes < mean.nbytes


def test_what_stands_before_the_lens_is_no_white_field() -> None:
    ruler = np.full((HEIGHT, WIDTH, 3), 0.6)
    ruler[:, np.arange(WIDTH) % 10 < 2] *= 0.4
    with pytest.raises(NotMeasured, match=r"something is seen: \d\d% of the picture"):
        white_field(mean_levels(photographed(ruler, seed) for seed in range(4)))


def test_a_corner_beyond_the_image_circle_belongs_to_the_lens() -> None:
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    white = np.repeat(np.where(np.hypot(x, y) < 1.3, 0.6, 0.3)[:, :, None], 3, axis=2)
    assert white_field(mean_levels(photographed(white, seed) for seed in range(4))).max() > 3


def dark(hot: list[tuple[int, int]]) -> np.ndarray:
    frame = np.random.default_rng(3).integers(0, 4, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    for row, column in hot:
        frame[row, column, 1] = 140
    return frame


def test_hot_pixels_are_found_and_replaced_by_their_neighbours() -> None:
    where = [(0, 0), (20, 30), (20, 31), (149, 202), (77, 100)]
    hot = hot_pixels(mean_levels([dark(where)] * 4))
    assert sorted(map(tuple, hot.tolist())) == sorted(where)
    before = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    for row, column in where:
        before[row, column] = 250
    after = Shading((WIDTH, HEIGHT), hot=hot).corrected(before)
    assert (after == 90).all()
    assert before[20, 30, 0] == 250


def test_where_light_falls_in_it_is_not_dark() -> None:
    leaking = dark([(row, column) for row in range(0, HEIGHT, 2) for column in range(0, 40, 2)])
    grey = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    told = {
        r"dark: the middle of all pixels is at 40 of 255, and at most 12 is dark\. Put the cap": grey,
        r"dark: \d+\.\d% of all pixels shine, and at most 0\.5% can be hot\. Put the cap": leaking,
    }
    for words, frame in told.items():
        with pytest.raises(NotMeasured, match=words):
            hot_pixels(mean_levels([frame]))


def test_it_is_kept_and_read_again() -> None:
    whole = Shading((WIDTH, HEIGHT), field(), np.array([[3, 4]], np.int32))
    for shading in (whole, Shading((WIDTH, HEIGHT)), Shading((WIDTH, HEIGHT), field())):
        again = unpacked(shading.packed())
        assert again.size_px == shading.size_px
        for name in ("gains", "hot"):
            was, now = getattr(shading, name), getattr(again, name)
            assert (was is None and now is None) or np.array_equal(was, now)


def test_how_it_was_taken_is_kept_with_it_and_another_word_for_that_is_none() -> None:
    taken = Taken("imx477", 0, 180, Exposure(20_000, 2.0, (1.5, 2.5)), f_number=4.0, sensor_c=31.0)
    whole = Shading((WIDTH, HEIGHT), field(), field_taken=taken, dark_taken=replace(taken, index=1))
    again = unpacked(whole.packed())
    assert (again.field_taken, again.dark_taken) == (whole.field_taken, whole.dark_taken)
    for wrong in ({**taken.record(), "later": 1}, {**taken.record(), "exposure": {"time_us": 1}}, {}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            taken_of(wrong)


def test_a_frame_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="pixels"):
        Shading((WIDTH, HEIGHT), field()).corrected(np.zeros((10, 10, 3), np.uint8))
