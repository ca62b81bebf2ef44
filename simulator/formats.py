"""Streams as picamera2 names, checks and lays them out."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

RGB_FORMATS = ("RGB888", "BGR888", "XRGB8888", "XBGR8888")
YUV_FORMAT = "YUV420"
RAW_FORMAT = "SRGGB12"
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
    if stream["format"] not in (*RGB_FORMATS, YUV_FORMAT):
        raise RuntimeError(f"Bad format {stream['format']} in stream {name}")
    size = stream["size"]
    if not isinstance(size, tuple) or len(size) != 2:
        raise RuntimeError(f"size in {name} stream should be (width, height)")
    if size[0] % 2 or size[1] % 2:
        raise RuntimeError("width and height should be even")


def aligned(stream: dict[str, Any], optimal: bool) -> dict[str, Any]:
    """Give `stream` narrowed to a width the hardware likes, or just to an even one."""
    align = {YUV_FORMAT: 128, "XBGR8888": 32, "XRGB8888": 32}.get(stream["format"], 64) if optimal else 2
    width, height = stream["size"]
    return {**stream, "size": (width - width % align, height - height % 2)}


def granted(stream: dict[str, Any], most: tuple[int, int]) -> dict[str, Any]:
    """Give `stream` as the hardware does it: no larger than `most`, rows padded to 64 bytes."""
    width, height = (min(pair) for pair in zip(stream["size"], most, strict=True))
    bytes_a_pixel = {YUV_FORMAT: 1, "XBGR8888": 4, "XRGB8888": 4}.get(stream["format"], 3)
    stride = -(-width * bytes_a_pixel // 64) * 64
    rows = height * 3 // 2 if stream["format"] == YUV_FORMAT else height
    return {**stream, "size": (width, height), "stride": stride, "framesize": stride * rows}


def granted_raw(size: tuple[int, int]) -> dict[str, Any]:
    """Give the raw stream: always the whole sensor, unpacked."""
    width, height = size
    return {"format": RAW_FORMAT, "size": size, "stride": 2 * width, "framesize": 2 * width * height}


def formatted(picture: NDArray[np.uint8], name: str, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Give a blue-green-red picture in the stream's size and order: its format's name read backwards."""
    if (picture.shape[1], picture.shape[0]) != size:
        picture = _scaled(picture, size)
    if name == YUV_FORMAT:
        return _planes(picture)
    orders = {"BGR888": cv2.COLOR_BGR2RGB, "XBGR8888": cv2.COLOR_BGR2RGBA, "XRGB8888": cv2.COLOR_BGR2BGRA}
    return _pixels(cv2.cvtColor(picture, orders[name])) if name in orders else picture


def _scaled(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Crop to the shape of `size`, centred, then shrink: the ISP keeps circles round."""
    height, width = picture.shape[:2]
    scale = min(width / size[0], height / size[1])
    cut_w, cut_h = round(size[0] * scale), round(size[1] * scale)
    left, top = (width - cut_w) // 2, (height - cut_h) // 2
    return _pixels(
        cv2.resize(picture[top : top + cut_h, left : left + cut_w], size, interpolation=cv2.INTER_AREA)
    )


def _planes(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give full-range Y, then U and V at half size, rows padded to 64 bytes as the ISP does."""
    height, width = picture.shape[:2]
    luma, red, blue = cv2.split(cv2.cvtColor(picture, cv2.COLOR_BGR2YCrCb))
    stride = -(-width // 64) * 64
    buffer = np.zeros(stride * height * 3 // 2, np.uint8)
    buffer[: stride * height].reshape(height, stride)[:, :width] = luma
    chroma = buffer[stride * height :].reshape(2, height // 2, stride // 2)
    for plane, values in zip(chroma, (blue, red), strict=True):
        plane[:, : width // 2] = cv2.resize(values, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return buffer.reshape(height * 3 // 2, stride)


def _pixels(array: Any) -> NDArray[np.uint8]:
    return np.asarray(array, np.uint8)
