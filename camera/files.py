"""A slice as the bytes of a file: its pixels, and in EXIF how and where they were taken."""

import json
import struct
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import cv2
import numpy as np
import piexif
import simplejpeg
from numpy.typing import NDArray

from camera.camera import CameraIdentity, Exposure

MANUAL: Final = 1
"""In EXIF's ExposureMode, ExposureProgram and WhiteBalance alike."""

SRGB: Final = 1
PNG_HEADER_BYTES: Final = 8 + 12 + 13
"""The signature and the IHDR chunk; everything else comes after."""


@dataclass(frozen=True, slots=True)
class SliceTags:
    """What a slice's file says of itself.

    Attributes
    ----------
    index, slices
        Which slice of how many, counted from 0.
    position_u, unit
        Where on the axis, and in what (`Scale.unit`).
    taken_at
        When the exposure began; with its time zone, and written as UTC.
    exposure
        As the sensor reported it.
    identity
        Which camera.
    optics
        The lens in words, as the plan names it; may be empty.
    software
        Name and version of what took it.
    magnification, f_number
        Of the lens, where known; the f-number as marked on it.
    """

    index: int
    slices: int
    position_u: float
    unit: str
    taken_at: datetime
    exposure: Exposure
    identity: CameraIdentity
    optics: str
    software: str
    magnification: float | None = None
    f_number: float | None = None

    def __post_init__(self) -> None:
        if self.taken_at.tzinfo is None:
            raise ValueError(f"{self.taken_at} has no time zone, so nobody can say when that was.")


def encode_jpeg(pixels: NDArray[np.uint8], tags: SliceTags, quality: int = 95) -> bytes:
    """Encode pixels of shape `(H, W, 3)`, blue-green-red and sRGB, as a JPEG with full colour (4:4:4).

    `quality` runs from 1 to 100. Raises ValueError for pixels of another shape, type or order in memory.
    """
    _check(pixels)
    jpeg = simplejpeg.encode_jpeg(pixels, quality=quality, colorspace="BGR", colorsubsampling="444")
    exif = piexif.dump(_exif(pixels, tags))
    start = 2
    if jpeg[2:4] == b"\xff\xe0":  # JFIF and EXIF both want to be the first segment; EXIF says more
        start = 4 + int.from_bytes(jpeg[4:6], "big")
    return b"".join((b"\xff\xd8\xff\xe1", struct.pack(">H", len(exif) + 2), exif, memoryview(jpeg)[start:]))


def encode_png(pixels: NDArray[np.uint8], tags: SliceTags) -> bytes:
    """Encode pixels as `encode_jpeg` does, without loss; EXIF and sRGB stand in chunks of their own.

    Raises ValueError as `encode_jpeg` does.
    """
    _check(pixels)
    # Harder compression costs a Pi seconds a slice and saves a tenth.
    _, encoded = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    png = encoded.tobytes()
    tiff = piexif.dump(_exif(pixels, tags)).removeprefix(b"Exif\0\0")
    perceptual = b"\0"
    chunks = _png_chunk(b"sRGB", perceptual) + _png_chunk(b"eXIf", tiff)
    return b"".join((png[:PNG_HEADER_BYTES], chunks, memoryview(png)[PNG_HEADER_BYTES:]))


def _exif(pixels: NDArray[np.uint8], tags: SliceTags) -> dict[str, dict[int, Any]]:
    height, width = pixels.shape[:2]
    taken_at = tags.taken_at.astimezone(UTC)
    when = taken_at.strftime("%Y:%m:%d %H:%M:%S")
    image = {
        piexif.ImageIFD.ImageDescription: _description(tags),
        piexif.ImageIFD.Make: tags.identity.make.encode(),
        piexif.ImageIFD.Model: tags.identity.model.encode(),
        piexif.ImageIFD.Software: tags.software.encode(),
        piexif.ImageIFD.DateTime: when,
    }
    photo = {
        piexif.ExifIFD.ExifVersion: b"0231",  # the first with OffsetTime
        piexif.ExifIFD.ExposureTime: (tags.exposure.time_us, 1_000_000),
        piexif.ExifIFD.ISOSpeedRatings: min(round(100 * tags.exposure.gain), 65535),
        piexif.ExifIFD.ExposureProgram: MANUAL,
        piexif.ExifIFD.ExposureMode: MANUAL,
        piexif.ExifIFD.WhiteBalance: MANUAL,
        piexif.ExifIFD.DateTimeOriginal: when,
        piexif.ExifIFD.DateTimeDigitized: when,
        piexif.ExifIFD.OffsetTime: "+00:00",
        piexif.ExifIFD.OffsetTimeOriginal: "+00:00",
        piexif.ExifIFD.OffsetTimeDigitized: "+00:00",
        piexif.ExifIFD.SubSecTimeOriginal: f"{taken_at.microsecond // 1000:03}",
        piexif.ExifIFD.ColorSpace: SRGB,
        piexif.ExifIFD.PixelXDimension: width,
        piexif.ExifIFD.PixelYDimension: height,
        piexif.ExifIFD.UserComment: b"ASCII\0\0\0" + _comment(tags),
    }
    if tags.optics:
        photo[piexif.ExifIFD.LensModel] = tags.optics.encode()
    if tags.f_number is not None:
        photo[piexif.ExifIFD.FNumber] = (round(1000 * tags.f_number), 1000)
    return {"0th": image, "Exif": photo}


def _description(tags: SliceTags) -> bytes:
    return f"slice {tags.index + 1} of {tags.slices} at {tags.position_u:.1f} {tags.unit}".encode()


def _comment(tags: SliceTags) -> bytes:
    """Say for programs what EXIF has no tag for, or only rounded."""
    facts = {
        "slice": tags.index,
        "slices": tags.slices,
        "position": tags.position_u,
        "unit": tags.unit,
        "gain": tags.exposure.gain,
        "colour_gains": tags.exposure.colour_gains,
        "magnification": tags.magnification,
        "sensor": tags.identity.sensor,
    }
    return json.dumps({name: value for name, value in facts.items() if value is not None}).encode("ascii")


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _check(pixels: NDArray[np.uint8]) -> None:
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.flags.c_contiguous:
        raise ValueError(
            f"A slice is encoded from contiguous uint8 pixels of shape (H, W, 3), not from {pixels.dtype} "
            f"of shape {pixels.shape}."
        )
