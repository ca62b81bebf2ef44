"""How a stack's values are written for people."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

UNITS: Final = {"um": "µm", "deg": "°", "d": "D"}
"""How the units of an axis are written."""


def sentence(said: object) -> str:
    """Write half a sentence as one."""
    text = str(said).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def span_words(seconds: float) -> str:
    """Write a time span, rounded for reading: 2.7 s, 12 minutes, 3.5 days."""
    for unit, unit_s in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.3g} {unit}"
    return f"{seconds:.3g} s"


def moment_words(at: str | None) -> str | None:
    """Write an instant given in ISO 8601; None stays None."""
    return None if at is None else f"{datetime.fromisoformat(at):%Y-%m-%d %H:%M:%S} UTC"


def exposure_words(record: Mapping[str, Any]) -> str:
    """Write an exposure, as `stack.record` writes it for programs."""
    return f"{record['time_us'] / 1000:g} ms, gain {record['gain']:.3g}"


def index_words(indices: Sequence[int]) -> str:
    """Write indices with runs joined: 0, 4-9."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
