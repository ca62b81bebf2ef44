import numpy as np
import pytest

from camera import streams
from camera.streams import Board, RawFormat, main_format, mosaic, picture, raw_format, refusal

MAIN = {"format": "RGB888", "size": (160, 120)}
RAW = {"format": "SRGGB12", "size": (160, 120)}


@pytest.mark.parametrize(
    ("name", "read", "unpacked"),
    [
        ("SRGGB12", RawFormat("RGGB", 12, ""), "SRGGB12"),
        ("SBGGR10_CSI2P", RawFormat("BGGR", 10, "CSI2P"), "SBGGR10"),
        ("SGRBG16", RawFormat("GRBG", 16, ""), "SGRBG16"),
        ("BGGR_PISP_COMP1", RawFormat("BGGR", 16, "PISP_COMP1"), "SBGGR16"),
        ("R10_CSI2P", RawFormat("MONO", 10, "CSI2P"), "R10"),
        ("MONO_PISP_COMP1", RawFormat("MONO", 16, "PISP_COMP1"), "R16"),
    ],
)
def test_the_name_of_a_raw_format_says_what_is_in_it(name: str, read: RawFormat, unpacked: str) -> None:
    assert raw_format(name) == read
    assert read.unpacked == unpacked


@pytest.mark.parametrize("name", ["RGB888", "XBGR8888", "BGR161616", "YUV420", "NV12", "MJPEG", "YUYV"])
def test_pictures_are_not_raw(name: str) -> None:
    assert raw_format(name) is None


def test_small_boards_get_half_the_bytes_and_a_pi_5_may_have_twice_the_bits() -> None:
    assert main_format(Board(deep=True, frugal=False), 8) == "RGB888"
    assert main_format(Board(deep=True, frugal=False), 16) == "RGB161616"
    assert main_format(Board(deep=False, frugal=True), 8) == "YUV420"
    assert main_format(Board(deep=False, frugal=False), 8) == "RGB888"


@pytest.mark.parametrize(
    ("main", "raw", "words"),
    [
        (MAIN, RAW, None),
        (MAIN, {**RAW, "format": "SBGGR16"}, None),
        (MAIN, None, None),
        ({**MAIN, "size": (96, 64)}, RAW, "offers 96 x 64"),
        ({**MAIN, "format": "XBGR8888"}, RAW, "XBGR8888"),
        (MAIN, {**RAW, "size": (80, 60)}, "reads its sensor out in 80 x 60"),
        (MAIN, {**RAW, "format": "BGGR_PISP_COMP1"}, "with loss"),
        (MAIN, {**RAW, "format": "SRGGB12_CSI2P"}, "packed"),
    ],
)
def test_what_is_granted_is_compared_with_what_was_asked(
    main: dict[str, object], raw: dict[str, object] | None, words: str | None
) -> None:
    why = refusal({"main": MAIN, "raw": RAW}, {"main": main, "raw": raw})

    assert why is None if words is None else words in str(why)


def test_brightness_of_a_yuv_picture_runs_from_0_to_255() -> None:
    """OpenCV's own conversion makes 235 white and 16 black, and stretches all between."""
    for luma in (0, 16, 100, 235, 255):
        planes = np.full((6, 64), 128, np.uint8)
        planes[:4] = luma
        pixels = picture(planes, {"format": "YUV420", "size": (4, 4)})

        assert (pixels == luma).all(), luma


@pytest.mark.parametrize("name", ["YUV420", "NV12"])
@pytest.mark.parametrize(("width", "height"), [(4, 4), (66, 600)])
def test_planes_become_colours_whatever_the_padding(name: str, width: int, height: int) -> None:
    blue, green, red = 40.0, 90.0, 200.0
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    u, v = 128 + 0.564 * (blue - luma), 128 + 0.713 * (red - luma)
    stride = 128
    planes = np.full((height * 3 // 2, stride), 7, np.uint8)
    planes[:height, :width] = round(luma)
    if name == "NV12":
        planes = planes[:, :width]
        planes[height:, 0::2], planes[height:, 1::2] = round(u), round(v)
    else:
        halves = planes[height:].reshape(2, height // 2, stride // 2)
        halves[0, :, : width // 2], halves[1, :, : width // 2] = round(u), round(v)
    pixels = picture(planes, {"format": name, "size": (width, height)})

    assert pixels.shape == (height, width, 3)
    assert np.abs(pixels - np.array([blue, green, red])).max() <= 2


@pytest.mark.parametrize(
    ("name", "order"), [("RGB888", (0, 1, 2)), ("BGR888", (2, 1, 0)), ("XRGB8888", (0, 1, 2))]
)
def test_colours_end_up_in_our_order(name: str, order: tuple[int, ...]) -> None:
    values = np.array([10, 20, 30, 255][: 4 if name.startswith("X") else 3], np.uint8)
    pixels = picture(np.tile(values, (2, 2, 1)), {"format": name, "size": (2, 2)})

    assert pixels[0, 0].tolist() == [values[place] for place in order]
    assert pixels.flags.c_contiguous


def test_an_unknown_format_is_no_picture() -> None:
    with pytest.raises(ValueError, match="YUYV"):
        picture(np.zeros((4, 4, 2), np.uint8), {"format": "YUYV", "size": (4, 4)})


class TestMosaic:
    CODES = np.arange(24, dtype=np.uint16).reshape(4, 6) * 170

    def stored(self, name: str, shift: int) -> streams.Mosaic:
        padded = np.full((4, 32), 9, np.uint16)
        padded[:, :6] = self.CODES << shift
        stream = {"format": name, "size": (6, 4)}
        return mosaic(padded.view(np.uint8), stream, 12, {"SensorBlackLevels": (4096, 4112, 4112, 4096)})

    def test_low_bits_of_boards_up_to_the_pi_4(self) -> None:
        raw = self.stored("SRGGB12", 0)

        assert (raw.pixels == self.CODES).all()
        assert (raw.pattern, raw.white, raw.black_levels) == ("RGGB", 4095, (256, 257, 257, 256))

    def test_high_bits_of_a_pi_5(self) -> None:
        raw = self.stored("SBGGR16", 4)

        assert (raw.pixels == self.CODES << 4).all()
        assert (raw.pattern, raw.white, raw.black_levels) == ("BGGR", 65_520, (4096, 4112, 4112, 4096))

    def test_a_sensor_without_colours(self) -> None:
        assert self.stored("R12", 0).pattern == "MONO"

    def test_one_byte_a_pixel(self) -> None:
        raw = mosaic(np.full((4, 32), 200, np.uint8), {"format": "R8", "size": (6, 4)}, 8, {})

        assert (raw.pixels == 200).all()
        assert (raw.pixels.shape, raw.white, raw.black_levels[0]) == ((4, 6), 255, 16)

    def test_packed_pixels_are_refused(self) -> None:
        with pytest.raises(ValueError, match="RGGB_PISP_COMP1"):
            mosaic(np.zeros((4, 32), np.uint8), {"format": "RGGB_PISP_COMP1", "size": (6, 4)}, 12, {})
