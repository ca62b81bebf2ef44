"""What gain each picture of a film gets, so that its light flows. Pure.

A viewer wants the light to change smoothly: the day may fade into night, a frame may not jump. So the course
of the light over the pictures is smoothed, and each picture is brought onto it. That holds for changes of
exposure, too: where a camera was told to expose a stop more, the step becomes a slope, and what follows stays
as light as it was meant to be. A sudden change that lasts and that no exposure explains happened in front of
the camera: a lamp was switched on. It stays as sudden as it was. A single picture apart from all around it is
an accident, has no part in the course, and is mended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from camera.camera import Exposure
from stack.film.light import LightStep

SIGMA_FRAMES: Final = 6.0
"""Of the window in which the course is smooth; three are looked at on each side."""
AROUND: Final = 3
"""Pictures on each side that say whether one is apart from them."""
APART_STOPS: Final = 0.25
FEW_ALIKE: Final = 0.3
"""Share of those around it; a picture that is like fewer of them is apart."""
TIMES_USUAL: Final = 5.0
LASTING: Final = 5
"""Pictures on each side of a change of light that say whether it lasts."""
SUDDEN_STOPS: Final = 0.75
"""A lasting change from one picture to the next that is a cut, if no exposure explains it."""
MOST_STOPS: Final = 1.0
MOST_MENDED_STOPS: Final = 2.0
"""An accident may be brought back from farther away; from beyond that it is left out."""
BRIEF: Final = 2
"""So many pictures in a row that could not be compared are left out; more are the night, and are shown."""

Stops = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Evened:
    """What is done to the light of one picture.

    Attributes
    ----------
    stops
        To be added, of blue, green and red.
    level
        How light it was, in stops beside the first; None where that is not known.
    left_out
        Why it is not to be shown; empty where it is.
    """

    stops: tuple[float, float, float] = (0.0, 0.0, 0.0)
    level: float | None = None
    left_out: str = ""
    mended: bool = False


def evened(steps: Sequence[LightStep], exposures: Sequence[Exposure | None]) -> list[Evened]:
    """Give what each picture needs."""
    if not steps:
        return []
    known = np.array([step.stops is not None for step in steps])
    levels, parts = _levels(steps)
    cuts = _cuts(levels, _exposed(exposures), known, parts)
    part = np.asarray(np.cumsum(cuts | parts), np.int64)
    apart = _apart(levels, known, part)
    wanted = _course(levels, known & ~apart, part)
    missing = _brief_runs(~known)
    return [
        _evened(levels[n], wanted[n], bool(known[n]), bool(apart[n]), bool(missing[n]))
        for n in range(len(steps))
    ]


def _evened(level: Stops, wanted: Stops, known: bool, apart: bool, brief: bool) -> Evened:
    if not known:
        why = "it is black or white all over, or like nothing before it" if brief else ""
        return Evened(left_out=why)
    needed = wanted - level
    if apart and np.abs(needed).max() > MOST_MENDED_STOPS:
        words = "darker" if needed.mean() > 0 else "lighter"
        return Evened(
            level=float(level.mean()),
            left_out=f"it is {abs(needed.mean()):.1f} stops {words} than those around it",
        )
    most = MOST_MENDED_STOPS if apart else MOST_STOPS
    blue, green, red = (float(one) for one in np.clip(needed, -most, most))
    return Evened((blue, green, red), float(level.mean()), mended=apart)


def _levels(steps: Sequence[LightStep]) -> tuple[Stops, NDArray[np.bool_]]:
    """Add steps up to levels `(N, 3)`, and say where counting began anew; what is not known repeats."""
    levels, anew = np.zeros((len(steps), 3)), np.zeros(len(steps), bool)
    at = np.zeros(3)
    for number, step in enumerate(steps):
        here = at if step.stops is None else at + np.array(step.stops)
        anew[number] = step.anew and number > 0
        levels[number] = here
        at = here if step.lasting else at
    return levels, anew


def _exposed(exposures: Sequence[Exposure | None]) -> Stops:
    """Give the stops that the camera gave `(N,)`, those of before where a session does not say."""
    stops, at = np.zeros(len(exposures)), None
    for number, one in enumerate(exposures):
        if one is not None and one.time_us > 0 and one.gain > 0:
            at = float(np.log2(one.time_us * one.gain))
        stops[number] = np.nan if at is None else at
    told = stops[~np.isnan(stops)]
    return np.nan_to_num(stops, nan=float(told[0]) if len(told) else 0.0)


def _cuts(
    levels: Stops, exposed: Stops, known: NDArray[np.bool_], anew: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Say before which pictures the light in front of the camera changed at once, and for good."""
    cuts = np.zeros(len(levels), bool)
    light = levels.mean(1)
    where = np.flatnonzero(known)
    for at in range(2, len(where) - 1):
        before, after = where[max(0, at - LASTING) : at], where[at : at + LASTING]
        if anew[before[0] + 1 : after[-1] + 1].any():
            continue
        lasting = np.median(light[after]) - np.median(light[before])
        explained = np.median(exposed[after]) - np.median(exposed[before])
        sudden = light[after[0]] - light[before[-1]]
        beyond = min(abs(lasting), abs(lasting - explained))
        cuts[after[0]] = beyond > SUDDEN_STOPS and sudden / lasting > 0.6
    return cuts


def _apart(levels: Stops, known: NDArray[np.bool_], part: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which pictures are apart from those on both sides of them."""
    light = levels.mean(1)
    apart = np.zeros(len(light), bool)
    away = np.zeros(len(light))
    for number in np.flatnonzero(known):
        near = _near(int(number), known, part)
        if len(near) >= 2:
            away[number] = light[number] - np.median(light[near])
    usual = float(np.median(np.abs(away[known]))) if known.any() else 0.0
    limit = max(APART_STOPS, TIMES_USUAL * usual)
    for number in np.flatnonzero(known & (np.abs(away) > limit)):
        near = _near(int(number), known, part)
        # At a step in the light, those on one side are alike; of an accident one or two are.
        apart[number] = np.mean(np.abs(light[near] - light[number]) < limit / 2) < FEW_ALIKE
    return apart


def _near(number: int, known: NDArray[np.bool_], part: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the neighbours of a picture that are known and of its part."""
    near = np.arange(max(0, number - AROUND), min(len(known), number + AROUND + 1))
    return np.asarray(near[(near != number) & known[near] & (part[near] == part[number])], np.int64)


def _course(levels: Stops, counted: NDArray[np.bool_], part: NDArray[np.int64]) -> Stops:
    """Smooth levels `(N, 3)` over their neighbours of the same part, those that count."""
    course = levels.copy()
    reach = int(3 * SIGMA_FRAMES)
    for number in range(len(levels)):
        near = np.arange(max(0, number - reach), min(len(levels), number + reach + 1))
        near = near[counted[near] & (part[near] == part[number])]
        if len(near):
            course[number] = _smooth(np.asarray(near - number, np.int64), levels[near])
    return course


def _smooth(offsets: NDArray[np.int64], levels: Stops) -> Stops:
    """Give the value at offset 0 of a curve through levels, nearer ones counting more.

    A parabola follows dawn and dusk without flattening them; where one side is missing it would follow the
    flicker instead, and a straight line is safer.
    """
    weights = np.exp(-0.5 * (offsets / SIGMA_FRAMES) ** 2)
    both_sides = min(-int(offsets.min()), int(offsets.max())) >= SIGMA_FRAMES
    degree = min(2 if both_sides else 1, max(0, len(offsets) - 2))
    design = np.vander(offsets / SIGMA_FRAMES, degree + 1, increasing=True)
    root = np.sqrt(weights)[:, None]
    found = np.linalg.lstsq(design * root, levels * root, rcond=None)[0]
    return np.asarray(found[0])


def _brief_runs(missing: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say which of those missing are so in a run that is brief."""
    brief = np.zeros(len(missing), bool)
    start = 0
    for number in range(len(missing) + 1):
        if number < len(missing) and missing[number]:
            continue
        brief[start:number] = number - start <= BRIEF
        start = number + 1
    return brief & missing
