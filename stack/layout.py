"""The places on an axis that follow from a plan. Pure."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from rail.axis import Position, Reach, Trust
from rail.screw import Scale
from stack.errors import PlanRefused
from stack.nonsense import nonsense
from stack.optics import depth_of_field_u, pitch_u
from stack.plan import (
    MOST_SLICES,
    AroundHere,
    Between,
    BetweenMarks,
    Count,
    FromHere,
    FromOptics,
    Marks,
    Park,
    Pitch,
    Range,
    Spacing,
    StackPlan,
)


@dataclass(frozen=True, slots=True)
class Layout:
    """The slices of a plan, as places on one axis.

    Attributes
    ----------
    positions_steps
        Near to far, strictly increasing, at least two.
    pitch_steps
        The widest gap between neighbours; every other gap is this or one step less.
    pitch_u
        The same in the axis's unit.
    asked_pitch_u
        What it may not exceed; None where a count was asked for.
    dof_u
        Depth of field in the axis's unit, where the optics say it.
    start_steps
        Where the axis must stand for the same plan to give the same places.
    adrift
        Whether the places are counted from where the axis stood with its position unknown. They then mean
        nothing once that count is lost; all other places are counted from home.
    assumed
        Whether they are counted from where the axis stood with its position only assumed: from home, and as
        far off as that was.
    """

    positions_steps: tuple[int, ...]
    pitch_steps: int
    pitch_u: float
    asked_pitch_u: float | None
    dof_u: float | None
    start_steps: int
    adrift: bool
    assumed: bool = False

    @property
    def slices(self) -> int:
        """How many slices there are."""
        return len(self.positions_steps)

    @property
    def middle_index(self) -> int:
        """The slice at which the exposure is metered."""
        return len(self.positions_steps) // 2


def lay_out(plan: StackPlan, scale: Scale, here: Position, marks: Marks) -> Layout:
    """Decide how many slices there are and where: the one place where that is decided.

    The first slice is on the first step not before the near end, the last on the last step not past the far
    end. The gaps between are as even as whole steps allow, and none is wider than the pitch asked for.

    Raises `PlanRefused` with every reason it has: an end not marked, a number that makes no sense, a range
    without room for two slices, a pitch finer than one step, more than `MOST_SLICES`.
    """
    reasons = nonsense(plan, scale, marks)
    if reasons:
        raise PlanRefused(*reasons)
    near_steps, far_steps = _ends_steps(plan.range, scale, here, marks)
    if far_steps <= near_steps:
        raise PlanRefused(
            f"the range holds no two places to stop at: one step is {scale.say_length(scale.span_u(1))}; "
            "mark the ends farther apart"
        )
    dof_u = depth_of_field_u(plan.optics, scale.unit) if plan.optics else None
    asked_pitch_u = _asked_pitch_u(plan.spacing, dof_u)
    gaps = _gaps(plan, scale, far_steps - near_steps, asked_pitch_u)
    positions = spread(near_steps, far_steps, gaps)
    pitch_steps = max(b - a for a, b in pairwise(positions))
    return Layout(
        positions_steps=positions,
        pitch_steps=pitch_steps,
        pitch_u=scale.span_u(pitch_steps),
        asked_pitch_u=asked_pitch_u,
        dof_u=dof_u,
        start_steps=here.steps if plan.relative else positions[0],
        adrift=plan.relative and here.trust is Trust.UNKNOWN,
        assumed=plan.relative and here.trust is Trust.ASSUMED,
    )


def spread(near_steps: int, far_steps: int, gaps: int) -> tuple[int, ...]:
    """Give `gaps` + 1 whole steps from `near_steps` to `far_steps`, both included, as even as they can be."""
    length = far_steps - near_steps
    return tuple(near_steps + (index * length + gaps // 2) // gaps for index in range(gaps + 1))


def park_steps(
    layout: Layout, after: Park, reach: Reach, subject_side: Literal["near", "far"] = "far"
) -> int | None:
    """Give the place to go to after the last slice, None to stay; parking is away from the subject."""
    match after:
        case Park.START:
            return layout.start_steps
        case Park.PARK:
            return reach.nearest_steps if subject_side == "far" else reach.farthest_steps
        case Park.STAY:
            return None


def _ends_steps(where: Range, scale: Scale, here: Position, marks: Marks) -> tuple[int, int]:
    """Give the first and the last step of the range; ends that were swapped are put in order."""
    match where:
        case BetweenMarks():
            assert marks.near_u is not None and marks.far_u is not None
            return _inside(marks.near_u, marks.far_u, scale)
        case Between(near_u, far_u):
            return _inside(near_u, far_u, scale)
        case FromHere(length_u):
            away_steps = scale.whole_steps(length_u)
            if length_u > 0:
                return here.steps, here.steps + away_steps
            return here.steps - away_steps, here.steps
        case AroundHere(length_u):
            half_steps = scale.whole_steps(length_u / 2)
            return here.steps - half_steps, here.steps + half_steps


def _inside(one_end_u: float, other_end_u: float, scale: Scale) -> tuple[int, int]:
    """Give the first and the last step that lie within two ends, whichever of them is the nearer."""
    near_u, far_u = sorted((one_end_u, other_end_u), reverse=scale.per_step < 0)
    return scale.ceil_steps(near_u), scale.floor_steps(far_u)


def _asked_pitch_u(spacing: Spacing, dof_u: float | None) -> float | None:
    match spacing:
        case Pitch(asked_u):
            return asked_u
        case FromOptics(overlap):
            assert dof_u is not None
            return pitch_u(dof_u, overlap)
        case Count():
            return None


def _gaps(plan: StackPlan, scale: Scale, length_steps: int, asked_pitch_u: float | None) -> int:
    """Give the number of gaps between slices, or refuse."""
    length = scale.say_length(scale.span_u(length_steps))
    one_step = scale.say_length(scale.span_u(1))
    if isinstance(plan.spacing, Count):
        gaps = plan.spacing.slices - 1
        if gaps > length_steps:
            raise PlanRefused(
                f"{gaps + 1} slices over {length} would be less than one step ({one_step}) apart: "
                f"at most {length_steps + 1} slices fit"
            )
        return gaps
    assert asked_pitch_u is not None
    asked = scale.say_length(asked_pitch_u)
    widest_steps = scale.whole_steps(asked_pitch_u)
    if widest_steps < 1:
        raise PlanRefused(
            f"a pitch of {asked} is finer than one step of this axis, {one_step}: "
            f"ask for a step or more{', or set finer microsteps' if scale.unit == 'um' else ''}"
        )
    gaps = -(-length_steps // widest_steps)
    if gaps + 1 > MOST_SLICES:
        finest_u = scale.span_u(-(-length_steps // (MOST_SLICES - 1)))
        raise PlanRefused(
            f"a pitch of {asked} over {length} makes {gaps + 1} slices, more than "
            f"{MOST_SLICES}: ask for {scale.say_length(finest_u)} or more"
        )
    return gaps
