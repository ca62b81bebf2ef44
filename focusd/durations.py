"""Durations as people type and read them: `3s`, `500ms`, `2min`, `1/125`."""

import re
from fractions import Fraction

from focusd.decimals import pointed

_TYPED = re.compile(r"\s*(\d+\.?\d*|\.\d+|\d+/[1-9]\d*)\s*(us|µs|μs|ms|s|min|m|h|d)?\s*")

_UNIT_S = {
    "us": Fraction(1, 1_000_000),
    "µs": Fraction(1, 1_000_000),
    "μs": Fraction(1, 1_000_000),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "min": Fraction(60),
    "m": Fraction(60),
    "h": Fraction(3600),
    "d": Fraction(86_400),
}


def duration_s(typed: str) -> float:
    """Give a typed duration in seconds; a number alone counts seconds. Raises `ValueError`."""
    return float(_duration_s(typed))


def duration_us(typed: str) -> int:
    """Give a typed duration in whole microseconds; raises `ValueError`."""
    return round(_duration_s(typed) * 1_000_000)


def duration_words(seconds: float) -> str:
    """Write a duration for people, to the second: `0:09`, `12:30`, `1:02:03`."""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _duration_s(typed: str) -> Fraction:
    match = _TYPED.fullmatch(typed)
    if match is None:
        typed = typed.replace("−", "-")
        if written := pointed(typed, _TYPED):
            raise ValueError(f'"{typed}" is not a duration: write its decimals after a point: {written}')
        raise ValueError(f'"{typed}" is not a duration: write 500ms, 3s, 1/125, 30min, 2h or 7d')
    digits, unit = match.groups()
    return Fraction(digits) * _UNIT_S[unit or "s"]
