from dataclasses import replace

import numpy as np
import pytest

from camera.camera import Exposure
from stack.sight import frame_fault, same_exposure

RECORDED = Exposure(20_000, 2.0, (2.1, 1.7))


def test_a_subject_on_black_and_one_on_white_are_frames_like_any_other() -> None:
    for ground, subject in ((0, 120), (255, 90)):
        pixels = np.full((480, 640, 3), ground, np.uint8)
        pixels[200:280, 280:360] = subject
        assert frame_fault(pixels) is None
    noise = np.random.default_rng(1).integers(0, 12, (480, 640, 3)).astype(np.uint8)
    assert "black" in (frame_fault(noise) or "")


def test_glare_everywhere_is_no_frame() -> None:
    pixels = np.full((480, 640, 3), 255, np.uint8)
    pixels[::40, ::40] = 0  # a few pixels that are always dark
    assert "white" in (frame_fault(pixels) or "")


@pytest.mark.parametrize("sense", [1, -1])
@pytest.mark.parametrize("figure", ["time_us", "gain", "red", "blue"])
def test_an_exposure_is_the_same_within_a_hundredth_of_every_figure(figure: str, sense: int) -> None:
    def off_by(part: float) -> Exposure:
        factor = 1 + sense * part
        if figure in ("red", "blue"):
            red, blue = RECORDED.colour_gains
            gains = (red * factor, blue) if figure == "red" else (red, blue * factor)
            return replace(RECORDED, colour_gains=gains)
        return replace(RECORDED, **{figure: getattr(RECORDED, figure) * factor})

    assert same_exposure(RECORDED, off_by(0.0)) and same_exposure(RECORDED, off_by(0.008))
    assert not same_exposure(RECORDED, off_by(0.012))
