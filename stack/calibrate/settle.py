"""How long a rig shakes after a move, from pictures taken at all delays after it. Pure.

A picture is as good as at rest where it lies where the later ones lie, and is as sharp as they are: a shake
slower than the exposure moves it, a quicker one blurs it. The time is read off the last picture that is not
and the first after which all are; nothing is assumed of how a shake dies down.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from stack.errors import NotMeasured

STILL_PX: Final = 0.25
"""A picture that moved by less is as good as one that did not: half of what a pixel blurs by itself."""
STILL_SHARPNESS: Final = 0.04
"""Loss of detail, as a natural logarithm, that nobody sees."""
REST: Final = 0.6
"""After this part of the time that was watched the rig is taken to be at rest."""
DEVIATIONS: Final = 4.0
"""What stands out from pictures at rest by so many of their standard deviations is no noise."""
FEWEST: Final = 8
"""Pictures at rest that it takes to know their noise."""


@dataclass(frozen=True, slots=True)
class Look:
    """One picture after a move, compared with the last one after the same move.

    Attributes
    ----------
    delay_ms
        From the last step to the beginning of its exposure.
    shift_px
        How far any part of it lies from its place at rest.
    blur
        How much detail it lacks, as a natural logarithm; below zero where it has more.
    """

    delay_ms: float
    shift_px: float
    blur: float


@dataclass(frozen=True, slots=True)
class Settling:
    """When the pictures of a rig are as good as at rest.

    Attributes
    ----------
    settle_ms, error_ms
        The time lies within `error_ms` either way of `settle_ms`.
    within_px, within_blur
        What counted as being at rest: `STILL_PX` and `STILL_SHARPNESS`, or more where pictures at rest differ
        by more.
    """

    settle_ms: float
    error_ms: float
    within_px: float
    within_blur: float

    @property
    def proposed_ms(self) -> int:
        """A fifth more than the longest it may take, in whole tens of milliseconds."""
        return 10 * math.ceil((self.settle_ms + self.error_ms) * 1.2 / 10)


def settling(looks: Sequence[Look], watched_ms: float) -> Settling:
    """Give when a rig has come to rest, from looks at delays up to `watched_ms`.

    Raises `NotMeasured` where it does not come to rest in that time, or nobody looked often enough.
    """
    resting = [look for look in looks if look.delay_ms >= REST * watched_ms]
    if len(resting) < FEWEST:
        raise NotMeasured(
            f"only {len(resting)} pictures show the rig at rest, and it takes {FEWEST} to know their noise: "
            "watch more moves with --rounds"
        )
    within_px = max(STILL_PX, _bound([look.shift_px for look in resting]))
    within_blur = max(STILL_SHARPNESS, _bound([look.blur for look in resting]))
    restless = [look.delay_ms for look in looks if look.shift_px > within_px or look.blur > within_blur]
    last_ms = max(restless, default=0.0)
    if last_ms >= REST * watched_ms or within_px > 4 * STILL_PX:
        raise NotMeasured(
            f"the picture is not still {REST * watched_ms:.0f} ms after a move, nor does it come to rest: "
            "watch longer with --watch, or see what shakes the table"
        )
    first_ms = min(look.delay_ms for look in looks if look.delay_ms > last_ms or not restless)
    return Settling((last_ms + first_ms) / 2, (first_ms - last_ms) / 2, within_px, within_blur)


def _bound(resting: Sequence[float]) -> float:
    """Give what figures at rest stay below, single odd ones left out of account."""
    middle = float(np.median(resting))
    return middle + DEVIATIONS * float(np.median(np.abs(np.asarray(resting) - middle))) / 0.6745
