"""What a slice's file says of itself, and EXIF's way of saying it."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from camera.camera import CameraIdentity, Exposure
from camera.tiff import Kind, Tags

MANUAL: Final = 1
"""In EXIF's ExposureMode, ExposureProgram and WhiteBalance alike."""
SRGB: Final = 1
CENTIMETRES: Final = 3
INFINITY: Final = (0xFFFFFFFF, 1)


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
    magnification, f_number, focal_mm
        Of the lens, where known; the f-number as marked on it.
    um_a_px
        Micrometres of the subject for a pixel, where known.
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
    focal_mm: float | None = None
    um_a_px: float | None = None

    def __post_init__(self) -> None:
        if self.taken_at.tzinfo is None:
            raise ValueError(f"{self.taken_at} has no time zone, so nobody can say when that was.")


def image_tags(tags: SliceTags) -> Tags:
    """Give what stands in a file's first directory."""
    image: dict[int, tuple[Kind, object]] = {
        0x010E: (Kind.ASCII, _description(tags)),
        0x010F: (Kind.ASCII, tags.identity.make.encode()),
        0x0110: (Kind.ASCII, tags.identity.model.encode()),
        0x0131: (Kind.ASCII, tags.software.encode()),
        0x0132: (Kind.ASCII, _when(tags)),
    }
    if tags.um_a_px is not None:
        a_cm = (Kind.RATIONAL, (round(10_000_000 / tags.um_a_px), 1000))
        image |= {0x011A: a_cm, 0x011B: a_cm, 0x0128: (Kind.SHORT, CENTIMETRES)}  # X, YResolution, its unit
    return image


def photo_tags(tags: SliceTags) -> Tags:
    """Give what stands in the EXIF directory (Exif 2.31)."""
    when = (Kind.ASCII, _when(tags))
    parts = (Kind.ASCII, f"{tags.taken_at.microsecond // 1000:03}".encode())
    utc = (Kind.ASCII, b"+00:00")
    photo: dict[int, tuple[Kind, object]] = {
        0x829A: (Kind.RATIONAL, (tags.exposure.time_us, 1_000_000)),  # ExposureTime
        0x8822: (Kind.SHORT, MANUAL),  # ExposureProgram
        0x8827: (Kind.SHORT, min(round(100 * tags.exposure.gain), 65_535)),  # PhotographicSensitivity
        0x9000: (Kind.UNDEFINED, b"0231"),  # ExifVersion: the first with OffsetTime
        0x9003: when,  # DateTimeOriginal
        0x9004: when,  # DateTimeDigitized
        0x9010: utc,  # OffsetTime
        0x9011: utc,  # OffsetTimeOriginal
        0x9012: utc,  # OffsetTimeDigitized
        0x9286: (Kind.UNDEFINED, b"ASCII\0\0\0" + _comment(tags)),  # UserComment
        0x9290: parts,  # SubSecTime
        0x9291: parts,  # SubSecTimeOriginal
        0x9292: parts,  # SubSecTimeDigitized
        0xA000: (Kind.UNDEFINED, b"0100"),  # FlashpixVersion, which the standard wants
        0xA001: (Kind.SHORT, SRGB),  # ColorSpace
        0xA402: (Kind.SHORT, MANUAL),  # ExposureMode
        0xA403: (Kind.SHORT, MANUAL),  # WhiteBalance
    }
    if tags.optics:
        photo[0xA434] = (Kind.ASCII, tags.optics.encode())  # LensModel
    if tags.f_number is not None:
        photo[0x829D] = (Kind.RATIONAL, (round(1000 * tags.f_number), 1000))  # FNumber
    if tags.focal_mm is not None:
        photo[0x920A] = (Kind.RATIONAL, (round(1000 * tags.focal_mm), 1000))  # FocalLength
    if tags.unit == "d":
        photo[0x9206] = (Kind.RATIONAL, _distance_m(tags.position_u))  # SubjectDistance
    return photo


def compressed_tags(size_px: tuple[int, int]) -> Tags:
    """Give what the EXIF directory of a compressed picture has beside: its width and height."""
    return {
        0x9101: (Kind.UNDEFINED, b"\1\2\3\0"),  # ComponentsConfiguration: Y, Cb, Cr
        0xA002: (Kind.LONG, size_px[0]),  # PixelXDimension
        0xA003: (Kind.LONG, size_px[1]),  # PixelYDimension
    }


def _when(tags: SliceTags) -> bytes:
    return tags.taken_at.astimezone(UTC).strftime("%Y:%m:%d %H:%M:%S").encode()


def _description(tags: SliceTags) -> bytes:
    place = f"{tags.position_u:g} d" if tags.unit == "d" else f"{tags.position_u:.1f} {tags.unit}"
    return f"slice {tags.index + 1} of {tags.slices} at {place}".encode()


def _distance_m(position_d: float) -> tuple[int, int]:
    return (1000, round(1000 * position_d)) if round(1000 * position_d) > 0 else INFINITY


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
        "um_a_px": tags.um_a_px,
        "sensor": tags.identity.sensor,
    }
    return json.dumps({name: value for name, value in facts.items() if value is not None}).encode("ascii")
