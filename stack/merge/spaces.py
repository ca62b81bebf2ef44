"""Colour spaces that a file names or tells in numbers, where it carries no profile: the profiles they mean.

Without one a merged picture is taken for sRGB, and its colours are others than those of its slices.
"""

import struct
from typing import Final

import piexif

from camera.icc import D65, PRIMARIES, Primaries, power_profile

_ADOBE_MARK: Final = b"R03"
"""How cameras say it in EXIF (DCF 2.0, optional colour space); few of them add a profile."""
_SRGB: Final = 1
"""EXIF's colour space where a program has converted the picture and kept the rest of what the camera said."""
_ADOBE_PRIMARIES: Final[Primaries] = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
_ADOBE_EXPONENT: Final = 563 / 256
"""Adobe RGB (1998), 4.3.1.2 and 4.3.4.2."""
_PNG_UNIT: Final = 100_000
_SRGB_EXPONENT: Final = 2.2
_SAME_EXPONENT, _SAME_PLACE = 0.05, 0.01
"""What differs less is sRGB, as programs write it and libpng takes it."""


def space_of_exif(exif: bytes | None) -> bytes | None:
    """Give the profile of the space that a JPEG's EXIF names; None for sRGB, or where it names none."""
    if exif is None or _ADOBE_MARK not in exif:
        return None
    try:
        told = piexif.load(exif)
    except Exception:  # piexif raises whatever a malformed block makes it stumble over
        return None
    named = told["Interop"].get(piexif.InteropIFD.InteroperabilityIndex)
    if named != _ADOBE_MARK or told["Exif"].get(piexif.ExifIFD.ColorSpace) == _SRGB:
        return None
    return power_profile(b"Compatible with Adobe RGB (1998)", _ADOBE_PRIMARIES, D65, _ADOBE_EXPONENT)


def space_of_png(gamma: bytes | None, places: bytes | None) -> bytes | None:
    """Give the profile that a PNG's chunks gAMA and cHRM mean; None for sRGB, or where they mean nothing."""
    try:
        exponent = _PNG_UNIT / struct.unpack(">I", gamma)[0] if gamma else _SRGB_EXPONENT
        numbers = [one / _PNG_UNIT for one in struct.unpack(">8I", places)] if places else []
        told = zip(numbers[::2], numbers[1::2], strict=True) if numbers else (D65, *PRIMARIES)
        white, red, green, blue = told
        if abs(exponent / _SRGB_EXPONENT - 1) < _SAME_EXPONENT and _are_srgb(white, red, green, blue):
            return None
        return power_profile(b"As the PNG's gAMA and cHRM say", (red, green, blue), white, exponent)
    except (struct.error, ValueError, ArithmeticError):
        return None


def _are_srgb(*places: tuple[float, float]) -> bool:
    pairs = zip(places, (D65, *PRIMARIES), strict=True)
    return all(abs(a - b) < _SAME_PLACE for one, other in pairs for a, b in zip(one, other, strict=True))
