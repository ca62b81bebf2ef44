"""From places measured to those a film takes: gaps closed, drift told, the common area found. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from stack.film.framing import Place, expected
from stack.film.stills import Still
from stack.merge.similarity import Floats, Similarity

MARGIN_PX: Final = 1.0
"""What a cubic sample needs beyond the last pixel of the film."""


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of the first picture: corners of pixels, so that the whole of it begins at -0.5."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width_px(self) -> float:
        """Its width, in pixels of the first picture."""
        return self.right - self.left

    @property
    def height_px(self) -> float:
        """Its height."""
        return self.bottom - self.top


@dataclass(frozen=True, slots=True)
class Drift:
    """How a picture lies beside the first.

    Attributes
    ----------
    right_px, down_px
        How far what is in the middle of the first lies from there, in pixels of the first.
    turn_deg, scale
        By how much it is turned and larger.
    """

    right_px: float
    down_px: float
    turn_deg: float
    scale: float

    @property
    def far_px(self) -> float:
        """How far that is, whichever way."""
        return float(np.hypot(self.right_px, self.down_px))


def reference(stills: Sequence[Still], places: Sequence[Place]) -> Still:
    """Give the picture that all others were laid over: the first that could be read."""
    placed = (still for still, place in zip(stills, places, strict=True) if place.similarity is not None)
    return next(placed, stills[0])


def unmoved(stills: Sequence[Still], first: Still) -> list[Similarity]:
    """Give where pictures lie if nothing ever moved."""
    return [expected(first, still) for still in stills]


def steadied(stills: Sequence[Still], places: Sequence[Place]) -> list[Similarity]:
    """Give where each picture lies; one that is not placed itself lies as its neighbour does.

    The neighbour before, else the one after; beside where it would be expected, since merges differ in what
    they cut off.
    """
    usual = unmoved(stills, reference(stills, places))
    moved: list[Similarity | None] = [
        place.similarity and place.similarity.after(one.inverse())
        for place, one in zip(places, usual, strict=True)
    ]
    latest = next((one for one in moved if one is not None), Similarity())
    steady = []
    for one, expected_there in zip(moved, usual, strict=True):
        latest = latest if one is None else one
        steady.append(latest.after(expected_there))
    return steady


def drift_of(still: Still, first: Still, similarity: Similarity) -> Drift:
    """Say how a picture lies beside the first, what its merge cut off aside."""
    moved = expected(first, still).inverse().after(similarity)
    centre = np.array([[(first.width_px - 1) / 2, (first.height_px - 1) / 2]])
    ((right, down),) = moved(centre) - centre
    turn_deg = float(np.degrees(np.arctan2(moved.q, moved.p)))
    return Drift(float(right), float(down), turn_deg, moved.scale)


def common_area(placed: Sequence[tuple[Still, Similarity]]) -> Area:
    """Give the part of the first picture that all of them show; it may be empty."""
    left, top, right, bottom = -np.inf, -np.inf, np.inf, np.inf
    for still, similarity in placed:
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = similarity.inverse()(_corners(still))
        left, right = max(left, ax, dx), min(right, bx, cx)
        top, bottom = max(top, ay, by), min(bottom, cy, dy)
    return Area(float(left), float(top), max(float(right), float(left)), max(float(bottom), float(top)))


def _corners(still: Still) -> Floats:
    right, bottom = still.width_px - 0.5 - MARGIN_PX, still.height_px - 0.5 - MARGIN_PX
    first = MARGIN_PX - 0.5
    return np.array([[first, first], [right, first], [right, bottom], [first, bottom]])
