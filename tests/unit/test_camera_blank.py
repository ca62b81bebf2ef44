import numpy as np
import pytest

from camera.blank import blank, blank_to_the_last


class TestBlank:
    def picture(self, subject: int, background: int) -> np.ndarray:
        pixels = np.full((240, 320, 3), background, np.uint8)
        pixels[80:160, 100:220] = subject
        return pixels

    @pytest.mark.parametrize(("subject", "background"), [(120, 0), (120, 255), (60, 118)])
    def test_a_subject_on_any_ground_is_a_picture(self, subject: int, background: int) -> None:
        assert blank(self.picture(subject, background)) is None

    def test_a_lens_cap_is_none(self) -> None:
        assert "black" in str(blank(self.picture(9, 2)))

    def test_noise_of_a_high_gain_is_none(self) -> None:
        noise = np.random.default_rng(1).normal(0, 30, (240, 320, 3)).clip(0, 255).astype(np.uint8)
        assert "black" in str(blank(noise))

    def test_glare_is_none(self) -> None:
        assert "blown out" in str(blank(self.picture(255, 252)))

    def test_saturated_colour_is_a_picture(self) -> None:
        red = np.zeros((64, 64, 3), np.uint8)
        red[..., 2] = 200
        assert blank(red) is None


def test_a_subject_on_black_and_one_on_white_are_frames_like_any_other() -> None:
    for ground, subject in ((0, 120), (255, 90)):
        pixels = np.full((480, 640, 3), ground, np.uint8)
        pixels[200:280, 280:360] = subject
        assert blank(pixels) is None
    noise = np.random.default_rng(1).integers(0, 12, (480, 640, 3)).astype(np.uint8)
    assert "black" in (blank(noise) or "")


def test_glare_everywhere_is_no_frame() -> None:
    pixels = np.full((480, 640, 3), 255, np.uint8)
    pixels[::40, ::40] = 0  # a few pixels that are always dark
    assert "white" in (blank(pixels) or "")


@pytest.mark.parametrize(("light", "instead"), [(23, "black"), (24, None), (249, None), (250, "white")])
def test_an_even_frame_shows_something_from_dim_to_not_quite_clipped(light: int, instead: str | None) -> None:
    told = blank(np.full((480, 640, 3), light, np.uint8))
    assert (told and told.split()[0]) == instead


@pytest.mark.parametrize(("permille", "instead"), [(8, "white"), (14, None)])
def test_of_a_clipped_frame_a_hundredth_tells_whether_there_is_a_subject(
    permille: int, instead: str | None
) -> None:
    pixels = np.full((4_000, 40, 3), 255, np.uint8)
    pixels[: 4_000 * permille // 200, :8] = 90  # of a fifth of its width
    told = blank(pixels)
    assert (told and told.split()[0]) == instead


def hairs_in_the_dark(light: int = 120) -> np.ndarray:
    """Draw bright hairs of a pixel on a black ground."""
    pixels = np.full((480, 640, 3), 2, np.uint8)
    pixels[40:440, 60:600:90] = light
    return pixels


def test_hairs_in_the_dark_are_a_first_frame_like_any_other() -> None:
    assert blank_to_the_last(hairs_in_the_dark()) is None
    assert "black" in (blank_to_the_last(hairs_in_the_dark(light=6)) or "")


def test_a_subject_of_one_colour_on_clipped_white_is_one() -> None:
    yellow = np.full((480, 640, 3), 255, np.uint8)
    yellow[200:280, 280:360] = (30, 255, 255)
    assert blank(yellow) is None
    assert blank_to_the_last(yellow) is None


def test_a_subject_of_a_few_thousandths_on_clipped_white_is_one() -> None:
    small = np.full((480, 640, 3), 255, np.uint8)
    small[200:240, 280:320] = 90
    assert blank_to_the_last(small) is None


def test_a_lens_cap_and_light_beyond_measure_end_a_stack() -> None:
    noise = np.random.default_rng(1).normal(0, 6, (480, 640, 3)).clip(0, 255).astype(np.uint8)
    assert "black" in (blank_to_the_last(noise) or "")
    assert "white" in (blank_to_the_last(np.full((480, 640, 3), 254, np.uint8)) or "")
