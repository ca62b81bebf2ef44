"""Streams as picamera2 names, checks and lays them out."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.sensor import CameraSpec

RGB_FORMATS = ("RGB888", "BGR888", "XRGB8888", "XBGR8888")
DEEP_FORMATS = ("RGB161616", "BGR161616")
YUV_FORMAT, NV12_FORMAT = "YUV420", "NV12"
TURNED = "BGGR"
_STREAM_KEYS = ("format", "size", "stride", "preserve_ar")


def updated(stream: dict[str, Any], updates: dict[str, Any]) -> dict[str, Any]:
    """Give `stream` with `updates`; a key that streams do not have is a `ValueError`."""
    for key in updates:
        if key not in _STREAM_KEYS:
            raise ValueError(f"Bad key {key!r}: valid stream configuration keys are {_STREAM_KEYS}")
    return {**stream, **updates}


def check(stream: object, name: str) -> None:
    """Raise `RuntimeError` when `stream` cannot be a picture."""
    if not isinstance(stream, dict):
        raise RuntimeError(f"{name} stream should be a dictionary")
    for key in ("format", "size"):
        if key not in stream:
            raise RuntimeError(f"{key} not found in {name} stream")
    if stream["format"] not in (*RGB_FORMATS, *DEEP_FORMATS, YUV_FORMAT, NV12_FORMAT):
        raise RuntimeError(f"Bad format {stream['format']} in stream {name}")
    size = stream["size"]
    if not isinstance(size, tuple) or len(size) != 2:
        raise RuntimeError(f"size in {name} stream should be (width, height)")
    if size[0] % 2 or size[1] % 2:
        raise RuntimeError("width and height should be even")


def even(stream: dict[str, Any]) -> dict[str, Any]:
    """Give `stream` cut to an even width and height, as a configuration that is made has it."""
    width, height = stream["size"]
    return {**stream, "size": (width - width % 2, height - height % 2)}


def granted(stream: dict[str, Any], most: tuple[int, int], spec: CameraSpec) -> dict[str, Any]:
    """Give `stream` as the hardware does it: no larger than `most`, rows padded to 64 bytes."""
    width, height = (min(pair) for pair in zip(stream["size"], most, strict=True))
    name = stream["format"]
    if not spec.native:
        name = NV12_FORMAT
    elif name in DEEP_FORMATS and spec.platform != "PISP":
        name = name.replace("16", "8", 1).replace("1616", "88")
    if spec.adjusts:
        width, height = width // 2, height // 2
    planar = name in (YUV_FORMAT, NV12_FORMAT)
    bytes_a_pixel = {"XBGR8888": 4, "XRGB8888": 4}.get(
        name, 6 if name in DEEP_FORMATS else 1 if planar else 3
    )
    stride = -(-width * bytes_a_pixel // 64) * 64
    rows = height * 3 // 2 if planar else height
    return {**stream, "format": name, "size": (width, height), "stride": stride, "framesize": stride * rows}


def sensor_format(spec: CameraSpec) -> str:
    """Give the raw format as the real one names it first: packed, and not turned yet."""
    return f"R{spec.bits}_CSI2P" if spec.mono else f"SRGGB{spec.bits}_CSI2P"


def granted_raw(asked: str, spec: CameraSpec) -> dict[str, Any]:
    """Give the raw stream: always the whole sensor; a Pi 5 squeezes what may be packed, and pads the rest.

    Raspberry Pi's sensors are mounted upside down: libcamera turns the picture, and the colours' order.
    """
    width, height = spec.size_px
    packed = spec.packs_raw or "_" in asked
    colours = "R" if spec.mono else f"S{TURNED}"
    if spec.platform == "PISP":
        squeezed = "MONO_PISP_COMP1" if spec.mono else f"{TURNED}_PISP_COMP1"
        name, bytes_a_row = (squeezed, width) if packed else (f"{colours}16", 2 * width)
    else:
        name = f"{colours}{spec.bits}" + ("_CSI2P" if packed else "")
        bytes_a_row = width * spec.bits // 8 if packed else 2 * width
    stride = -(-bytes_a_row // 64) * 64
    return {"format": name, "size": spec.size_px, "stride": stride, "framesize": stride * height}


def stored(raw: NDArray[np.uint16], stream: dict[str, Any], bits: int) -> NDArray[np.uint8]:
    """Give codes `(H, W)` of so many bits as the raw stream holds them: `(H, stride)` bytes, rows padded.

    Packed, of 12.
    """
    name: str = stream["format"]
    buffer = np.zeros((raw.shape[0], stream["stride"]), np.uint8)
    if "COMP" in name:
        lines = (raw >> (bits - 8)).astype(np.uint8)  # real squeezing is cleverer, and as final
    elif "CSI2P" in name:
        pairs = raw.reshape(raw.shape[0], -1, 2)
        rest = (pairs[:, :, 0] & 15) | (pairs[:, :, 1] & 15) << 4
        lines = np.dstack([pairs >> 4, rest]).astype(np.uint8).reshape(raw.shape[0], -1)
    else:
        idle_bits = 16 - bits if name.endswith("16") else 0
        lines = (raw << idle_bits).astype(np.uint16).view(np.uint8)
    buffer[:, : lines.shape[1]] = lines
    return buffer


def formatted(picture: NDArray[Any], name: str, size: tuple[int, int]) -> NDArray[Any]:
    """Give a blue-green-red picture in the stream's size and order: its format's name read backwards."""
    if (picture.shape[1], picture.shape[0]) != size:
        picture = _scaled(picture, size)
    if name in (YUV_FORMAT, NV12_FORMAT):
        return _planes(picture, interleaved=name == NV12_FORMAT)
    orders = {
        "BGR888": cv2.COLOR_BGR2RGB,
        "BGR161616": cv2.COLOR_BGR2RGB,
        "XBGR8888": cv2.COLOR_BGR2RGBA,
        "XRGB8888": cv2.COLOR_BGR2BGRA,
    }
    return np.asarray(cv2.cvtColor(picture, orders[name])) if name in orders else picture


def _scaled(picture: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Crop to the shape of `size`, centred, then shrink: the ISP keeps circles round."""
    height, width = picture.shape[:2]
    scale = min(width / size[0], height / size[1])
    cut_w, cut_h = round(size[0] * scale), round(size[1] * scale)
    left, top = (width - cut_w) // 2, (height - cut_h) // 2
    return np.asarray(
        cv2.resize(picture[top : top + cut_h, left : left + cut_w], size, interpolation=cv2.INTER_AREA)
    )


def _planes(picture: NDArray[np.uint8], *, interleaved: bool) -> NDArray[np.uint8]:
    """Give full-range Y, then U and V at half size, rows padded to 64 bytes as the ISP does.

    `interleaved`: U and V alternate, and picamera2 cuts the padding off.
    """
    height, width = picture.shape[:2]
    luma, red, blue = cv2.split(cv2.cvtColor(picture, cv2.COLOR_BGR2YCrCb))
    halves = [
        cv2.resize(values, (width // 2, height // 2), interpolation=cv2.INTER_AREA) for values in (blue, red)
    ]
    if interleaved:
        return np.vstack([luma, np.dstack(halves).reshape(height // 2, width)])
    stride = -(-width // 64) * 64
    buffer = np.zeros(stride * height * 3 // 2, np.uint8)
    buffer[: stride * height].reshape(height, stride)[:, :width] = luma
    chroma = buffer[stride * height :].reshape(2, height // 2, stride // 2)
    for plane, values in zip(chroma, halves, strict=True):
        plane[:, : width // 2] = values
    return buffer.reshape(height * 3 // 2, stride)
