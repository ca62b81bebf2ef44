"""A stack's values as plain JSON values, and back: what session.json and the journal hold."""

import dataclasses
import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from camera.camera import Aim, Exposure, Tether
from rail.screw import Scale
from stack.layout import Layout
from stack.optics import Optics
from stack.plan import (
    AroundHere,
    Between,
    BetweenMarks,
    Count,
    FromHere,
    FromOptics,
    Park,
    Pitch,
    Range,
    Spacing,
    StackPlan,
)

Record = dict[str, Any]

RANGES: Mapping[str, type[Range]] = {
    "marks": BetweenMarks,
    "between": Between,
    "from_here": FromHere,
    "around_here": AroundHere,
}
SPACINGS: Mapping[str, type[Spacing]] = {"pitch": Pitch, "count": Count, "optics": FromOptics}


def plan_record(plan: StackPlan) -> Record:
    """Write a plan; its range and spacing bear their kind."""
    return {
        **{field.name: getattr(plan, field.name) for field in dataclasses.fields(plan)},
        "range": _tagged(plan.range, RANGES),
        "spacing": _tagged(plan.spacing, SPACINGS),
        "optics": dataclasses.asdict(plan.optics) if plan.optics else None,
        "after": plan.after.value,
        "exposure": exposure_record(plan.exposure) if plan.exposure else None,
        "aim": dataclasses.asdict(plan.aim),
    }


def plan_of(record: Mapping[str, Any]) -> StackPlan:
    """Read a plan; raises `KeyError`, `TypeError` or `ValueError` when it is none."""
    return StackPlan(
        **{
            **record,
            "range": _untagged(record["range"], RANGES),
            "spacing": _untagged(record["spacing"], SPACINGS),
            "optics": Optics(**record["optics"]) if record["optics"] else None,
            "after": Park(record["after"]),
            "exposure": exposure_of(record["exposure"]) if record["exposure"] else None,
            "aim": _aim(record.get("aim", {})),
        }
    )


def layout_record(layout: Layout) -> Record:
    """Write a layout."""
    return {
        **dataclasses.asdict(layout),
        "positions_steps": list(layout.positions_steps),
    }


def layout_of(record: Mapping[str, Any]) -> Layout:
    """Read a layout."""
    positions = tuple(int(steps) for steps in record["positions_steps"])
    return Layout(**{**record, "positions_steps": positions})


def scale_record(scale: Scale) -> Record:
    """Write a scale, its fraction exact."""
    return {"unit": scale.unit, "per_step": str(scale.per_step)}


def scale_of(record: Mapping[str, Any]) -> Scale:
    """Read a scale."""
    return Scale(record["unit"], Fraction(record["per_step"]))


def exposure_record(exposure: Exposure) -> Record:
    """Write an exposure."""
    return {**dataclasses.asdict(exposure), "colour_gains": list(exposure.colour_gains)}


def exposure_of(record: Mapping[str, Any]) -> Exposure:
    """Read an exposure."""
    red, blue = record["colour_gains"]
    return Exposure(record["time_us"], record["gain"], (red, blue))


def plain(value: object) -> object:
    """Give what JSON can hold of a camera's metadata: numbers, words, lists and mappings of them."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping():
            return {str(name): plain(item) for name, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            return str(value)


def _aim(record: Mapping[str, Any]) -> Aim:
    tether = record.get("tether")
    held = tether and Tether(exposure_of(tether["exposure"]), tether["stops"])
    return Aim(**{**record, "tether": held})


def _tagged(value: Range | Spacing, kinds: Mapping[str, type[Any]]) -> Record:
    kind = next(name for name, its_type in kinds.items() if type(value) is its_type)
    return {"kind": kind, **dataclasses.asdict(value)}


def _untagged(record: Mapping[str, Any], kinds: Mapping[str, type[Any]]) -> Any:
    fields = {name: value for name, value in record.items() if name != "kind"}
    return kinds[record["kind"]](**fields)
