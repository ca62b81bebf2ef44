"""Whether a stack can be shot here and now: how sure the place is, the axis's reach, room on disk. Pure."""

from typing import Final

from rail.axis import Position, Reach, Trust
from rail.screw import Scale, Unit
from stack.errors import PlanRefused
from stack.layout import Layout
from stack.plan import BetweenMarks, Marks, Park, StackPlan

_TO_KNOW: Final = {
    "um": "run `focusctl home` (`focusctl home --allow` where it never has), or `focusctl zero` where you "
    "know the place",
    "deg": "turn the ring to its mark with `focusctl jog`, and run `focusctl zero` there",
    "d": "a lens knows its place once its camera is open; `focusctl status` says what keeps it",
}


def to_know(unit: Unit) -> str:
    """Say how the place of an axis that counts in `unit` comes to be known."""
    return _TO_KNOW[unit]


def check(
    plan: StackPlan,
    layout: Layout,
    *,
    scale: Scale,
    reach: Reach,
    here: Position,
    marks: Marks,
    homing_allowed: bool,
    needed_bytes: int,
    free_bytes: int,
    reserve_bytes: int,
) -> None:
    """Raise `PlanRefused` with every reason why this layout cannot be shot here and now; else do nothing.

    Parameters
    ----------
    plan, layout
        What was asked for and what came of it.
    scale, reach, here, marks
        Of the axis.
    homing_allowed
        Whether the shooter may find the reference by itself.
    needed_bytes, free_bytes, reserve_bytes
        What the stack and its merge will write, what the disk has, and what must stay free on it.
    """
    reasons = _trust_reasons(plan, layout, here, scale.unit, homing_allowed)
    reasons += _mark_reasons(plan, layout, here, marks)
    if not layout.adrift:
        reasons += _reach_reasons(layout, scale, reach)
    if free_bytes - reserve_bytes < needed_bytes:
        reasons.append(
            f"the disk has {_megabytes(free_bytes)} free and must keep {_megabytes(reserve_bytes)}; "
            f"the stack needs {_megabytes(needed_bytes)}: delete old sessions or shoot fewer slices"
        )
    if reasons:
        raise PlanRefused(*reasons)


def needs_homing(plan: StackPlan, layout: Layout, here: Position) -> bool:
    """Say whether the axis must find its reference before it can go to these places."""
    if layout.adrift:
        return False
    if here.trust is Trust.ASSUMED:
        return plan.needs is Trust.KNOWN
    return here.trust is Trust.UNKNOWN


def needs_homing_again(plan: StackPlan, layout: Layout, here: Position) -> bool:
    """Say whether the axis must find its reference before it goes on with slices shot earlier.

    A plan that counts from here may begin at an assumed place, but not go on there: the motor may have turned
    by up to a full step while it was released, and what is shot now is to fit what was shot before.
    """
    return not layout.adrift and (
        here.trust is Trust.UNKNOWN or (here.trust is Trust.ASSUMED and not plan.assumed_is_enough)
    )


def _trust_reasons(
    plan: StackPlan, layout: Layout, here: Position, unit: Unit, homing_allowed: bool
) -> list[str]:
    if layout.adrift and plan.after is Park.PARK:
        return [
            f"the position is unknown, so there is no way to the parking place: {to_know(unit)}; or end with "
            "start or stay"
        ]
    if homing_allowed or not needs_homing(plan, layout, here):
        return []
    how_sure = (
        "unknown" if here.trust is Trust.UNKNOWN else "only assumed, as it was when the motor was let go"
    )
    return [
        f"the position is {how_sure}, and this plan names places by it: {to_know(unit)}; or shoot a length "
        "from here or around here"
    ]


def _mark_reasons(plan: StackPlan, layout: Layout, here: Position, marks: Marks) -> list[str]:
    homes = needs_homing(plan, layout, here)
    if not (marks.assumed and isinstance(plan.range, BetweenMarks) and homes):
        return []
    return [
        "near and far were marked where the axis was only assumed to stand, and once it has homed they may "
        "lie elsewhere: home first, then mark them again; or, if nobody has turned the screw by hand, shoot "
        "with needs: assumed"
    ]


def _reach_reasons(layout: Layout, scale: Scale, reach: Reach) -> list[str]:
    near, far = layout.positions_steps[0], layout.positions_steps[-1]
    if reach.nearest_steps == reach.farthest_steps:
        return [f"how far the axis goes is not known yet: {to_know(scale.unit)}"]
    reasons = []
    if near < reach.nearest_steps:
        beyond = scale.say_length(scale.span_u(reach.nearest_steps - near))
        limit = scale.say_length(scale.length_u(reach.nearest_steps))
        reasons.append(f"the near end is {beyond} out of reach: the axis reaches {limit} at the nearest")
    if far > reach.farthest_steps:
        beyond = scale.say_length(scale.span_u(far - reach.farthest_steps))
        limit = scale.say_length(scale.length_u(reach.farthest_steps))
        reasons.append(f"the far end is {beyond} out of reach: the axis reaches {limit} at the farthest")
    return reasons


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.0f} MB"
