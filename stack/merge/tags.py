"""What a file says beside its pixels: EXIF and a colour profile, read from any kind of file; a new note."""

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import piexif

from camera.tiff import Kind, exif_block
from stack.merge.errors import PhotoUnreadable
from stack.merge.photos import PNG_SIGNATURE, Bytes, is_jpeg, is_png, jpeg_segments, load, mapped, tiff_tags
from stack.merge.spaces import space_of_exif, space_of_png

EXIF_BYTES: Final = 65000
"""A JPEG segment holds no more."""
EXIF_START: Final = b"Exif\0\0"
ICC_START: Final = b"ICC_PROFILE\0"
ICC_TAG: Final = 34675
STRUCTURE: Final = frozenset(
    (
        *(254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 277, 278, 279, 284, 290, 291, 301, 317),
        *(320, 322, 323, 324, 325, 330, 338, 339, 347, 529, 530, 531, 532, 700, ICC_TAG, 34665, 34853, 40965),
        *(33421, 33422, *range(50706, 52600)),
    )
)
"""Tags of a TIFF or DNG that say how its own pixels are stored, and nothing of the photograph."""


MERGED: Final = "merged from"
DEPTH: Final = "depth map of a merge: 1 + 128 x slice, 0 unknown"
CONFIDENCE: Final = "confidence of a merge's depth map: 0 to 255"
DEPTH_PREVIEW: Final = "depth map of a merge, in colours"
"""How descriptions of what a merge makes begin."""
_MADE: Final = (MERGED, DEPTH, CONFIDENCE, DEPTH_PREVIEW)
_DESCRIPTION, _ORIENTATION, _SOFTWARE = 270, 274, 305
UPRIGHT: Final = 1
_POSITIONING: Final = 531
"""Where colour lies between the pixels: asked for of a JPEG."""
_TEXT: Final = 2
_PNG_SPACES: Final = (b"sRGB", b"gAMA", b"cHRM")
_PROGRAM: Final = "focusrail"
Directory = dict[int, tuple[Kind, Any]]


@dataclass(frozen=True, slots=True)
class Tags:
    """EXIF beginning with `Exif`, and an ICC profile or that of the space named; None where there is none."""

    exif: bytes | None = None
    icc: bytes | None = None


def read_tags(path: Path) -> Tags:
    """Give what a photograph says of itself; what cannot be read is left out. Raises `PhotoUnreadable`."""
    data = load(path)
    if is_jpeg(data):
        return _jpeg_tags(data)
    if is_png(data):
        return _png_tags(data)
    return _tiff_tags(data)


def profile_of(path: Path) -> bytes | None:
    """Give a photograph's ICC profile; None where it has none, or cannot be read."""
    try:
        with mapped(path) as data:
            if is_jpeg(data):
                return _jpeg_tags(data).icc
            return _png_tags(data).icc if is_png(data) else _tiff_profile(data)
    except (PhotoUnreadable, ValueError, struct.error):
        return None


def _tiff_profile(data: Bytes) -> bytes | None:
    return bytes(tiff_tags(data, kinds=(7,)).get(ICC_TAG, ())) or None


def map_tags(note: str, orientation: int = UPRIGHT) -> Tags:
    """Give the tags of what a merge makes beside its picture, to be turned as that is."""
    return Tags(_block({"0th": {**_note(note), _ORIENTATION: orientation}}))


def depth_note(um_per_slice: float | None) -> str:
    """Say what a depth map is, and how many micrometres a slice is, where that is known."""
    return DEPTH if um_per_slice is None else f"{DEPTH}; {um_per_slice:g} um a slice"


def orientation_of(tags: Tags) -> int:
    """Give how a viewer turns a picture with these tags, 1 to 8 as EXIF counts."""
    said = _loaded(tags.exif).get("0th", {}).get(_ORIENTATION)
    return said if isinstance(said, int) and UPRIGHT <= said <= 8 else UPRIGHT


def turned(tags: Tags, orientation: int) -> Tags:
    """Give tags with another orientation. EXIF that cannot be read goes."""
    loaded = _loaded(tags.exif)
    return Tags(_block({**loaded, "0th": {**loaded.get("0th", {}), _ORIENTATION: orientation}}), tags.icc)


def _loaded(exif: bytes | None) -> dict[str, Any]:
    """Give an EXIF block's directories; none where it cannot be read."""
    try:
        tags: dict[str, Any] = piexif.load(exif) if exif else {}
        piexif.dump(tags)
    except Exception:  # piexif raises whatever a malformed block makes it stumble over
        return {}
    return tags


def is_merge(path: Path) -> bool:
    """Say whether a file says of itself that a merge made it; False also where it cannot be read."""
    try:
        with mapped(path) as data:
            said = _said(data)
    except (PhotoUnreadable, ValueError, struct.error):
        return False
    by_us = said.get(_SOFTWARE, "").startswith(_PROGRAM)
    return by_us and said.get(_DESCRIPTION, "").startswith(_MADE)


def _said(data: Bytes) -> dict[int, str]:
    """Give what stands in words in a file's first directory."""
    if is_jpeg(data):
        block = _jpeg_tags(data).exif or EXIF_START
    elif is_png(data):
        block = _png_tags(data).exif or EXIF_START
    else:
        return _words(data)
    return _words(block[len(EXIF_START) :])


def _words(block: Bytes) -> dict[int, str]:
    return {tag: bytes(text).decode("ascii", "replace") for tag, text in tiff_tags(block, (_TEXT,)).items()}


def merged_tags(reference: Tags, size_px: tuple[int, int], note: str, how: Mapping[str, Any]) -> Tags:
    """Give the reference slice's tags with the new size (width, height) and a note of what this picture is.

    `note` becomes the description, `how` the comment, as JSON. The thumbnail goes: it shows a slice. EXIF
    that cannot be read is replaced by the note alone.
    """
    tags = _loaded(reference.exif)
    new = {
        piexif.ExifIFD.PixelXDimension: size_px[0],
        piexif.ExifIFD.PixelYDimension: size_px[1],
        piexif.ExifIFD.UserComment: b"ASCII\0\0\0" + json.dumps(how).encode("ascii"),
    }
    noted = {
        "0th": {**tags.get("0th", {}), **_note(note)},
        "Exif": {**tags.get("Exif", {}), **new},
        "GPS": tags.get("GPS", {}),
    }
    block = _block(noted)
    if len(block) > EXIF_BYTES:
        noted["Exif"].pop(piexif.ExifIFD.MakerNote, None)
        block = _block(noted)
    icc = None if is_of_other_inks(reference.icc) else reference.icc
    return Tags(block if len(block) <= EXIF_BYTES else _block({"0th": _note(note)}), icc)


def is_of_other_inks(icc: bytes | None) -> bool:
    """Say whether a profile is for grey or for printing inks: it says nothing of red, green and blue."""
    return icc is not None and icc[16:20] in (b"GRAY", b"CMYK")


def tiff_directories(tags: Tags) -> tuple[Directory, Directory, Directory]:
    """Give tags as a TIFF's directories have them: the picture's, EXIF's, and that of the place."""
    picture, exif, place = _directories(piexif.load(tags.exif) if tags.exif else {})
    if tags.icc:
        picture[ICC_TAG] = (Kind.UNDEFINED, tags.icc)
    return picture, exif, place


def _block(loaded: Mapping[str, Any]) -> bytes:
    """Give directories as EXIF; of what piexif writes, the values stand where the next directory is named."""
    return EXIF_START + exif_block(*_directories(loaded, STRUCTURE - {_POSITIONING}))


def _directories(
    loaded: Mapping[str, Any], apart_from: frozenset[int] = STRUCTURE
) -> tuple[Directory, Directory, Directory]:
    picture, exif, place = (
        dict(_directory(kind, loaded.get(name, {}), apart_from))
        for kind, name in (("Image", "0th"), ("Exif", "Exif"), ("GPS", "GPS"))
    )
    return picture, exif, place


def _directory(
    kind: str, tags: Mapping[int, Any], apart_from: frozenset[int]
) -> Iterator[tuple[int, tuple[Kind, Any]]]:
    known = {int(one) for one in Kind}
    for tag, value in tags.items():
        number = piexif.TAGS[kind][tag]["type"]
        if tag not in apart_from and number in known and _fits(tag, Kind(number), value):
            yield tag, (Kind(number), value)


def _fits(tag: int, kind: Kind, value: Any) -> bool:
    """Say whether a value can be written as its kind; files in the wild have others."""
    try:
        exif_block({tag: (kind, value)}, {})
    except (struct.error, TypeError, IndexError, ValueError):
        return False
    return True


def _note(note: str) -> dict[int, Any]:
    return {
        piexif.ImageIFD.ImageDescription: note.encode("ascii", "replace"),
        piexif.ImageIFD.Software: software().encode("ascii"),
    }


def software() -> str:
    """Give name and version of this program."""
    try:
        return f"{_PROGRAM} {version('focusrail')}"
    except PackageNotFoundError:
        return _PROGRAM


def _jpeg_tags(data: Bytes) -> Tags:
    exif, parts = None, {}
    for marker, segment in jpeg_segments(data):
        if marker == 0xE1 and segment.startswith(EXIF_START) and exif is None:
            exif = segment
        if marker == 0xE2 and segment.startswith(ICC_START) and len(segment) > len(ICC_START) + 2:
            parts[segment[len(ICC_START)]] = segment[len(ICC_START) + 2 :]
    return Tags(exif, b"".join(parts[number] for number in sorted(parts)) or space_of_exif(exif))


def _png_tags(data: Bytes) -> Tags:
    exif = icc = None
    said: dict[bytes, bytes] = {}
    at = len(PNG_SIGNATURE)
    while at + 8 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if kind == b"eXIf":
            exif = EXIF_START + content
        if kind == b"iCCP":
            try:
                icc = zlib.decompress(content[content.index(b"\0") + 2 :])
            except (ValueError, zlib.error):
                icc = None
        if kind in _PNG_SPACES:
            said[bytes(kind)] = bytes(content)
        at += 12 + length
    if not icc and b"sRGB" not in said:
        icc = space_of_png(said.get(b"gAMA"), said.get(b"cHRM"))
    return Tags(exif, icc)


def _tiff_tags(data: bytes) -> Tags:
    icc = None
    try:
        icc = _tiff_profile(data)
        loaded = piexif.load(data)
        kept = {tag: value for tag, value in loaded["0th"].items() if tag not in STRUCTURE}
        exif = piexif.dump({"0th": kept, "Exif": loaded["Exif"], "GPS": loaded["GPS"]})
    except Exception:  # piexif raises whatever a malformed block makes it stumble over
        return Tags(None, icc)
    return Tags(exif, icc)
