"""Which end of a stack is the near one, seen from what lies over what.

Beside a step of depth the blur of the near part lies over the ground, but no blur of the ground lies over the
near part. So some slices, small, are compared with what they would show if the first were the nearest, and if
the last were: the picture, cut into sheets of like depth, each blurred by its disc, the nearer over the
farther.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.defocus import disc
from stack.merge.depth import in_slices
from stack.merge.glances import Eight
from stack.merge.light import light_of
from stack.merge.planes import Plane
from stack.merge.stream import Merged

SHEETS: Final = 10
LOOKS: Final = 3
"""Glances that are looked at: the first, the last, and one between."""
SURE: Final = 77
"""Of 255: places whose depth is less sure tell nothing, nor those by which many such lie."""
UNSURE_SHARE: Final = 0.3
BRIGHT: Final = 0.7
"""Of white, in light: what is brighter may have been brighter than was recorded."""
LEAST_STEP: Final = 2.0
STEP_SHARE: Final = 0.15
"""A step of depth is of so many slices, and of so much of what the picture spans."""
STEP_PX: Final = 5
REACH_SHARE: Final = 0.7
MOST_REACH_PX: Final = 12
"""About a step so much of the largest disc's radius is looked at."""
LEAST_BLUR_PX: Final = 1.5
DIFFERS: Final = 0.02
"""In light, of white: where both differ by less they are alike."""
MOST: Final = 0.1
"""No place tells by more."""
FEWEST: Final = 3000
"""Places, of about 80 000 in each glance."""
PLAINLY: Final = 0.09
"""By so much of what both differ by the last has to be the nearer one to what slices show. Of stacks that
begin at their near end the worst has .05, of half of those that begin at the far end the least .10."""
NO_SHEET: Final = 255
NO_COVER: Final = 1e-4
"""So little covers every place that none is divided by nothing."""


@dataclass(frozen=True, slots=True)
class _Sheets:
    """A picture cut into what lies at about one depth.

    Which sheet shows at a place, `(h, w)`, `NO_SHEET` where that is not known; its light, as large; and where
    each sheet lies, in slices.
    """

    number: NDArray[np.uint8]
    light: Plane
    places: Sequence[float]


def far_first(merged: Merged) -> bool | None:
    """Say whether the slice of highest index is the nearest, or the farthest (False); None: not plain."""
    glances = merged.glances
    if merged.blur_px_a_slice is None or glances is None:
        return None
    growth_px = merged.blur_px_a_slice / glances.factor
    places = in_slices(glances.sampled(merged.depth), np.nan).astype(np.float32)
    known = np.isfinite(places)
    if not known.any():
        return None
    first, last = (float(np.quantile(places[known], part)) for part in (0.02, 0.98))
    span = last - first
    if growth_px * span < LEAST_BLUR_PX:
        return None
    grey: Any = cv2.cvtColor(glances.shrunk(merged.pixels), cv2.COLOR_BGR2GRAY)
    light = light_of(grey, int(np.iinfo(merged.pixels.dtype).max))
    reach = int(np.clip(growth_px * span * REACH_SHARE, 2, MOST_REACH_PX))
    sure = known & (glances.sampled(merged.confidence) >= SURE)
    about = _about_steps(places, sure, max(LEAST_STEP, STEP_SHARE * span), reach)
    about &= ~_near(light > BRIGHT, reach)
    sheets = _sheets(light, np.where(known, places, first), known, first, last)
    shown = glances.some(LOOKS).part(merged.crop.left, merged.crop.top, places.shape)
    told, differ, count = np.sum([_told(sheets, growth_px, about, *one) for one in shown], axis=0)
    if count < FEWEST or abs(told) <= PLAINLY * differ:
        return None
    return bool(told < 0)


def _told(
    sheets: _Sheets, growth_px: float, about: NDArray[np.bool_], index: int, glance: Eight
) -> tuple[float, float, int]:
    """Give how much a glance says that the first slice is the nearest, of how much, at how many places."""
    seen = light_of(cv2.cvtColor(glance, cv2.COLOR_BGR2GRAY), 255)
    as_counted, reversed_ = _over(sheets, growth_px, index)
    apart = np.abs(as_counted - reversed_)
    tells = about & (apart > DIFFERS)
    nearer = np.abs(seen - reversed_) - np.abs(seen - as_counted)
    told = float(np.clip(nearer[tells], -MOST, MOST).sum())
    return told, float(np.minimum(apart[tells], MOST).sum()), int(tells.sum())


def _about_steps(places: Plane, sure: NDArray[np.bool_], least: float, reach: int) -> NDArray[np.bool_]:
    """Say what lies about a step of depth, and not about much whose depth is unsure."""
    around = np.ones((STEP_PX, STEP_PX), np.uint8)
    nowhere = np.float32(-1e6)
    farthest = cv2.dilate(np.where(sure, places, nowhere), around)
    nearest = -cv2.dilate(np.where(sure, -places, nowhere), around)
    steps = (farthest - nearest > least) & (farthest > nowhere) & (nearest < -nowhere)
    unsure = cv2.filter2D((~sure).astype(np.float32), -1, disc(reach))
    return _near(steps, reach) & (unsure < UNSURE_SHARE)


def _near(where: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)
    return cv2.dilate(where.astype(np.uint8), around) > 0


def _sheets(light: Plane, places: Plane, known: NDArray[np.bool_], first: float, last: float) -> _Sheets:
    bounds = np.linspace(first, last, SHEETS + 1)
    number = np.clip(np.searchsorted(bounds, places) - 1, 0, SHEETS - 1).astype(np.uint8)
    number[~known] = NO_SHEET
    return _Sheets(number, light, ((bounds[1:] + bounds[:-1]) / 2).tolist())


def _over(sheets: _Sheets, growth_px: float, index: int) -> tuple[Plane, Plane]:
    """Lay sheets over each other as a slice has them out of focus: with the first on top, and with the last.

    What none covers, as behind a near part, is left out.
    """
    shows = np.ones_like(sheets.light)
    light, under_light, under = (np.zeros_like(shows) for _ in range(3))
    cover = np.full_like(shows, NO_COVER)
    for number, place in enumerate(sheets.places):
        kernel, itself = disc(growth_px * abs(place - index)), (sheets.number == number).astype(np.float32)
        covers = _through(itself, kernel)
        lights = _through(itself * sheets.light, kernel)
        clear = 1 - np.clip(covers, 0, 1)
        light += shows * lights
        cover += shows * covers
        shows *= clear
        under_light, under = under_light * clear + lights, under * clear + covers
    return light / cover, under_light / (under + np.float32(NO_COVER))


def _through(plane: Plane, kernel: Plane) -> Plane:
    return np.asarray(cv2.filter2D(plane, -1, kernel, borderType=cv2.BORDER_REPLICATE), np.float32)
