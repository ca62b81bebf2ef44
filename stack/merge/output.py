"""The results as files: JPEG, PNG or TIFF by extension, whole or not there, with the first slice's EXIF."""

import struct
import zlib
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import piexif
import simplejpeg
from numpy.typing import NDArray

from stack.durable import write_durably
from stack.merge.errors import OutputRefused
from stack.merge.photos import JPEG_SUFFIXES, PNG_SUFFIXES, SUFFIXES, Pixels

SOFTWARE: Final = b"focusrail"
PNG_HEADER_BYTES: Final = 8 + 12 + 13
EXIF_BYTES: Final = 65000
"""A JPEG segment holds no more."""


def check_output(path: Path) -> None:
    """Raise `OutputRefused` unless a file of that name can be written, before any work is done for it."""
    if path.suffix.lower() not in SUFFIXES:
        known = ", ".join(sorted(SUFFIXES))
        raise OutputRefused(path, f"its ending says no format that can be written (known: {known})")
    check_place(path)


def check_place(path: Path) -> None:
    """Raise `OutputRefused` unless a file can be put at `path`; a device there would be replaced by it."""
    probe = path.parent / f".{path.name}.probe.part"
    try:
        if path.is_dir():
            raise OutputRefused(path, "is a folder")
        if path.exists() and not path.is_file():
            raise OutputRefused(path, "is a device, not a file")
        probe.touch()
        probe.unlink()
    except OSError as e:
        raise OutputRefused(path, f"cannot be written: {e.strerror or e}") from e


def write_picture(path: Path, pixels: Pixels, exif: bytes | None, quality: int) -> None:
    """Write pixels `(H, W, 3)` blue-green-red, or `(H, W)`, in the format of the extension, atomically.

    JPEG is 8 bit: 16-bit pixels are reduced. PNG and TIFF keep their depth. TIFF carries no EXIF.
    Raises `OutputRefused`.
    """
    try:
        write_durably(path, encode(pixels, path.suffix.lower(), exif, quality))
    except OSError as e:
        raise OutputRefused(path, f"cannot be written: {e.strerror or e}") from e


def encode(pixels: Pixels, suffix: str, exif: bytes | None, quality: int) -> bytes:
    """Give the bytes of the file."""
    if suffix in JPEG_SUFFIXES:
        return _jpeg(pixels, exif, quality)
    options = [cv2.IMWRITE_PNG_COMPRESSION, 3] if suffix in PNG_SUFFIXES else []
    _, encoded = cv2.imencode(suffix, pixels, options)
    data = encoded.tobytes()
    if exif and suffix in PNG_SUFFIXES:
        chunk = b"eXIf" + exif.removeprefix(b"Exif\0\0")
        framed = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        return data[:PNG_HEADER_BYTES] + framed + data[PNG_HEADER_BYTES:]
    return data


def merged_exif(reference: bytes | None, size_px: tuple[int, int], note: str) -> bytes:
    """Give the reference slice's EXIF with the new size (width, height) and a note of what this picture is.

    Its thumbnail goes: it shows a slice. EXIF that cannot be read is replaced by the note alone.
    """
    tags: dict[str, Any] = {}
    if reference:
        try:
            tags = piexif.load(reference)
            piexif.dump(tags)
        except Exception:  # piexif raises whatever a malformed block makes it stumble over
            tags = {}
    noted = {
        "0th": {**tags.get("0th", {}), **_note(note)},
        "Exif": {**tags.get("Exif", {}), **_size(size_px)},
        "GPS": tags.get("GPS", {}),
    }
    noted["Exif"].pop(piexif.ExifIFD.UserComment, None)
    block: bytes = piexif.dump(noted)
    if len(block) > EXIF_BYTES:
        noted["Exif"].pop(piexif.ExifIFD.MakerNote, None)
        block = piexif.dump(noted)
    return block if len(block) <= EXIF_BYTES else piexif.dump({"0th": _note(note)})


def _note(note: str) -> dict[int, Any]:
    return {
        piexif.ImageIFD.ImageDescription: note.encode("ascii", "replace"),
        piexif.ImageIFD.Software: SOFTWARE,
    }


def _size(size_px: tuple[int, int]) -> dict[int, Any]:
    return {piexif.ExifIFD.PixelXDimension: size_px[0], piexif.ExifIFD.PixelYDimension: size_px[1]}


def _jpeg(pixels: Pixels, exif: bytes | None, quality: int) -> bytes:
    eight: NDArray[np.uint8] = np.ascontiguousarray(
        pixels if pixels.dtype == np.uint8 else cv2.convertScaleAbs(pixels, alpha=255 / 65535)
    )
    if eight.ndim == 2:
        eight = np.ascontiguousarray(eight[..., None])
        data: bytes = simplejpeg.encode_jpeg(
            eight, quality=quality, colorspace="GRAY", colorsubsampling="gray"
        )
    else:
        data = simplejpeg.encode_jpeg(eight, quality=quality, colorspace="BGR", colorsubsampling="444")
    if not exif:
        return data
    start = 2
    if data[2:4] == b"\xff\xe0":  # JFIF and EXIF both want to be the first segment; EXIF says more
        start = 4 + int.from_bytes(data[4:6], "big")
    return b"".join((b"\xff\xd8\xff\xe1", struct.pack(">H", len(exif) + 2), exif, memoryview(data)[start:]))
