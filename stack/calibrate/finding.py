"""What a calibration comes to: figures, the evidence for them, and what it would change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stack.calibrate.plot import Plot


@dataclass(frozen=True, slots=True)
class Proposal:
    """A setting, by the names that lead to it in config.yaml, and the value it should have."""

    keys: tuple[str, ...]
    value: object


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found.

    Attributes
    ----------
    kind
        settle, backlash, scale, flat, dark or range.
    words
        The result in sentences, the most important first.
    figures
        The same for programs: numbers by name, with their units in the names.
    plot
        The evidence; None where pictures are the evidence.
    pictures
        Files to keep beside it, by name.
    proposals
        What to change in config.yaml.
    """

    kind: str
    words: tuple[str, ...]
    figures: Mapping[str, Any]
    plot: Plot | None = None
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    proposals: tuple[Proposal, ...] = ()
