"""Photographs on disk: their shape without decoding them, and their pixels as they were stored.

JPEG, PNG and TIFF, 8 or 16 bit; a camera's raw files, DNG among them, where rawpy is installed. Decoders
fill the missing end of a file that was cut short with grey and say nothing, so a file is refused here unless
it is whole.
"""

import mmap
import os
import re
import struct
import zlib
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from stack.merge.errors import PhotoUnreadable
from stack.merge.raw import develop, raw_size

Bytes = bytes | bytearray | mmap.mmap
Pixels = NDArray[np.uint8] | NDArray[np.uint16]

JPEG_SUFFIXES: Final = frozenset({".jpg", ".jpeg"})
PNG_SUFFIXES: Final = frozenset({".png"})
TIFF_SUFFIXES: Final = frozenset({".tif", ".tiff"})
WRITTEN_SUFFIXES: Final = JPEG_SUFFIXES | PNG_SUFFIXES | TIFF_SUFFIXES
RAW_SUFFIXES: Final = frozenset(
    {".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2", ".pef", ".srw"}
)
SUFFIXES: Final = WRITTEN_SUFFIXES | RAW_SUFFIXES

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
TIFF_COMPRESSIONS: Final = (1, 5, 7, 8, 32773, 32946)
"""None, LZW, JPEG, deflate, packed bits, and deflate as it was called first."""
TIFF_KIND: Final = {254: 0, 258: 1, 259: 1, 262: 2, 277: 1, 284: 1, 339: 1}
"""Tags that say what kind of picture it is, and what it is where they are missing."""
TIFF_COLOURS: Final = (0, 1, 2, 3, 5, 6, 8)
"""Grey of either sense, RGB, palette, inks, YCbCr and Lab, of 8 bits."""
TIFF_DEEP: Final = ((1, 1), (2, 3), (2, 4))
"""Colours and samples that are read of 16 bits: grey, RGB, and RGB with transparency."""
REDUCED_OR_MASK: Final = 1 | 4
TIFF_BYTES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2}
"""Of one value of the kinds that may fit into an entry."""
AS_STORED: Final = {274: 1, 338: 0}
"""Orientation, and what a fourth sample is: OpenCV turns and darkens by them, unless they say this."""
_NUMBERS: Final = re.compile(r"([0-9]+)")
_LOSSLESS: Final = 0xC3
_FRAMES: Final = (0xC0, 0xC1, 0xC2, _LOSSLESS)
"""Markers of what says how a JPEG's picture is stored: baseline, extended, progressive, lossless."""
EMPTY: Final = "the file is empty"
CUT_SHORT: Final = "the file is cut short or damaged"


class ForeignError(ValueError):
    """A file is whole, for all that is known, but of a kind that is not read."""


def is_photo(path: Path) -> bool:
    """Say whether the name is one of a photograph that can be read; hidden files are not."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


@dataclass(frozen=True, slots=True)
class Shape:
    """Width and height in pixels, and the bits of a colour."""

    width_px: int
    height_px: int
    bits: int

    def __str__(self) -> str:
        """Give it as errors name it."""
        return f"{self.width_px}x{self.height_px}, {self.bits} bit"


def photo_shape(path: Path) -> Shape:
    """Give a photograph's shape from the file's head; the rest is not read. Raises `PhotoUnreadable`."""
    if _is_raw(path):
        return Shape(*raw_size(path, load(path)), 16)
    try:
        with mapped(path) as data:
            return _shape(data)
    except (ValueError, struct.error, KeyError, IndexError) as e:
        raise cut_short(path, e) from e


def _shape(data: Bytes) -> Shape:
    if is_jpeg(data):
        _check_jpeg(data)
        height, width, *_ = simplejpeg.decode_jpeg_header(data)
        return Shape(int(width), int(height), 8)
    if is_png(data):
        width, height, bits = struct.unpack(">IIB", data[16:25])
        return Shape(int(width), int(height), 16 if bits == 16 else 8)
    tags = _tiff_head(data)
    return Shape(tags[256][0], tags[257][0], tags.get(258, (8,))[0])


def read_photo(path: Path) -> Pixels:
    """Give the pixels as stored, `(H, W, 3)` blue-green-red, uint8 or uint16.

    EXIF's orientation is not applied. Grey pictures become three equal channels; transparency is dropped.
    Raises `PhotoUnreadable`.
    """
    if _is_raw(path):
        return develop(path, load(path))
    data: Bytes = load(path)
    try:
        if is_jpeg(data):
            _check_jpeg(data)
            jpeg: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, colorspace="BGR", strict=True)
            return jpeg
        if is_png(data):
            _check_png(data)
        else:
            _check_tiff(data)
            data = _as_stored(data)
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
        pixels: Any = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except (ValueError, struct.error, KeyError, IndexError, cv2.error) as e:
        raise cut_short(path, e) from e
    if pixels is None:
        raise PhotoUnreadable(path, CUT_SHORT)
    return pixels  # type: ignore[no-any-return]


def photos_in(folder: Path, apart_from: Container[Path] = ()) -> list[Path]:
    """Give a folder's photographs in name order; a raw file only where it is all there is of its slice.

    Numbers in names count as numbers: 2 comes before 10. Raises `OSError`.
    """
    there = (file for file in folder.iterdir() if is_photo(file) and file.is_file())
    found = sorted((file for file in there if file not in apart_from), key=_counted)
    developed = {file.stem.casefold() for file in found if not _is_raw(file)}
    return [file for file in found if not _is_raw(file) or file.stem.casefold() not in developed]


def _counted(path: Path) -> tuple[list[int | str], str]:
    """Give what puts a name in its place: words and numbers in turn, whether capitals or not."""
    parts = enumerate(_NUMBERS.split(path.stem))
    return [int(part) if at % 2 else part.casefold() for at, part in parts], path.name


def _is_raw(path: Path) -> bool:
    return path.suffix.lower() in RAW_SUFFIXES


def load(path: Path) -> bytes:
    """Give a file's bytes. Raises `PhotoUnreadable`."""
    try:
        data = path.read_bytes()
    except OSError as e:
        raise PhotoUnreadable(path, e.strerror or str(e)) from e
    if not data:
        raise PhotoUnreadable(path, EMPTY)
    return data


@contextmanager
def mapped(path: Path) -> Iterator[Bytes]:
    """Give a file's bytes, of which only those that are looked at are read. Raises `PhotoUnreadable`."""
    try:
        with path.open("rb") as file:
            if not os.fstat(file.fileno()).st_size:
                raise PhotoUnreadable(path, EMPTY)
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                yield data
    except OSError as e:
        raise PhotoUnreadable(path, e.strerror or str(e)) from e


def is_jpeg(data: Bytes) -> bool:
    """Say whether these are the bytes of a JPEG."""
    return data[:2] == b"\xff\xd8"


def is_png(data: Bytes) -> bool:
    """Say whether these are the bytes of a PNG."""
    return data[: len(PNG_SIGNATURE)] == PNG_SIGNATURE


def cut_short(path: Path, error: Exception) -> PhotoUnreadable:
    """Give the error for a file that could not be decoded."""
    return PhotoUnreadable(path, _reason(error))


def _reason(error: Exception) -> str:
    """Give the words raised for people, by us or libjpeg; those of struct and OpenCV are for programmers."""
    text = str(error).strip()
    if isinstance(error, ForeignError):
        return text
    return f"{CUT_SHORT} ({text})" if text and isinstance(error, ValueError) else CUT_SHORT


def jpeg_segments(data: Bytes) -> Iterator[tuple[int, bytes]]:
    """Give marker and content of what stands before the picture itself."""
    at = 2
    while is_jpeg(data) and at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        yield marker, bytes(data[at + 4 : at + 2 + length])
        at += 2 + length


def _check_jpeg(data: Bytes) -> None:
    """Raise `ForeignError` where its colours have more than 8 bits, or no loss, as medical cameras write."""
    for marker, frame in jpeg_segments(data):
        if marker in _FRAMES and frame[:1] > b"\x08":
            raise ForeignError(f"it is a JPEG of {frame[0]} bits, which is not read: save it as PNG or TIFF")
        if marker == _LOSSLESS:  # grey is not decoded of it, nor halves
            raise ForeignError("it is a lossless JPEG, which is not read: save it as PNG or TIFF")


def _check_png(data: Bytes) -> None:
    """Raise ValueError unless every chunk is whole, up to the one that ends the file."""
    at = len(PNG_SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        end = at + 8 + length
        kind = data[at + 4 : at + 8]
        if data[end : end + 4] != zlib.crc32(data[at + 4 : end]).to_bytes(4, "big"):
            raise ValueError(f"chunk {kind.decode('ascii', 'replace')} is not what was written")
        if kind == b"IEND":
            return
        at = end + 4
    raise ValueError("its end is missing")


def _check_tiff(data: Bytes) -> None:
    """Raise ValueError unless its kind is read, and it reaches as far as its strips or tiles say."""
    tags = _tiff_head(data)
    offsets, counts = (273, 279) if 273 in tags else (324, 325)
    if any(at + length > len(data) for at, length in zip(tags[offsets], tags[counts], strict=True)):
        raise ValueError("its end is missing")


def _tiff_head(data: Bytes) -> dict[int, tuple[int, ...]]:
    """Give the tags of a TIFF's only picture. Raises `ForeignError` where its kind is not read."""
    tags, *others = (tiff_tags(data, directory=at) for at in _tiff_directories(data))
    _check_tiff_kind(*(tags.get(tag, (usual,))[0] for tag, usual in TIFF_KIND.items()))
    whole = (other for other in others if not other.get(254, (0,))[0] & REDUCED_OR_MASK)
    alike = sum((other.get(256), other.get(257)) == (tags[256], tags[257]) for other in whole)
    if alike:
        raise ForeignError(f"it holds {alike + 1} pictures of one size: save each as a file of its own")
    return tags


def _check_tiff_kind(
    role: int, bits: int, compression: int, colours: int, samples: int, planes: int, numbers: int
) -> None:
    """Raise `ForeignError` for what OpenCV does not read, or reads as something else."""
    if role & 1:
        raise ForeignError("its first picture is a thumbnail: save it as a TIFF of one picture")
    if compression not in TIFF_COMPRESSIONS:
        raise ForeignError("it is compressed in a way that is not read: save it with LZW, or uncompressed")
    if numbers != 1 or bits > 16:
        raise ForeignError("its pixels are no whole numbers of 8 or 16 bit: save it with 16 bits")
    if bits > 8 and planes != 1:
        raise ForeignError("its colours lie apart, which is not read of 16 bits: save it interleaved")
    if bits > 8 and colours == 0:
        raise ForeignError("its white is 0, which is not read of 16 bits: save it with a black of 0")
    if samples > 4 or colours not in TIFF_COLOURS or (bits > 8 and (colours, samples) not in TIFF_DEEP):
        raise ForeignError("its colours are of a kind that is not read: save it flattened, as RGB or grey")


def _as_stored(data: Bytes) -> Bytes:
    """Give a TIFF whose pixels OpenCV leaves as they are, whatever it says of them."""
    entries = _tiff_entries(data, next(_tiff_directories(data)))
    said = {
        at: AS_STORED[tag] for tag, kind, count, at in entries if tag in AS_STORED and (kind, count) == (3, 1)
    }
    if not said:
        return data
    stored = bytearray(data)
    for at, usual in said.items():
        struct.pack_into(_tiff_order(data) + "H", stored, at, usual)
    return stored


def tiff_tags(
    data: Bytes, kinds: Sequence[int] = (3, 4), directory: int | None = None
) -> dict[int, tuple[int, ...]]:
    """Read tags of a TIFF's first picture: whole numbers, or text (2), or bytes of no known meaning (7).

    Of another picture where `directory` says where its tags stand.
    """
    order, letters = _tiff_order(data), {2: "B", 3: "H", 4: "I", 7: "B"}
    at_first = next(_tiff_directories(data)) if directory is None else directory
    return {
        tag: struct.unpack_from(f"{order}{count}{letters[kind]}", data, at)
        for tag, kind, count, at in _tiff_entries(data, at_first)
        if kind in kinds
    }


def _tiff_directories(data: Bytes) -> Iterator[int]:
    """Give where the tags of each of a TIFF's pictures stand."""
    order, seen = _tiff_order(data), {0}
    (at,) = struct.unpack_from(order + "I", data, 4)
    while True:
        yield at
        seen.add(at)
        (entries,) = struct.unpack_from(order + "H", data, at)
        (at,) = struct.unpack_from(order + "I", data, at + 2 + 12 * entries)
        if at in seen:
            return


def _tiff_entries(data: Bytes, directory: int) -> Iterator[tuple[int, int, int, int]]:
    """Give tag, kind, how many values, and where the first of them stands, of one of a TIFF's pictures."""
    order = _tiff_order(data)
    (entries,) = struct.unpack_from(order + "H", data, directory)
    for entry in range(directory + 2, directory + 2 + 12 * entries, 12):
        tag, kind, count = struct.unpack_from(order + "HHI", data, entry)
        at = entry + 8
        if count * TIFF_BYTES.get(kind, 8) > 4:
            (at,) = struct.unpack_from(order + "I", data, at)
        yield tag, kind, count, at


def _tiff_order(data: Bytes) -> str:
    """Give a TIFF's order of bytes. Raises `ForeignError`."""
    if data[:4] in (b"II+\0", b"MM\0+"):
        raise ForeignError("it is a BigTIFF, which is not read: save it as a plain TIFF")
    if data[:4] not in (b"II*\0", b"MM\0*"):
        raise ForeignError("it is not a JPEG, PNG or TIFF, whatever its name says")
    return "<" if data[:2] == b"II" else ">"
