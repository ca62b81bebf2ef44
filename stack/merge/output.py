"""The results as files: JPEG, PNG or TIFF by extension, whole or not there, with the first slice's tags."""

import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from camera.png import Chunk, framed, png_parts
from camera.tiff import Kind, tiff_parts
from stack.durable import LEFTOVER_SUFFIX, write_parts_durably
from stack.merge.errors import OutputRefused
from stack.merge.photos import JPEG_SUFFIXES, TIFF_SUFFIXES, WRITTEN_SUFFIXES, Pixels
from stack.merge.tags import EXIF_START, ICC_START, Tags, tiff_directories

Part = bytes | memoryview

DEVICES: Final = Path("/dev")
PNG_HEADER_BYTES: Final = 8 + 12 + 13
QUICK: Final[list[int]] = (
    [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP] if hasattr(cv2, "IMWRITE_PNG_FILTER") else []
)
"""How maps are packed: a picture is waited for meanwhile, and their rows are often alike."""
LONGEST_JPEG_PX: Final = 65500
"""What libjpeg writes and reads, a side."""
ICC_PART_BYTES: Final = 65000
"""A JPEG segment holds no more."""


def check_output(path: Path) -> None:
    """Raise `OutputRefused` unless a file of that name can be written, before any work is done for it."""
    if path.suffix.lower() not in WRITTEN_SUFFIXES:
        known = ", ".join(sorted(WRITTEN_SUFFIXES))
        raise OutputRefused(path, f"its ending says no format that can be written (known: {known})")
    check_place(path)


def check_size(path: Path, width_px: int, height_px: int) -> None:
    """Raise `OutputRefused` where the format that a file's name says holds no picture of that size."""
    if path.suffix.lower() in JPEG_SUFFIXES and max(width_px, height_px) > LONGEST_JPEG_PX:
        raise OutputRefused(
            path,
            f"would be of {width_px}x{height_px} pixels, and a JPEG has at most {LONGEST_JPEG_PX} a side: "
            "name it .png or .tif",
        )


def check_place(path: Path) -> None:
    """Raise `OutputRefused` unless a file can be put at `path`; a device there would be replaced by it."""
    probe = path.parent / f".{path.name}.writable{LEFTOVER_SUFFIX}"  # as long as that of the file itself
    try:
        if path.parent.resolve() == DEVICES:  # its links would be replaced, for all programs
            raise OutputRefused(path, "lies among the system's devices; name a file elsewhere")
        if path.is_dir():
            raise OutputRefused(path, "is a folder")
        if path.exists() and not path.is_file():
            raise OutputRefused(path, "is a device, not a file")
        probe.touch()
        probe.unlink()
    except OSError as e:
        raise OutputRefused(path, f"cannot be written: {e.strerror or e}") from e


def write_picture(path: Path, pixels: Pixels, tags: Tags, quality: int) -> None:
    """Write pixels `(H, W, 3)` blue-green-red, or `(H, W)`, in the format of the extension, atomically.

    JPEG is 8 bit: 16-bit pixels are reduced. PNG and TIFF keep their depth. Raises `OutputRefused`.
    """
    height_px, width_px = pixels.shape[:2]
    check_size(path, width_px, height_px)
    try:
        write_parts_durably(path, _parts(pixels, path.suffix.lower(), tags, quality))
    except OSError as e:
        raise OutputRefused(path, f"cannot be written: {e.strerror or e}") from e


def encode(pixels: Pixels, suffix: str, tags: Tags, quality: int) -> bytes:
    """Give the bytes of the file."""
    return b"".join(_parts(pixels, suffix, tags, quality))


def _parts(pixels: Pixels, suffix: str, tags: Tags, quality: int) -> Iterator[Part]:
    if suffix in JPEG_SUFFIXES:
        return _jpeg(pixels, tags, quality)
    if suffix in TIFF_SUFFIXES:
        return _tiff(pixels, tags)
    return _png(pixels, tags)


def _png(pixels: Pixels, tags: Tags) -> Iterator[Part]:
    chunks: list[Chunk] = []
    if tags.icc:
        chunks.append((b"iCCP", b"icc\0\0" + zlib.compress(tags.icc)))
    if tags.exif:
        chunks.append((b"eXIf", tags.exif.removeprefix(EXIF_START)))
    return _map(pixels, chunks) if pixels.ndim == 2 else png_parts(pixels, tuple(chunks))


def _map(pixels: Pixels, chunks: Sequence[Chunk]) -> Iterator[Part]:
    encoded: Any = cv2.imencode(".png", pixels, QUICK)[1]
    data = memoryview(encoded)
    yield data[:PNG_HEADER_BYTES]
    for kind, content in chunks:
        yield framed(kind, content)
    yield data[PNG_HEADER_BYTES:]


def _tiff(pixels: Pixels, tags: Tags) -> Iterator[Part]:
    samples = 1 if pixels.ndim == 2 else 3
    picture, exif, place = tiff_directories(tags)
    picture |= {
        258: (Kind.SHORT, [8 * pixels.itemsize] * samples),  # BitsPerSample
        259: (Kind.SHORT, 1),  # Compression: none
        262: (Kind.SHORT, 1 if samples == 1 else 2),  # PhotometricInterpretation: black is zero, or RGB
        277: (Kind.SHORT, samples),  # SamplesPerPixel
        284: (Kind.SHORT, 1),  # PlanarConfiguration: together
    }
    return tiff_parts(pixels if samples == 1 else pixels[..., ::-1], picture, exif, place)


def _jpeg(pixels: Pixels, tags: Tags, quality: int) -> Iterator[Part]:
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
    # Behind JFIF's segment; but JFIF and EXIF both want to be first, and EXIF says more.
    head = 4 + int.from_bytes(data[4:6], "big") if data[2:4] == b"\xff\xe0" else 2
    yield b"\xff\xd8" + _segment(0xE1, tags.exif) if tags.exif else data[:head]
    yield from _profile(tags.icc)
    yield memoryview(data)[head:]


def _profile(icc: bytes | None) -> list[bytes]:
    """Give a profile as a JPEG has it, in as many segments as it needs."""
    parts = [icc[at : at + ICC_PART_BYTES] for at in range(0, len(icc), ICC_PART_BYTES)] if icc else []
    return [
        _segment(0xE2, ICC_START + bytes((number, len(parts))) + part)
        for number, part in enumerate(parts, start=1)
    ]


def _segment(marker: int, content: bytes) -> bytes:
    return b"\xff" + bytes((marker,)) + struct.pack(">H", len(content) + 2) + content
