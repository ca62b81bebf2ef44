"""Lengths as people type and read them: `4mm`, `250um`, `-0.5 mm`."""

import re
from fractions import Fraction

_TYPED = re.compile(r"\s*([-+−]?)\s*(\d+\.?\d*|\.\d+)\s*(mm|um|µm|μm)?\s*")
"""A sign (a typographic minus too), a decimal number, a unit (both of Unicode's micro signs)."""

_UNIT_UM = {"mm": 1000, "um": 1, "µm": 1, "μm": 1}


def length_um(typed: str) -> float:
    """Give a typed length in micrometres; raises `ValueError` saying what is wrong.

    A number needs its unit, for a rail that was to go 4 µm and goes 4 mm does harm; only 0 is 0 in any.
    """
    match = _TYPED.fullmatch(typed)
    if match is None:
        raise ValueError(f'"{typed}" is not a length: write a number and its unit, as in 4mm or 250um')
    sign, digits, unit = match.groups()
    number = Fraction(digits)
    if unit is None and number != 0:
        raise ValueError(f'"{typed}" lacks its unit: write {digits}mm or {digits}um')
    return float((-number if sign in ("-", "−") else number) * _UNIT_UM[unit or "um"])


def length_words(length_um: float) -> str:
    """Write a length for people, to a tenth of a micrometre: `250 µm`, `-4.25 mm`.

    Without its space it can be typed back.
    """
    tenths = round(length_um * 10)
    if abs(tenths) < 10_000:
        return f"{_decimal(tenths, 1)} µm"
    return f"{_decimal(tenths, 4)} mm"


def _decimal(number: int, places: int) -> str:
    """Write `number` / 10 ** `places` without zeros at its end."""
    whole, part = divmod(abs(number), 10**places)
    digits = f"{whole}.{part:0{places}d}".rstrip("0").rstrip(".")
    return f"-{digits}" if number < 0 else digits
