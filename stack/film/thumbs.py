"""Pictures of a series at the size of a stamp."""

from typing import Any, Final

import cv2
import numpy as np
import simplejpeg

from stack.film.decoding import Eight, eighths_for, read_reduced
from stack.film.stills import Still
from stack.merge.errors import PhotoUnreadable

QUALITY: Final = 78


def thumbnail(still: Still, width_px: int, height_px: int) -> Eight | None:
    """Give a picture as large as fits, `(H, W, 3)` blue-green-red; None where it cannot be read."""
    scale = min(1.0, width_px / still.width_px, height_px / still.height_px)
    try:
        pixels = read_reduced(still.path, eighths_for(scale)).pixels
    except PhotoUnreadable:
        return None
    size = [max(1, round(side * scale)) for side in (still.width_px, still.height_px)]
    small: Any = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def thumbnail_jpeg(still: Still, width_px: int) -> bytes | None:
    """Give a picture `width_px` wide as a JPEG; None where it cannot be read."""
    pixels = thumbnail(still, width_px, 10 * width_px)
    if pixels is None:
        return None
    jpeg: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=QUALITY, colorspace="BGR")
    return jpeg
