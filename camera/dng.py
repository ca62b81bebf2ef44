"""A mosaic's tags in a Digital Negative: what a developer of raw pictures must know (DNG 1.4, Adobe 2012)."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from camera.camera import Exposure, Mosaic
from camera.icc import srgb_to_xyz
from camera.tiff import Kind, Tags

CFA, LINEAR = 32803, 34892
"""PhotometricInterpretation of pixels behind a colour filter, and of those without."""
D65: Final = 21
"""CalibrationIlluminant1: what the sensor's colours were corrected to, for sRGB's white is that."""
IDENTITY: Final = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

_COLOURS: Final = {"R": 0, "G": 1, "B": 2}


def dng_tags(mosaic: Mosaic, model: str, exposure: Exposure, correction: Sequence[float] | None) -> Tags:
    """Give the tags that make a TIFF of a mosaic a DNG.

    Parameters
    ----------
    mosaic
        What the sensor read.
    model
        The camera, as developers look it up.
    exposure
        Whose colour gains make white white.
    correction
        libcamera's ColourCorrectionMatrix, nine numbers row by row, from balanced sensor colours to linear
        sRGB; None where it was not told, as of a sensor without a tuning: the sensor's colours are then taken
        for sRGB's.
    """
    tags: dict[int, tuple[Kind, object]] = {
        254: (Kind.LONG, 0),  # NewSubfileType: the full picture
        258: (Kind.SHORT, 16),  # BitsPerSample
        259: (Kind.SHORT, 1),  # Compression: none
        274: (Kind.SHORT, 1),  # Orientation: as it stands
        277: (Kind.SHORT, 1),  # SamplesPerPixel
        284: (Kind.SHORT, 1),  # PlanarConfiguration
        50706: (Kind.BYTE, (1, 4, 0, 0)),  # DNGVersion
        50707: (Kind.BYTE, (1, 3, 0, 0)),  # DNGBackwardVersion
        50708: (Kind.ASCII, model.encode()),  # UniqueCameraModel
        50717: (Kind.LONG, mosaic.white),  # WhiteLevel
    }
    if mosaic.pattern == "MONO":
        return tags | {262: (Kind.SHORT, LINEAR), 50714: (Kind.RATIONAL, _fraction(mosaic.black_levels[1]))}
    red, blue = exposure.colour_gains
    return tags | {
        262: (Kind.SHORT, CFA),
        33421: (Kind.SHORT, (2, 2)),  # CFARepeatPatternDim
        33422: (Kind.BYTE, [_COLOURS[colour] for colour in mosaic.pattern]),  # CFAPattern
        50710: (Kind.BYTE, (0, 1, 2)),  # CFAPlaneColor
        50711: (Kind.SHORT, 1),  # CFALayout: a rectangle
        50713: (Kind.SHORT, (2, 2)),  # BlackLevelRepeatDim
        50714: (Kind.RATIONAL, [_fraction(level) for level in _blacks(mosaic)]),
        50721: (Kind.SRATIONAL, [_fraction(value) for value in _colour_matrix(exposure, correction)]),
        50728: (Kind.RATIONAL, [_fraction(1 / gain) for gain in (red, 1.0, blue)]),  # AsShotNeutral
        50778: (Kind.SHORT, D65),
    }


def _blacks(mosaic: Mosaic) -> list[float]:
    """Give the black levels in the order of the pattern; red's rows hold one green, blue's the other."""
    red, green_red, green_blue, blue = mosaic.black_levels
    levels = {"R": red, "B": blue}
    in_order = []
    for row in (mosaic.pattern[:2], mosaic.pattern[2:]):
        green = green_red if "R" in row else green_blue
        in_order += [levels.get(colour, green) for colour in row]
    return in_order


def _colour_matrix(exposure: Exposure, correction: Sequence[float] | None) -> list[float]:
    """Give ColorMatrix1, from XYZ to the sensor's own colours, row by row.

    libcamera balances white by gains, then corrects to sRGB: this is the way back.
    """
    red, blue = exposure.colour_gains
    corrected = np.array(correction or IDENTITY, np.float64).reshape(3, 3)
    to_xyz = srgb_to_xyz() @ corrected @ np.diag([red, 1.0, blue])
    return [float(value) for value in np.linalg.inv(to_xyz).ravel()]


def _fraction(value: float) -> tuple[int, int]:
    return round(value * 10_000), 10_000
