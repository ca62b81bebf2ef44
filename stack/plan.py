"""A stack as a value: what was asked for, and the places on the axis that follow from it. Pure."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Literal

from camera.camera import AS_METERED, Aim, Exposure
from camera.mean import MOST_FRAMES
from rail.axis import Position, Reach, Trust
from rail.screw import Scale, Unit
from stack.errors import PlanRefused
from stack.optics import DEFAULT_OVERLAP, Optics, depth_of_field_u, pitch_u

MOST_SLICES = 2000
"""More than this is a slip of the finger: at two seconds a slice it is an hour of shooting."""

_NO_DEPTH: Mapping[Unit, str] = {
    "um": "a pitch in micrometres follows from the magnification, which these optics do not say: give it, or "
    "a pitch or a count",
    "deg": "no pitch in degrees follows from optics, as each ring turns its own way: give a pitch or a count",
    "d": "a pitch in dioptres follows from focal_mm and f_number, which these optics do not both say: give "
    "them, or a pitch or a count",
}


@dataclass(frozen=True, slots=True)
class Marks:
    """The two ends that somebody set by eye, in the axis's unit; either may be missing."""

    near_u: float | None = None
    far_u: float | None = None


@dataclass(frozen=True, slots=True)
class BetweenMarks:
    """From one mark to the other."""


@dataclass(frozen=True, slots=True)
class Between:
    """From one position to another, both from home."""

    near_u: float
    far_u: float


@dataclass(frozen=True, slots=True)
class FromHere:
    """From where the axis stands, `length_u` towards far; a negative length goes towards near."""

    length_u: float


@dataclass(frozen=True, slots=True)
class AroundHere:
    """Half of `length_u` to either side of where the axis stands."""

    length_u: float


Range = BetweenMarks | Between | FromHere | AroundHere


@dataclass(frozen=True, slots=True)
class Pitch:
    """Slices at most `pitch_u` apart."""

    pitch_u: float


@dataclass(frozen=True, slots=True)
class Count:
    """Exactly `slices` slices."""

    slices: int


@dataclass(frozen=True, slots=True)
class FromOptics:
    """Slices at most `overlap` times the depth of field apart: see `stack.optics.pitch_u`."""

    overlap: float = DEFAULT_OVERLAP


Spacing = Pitch | Count | FromOptics


class Park(StrEnum):
    """Where the axis goes when every slice is saved."""

    START = "start"
    """Where the same plan can be shot again: the first slice, or for a plan around here, here."""
    STAY = "stay"
    """Nowhere."""
    PARK = "park"
    """The end of its reach next to home, away from the subject."""


@dataclass(frozen=True, slots=True)
class StackPlan:
    """What somebody asked for.

    Attributes
    ----------
    name
        Names the session; any text.
    range, spacing
        Where, and how closely.
    optics
        Needed by `FromOptics`; otherwise recorded, and used to warn.
    settle_ms
        How long after the last step an exposure may begin.
    after
        Where the axis goes at the end.
    delay_s
        Wait before anything moves.
    exposure
        Used as it is; None meters once at the middle slice.
    aim
        How bright that is to be.
    frames
        How many are taken of each slice, to be averaged.
    recycle_s
        What a flash needs to recharge: so long after an exposure no other begins.
    recheck
        Home again after the last slice, to see whether steps were lost on the way.
    shading
        The name of the optics whose white field and dark frame correct every slice; None: none do.
    rehearse
        Move and settle, photograph nothing.
    assumed_is_enough
        Whether a plan in absolute positions may trust a position that was stored at rest rather than homed.
    """

    name: str
    range: Range
    spacing: Spacing
    optics: Optics | None = None
    settle_ms: int = 150
    after: Park = Park.START
    delay_s: float = 0.0
    exposure: Exposure | None = None
    aim: Aim = AS_METERED
    frames: int = 1
    recycle_s: float = 0.0
    recheck: bool = False
    shading: str | None = None
    rehearse: bool = False
    assumed_is_enough: bool = False

    @property
    def recycle_ns(self) -> int:
        """What a flash needs to recharge."""
        return round(self.recycle_s * 1e9)

    @property
    def needs(self) -> Trust:
        """The least trust in the axis's place with which this can be shot; unknown: it counts from here."""
        if self.relative:
            return Trust.UNKNOWN
        return Trust.ASSUMED if self.assumed_is_enough else Trust.KNOWN

    @property
    def relative(self) -> bool:
        """Whether the places are counted from where the axis stands, wherever that is."""
        return isinstance(self.range, FromHere | AroundHere)


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
    """

    positions_steps: tuple[int, ...]
    pitch_steps: int
    pitch_u: float
    asked_pitch_u: float | None
    dof_u: float | None
    start_steps: int
    adrift: bool

    @property
    def slices(self) -> int:
        """How many slices there are."""
        return len(self.positions_steps)

    @property
    def middle_index(self) -> int:
        """The slice at which the exposure is metered."""
        return len(self.positions_steps) // 2


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a stack will cost."""

    seconds: float
    bytes: int


def lay_out(plan: StackPlan, scale: Scale, here: Position, marks: Marks) -> Layout:
    """Decide how many slices there are and where: the one place where that is decided.

    The first slice is on the first step not before the near end, the last on the last step not past the far
    end. The gaps between are as even as whole steps allow, and none is wider than the pitch asked for.

    Raises `PlanRefused` with every reason it has: an end not marked, a number that makes no sense, a range
    without room for two slices, a pitch finer than one step, more than `MOST_SLICES`.
    """
    reasons = _nonsense(plan, scale, marks)
    if reasons:
        raise PlanRefused(*reasons)
    near_steps, far_steps = _ends_steps(plan.range, scale, here, marks)
    if far_steps <= near_steps:
        raise PlanRefused(
            f"the range holds no two places to stop at: one step is {_figure(scale.span_u(1), scale)}; "
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
    )


def spread(near_steps: int, far_steps: int, gaps: int) -> tuple[int, ...]:
    """Give `gaps` + 1 whole steps from `near_steps` to `far_steps`, both included, as even as they can be."""
    length = far_steps - near_steps
    return tuple(near_steps + (index * length + gaps // 2) // gaps for index in range(gaps + 1))


def estimate(
    plan: StackPlan,
    layout: Layout,
    *,
    move_ns: Callable[[int], int],
    frame_ns: int,
    bytes_a_slice: int,
) -> Estimate:
    """Give the time and the disk a stack will take, metering at the middle and the way back included.

    Parameters
    ----------
    plan, layout
        The slices, and how each is taken.
    move_ns
        Time for a move over so many steps: `Axis.duration_ns`.
    frame_ns
        Time from asking for a frame to having it: `Camera.frame_duration_ns`.
    bytes_a_slice
        See `expected_slice_bytes`.
    """
    first, last = layout.positions_steps[0], layout.positions_steps[-1]
    there_and_back_ns = (
        move_ns(layout.positions_steps[layout.middle_index] - first)
        + plan.settle_ms * 1_000_000
        + frame_ns
        + move_ns(last - layout.start_steps)
    )
    slices_ns = slice_ns(plan, 0, frame_ns) + (layout.slices - 1) * slice_ns(
        plan, move_ns(layout.pitch_steps), frame_ns
    )
    return Estimate(
        seconds=(there_and_back_ns + slices_ns) / 1e9 + plan.delay_s, bytes=layout.slices * bytes_a_slice
    )


def slice_ns(plan: StackPlan, move_ns: int, frame_ns: int) -> int:
    """Give the time that a slice takes: going there and coming to rest, or a flash recharging; its frames."""
    rest_ns = max(move_ns + plan.settle_ms * 1_000_000, plan.recycle_ns)
    return rest_ns + plan.frames * frame_ns + (plan.frames - 1) * plan.recycle_ns


def expected_slice_bytes(size_px: tuple[int, int], bytes_a_pixel: int = 1) -> int:
    """Give the room to set aside for a slice: of a JPEG a byte a pixel, ample at quality 95 for most."""
    return size_px[0] * size_px[1] * bytes_a_pixel


def check(
    plan: StackPlan,
    layout: Layout,
    *,
    scale: Scale,
    reach: Reach,
    here: Position,
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
    scale, reach, here
        Of the axis.
    homing_allowed
        Whether the shooter may find the reference by itself.
    needed_bytes, free_bytes, reserve_bytes
        What the stack and its merge will write, what the disk has, and what must stay free on it.
    """
    reasons = _trust_reasons(plan, layout, here, homing_allowed)
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


def _nonsense(plan: StackPlan, scale: Scale, marks: Marks) -> list[str]:
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
                f"the {end} end is not marked: go there and mark it, or give a range" for end in unmarked
            ] + [
                f"the {end} mark is {value}, which is no position: mark it again"
                for end, value in ends
                if value is not None and not math.isfinite(value)
            ]
        case Between(near_u, far_u):
            return [
                f"the {end} end is {value}, which is no position"
                for end, value in (("near", near_u), ("far", far_u))
                if not math.isfinite(value)
            ]
        case FromHere(length_u):
            sensible = math.isfinite(length_u) and length_u != 0
            return [] if sensible else [f"a range of {length_u:g} {scale.unit} from here is no range"]
        case AroundHere(length_u):
            sensible = math.isfinite(length_u) and length_u > 0
            return [] if sensible else [f"a range of {length_u:g} {scale.unit} around here is no range"]


def _spacing_nonsense(plan: StackPlan, scale: Scale) -> list[str]:
    match plan.spacing:
        case Pitch(pitch_u):
            sensible = math.isfinite(pitch_u) and pitch_u > 0
            return (
                [] if sensible else [f"a pitch of {pitch_u:g} {scale.unit} is none: give a length above zero"]
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
    length = _figure(scale.span_u(length_steps), scale)
    one_step = _figure(scale.span_u(1), scale)
    if isinstance(plan.spacing, Count):
        gaps = plan.spacing.slices - 1
        if gaps > length_steps:
            raise PlanRefused(
                f"{gaps + 1} slices over {length} would be less than one step ({one_step}) apart: "
                f"at most {length_steps + 1} slices fit"
            )
        return gaps
    assert asked_pitch_u is not None
    widest_steps = scale.whole_steps(asked_pitch_u)
    if widest_steps < 1:
        raise PlanRefused(
            f"a pitch of {_figure(asked_pitch_u, scale)} is finer than one step of this axis, {one_step}: "
            "ask for a step or more, or set finer microsteps"
        )
    gaps = -(-length_steps // widest_steps)
    if gaps + 1 > MOST_SLICES:
        finest_u = scale.span_u(-(-length_steps // (MOST_SLICES - 1)))
        raise PlanRefused(
            f"a pitch of {_figure(asked_pitch_u, scale)} over {length} makes {gaps + 1} slices, more than "
            f"{MOST_SLICES}: ask for {_figure(finest_u, scale)} or more"
        )
    return gaps


def _trust_reasons(plan: StackPlan, layout: Layout, here: Position, homing_allowed: bool) -> list[str]:
    if layout.adrift and plan.after is Park.PARK:
        return [
            "the position is unknown, so there is no way to the parking place: home first, or end with "
            "start or stay"
        ]
    if homing_allowed or not needs_homing(plan, layout, here):
        return []
    how_sure = "unknown" if here.trust is Trust.UNKNOWN else "only assumed, as stored before the power went"
    return [
        f"the position is {how_sure}, and this plan names places by it: home the axis (once its owner has "
        "allowed homing), or shoot a length from here or around here"
    ]


def _reach_reasons(layout: Layout, scale: Scale, reach: Reach) -> list[str]:
    near, far = layout.positions_steps[0], layout.positions_steps[-1]
    reasons = []
    if near < reach.nearest_steps:
        beyond = _figure(scale.span_u(reach.nearest_steps - near), scale)
        limit = _figure(scale.length_u(reach.nearest_steps), scale)
        reasons.append(f"the near end is {beyond} out of reach: the axis reaches {limit} at the nearest")
    if far > reach.farthest_steps:
        beyond = _figure(scale.span_u(far - reach.farthest_steps), scale)
        limit = _figure(scale.length_u(reach.farthest_steps), scale)
        reasons.append(f"the far end is {beyond} out of reach: the axis reaches {limit} at the farthest")
    return reasons


def _figure(length_u: float, scale: Scale) -> str:
    """Write a length for people."""
    name = {"um": "µm", "deg": "°", "d": "dioptres"}[scale.unit]
    return f"{length_u:.6g} {name}"


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.0f} MB"
