"""Lengths as people type and read them: `4mm`, `250um`, `-0.5 mm`; turns `12.5deg`, dioptres `0.5d`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from focusd.decimals import pointed

TypedUnit = Literal["um", "deg", "d"]
"""What people measure an axis in, as `rail.screw.Scale` calls it."""

_TYPED = re.compile(r"\s*([-+−]?)\s*(\d+\.?\d*|\.\d+)\s*(mm|um|µm|μm|deg|°|d|dpt|dioptres?|diopters?)?\s*")
"""A sign (a typographic minus too), a decimal number, a unit (both of Unicode's micro signs)."""

_UNITS: dict[str, tuple[TypedUnit, int]] = {
    "mm": ("um", 1000),
    "um": ("um", 1),
    "µm": ("um", 1),
    "μm": ("um", 1),
    "deg": ("deg", 1),
    "°": ("deg", 1),
    **dict.fromkeys(("d", "dpt", "dioptre", "dioptres", "diopter", "diopters"), ("d", 1)),
}


@dataclass(frozen=True, slots=True)
class Length:
    """A length that was typed.

    Attributes
    ----------
    value_u
        Micrometres, degrees or dioptres.
    unit
        Which; None for 0, which is the same in all.
    """

    value_u: float
    unit: TypedUnit | None


def length(typed: str) -> Length:
    """Give a typed length; raises `ValueError` saying what is wrong.

    A number needs its unit, for a rail that was to go 4 µm and goes 4 mm does harm; only 0 is 0 in any.
    """
    match = _TYPED.fullmatch(typed)
    if match is None:
        if written := pointed(typed, _TYPED):
            raise ValueError(f'"{typed}" is not a length: write its decimals after a point: {written}')
        raise ValueError(
            f'"{typed}" is not a length: write a number and its unit, as in 4mm, 250um, 12.5deg or 0.5d'
        )
    sign, digits, written = match.groups()
    number = Fraction(digits)
    if written is None:
        if number != 0:
            raise ValueError(
                f'"{typed}" lacks its unit: write {digits}mm or {digits}um, or {digits}deg for a focus ring, '
                f"or {digits}d for a lens"
            )
        return Length(0.0, None)
    unit, factor = _UNITS[written]
    return Length(float((-number if sign in ("-", "−") else number) * factor), unit)


def extent(typed: str) -> Length:
    """Give a typed length that has no direction; raises `ValueError`, also where it is not above zero."""
    given = length(typed)
    if given.value_u <= 0:
        raise ValueError(f'"{typed.replace("−", "-")}" is none: give a length above zero')
    return given


def length_words(length_u: float, unit: str = "um") -> str:
    """Write a length for people: `250 µm`, `-4.25 mm`, `12.5 °`, `0.5 dioptres`.

    To a tenth of a micrometre, a thousandth of a degree, or five decimals of a dioptre, as a 32nd has.
    Without its space it can be typed back.
    """
    if unit == "deg":
        return f"{_decimal(round(length_u * 1000), 3)} °"
    if unit == "d":
        return f"{_decimal(round(length_u * 100_000), 5)} dioptres"
    tenths = round(length_u * 10)
    if abs(tenths) < 10_000:
        return f"{_decimal(tenths, 1)} µm"
    return f"{_decimal(tenths, 4)} mm"


def in_units(given: Mapping[str, Any]) -> dict[str, Any]:
    """Give a request's body with its lengths as numbers, and the unit they were typed in beside them."""
    lengths = {field: value for field, value in given.items() if isinstance(value, Length)}
    units = sorted({value.unit for value in lengths.values() if value.unit is not None})
    numbers = {field: value.value_u for field, value in lengths.items()}
    return {**given, **numbers, **({"unit": units[0]} if units else {})}


def _decimal(number: int, places: int) -> str:
    """Write `number` / 10 ** `places` without zeros at its end."""
    whole, part = divmod(abs(number), 10**places)
    digits = f"{whole}.{part:0{places}d}".rstrip("0").rstrip(".")
    return f"-{digits}" if number < 0 else digits
