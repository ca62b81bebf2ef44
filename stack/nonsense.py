"""What is wrong with a plan's own numbers, wherever the axis stands. Pure."""

import math
from collections.abc import Mapping

from camera.mean import MOST_FRAMES
from rail.screw import Scale, Unit
from stack.optics import depth_of_field_u
from stack.plan import (
    MOST_SLICES,
    AroundHere,
    Between,
    BetweenMarks,
    Count,
    FromHere,
    FromOptics,
    Marks,
    Pitch,
    Range,
    StackPlan,
)

_FARTHEST_U = 1e9
"""No axis goes a kilometre; numbers of 300 digits are neither counted in steps nor written out."""

_NO_DEPTH: Mapping[Unit, str] = {
    "um": "a pitch in micrometres follows from the magnification, which these optics do not say: give it, or "
    "a pitch or a count",
    "deg": "no pitch in degrees follows from optics, as each ring turns its own way: give a pitch or a count",
    "d": "a pitch in dioptres follows from focal_mm and f_number, which these optics do not both say: give "
    "them, or a pitch or a count",
}


def nonsense(plan: StackPlan, scale: Scale, marks: Marks) -> list[str]:
    """List what is wrong with the plan's own numbers."""
    reasons = _range_nonsense(plan.range, scale, marks) + _spacing_nonsense(plan, scale)
    if plan.settle_ms < 0:
        reasons.append(f"a settling time of {plan.settle_ms} ms lies in the past")
    if not (math.isfinite(plan.delay_s) and plan.delay_s >= 0):
        reasons.append(f"a start delay of {plan.delay_s} s makes no sense")
    if not 1 <= plan.frames <= MOST_FRAMES:
        reasons.append(f"a slice is the mean of 1 to {MOST_FRAMES} frames, not of {plan.frames}")
    if not (math.isfinite(plan.recycle_s) and plan.recycle_s >= 0):
        reasons.append(f"a flash that recharges within {plan.recycle_s} s makes no sense")
    return reasons


def _range_nonsense(where: Range, scale: Scale, marks: Marks) -> list[str]:
    match where:
        case BetweenMarks():
            ends = (("near", marks.near_u), ("far", marks.far_u))
            unmarked = [end for end, value in ends if value is None]
            return [
                f"the {end} end is not marked: go there and run `focusctl mark {end}`, or give a range"
                for end in unmarked
            ] + [
                f"the {end} mark is {value}, which is no position: mark it again"
                for end, value in ends
                if value is not None and not _is_place(value)
            ]
        case Between(near_u, far_u):
            return [
                f"the {end} end is {value}, which is no position"
                for end, value in (("near", near_u), ("far", far_u))
                if not _is_place(value)
            ]
        case FromHere(length_u):
            sensible = _is_place(length_u) and length_u != 0
            return [] if sensible else [f"a range of {scale.say_length(length_u)} from here is no range"]
        case AroundHere(length_u):
            sensible = _is_place(length_u) and length_u > 0
            return [] if sensible else [f"a range of {scale.say_length(length_u)} around here is no range"]


def _is_place(value_u: float) -> bool:
    return math.isfinite(value_u) and abs(value_u) <= _FARTHEST_U


def _spacing_nonsense(plan: StackPlan, scale: Scale) -> list[str]:
    match plan.spacing:
        case Pitch(pitch_u):
            sensible = math.isfinite(pitch_u) and pitch_u > 0
            return (
                []
                if sensible
                else [f"a pitch of {scale.say_length(pitch_u)} is none: give a length above zero"]
            )
        case Count(slices):
            sensible = 2 <= slices <= MOST_SLICES
            return [] if sensible else [f"a stack has 2 to {MOST_SLICES} slices, not {slices}"]
        case FromOptics(overlap):
            reasons = []
            if not 0 < overlap <= 1:
                reasons.append(
                    f"an overlap of {overlap} makes no sense: it is the pitch as a part of the depth of "
                    "field, above 0 and up to 1"
                )
            if plan.optics is None:
                reasons.append("the pitch is to follow from the optics, and the plan names none: give either")
            elif depth_of_field_u(plan.optics, scale.unit) is None:
                reasons.append(_NO_DEPTH[scale.unit])
            return reasons
