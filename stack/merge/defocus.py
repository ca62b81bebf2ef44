"""How fast slices blur away from where they are sharp, found from the slices themselves.

A place whose depth is known looks, in any slice, as the merged picture does through a disc whose radius grows
with the distance from that slice. The growth that explains best what a few slices show is the lens's. On
rendered subjects it is found to 3 % wherever a tenth of the picture has a known depth.
"""

from functools import cache
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.depth import in_slices
from stack.merge.glances import Glances
from stack.merge.light import light_of
from stack.merge.planes import Plane, reduced

RADII_PX: Final = np.array([0, 0.5, 1, 1.5, 2.2, 3.2, 4.6, 6.6, 9.5, 13.5, 19.0])
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
MARGIN_PX: Final = 10
NOWHERE: Final = -1e6


def px_a_slice(
    glances: Glances, picture: NDArray[np.uint8], depth: NDArray[np.uint16], sure: NDArray[np.uint8]
) -> float | None:
    """Give by how many pixels the radius of a disc grows from a slice to the next; None: it is not seen.

    Parameters
    ----------
    glances
        What some slices show.
    picture
        `(H, W)`, brightness of the merged picture.
    depth
        `(H, W)`, as `Merged` has it.
    sure
        `(H, W)`, 0 to 255, how surely.
    """
    sharp = _light(cv2.resize(picture, glances.kept[0][1].shape[1::-1], interpolation=cv2.INTER_AREA))
    middle = glances.apart // 2
    middles = depth[middle :: glances.apart, middle :: glances.apart]
    places = in_slices(middles[: sharp.shape[0], : sharp.shape[1]], NOWHERE)
    rows, columns = _told(places, reduced(sure, glances.apart), glances.span)
    if len(rows) < FEWEST:
        return None
    through = np.stack([_through(sharp, radius)[rows, columns] for radius in RADII_PX])
    told = places[rows, columns]
    seen = [
        (index, _light(cv2.cvtColor(one, cv2.COLOR_BGR2GRAY))[rows, columns]) for index, one in glances.kept
    ]
    tried = np.geomspace(*FARTHEST_PX, TRIED) / glances.span

    @cache
    def misfit(number: int) -> float:
        return _misfit(tried[number], through, told, seen)

    rough = min(range(0, TRIED, ROUGHLY), key=misfit)
    best = min(range(max(0, rough - ROUGHLY), min(TRIED, rough + ROUGHLY + 1)), key=misfit)
    return None if best in (0, TRIED - 1) else float(tried[best]) * glances.apart


def _light(levels: Any) -> Plane:
    return light_of(levels, 255)


def _misfit(growth: float, through: Plane, places: Plane, seen: list[tuple[int, Plane]]) -> float:
    """Give how ill the slices kept are explained by discs that grow so."""
    total = 0.0
    each = np.arange(len(places))
    for index, light in seen:
        between = np.interp(growth * np.abs(index - places), RADII_PX, np.arange(len(RADII_PX)))
        below = np.minimum(between.astype(np.intp), len(RADII_PX) - 2)
        part = np.minimum(between - below, 1)
        expected = through[below, each] * (1 - part) + through[below + 1, each] * part
        gain = (light @ expected) / max(float(expected @ expected), 1e-9)
        total += float(np.minimum(np.abs(light - gain * expected), OUTLIER).sum())
    return total


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
    return light if radius_px == 0 else np.asarray(cv2.filter2D(light, -1, disc(radius_px)), np.float32)


def disc(radius_px: float) -> Plane:
    """Give the kernel of a disc out of focus, its rim softened by a pixel; its sum is 1."""
    reach = int(np.ceil(radius_px))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    covered = np.clip(radius_px + 0.5 - np.hypot(x, y), 0, 1)
    return np.asarray(covered / covered.sum(), np.float32)
