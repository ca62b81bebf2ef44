"""What limit switches and emergency stop read, as values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Switches:
    """Whether each is pressed; None where none is fitted, or nobody looked."""

    near: bool | None = None
    far: bool | None = None
    e_stop: bool | None = None
