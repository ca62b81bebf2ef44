"""From what somebody asked for, by name or in numbers, to the value that a stack is shot from."""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError

from camera.camera import Aim, Exposure
from focusd.contradictions import range_problems
from focusd.errors import RequestInvalid, Unknown
from focusd.problems import problems_of
from focusd.settings import Brightness, Config, FixedExposure, Gap, Lens, Plan, Span, SpecimenFields
from focusd.strict import Name, Strict
from focusd.units import check_unit
from rail.screw import Unit
from stack.errors import PlanRefused
from stack.optics import DEFAULT_OVERLAP, Optics
from stack.plan import (
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

Setting = TypeVar("Setting", Lens, Plan)


class PlanRequest(Strict):
    """A named plan, and what is different this time.

    `_u`: the axis's own unit, micrometres on a rail, degrees on a focus ring; `unit`, where given, must be
    that one.
    """

    plan: Name = "default"
    name: Name | None = None
    unit: Unit | None = None
    near_u: float | None = None
    far_u: float | None = None
    length_u: float | None = None
    around_u: float | None = Field(default=None, gt=0)
    overlap: float | None = None
    pitch_u: float | None = None
    count: int | None = None
    optics: Name | None = None
    settle_ms: int | None = Field(default=None, ge=0, le=60_000)
    after: Literal["start", "stay", "park"] | None = None
    delay_s: float | None = Field(default=None, ge=0, le=3600)
    exposure: FixedExposure | None = None
    stops: float | None = Field(default=None, ge=-8, le=8)
    clipped_percent: float | None = Field(default=None, ge=0, le=50)
    frames: int | None = Field(default=None, ge=1, le=64)
    recycle_s: float | None = Field(default=None, ge=0, le=120)
    fields: SpecimenFields = Field(default={})
    recheck: bool | None = None
    corrected: bool | None = None
    needs: Literal["known", "assumed"] | None = None
    rehearse: bool = False


def plan_on_record(request: Mapping[str, Any]) -> PlanRequest:
    """Read a series' request as it was written down; raises `RequestInvalid` for one of another version."""
    try:
        return PlanRequest.model_validate(request)
    except ValidationError as error:
        raise RequestInvalid(problems_of(error, PlanRequest)) from error


def placed(request: Mapping[str, Any], plan: StackPlan, marks: Marks) -> Mapping[str, Any]:
    """Give a request for a plan between marks with their places instead, where those are sure.

    A power cut in mid-move takes the marks with the position; places hold again once the axis has homed.
    """
    sure = not marks.assumed and None not in (marks.near_u, marks.far_u)
    if not (sure and isinstance(plan.range, BetweenMarks)):
        return request
    return {**request, "near_u": marks.near_u, "far_u": marks.far_u}


def plan_asked_for(config: Config, request: PlanRequest) -> StackPlan:
    """Give the plan of that name with the request's own numbers in place of its.

    Raises `focusd.errors.Unknown` for a plan or optics that the configuration does not have,
    `focusd.errors.Refused` for lengths in another unit than the axis's, and `PlanRefused` for numbers that
    contradict each other.
    """
    check_unit(request.unit, config.axis.scale)
    base = _named(config.plans, request.plan, "plan")
    span = Span(
        near_u=request.near_u, far_u=request.far_u, length_u=request.length_u, around_u=request.around_u
    )
    gap = Gap.model_construct(overlap=request.overlap, pitch_u=request.pitch_u, count=request.count)
    _refuse_contradictions(span, gap)
    optics = request.optics or base.optics
    exposure = request.exposure or base.exposure
    after = Park(request.after or base.after)
    if after is Park.PARK and config.axis.endless:
        raise PlanRefused(
            "a ring without ends has no place to park at: give axis.ring.ends_deg in config.yaml, or end "
            "with start or stay"
        )
    recheck = base.recheck if request.recheck is None else request.recheck
    if recheck and config.axis.kind != "rail":
        raise PlanRefused(
            "recheck goes to the home switch after the last slice, and only a rail has one: leave it false"
        )
    return StackPlan(
        name=request.name or request.plan,
        range=_range(base.range if _empty(span) else span),
        spacing=_spacing(base.spacing if _empty(gap) else gap),
        optics=_optics(_named(config.optics, optics, "optics")) if optics else None,
        settle_ms=base.settle_ms if request.settle_ms is None else request.settle_ms,
        after=after,
        delay_s=base.delay_s if request.delay_s is None else request.delay_s,
        exposure=_exposure(exposure) if exposure else None,
        aim=_aim(base.aim, request, metered=exposure is None),
        frames=request.frames or base.frames,
        recycle_s=base.recycle_s if request.recycle_s is None else request.recycle_s,
        recheck=recheck,
        shading=_shading(base.corrected if request.corrected is None else request.corrected, optics),
        rehearse=request.rehearse,
        assumed_is_enough=(request.needs or base.needs) == "assumed",
    )


def fields_asked_for(config: Config, request: PlanRequest) -> dict[str, str]:
    """Give what is said of the specimen: the plan's own fields, and those of the request in their place."""
    return {**_named(config.plans, request.plan, "plan").fields, **request.fields}


def _named(known: Mapping[str, Setting], name: str, what: str) -> Setting:
    try:
        return known[name]
    except KeyError as error:
        raise Unknown(
            f'config.yaml has no {what} named "{name}"; it has {", ".join(known) or "none"}'
        ) from error


def _refuse_contradictions(span: Span, gap: Gap) -> None:
    reasons = list(range_problems(span))
    given = [key for key, value in gap.model_dump().items() if value is not None]
    if len(given) > 1:
        reasons.append(f"give only one of {', '.join(given)}")
    if reasons:
        raise PlanRefused(*reasons)


def _empty(group: Span | Gap) -> bool:
    return all(value is None for value in group.model_dump().values())


def _range(span: Span) -> Range:
    if span.near_u is not None and span.far_u is not None:
        return Between(span.near_u, span.far_u)
    if span.length_u is not None:
        return FromHere(span.length_u)
    if span.around_u is not None:
        return AroundHere(span.around_u)
    return BetweenMarks()


def _spacing(gap: Gap) -> Spacing:
    if gap.pitch_u is not None:
        return Pitch(gap.pitch_u)
    if gap.count is not None:
        return Count(gap.count)
    return FromOptics(DEFAULT_OVERLAP if gap.overlap is None else gap.overlap)


def _optics(lens: Lens) -> Optics:
    return Optics(
        magnification=lens.magnification,
        f_number=lens.f_number,
        numerical_aperture=lens.numerical_aperture,
        pixel_um=lens.pixel_um,
        wavelength_um=lens.wavelength_um,
        focal_mm=lens.focal_mm,
    )


def _shading(corrected: bool, optics: str | None) -> str | None:
    """Name the optics by whose white field and dark frame slices are corrected, if they are."""
    if corrected and optics is None:
        raise PlanRefused("a plan is corrected by what was measured for its optics, and it names none")
    return optics if corrected else None


def _aim(planned: Brightness, request: PlanRequest, *, metered: bool) -> Aim:
    """Give how bright the picture is to be: as requested, else as planned."""
    given = [name for name in ("stops", "clipped_percent") if getattr(request, name) is not None]
    if len(given) > 1:
        raise PlanRefused("give stops or clipped_percent, not both")
    if given and not metered:
        raise PlanRefused(f"{given[0]} says how bright a metered picture is, and this exposure is given")
    asked = request if given else planned
    return Aim(asked.stops or 0.0, asked.clipped_percent)


def _exposure(fixed: FixedExposure) -> Exposure:
    return Exposure(fixed.time_us, fixed.gain, fixed.colour_gains)
