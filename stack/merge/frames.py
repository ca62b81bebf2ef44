"""A slice's pixels as the merge takes them: whole, or in layers.

Layers are brightness at full size, which is where sharpness is, and colour at half, which is how most JPEGs
store it: half the memory and half the work of three channels at full size.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from stack.merge.photos import Pixels, cut_short, is_jpeg, load, read_photo

HALF: Final = 2
"""Layers have their colour at half the size."""


@dataclass(frozen=True, slots=True)
class Layers:
    """One slice in layers.

    Attributes
    ----------
    brightness
        `(H, W)` uint8 or uint16.
    colour
        `(H // 2, W // 2, 3)` blue-green-red, of the same type.
    """

    brightness: NDArray[Any]
    colour: Pixels

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape it would have whole."""
        return (*self.brightness.shape, 3)

    @property
    def dtype(self) -> "np.dtype[Any]":
        """The type of its pixels."""
        return self.brightness.dtype


Frame = Pixels | Layers


def read_layers(path: Path) -> Layers:
    """Read a photograph in layers, decoded once. Raises `PhotoUnreadable`."""
    data = load(path)
    if not is_jpeg(data):
        return in_layers(read_photo(path))
    # Colour repeated, not smoothed: halved again it is what the file has.
    return in_layers(_decoded(path, data, fastupsample=True))


def read_layers_sparingly(path: Path) -> Layers:
    """Read a photograph in layers; a JPEG is never whole in memory for it, but decoded twice.

    Raises `PhotoUnreadable`.
    """
    data = load(path)
    if not is_jpeg(data):
        return in_layers(read_photo(path))
    brightness = _decoded(path, data, colorspace="GRAY")[..., 0]
    height, width = (side // HALF for side in brightness.shape)
    # What is asked for is the least: libjpeg halves while it decodes, and rounds up.
    colour = _decoded(path, data, min_height=height, min_width=width, min_factor=1)
    return Layers(brightness, colour[:height, :width])


def _decoded(path: Path, data: bytes, colorspace: str = "BGR", **how: Any) -> NDArray[np.uint8]:
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, colorspace=colorspace, strict=True, **how)
    except ValueError as e:
        raise cut_short(path, e) from e
    return pixels


def in_layers(pixels: Pixels) -> Layers:
    """Take whole pixels apart."""
    brightness: Any = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    return Layers(brightness, _mean(pixels, HALF))


def brightness(frame: Frame) -> Pixels:
    """Give its brightness, `(H, W)`."""
    if isinstance(frame, Layers):
        return frame.brightness
    grey: Any = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    return grey  # type: ignore[no-any-return]


def shrunk(frame: Frame, factor: int) -> Pixels:
    """Give the mean of each `factor` x `factor` pixels; layers have no other than even ones."""
    return _mean(frame.colour, factor // HALF) if isinstance(frame, Layers) else _mean(frame, factor)


def _mean(pixels: Pixels, factor: int) -> Pixels:
    """Reduce; rows and columns that fill no pixel are left out."""
    if factor == 1:
        return pixels
    height, width = (side // factor for side in pixels.shape[:2])
    reduced: Any = cv2.resize(
        pixels[: height * factor, : width * factor], (width, height), interpolation=cv2.INTER_AREA
    )
    return reduced  # type: ignore[no-any-return]
