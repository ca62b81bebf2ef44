"""A slice as the bytes of a file: its pixels, sRGB's profile, and in EXIF how and where they were taken.

A file is made in memory from pixels of our own, never by picamera2's `save`: handed a path that is no str,
that one writes no EXIF, and says nothing (0.3.38, `request.py`, `_get_format_str`). What a library
made, or what says where it lies, is read back as far as that is cheap: heads and lengths.
"""

import struct
import zlib
from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from camera.camera import Mosaic, Pixels
from camera.dng import dng_tags
from camera.icc import srgb_profile
from camera.png import png
from camera.tags import SliceTags, compressed_tags, image_tags, photo_tags
from camera.tiff import STRIP_BYTES, STRIP_OFFSETS, Kind, Tags, exif_block, tiff

ICC: Final = 34675
METRE: Final = 1
YCBCR_POSITIONING, CENTRED = 531, 1


def encode_jpeg(pixels: NDArray[np.uint8], tags: SliceTags, quality: int = 95) -> bytes:
    """Encode pixels of shape `(H, W, 3)`, blue-green-red and sRGB, as a JPEG with full colour (4:4:4).

    `quality` runs from 1 to 100. Raises ValueError for pixels of another shape, type or order in memory.
    """
    _check(pixels, np.uint8)
    jpeg = simplejpeg.encode_jpeg(pixels, quality=quality, colorspace="BGR", colorsubsampling="444")
    start = 2
    if jpeg[2:4] == b"\xff\xe0":  # JFIF and EXIF both want to be the first segment; EXIF says more
        start = 4 + int.from_bytes(jpeg[4:6], "big")
    exif = _segment(0xE1, b"Exif\0\0" + _exif(pixels, tags, {YCBCR_POSITIONING: (Kind.SHORT, CENTRED)}))
    profile = _segment(0xE2, b"ICC_PROFILE\0\x01\x01" + srgb_profile())
    whole = b"".join((b"\xff\xd8", exif, profile, memoryview(jpeg)[start:]))
    if simplejpeg.decode_jpeg_header(whole)[:2] != pixels.shape[:2] or not whole.endswith(b"\xff\xd9"):
        raise ValueError("The JPEG that was made is not whole.")
    return whole


def encode_png(pixels: Pixels, tags: SliceTags) -> bytes:
    """Encode pixels as `encode_jpeg` does, 8 or 16 bits a colour as they come, without loss.

    Raises ValueError as `encode_jpeg` does.
    """
    _check(pixels, np.uint8, np.uint16)
    profile = b"sRGB\0\0" + zlib.compress(srgb_profile())
    chunks = [(b"iCCP", profile), (b"eXIf", _exif(pixels, tags))]
    if tags.um_a_px is not None:
        a_metre = round(1e6 / tags.um_a_px)
        chunks.append((b"pHYs", struct.pack(">IIB", a_metre, a_metre, METRE)))
    return png(pixels, tuple(chunks))


def encode_tiff(pixels: Pixels, tags: SliceTags) -> bytes:
    """Encode pixels as `encode_jpeg` does, 8 or 16 bits a colour as they come, without loss or compression.

    Raises ValueError as `encode_jpeg` does.
    """
    _check(pixels, np.uint8, np.uint16)
    directory: dict[int, tuple[Kind, object]] = {
        **image_tags(tags),
        258: (Kind.SHORT, [8 * pixels.itemsize] * 3),  # BitsPerSample
        259: (Kind.SHORT, 1),  # Compression: none
        262: (Kind.SHORT, 2),  # PhotometricInterpretation: RGB
        274: (Kind.SHORT, 1),  # Orientation: as it stands
        277: (Kind.SHORT, 3),  # SamplesPerPixel
        284: (Kind.SHORT, 1),  # PlanarConfiguration: together
        ICC: (Kind.UNDEFINED, srgb_profile()),
    }
    rgb = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    return _whole_tiff(rgb, directory, tags)


def encode_dng(mosaic: Mosaic, tags: SliceTags, correction: Sequence[float] | None) -> bytes:
    """Encode what the sensor read as a Digital Negative, uncompressed.

    `correction` is libcamera's ColourCorrectionMatrix, or None: see `camera.dng.dng_tags`.
    """
    directory = {
        **image_tags(tags),
        **dng_tags(mosaic, tags.identity.model, tags.exposure, correction),
    }
    return _whole_tiff(mosaic.pixels, directory, tags)


def _whole_tiff(pixels: NDArray[Any], directory: Tags, tags: SliceTags) -> bytes:
    whole = tiff(pixels, directory, photo_tags(tags))
    if _strips_end(whole) != len(whole):
        raise ValueError("The TIFF that was made is not whole: its strips end elsewhere than the file.")
    return whole


def _strips_end(whole: bytes) -> int:
    """Give where the last strip of a little-endian TIFF ends, by what the file says of itself."""
    (at,) = struct.unpack_from("<I", whole, 4)
    (entries,) = struct.unpack_from("<H", whole, at)
    lasts = {}
    for entry in range(at + 2, at + 2 + 12 * entries, 12):
        tag, _, count, value = struct.unpack_from("<HHII", whole, entry)
        if tag in (STRIP_OFFSETS, STRIP_BYTES):
            last_at = entry + 8 if count == 1 else value + 4 * (count - 1)
            (lasts[tag],) = struct.unpack_from("<I", whole, last_at)
    return int(lasts[STRIP_OFFSETS] + lasts[STRIP_BYTES])


def _exif(pixels: Pixels, tags: SliceTags, more: Tags | None = None) -> bytes:
    height, width = pixels.shape[:2]
    return exif_block(
        {**image_tags(tags), **(more or {})}, {**photo_tags(tags), **compressed_tags((width, height))}
    )


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _check(pixels: Pixels, *depths: type) -> None:
    if (
        pixels.ndim != 3
        or pixels.shape[2] != 3
        or pixels.dtype not in depths
        or not pixels.flags.c_contiguous
    ):
        kinds = " or ".join(depth.__name__ for depth in depths)
        raise ValueError(
            f"A slice is encoded from contiguous {kinds} pixels of shape (H, W, 3), not from {pixels.dtype} "
            f"of shape {pixels.shape}."
        )
