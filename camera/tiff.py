"""A TIFF with one picture in strips and an EXIF directory: the frame of a TIFF and of a DNG alike."""

import struct
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any, Final

from numpy.typing import NDArray

STRIP_ROWS: Final = 64
"""A reader that goes strip by strip needs a megabyte or two for one of 12 megapixels."""

WIDTH, HEIGHT, STRIP_OFFSETS, ROWS_PER_STRIP, STRIP_BYTES = 256, 257, 273, 278, 279
EXIF_DIRECTORY, GPS_DIRECTORY = 34665, 34853


class Kind(IntEnum):
    """Types of a tag's values (TIFF 6.0, section 2)."""

    BYTE = 1
    ASCII = 2
    SHORT = 3
    LONG = 4
    RATIONAL = 5
    UNDEFINED = 7
    SRATIONAL = 10


Tags = Mapping[int, tuple[Kind, Any]]
"""For each tag its type and value: bytes, a whole number or several, a fraction (a pair) or several."""


def tiff(pixels: NDArray[Any], tags: Tags, exif: Tags) -> bytes:
    """Give the file of a picture, all as `tiff_parts` has it."""
    return b"".join(tiff_parts(pixels, tags, exif))


def tiff_parts(
    pixels: NDArray[Any], tags: Tags, exif: Tags, gps: Tags | None = None
) -> Iterator[bytes | memoryview]:
    """Give the file of a picture, uncompressed and little-endian, in parts: strip by strip.

    Parameters
    ----------
    pixels
        Shape `(H, W)` or `(H, W, samples)`, uint8 or uint16, in the order of the file.
    tags
        All that says how to read them; size and strips are added.
    exif, gps
        The directories of EXIF and, if there is one, of the place.
    """
    height, width = pixels.shape[:2]
    row_bytes = pixels.nbytes // height
    strips = [min(STRIP_ROWS, height - top) * row_bytes for top in range(0, height, STRIP_ROWS)]
    whole: dict[int, tuple[Kind, Any]] = {
        **tags,
        WIDTH: (Kind.LONG, width),
        HEIGHT: (Kind.LONG, height),
        ROWS_PER_STRIP: (Kind.LONG, STRIP_ROWS),
        STRIP_BYTES: (Kind.LONG, strips),
        STRIP_OFFSETS: (Kind.LONG, strips),  # as long as what will stand there
    }
    pixels_at = len(exif_block(whole, exif, gps))
    whole[STRIP_OFFSETS] = (Kind.LONG, [pixels_at + sum(strips[:number]) for number in range(len(strips))])
    yield exif_block(whole, exif, gps)
    for top in range(0, height, STRIP_ROWS):
        strip = pixels[top : top + STRIP_ROWS]
        little: Any = strip.astype(strip.dtype.newbyteorder("<"), order="C", copy=False)
        yield memoryview(little).cast("B")


def exif_block(tags: Tags, exif: Tags, gps: Tags | None = None) -> bytes:
    """Give a TIFF without a picture: its directories, as EXIF is carried in other files."""
    parts = {EXIF_DIRECTORY: exif, **({GPS_DIRECTORY: gps} if gps else {})}
    at = start = 8
    at += len(_directory({**tags, **dict.fromkeys(parts, (Kind.LONG, 0))}, start))
    whole, behind = dict(tags), b""
    for tag, part in parts.items():
        whole[tag] = (Kind.LONG, at + len(behind))
        behind += _directory(part, at + len(behind))
    return struct.pack("<2sHI", b"II", 42, start) + _directory(whole, start) + behind


def _directory(tags: Tags, at: int) -> bytes:
    """Give a directory that stands at `at`, and behind it the values that do not fit into it."""
    values_at = at + 2 + 12 * len(tags) + 4
    entries, values = b"", b""
    for tag in sorted(tags):
        kind, value = tags[tag]
        count, packed = _packed(kind, value)
        if len(packed) <= 4:
            field = packed.ljust(4, b"\0")
        else:
            field = struct.pack("<I", values_at + len(values))
            values += packed + b"\0" * (len(packed) % 2)
        entries += struct.pack("<HHI", tag, kind, count) + field
    return struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0) + values


def _packed(kind: Kind, value: Any) -> tuple[int, bytes]:
    """Give how many values there are, and their bytes."""
    if kind in (Kind.BYTE, Kind.UNDEFINED):
        several = bytes((value,)) if isinstance(value, int) else bytes(value)
        return len(several), several
    if kind is Kind.ASCII:
        return len(value) + 1, bytes(value) + b"\0"
    if kind in (Kind.RATIONAL, Kind.SRATIONAL):
        pairs = [value] if isinstance(value[0], int) else list(value)
        letter = "I" if kind is Kind.RATIONAL else "i"
        return len(pairs), struct.pack(
            f"<{2 * len(pairs)}{letter}", *(part for pair in pairs for part in pair)
        )
    numbers = [value] if isinstance(value, int) else list(value)
    return len(numbers), struct.pack(f"<{len(numbers)}{'H' if kind is Kind.SHORT else 'I'}", *numbers)
