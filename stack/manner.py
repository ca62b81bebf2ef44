"""How a series goes about its stacks, and what that makes of the next one's plan. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from camera.camera import Exposure, Tether
from rail.screw import Scale
from stack.following import Seen
from stack.plan import Between, Count, Pitch, StackPlan
from stack.retention import ALL, Keep

RAMP_STOPS: Final = 0.33
"""From dusk to night the light falls by a stop in about five minutes; a film bears a third from picture to
picture, and catches up when it is dark."""


class Exposing(StrEnum):
    """How the stacks of a series are exposed."""

    LOCK_FIRST = "lock-first"
    """As the first of them."""
    PER_STACK = "per-stack"
    """Each as it is metered, in the colours of the first."""
    RAMP = "ramp"
    """Each as it is metered, but little brighter or darker than the one before."""


class WhenHot(StrEnum):
    """What becomes of a slot that is due while the Pi is too hot, or its supply too low."""

    WAIT = "wait"
    """It begins as soon as that is over, unless the next slot is due by then."""
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a series goes about its stacks.

    Attributes
    ----------
    ramp_stops
        The most that the exposure of a ramp changes from stack to stack, above 0.
    follow
        Near and far go with the subject.
    overlaps
        A stack may take longer than the interval; slots that it covers are left out.
    """

    exposure: Exposing = Exposing.LOCK_FIRST
    ramp_stops: float = RAMP_STOPS
    follow: bool = False
    keep: Keep = ALL
    hot: WhenHot = WhenHot.WAIT
    overlaps: bool = False


AS_USUAL: Final = Manner()


def exposed(plan: StackPlan, manner: Manner, first: Exposure | None, last: Exposure | None) -> StackPlan:
    """Give the plan with the exposure that fits it into its series.

    Parameters
    ----------
    first, last
        How the first and the last stack of the series were exposed; None before there is one.
    """
    if plan.exposure is not None or first is None or last is None:
        return plan
    match manner.exposure:
        case Exposing.LOCK_FIRST:
            return replace(plan, exposure=first)
        case Exposing.PER_STACK:
            tether = Tether(first)
        case Exposing.RAMP:
            tether = Tether(last, manner.ramp_stops)
    return replace(plan, aim=replace(plan.aim, tether=tether))


def moved(plan: StackPlan, scale: Scale, seen: Seen) -> StackPlan:
    """Give the plan from the near to the far end that `seen` has, its slices as close as there."""
    ends = Between(scale.length_u(seen.near_steps), scale.length_u(seen.far_steps))
    close = Pitch(scale.span_u(seen.pitch_steps)) if isinstance(plan.spacing, Count) else plan.spacing
    return replace(plan, range=ends, spacing=close)


def manner_record(manner: Manner) -> dict[str, Any]:
    """Write it as plain JSON values."""
    return {
        "exposure": manner.exposure.value,
        "ramp_stops": manner.ramp_stops,
        "follow": manner.follow,
        "keep": manner.keep.words,
        "hot": manner.hot.value,
        "overlaps": manner.overlaps,
    }


def manner_of(record: Mapping[str, Any]) -> Manner:
    """Read it; what is not said is as usual. Raises `ValueError` or `TypeError` when it is none."""
    kinds: Mapping[str, Callable[[Any], Any]] = {"exposure": Exposing, "hot": WhenHot, "keep": Keep.named}
    said = {name: kinds[name](value) if name in kinds else value for name, value in record.items()}
    return Manner(**said)
