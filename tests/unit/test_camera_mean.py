import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from camera.camera import Exposure, Frame, Mosaic
from camera.mean import MOST_FRAMES, mean

EXPOSURE = Exposure(8_000, 1.0, (2.1, 1.7))


def frame(pixels: np.ndarray, number: int = 0, raw: np.ndarray | None = None) -> Frame:
    mosaic = None if raw is None else Mosaic(raw, "RGGB", 4095, (256.0,) * 4)
    metadata = {"SensorTimestamp": number, "retakes": ("odd",) if number == 1 else ()}
    return Frame(pixels, 1000 * number, 1000 * number + 500, EXPOSURE, metadata, mosaic)


def test_one_frame_stays_as_it_is() -> None:
    only = frame(np.ones((2, 2, 3), np.uint8))

    assert mean([only]) is only


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_noise_falls_with_the_root_of_their_number_and_brightness_stays(
    kind: type[np.unsignedinteger],
) -> None:
    most = np.iinfo(kind).max
    noise = np.random.default_rng(1).normal(0.5, 0.05, (16, 60, 60, 3)) * most
    averaged = mean(frame(pixels.astype(kind)) for pixels in noise).pixels

    assert averaged.dtype == kind
    assert averaged.mean() == pytest.approx(0.5 * most, rel=0.005)
    assert averaged.std() == pytest.approx(0.05 * most / 4, rel=0.1)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_full_light_does_not_wrap_around(kind: type[np.unsignedinteger]) -> None:
    full = np.full((4, 4, 3), np.iinfo(kind).max, kind)

    assert (mean(frame(full) for _ in range(MOST_FRAMES)).pixels == full).all()
    with pytest.raises(ValueError, match="more than 64"):
        mean(frame(full) for _ in range(MOST_FRAMES + 1))


def test_halves_are_rounded() -> None:
    levels = (np.full((1, 1, 3), level, np.uint8) for level in (10, 11))

    assert mean(frame(pixels) for pixels in levels).pixels[0, 0, 0] == 11


def test_raw_pixels_are_averaged_too() -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    averaged = mean(frame(picture, raw=np.full((2, 2), level, np.uint16)) for level in (300, 500, 400))
    assert averaged.mosaic is not None

    assert (averaged.mosaic.pixels == 400).all()
    assert averaged.mosaic.pixels.dtype == np.uint16
    assert averaged.mosaic.white == 4095


def test_it_says_what_it_is_made_of() -> None:
    averaged = mean(frame(np.zeros((1, 1, 3), np.uint8), number) for number in range(3))

    assert (averaged.began_ns, averaged.ended_ns) == (0, 2500)
    assert averaged.metadata == {
        "SensorTimestamp": 0,
        "frames": 3,
        "began_ns": (0, 1000, 2000),
        "retakes": ("odd",),
    }


def test_frames_are_let_go_as_they_are_added_up() -> None:
    given: list[weakref.ref[np.ndarray]] = []
    held: list[int] = []

    def taken() -> Iterator[Frame]:
        for _ in range(8):
            held.append(sum(one() is not None for one in given))
            pixels = np.zeros((4, 4, 3), np.uint8)
            given.append(weakref.ref(pixels))
            one_more = frame(pixels)
            del pixels
            yield one_more
            del one_more

    mean(taken())
    assert max(held[2:]) <= 1
