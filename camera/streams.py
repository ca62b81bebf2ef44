"""The camera's streams, as picamera2 names and lays them out, and what our pixels come from. Pure.

Checked against picamera2 0.3.38 (`formats.py`, `request.py`) and Raspberry Pi's libcamera 0.7.1
(`pipeline/rpi`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import numpy as np
from numpy.typing import NDArray

from camera.camera import Mosaic, Pixels

Stream = Mapping[str, Any]
"""One stream of a granted configuration: its format, size, stride and framesize."""

BGR, BGR_DEEP, YUV, NV12 = "RGB888", "RGB161616", "YUV420", "NV12"
"""Names tell the bytes from the top of a word down: an array of RGB888 is blue, green, red."""

_RAW: Final = re.compile(
    r"(?:S?(?P<pattern>[RGB]{4})|R|MONO)(?P<bits>\d*)(?:_(?P<packing>CSI2P|PISP_COMP\d))?"
)
_DEEPEST: Final = 16
_STRIP_ROWS: Final = 256


@dataclass(frozen=True, slots=True)
class Board:
    """What the board around the camera decides.

    Attributes
    ----------
    deep
        Whether its image processor gives 16 bits a colour: a Pi 5 and later.
    frugal
        Whether its memory is too small for three bytes a pixel in every buffer: 512 MB.
    """

    deep: bool
    frugal: bool


@dataclass(frozen=True, slots=True)
class RawFormat:
    """What the name of a raw format says.

    Attributes
    ----------
    pattern
        RGGB, GRBG, GBRG, BGGR, or MONO.
    bits
        Of a pixel, as stored.
    packing
        CSI2P, PISP_COMP1 ...; empty where every pixel has two bytes of its own.
    """

    pattern: str
    bits: int
    packing: str

    @property
    def unpacked(self) -> str:
        """The name of the same format without packing."""
        return f"R{self.bits}" if self.pattern == "MONO" else f"S{self.pattern}{self.bits}"

    @property
    def lossy(self) -> bool:
        """Whether packing threw tones away."""
        return self.packing.startswith("PISP_COMP")


def raw_format(name: str) -> RawFormat | None:
    """Read the name of a raw format; None for any other."""
    if (found := _RAW.fullmatch(name)) is None:
        return None
    packing = found["packing"] or ""
    bits = int(found["bits"] or _DEEPEST)
    return RawFormat(found["pattern"] or "MONO", bits, packing)


def main_format(board: Board, bits: Literal[8, 16]) -> str:
    """Say which format to ask for: pixels as we use them, or half their size where memory is short."""
    if bits == _DEEPEST and board.deep:
        return BGR_DEEP
    return YUV if board.frugal else BGR


def refusal(asked: Mapping[str, Any], granted: Mapping[str, Any]) -> str | None:
    """Say why a granted configuration will not do; None when it will.

    libcamera changes what it cannot do and picamera2 says so in its log alone. `asked` and `granted` hold
    streams `main` and `raw`; the latter is None for a camera without one.
    """
    main, wanted = granted["main"], asked["main"]
    if (tuple(main["size"]), main["format"]) != (tuple(wanted["size"]), wanted["format"]):
        return (
            f"The camera was asked for frames of {_words(wanted)} and offers {_words(main)}: set "
            "camera.size_px to a size that it offers, or to null for all the sensor has."
        )
    if granted.get("raw") is None:
        return None
    raw, wanted_raw = granted["raw"], asked["raw"]
    if tuple(raw["size"]) != tuple(wanted_raw["size"]):
        return (
            f"The camera reads its sensor out in {_size(raw)} instead of {_size(wanted_raw)}: the picture "
            "would be cropped, or coarser than it says."
        )
    form = raw_format(raw["format"])
    if form is None or form.packing:
        kind = "squeezed to 8 bits with loss" if form and form.lossy else "packed"
        return (
            f"The camera was asked for raw pixels as they are ({wanted_raw['format']}) and gives them {kind} "
            f"({raw['format']}), the finished picture's tones with them. Bring picamera2 and libcamera up to "
            "date: sudo apt full-upgrade."
        )
    return None


def picture(array: NDArray[Any], stream: Stream) -> Pixels:
    """Make blue-green-red pixels of our own from a stream's array, as `make_array` gives it.

    Raises ValueError for a format that is no picture we know.
    """
    form = stream["format"]
    if form in (BGR, BGR_DEEP):
        return _own(array)
    if form == "XRGB8888":
        return _own(array[:, :, :3])
    if form in ("BGR888", "MJPEG"):  # picamera2 decodes the latter to red, green, blue
        return _own(array[:, :, ::-1])
    if form in (YUV, NV12):
        return _from_planes(array, stream)
    raise ValueError(f"{form} is no format that a picture can be made of")


def mosaic(array: NDArray[Any], stream: Stream, sensor_bits: int, metadata: Mapping[str, object]) -> Mosaic:
    """Make a mosaic of the raw stream's array, `(H, stride)` bytes, cutting the padding off.

    Boards up to the Pi 4 store the sensor's bits at the lower end, a Pi 5 at the upper end of 16;
    `SensorBlackLevels` are always told in 16, as red, green, green, blue (libcamera 0.7.1,
    `control_ids_core.yaml`).
    """
    form = raw_format(stream["format"])
    if form is None or form.packing:
        raise ValueError(f"{stream['format']} is no format of unpacked raw pixels")
    width = stream["size"][0]
    pixels = array if form.bits <= 8 else np.ascontiguousarray(array).view(np.uint16)
    idle_bits = _DEEPEST - form.bits
    levels = cast(tuple[int, int, int, int], metadata.get("SensorBlackLevels", (4096,) * 4))
    red, green_red, green_blue, blue = (level / 2**idle_bits for level in levels)
    white = (2 ** min(sensor_bits, form.bits) - 1) << max(0, form.bits - sensor_bits)
    return Mosaic(
        np.array(pixels[:, :width], np.uint16), form.pattern, white, (red, green_red, green_blue, blue)
    )


def _from_planes(array: NDArray[np.uint8], stream: Stream) -> NDArray[np.uint8]:
    """Convert full brightness and colour at half the size, as sYCC has them, a strip of rows at a time.

    OpenCV's own conversions from I420 and NV12 take brightness for 16 to 235, and would stretch it.
    """
    import cv2

    width, height = stream["size"]
    luma = array[:height, :width]
    if stream["format"] == YUV:
        planes = array[height:].reshape(2, height // 2, -1)[:, :, : width // 2]
        blue, red = planes
    else:
        planes = array[height:, :width].reshape(height // 2, width // 2, 2)
        blue, red = planes[:, :, 0], planes[:, :, 1]
    full = [cv2.resize(np.ascontiguousarray(plane), (width, height)) for plane in (red, blue)]
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _STRIP_ROWS):
        rows = slice(top, top + _STRIP_ROWS)
        strip = cv2.merge([np.ascontiguousarray(luma[rows]), full[0][rows], full[1][rows]])
        cv2.cvtColor(strip, cv2.COLOR_YCrCb2BGR, dst=pixels[rows])
    return pixels


def _own(pixels: NDArray[Any]) -> NDArray[Any]:
    """Copy pixels that lie in the camera's memory or out of order; others are our own already."""
    if pixels.flags.owndata and pixels.flags.c_contiguous:
        return pixels
    return np.array(pixels, order="C")


def _size(stream: Stream) -> str:
    return "{} x {}".format(*stream["size"])


def _words(stream: Stream) -> str:
    return f"{_size(stream)} ({stream['format']})"
