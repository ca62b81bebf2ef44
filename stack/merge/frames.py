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
    """Read a photograph in layers; a JPEG is never decoded whole for it. Raises `PhotoUnreadable`."""
    data = load(path)
    if not is_jpeg(data):
        return in_layers(read_photo(path))
    try:
        brightness = simplejpeg.decode_jpeg(data, colorspace="GRAY", strict=True)[..., 0]
        height, width = (side // HALF for side in brightness.shape)
        # What is asked for is the least: libjpeg halves while it decodes, and rounds up.
        colour = simplejpeg.decode_jpeg(
            data, colorspace="BGR", min_height=height, min_width=width, min_factor=1, strict=True
        )
    except ValueError as e:
        raise cut_short(path, e) from e
    return Layers(brightness, colour[:height, :width])


def in_layers(pixels: Pixels) -> Layers:
    """Take whole pixels apart."""
    brightness: Any = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    return Layers(brightness, _mean(pixels, HALF))


def grey8(frame: Frame) -> NDArray[np.uint8]:
    """Give brightness, `(H, W)`, 8 bit."""
    grey: Any = frame.brightness if isinstance(frame, Layers) else cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    return np.asarray(grey if grey.dtype == np.uint8 else grey >> 8, np.uint8)


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
