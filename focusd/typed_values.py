"""What is typed after an option, read as a value; `ValueError` says what is wrong with it."""

import argparse
import math
import re
from collections.abc import Callable
from datetime import datetime, time
from typing import Any, TypeVar

from focusd.decimals import pointed
from focusd.durations import duration_us

Value = TypeVar("Value")

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)")


def worded(read: Callable[[str], Value]) -> Callable[[str], Value]:
    """Let argparse show the words of a `ValueError`, which it otherwise replaces by its own."""

    def reading(typed: str) -> Value:
        try:
            return read(typed)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return reading


def number(typed: str) -> float:
    """Read a number, also one below 0: `-0.5`, or with a typographic minus."""
    typed = typed.replace("−", "-")
    try:
        value = float(typed)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f'"{typed}" is not a number: write it as in {pointed(typed, _NUMBER) or "0.5"}')
    return value


def count(typed: str) -> int:
    """Read how many: a whole number from 1 up."""
    try:
        value = int(typed.replace("−", "-"))
    except ValueError:
        raise ValueError(f'"{typed}" is not a whole number') from None
    if value < 1:
        raise ValueError(f"{value} is not a whole number from 1 up")
    return value


def exposure(typed: str) -> dict[str, Any]:
    """Read `TIME,GAIN,RED,BLUE`, as `focusctl sessions show` writes it."""
    try:
        time, *gains = typed.split(",")
        gain, red, blue = (float(number) for number in gains)
    except ValueError:
        raise ValueError(
            f'"{typed}" is not an exposure: write time, gain and the two colour gains, as in 8ms,1,2.1,1.7'
        ) from None
    return {"time_us": duration_us(time), "gain": gain, "colour_gains": [red, blue]}


def ends(typed: str) -> list[list[float]]:
    """Read `X,Y,X,Y`: two pixels."""
    try:
        x, y, to_x, to_y = (float(number) for number in typed.split(","))
    except ValueError:
        raise ValueError(f'"{typed}" is not two pixels: write both, as in 120,800,3200,815') from None
    return [[x, y], [to_x, to_y]]


def specimen_field(typed: str) -> dict[str, str]:
    """Read `NAME=VALUE`."""
    name, equals, value = typed.partition("=")
    if not equals:
        raise ValueError(f'"{typed}" is not a field: write its name, = and what it says, as in sex=female')
    return {name.strip(): value.strip()}


def moment(typed: str) -> str:
    """Read a date and time of day; local where no zone is said. Raises `ValueError`."""
    try:
        return datetime.fromisoformat(typed).isoformat()
    except ValueError:
        raise ValueError(f'"{typed}" is not a time: write 2026-12-01T08:00') from None


def window(typed: str) -> list[str]:
    """Read `FROM-TO`, two times of a day. Raises `ValueError`."""
    try:
        opens, closes = (time.fromisoformat(edge).isoformat() for edge in typed.split("-"))
    except ValueError:
        raise ValueError(f'"{typed}" is no window: write 06:00-20:00') from None
    return [opens, closes]
