"""How fast slices blur away from where they are sharp, found from the slices themselves.

A place whose depth is known looks, in any slice, as the merged picture does through a disc whose radius grows
with the distance from that slice. Small pictures of a few slices are kept; the growth that explains them best
is the lens's. On rendered subjects it is found to 3 % wherever a tenth of the picture has a known depth.
"""

from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.depth import in_slices
from stack.merge.planes import Plane, reduced

WIDTH_PX: Final = 256
"""What is kept of slices is about so wide: discs are larger than a pixel there, where they matter at all."""
MOST_KEPT: Final = 12
RADII_PX: Final = np.array([0, 0.5, 1, 1.5, 2.2, 3.2, 4.6, 6.6, 9.5, 13.5])
FARTHEST_PX: Final = (0.3, 30.0)
"""How large discs may be at the other end of the stack."""
TRIED: Final = 33
ROUGHLY: Final = 4
"""Of those tried, one in so many is looked at first, then all about the best."""
EVEN_PX: Final = 9
EVEN: Final = 0.12
"""Within so many pixels depth may differ by this part of the stack's, or discs of several sizes overlap."""
SURE: Final = 128
FEWEST: Final = 500
MOST_PLACES: Final = 4000
OUTLIER: Final = 0.1
"""Of white: what differs by more is seen through something, or shines."""
MARGIN_PX: Final = 8
NOWHERE: Final = -1e6


def light_of(levels: Plane) -> Plane:
    """Give the light, 0 to 1, of pixel values up to 255, near enough."""
    return np.asarray((levels * np.float32(1 / 255)) ** np.float32(2.2), np.float32)


class Defocus:
    """Keeps a few slices small, to tell from them in the end. Memory does not grow."""

    def __init__(self) -> None:
        self._kept: list[tuple[int, Plane]] = []
        self._seen = 0
        self._every = 1

    def keep(self, index: int, levels: Plane) -> None:
        """Take in a slice as laid: its index, and its brightness `(H, W)`, 0 to 255."""
        if self._seen % self._every == 0:
            self._kept.append((index, light_of(np.clip(reduced(levels, _factor(levels)), 0, 255))))
        self._seen += 1
        if len(self._kept) > 2 * MOST_KEPT:
            self._kept, self._every = self._kept[::2], 2 * self._every

    def px_a_slice(
        self, picture: NDArray[np.uint8], depth: NDArray[np.uint16], sure: NDArray[np.uint8]
    ) -> float | None:
        """Give by how many pixels the radius of a disc grows from a slice to the next; None: it is not seen.

        Parameters
        ----------
        picture
            `(H, W)`, brightness of the merged picture.
        depth
            `(H, W)`, as `Merged` has it.
        sure
            `(H, W)`, 0 to 255, how surely.
        """
        factor = _factor(picture)
        sharp = light_of(reduced(picture, factor))
        places = in_slices(depth[::factor, ::factor][: sharp.shape[0], : sharp.shape[1]], NOWHERE)
        rows, columns = _told(places, reduced(sure, factor), self._span())
        if len(rows) < FEWEST:
            return None
        through = np.stack([_through(sharp, radius)[rows, columns] for radius in RADII_PX])
        told = places[rows, columns]
        tried = np.geomspace(*FARTHEST_PX, TRIED) / self._span()

        @cache
        def misfit(number: int) -> float:
            return self._misfit(tried[number], through, told, rows, columns)

        rough = min(range(0, TRIED, ROUGHLY), key=misfit)
        best = min(range(max(0, rough - ROUGHLY), min(TRIED, rough + ROUGHLY + 1)), key=misfit)
        return None if best in (0, TRIED - 1) else float(tried[best]) * factor

    def _span(self) -> float:
        return float(max(1, abs(self._kept[-1][0] - self._kept[0][0])))

    def _misfit(
        self, growth: float, through: Plane, places: Plane, rows: NDArray[np.intp], columns: NDArray[np.intp]
    ) -> float:
        """Give how ill the slices kept are explained by discs that grow so."""
        total = 0.0
        each = np.arange(len(places))
        for index, light in self._kept:
            between = np.interp(growth * np.abs(index - places), RADII_PX, np.arange(len(RADII_PX)))
            below = np.minimum(between.astype(np.intp), len(RADII_PX) - 2)
            part = np.minimum(between - below, 1)
            expected = through[below, each] * (1 - part) + through[below + 1, each] * part
            seen = light[rows, columns]
            gain = (seen @ expected) / max(float(expected @ expected), 1e-9)
            total += float(np.minimum(np.abs(seen - gain * expected), OUTLIER).sum())
        return total


def _factor(plane: NDArray[np.uint8] | Plane) -> int:
    return max(1, int(plane.shape[1]) // WIDTH_PX)


def _told(places: Plane, sure: Plane, span: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Give rows and columns of places that are surely known, with the like around them."""
    around = np.ones((EVEN_PX, EVEN_PX), np.uint8)
    even = cv2.dilate(places, around) - cv2.erode(places, around) < EVEN * span
    told = even & (sure > SURE) & (places > -1)
    told[:MARGIN_PX] = told[-MARGIN_PX:] = False
    told[:, :MARGIN_PX] = told[:, -MARGIN_PX:] = False
    rows, columns = np.nonzero(told)
    every = max(1, len(rows) // MOST_PLACES)
    return rows[::every], columns[::every]


def _through(light: Plane, radius_px: float) -> Plane:
    """Give light as seen through a disc."""
    return light if radius_px == 0 else np.asarray(cv2.filter2D(light, -1, _disc(radius_px)), np.float32)


def _disc(radius_px: float) -> Plane:
    reach = int(np.ceil(radius_px))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    covered = np.clip(radius_px + 0.5 - np.hypot(x, y), 0, 1)
    return np.asarray(covered / covered.sum(), np.float32)
