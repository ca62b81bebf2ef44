"""Colour spaces as ICC profiles, worked out from their definitions; sRGB by IEC 61966-2-1."""

import struct
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Place = tuple[float, float]
"""Chromaticities x and y."""
Primaries = tuple[Place, Place, Place]
"""Of red, green and blue."""

PRIMARIES: Final[Primaries] = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
D65: Final[Place] = (0.3127, 0.3290)
D50_XYZ: Final = (0.9642, 1.0, 0.8249)
"""The white of the space in which profiles are compared (ICC.1:2001-04, 6.3.4.3)."""

_CURVE_POINTS: Final = 1024
_BRADFORD: Final = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
_NAME: Final = b"sRGB IEC61966-2.1"


@cache
def srgb_profile() -> bytes:
    """Give a display profile of version 2.1, which every program that knows profiles reads: some 2.6 kB.

    Colours are given by three primaries, adapted to D50 by Bradford's matrix, and one curve of 1024 points.
    """
    return _profile(_NAME, srgb_to_xyz(D50_XYZ), _curve())


@cache
def power_profile(name: bytes, primaries: Primaries, white: Place, exponent: float) -> bytes:
    """Give such a profile of a space whose light is its numbers to that power: some 500 bytes.

    Raises `ValueError` or `ArithmeticError` where these are no colours of a display.
    """
    fixed = round(exponent * 256)  # eight bits behind the point (ICC.1:2001-04, 6.5.3)
    if not 0 < fixed < 1 << 16:
        raise ValueError(f"no curve has the exponent {exponent:g}")
    impossible = ValueError(f"no display has the primaries {primaries} and the white {white}")
    try:
        to_xyz = _to_xyz(primaries, white, D50_XYZ)
    except np.linalg.LinAlgError as e:  # before numpy 2 it is no ValueError
        raise impossible from e
    if not np.abs(to_xyz).max() < 10:  # no number is no less, either
        raise impossible
    return _profile(name, to_xyz, struct.pack(">4s4xIH2x", b"curv", 1, fixed))


def _profile(name: bytes, to_xyz: Matrix, curve: bytes) -> bytes:
    red, green, blue = to_xyz.T
    tags = {
        b"desc": _description(name),
        b"cprt": b"text\0\0\0\0No copyright, use freely.\0",
        b"wtpt": _xyz(D50_XYZ),
        b"rXYZ": _xyz(red),
        b"gXYZ": _xyz(green),
        b"bXYZ": _xyz(blue),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    start = 128 + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}
    body = b""
    for content in tags.values():
        if content not in places:  # the three curves are one
            places[content] = start + len(body)
            body += content + b"\0" * (-len(content) % 4)
    table = struct.pack(">I", len(tags)) + b"".join(
        struct.pack(">4sII", name, places[content], len(content)) for name, content in tags.items()
    )
    return _header(start + len(body)) + table + body


def srgb_to_xyz(white_xyz: tuple[float, float, float] | None = None) -> Matrix:
    """Give the matrix from linear sRGB to XYZ, shape `(3, 3)`; adapted to `white_xyz`, None: D65 as it is."""
    return _to_xyz(PRIMARIES, D65, white_xyz)


def _to_xyz(places: Primaries, white_place: Place, white_xyz: tuple[float, float, float] | None) -> Matrix:
    primaries = np.array([_xyz_of(*xy) for xy in places]).T
    white = np.array(_xyz_of(*white_place))
    matrix: Matrix = primaries * np.linalg.solve(primaries, white)
    if white_xyz is None:
        return matrix
    bradford = np.array(_BRADFORD)
    gains = (bradford @ np.array(white_xyz)) / (bradford @ white)
    adapted: Matrix = np.linalg.inv(bradford) @ np.diag(gains) @ bradford @ matrix
    return adapted


def _xyz_of(x: float, y: float) -> tuple[float, float, float]:
    return x / y, 1.0, (1 - x - y) / y


def _curve() -> bytes:
    coded = np.linspace(0, 1, _CURVE_POINTS)
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    points: bytes = np.rint(65_535 * linear).astype(">u2").tobytes()
    return struct.pack(">4s4xI", b"curv", _CURVE_POINTS) + points


def _xyz(xyz: tuple[float, ...] | NDArray[np.float64]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(65_536 * float(value)) for value in xyz))


def _description(name: bytes) -> bytes:
    ended = name + b"\0"
    unicode_and_script = b"\0" * (4 + 4 + 2 + 1 + 67)
    return struct.pack(">4s4xI", b"desc", len(ended)) + ended + unicode_and_script


def _header(size_bytes: int) -> bytes:
    """Give the header: a display's profile, dated with the standard, relative colorimetric."""
    return struct.pack(
        ">I4sI4s4s4s6H4s4sI4s4sQI3i4s44x",
        size_bytes, b"\0\0\0\0", 0x02100000, b"mntr", b"RGB ", b"XYZ ",
        1999, 10, 18, 0, 0, 0,
        b"acsp", b"\0\0\0\0", 0, b"\0\0\0\0", b"\0\0\0\0", 0, 1,
        *(round(65_536 * value) for value in D50_XYZ), b"\0\0\0\0",
    )  # fmt: skip
