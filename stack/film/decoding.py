"""Merged pictures as a film needs them: decoded at a part of their size, which takes a part of the memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from stack.merge.photos import cut_short, is_jpeg, load, read_photo
from stack.merge.similarity import Similarity

Eight = NDArray[np.uint8]

EIGHTHS: Final = 8
"""libjpeg decodes at any whole number of eighths up to these."""


@dataclass(frozen=True, slots=True)
class Reduced:
    """A picture at `eighths / 8` of its size: `(H, W, 3)` blue-green-red, 8 bit."""

    pixels: Eight
    eighths: int

    @property
    def from_whole(self) -> Similarity:
        """Maps pixels of the whole picture to those here."""
        return scaled(self.eighths / EIGHTHS)


def scaled(factor: float) -> Similarity:
    """Give the similarity to a picture `factor` times the size, pixel corners staying in place."""
    return Similarity(p=factor, tx=(factor - 1) / 2, ty=(factor - 1) / 2)


def eighths_for(scale: float) -> int:
    """Give the fewest eighths that leave a picture at `scale` of its size, or larger."""
    return min(EIGHTHS, max(1, int(np.ceil(scale * EIGHTHS - 1e-9))))


def read_reduced(path: Path, eighths: int) -> Reduced:
    """Read a picture at so many eighths of its size. Raises `PhotoUnreadable`."""
    data = load(path)
    if not is_jpeg(data):
        return _shrunk(read_photo(path), eighths)
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(data)
        rows, columns = (-(-side * eighths // EIGHTHS) for side in (height, width))
        pixels = simplejpeg.decode_jpeg(
            data, colorspace="BGR", min_height=rows, min_width=columns, min_factor=1, strict=True
        )
    except ValueError as e:
        raise cut_short(path, e) from e
    return Reduced(pixels, eighths)


def _shrunk(pixels: Any, eighths: int) -> Reduced:
    eight = pixels if pixels.dtype == np.uint8 else cv2.convertScaleAbs(pixels, alpha=255 / 65535)
    size = [-(-side * eighths // EIGHTHS) for side in eight.shape[1::-1]]
    small: Any = cv2.resize(eight, size, interpolation=cv2.INTER_AREA)
    return Reduced(small, eighths)
