"""What a place on the axis means before the lens: a table of a focus ring's degrees, or dioptres."""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

Point = tuple[float, float]
"""A position of the ring in degrees, and the distance of the subject that is sharp there, in millimetres."""


class Distances(Protocol):
    """What a place on the axis means before the lens."""

    def distance_mm(self, place_u: float, /) -> float | None:
        """Give the distance of what is sharp there, in millimetres; None where that is not known."""
        ...


class Dioptres:
    """Distances of a lens that counts in dioptres: reciprocal metres, as true as its driver's table."""

    def distance_mm(self, place_d: float, /) -> float | None:
        """Give the distance of what is sharp at `place_d`, in millimetres; None at infinity."""
        return 1000 / place_d if place_d > 0 else None


@dataclass(frozen=True, slots=True)
class FocusTable:
    """Subject distances along a ring.

    Between two points of the table the reciprocal of the distance is interpolated, for that is what a ring
    turns by equal amounts: a lens's extension is very nearly proportional to it (from 1/f = 1/u + 1/v with
    the distance u much larger than the focal length f). Beyond its ends the table says nothing.

    Attributes
    ----------
    points
        At least two, in order of degrees, distances growing or falling all the way.
    """

    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        if problems := list(table_problems(self.points)):
            raise ValueError("; ".join(problems))

    def distance_mm(self, ring_deg: float, /) -> float | None:
        """Give the distance of what is sharp at `ring_deg`, in millimetres; None beyond the table."""
        points = self.points
        if not points[0][0] <= ring_deg <= points[-1][0]:
            return None
        after = min(bisect_right(points, ring_deg, key=lambda point: point[0]), len(points) - 1)
        (from_deg, from_mm), (to_deg, to_mm) = points[after - 1], points[after]
        part = (ring_deg - from_deg) / (to_deg - from_deg)
        return 1 / ((1 - part) / from_mm + part / to_mm)


def table_problems(points: Sequence[Point]) -> Iterator[str]:
    """Give a sentence for each reason why `points` are no `FocusTable`."""
    if len(points) < 2:
        yield "needs two points at least, each [degrees, mm]"
    if not all(math.isfinite(deg) and math.isfinite(mm) and mm > 0 for deg, mm in points):
        yield "has a point that is no place of the ring and distance above zero, [degrees, mm]"
        return
    if not all(before[0] < after[0] for before, after in pairwise(points)):
        yield "must be in order of degrees, each given once"
    growing = {after[1] > before[1] for before, after in pairwise(points)}
    if len(growing) > 1 or any(after[1] == before[1] for before, after in pairwise(points)):
        yield "must have distances that grow all the way, or fall all the way"
