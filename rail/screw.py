"""Steps to micrometres, or to degrees of a ring, and back: the one place where they meet."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

_FORGIVEN = Fraction(1, 10**9)

Unit = Literal["um", "deg", "d"]
"""Micrometres of travel, degrees of a focus ring, or dioptres of a lens."""

_WRITTEN: dict[Unit, str] = {"um": "µm", "deg": "°", "d": "dioptres"}


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis's grid: how much of its unit one step is, kept as an exact fraction.

    Attributes
    ----------
    unit
        What `per_step` is measured in; lengths in it bear the suffix `_u` everywhere.
    per_step
        Units a step. Below zero where the unit falls from near to far, as a lens's dioptres do.
    """

    unit: Unit
    per_step: Fraction

    def __post_init__(self) -> None:
        if self.per_step == 0:
            raise ValueError(f"a step must be longer than nothing, not {self.per_step} {self.unit}")

    def length_u(self, steps: int) -> float:
        """Give a place, or the way from one to another, in the axis's unit."""
        return float(steps * self.per_step)

    def span_u(self, steps: int) -> float:
        """Give how long `steps` are in the axis's unit, whichever way they go."""
        return abs(self.length_u(steps))

    def say(self, steps: int) -> str:
        """Give a place, or the way from one to another, in words: `12.5 µm`."""
        return self.say_length(self.length_u(steps))

    def say_length(self, length_u: float) -> str:
        """Give a length on the axis as people write it: `0.3125 µm`, `38 mm`, `90 °`, `0.5 dioptres`."""
        if self.unit == "um" and abs(length_u) >= 1000:
            return f"{length_u / 1000:.6g} mm"
        return f"{length_u:.6g} {_WRITTEN[self.unit]}"

    @property
    def exact(self) -> str:
        """One step as it is, unrounded: `5/16 um`."""
        return f"{self.per_step} {self.unit}"

    def whole_steps(self, span_u: float) -> int:
        """Give how many whole steps fit into a length, a billionth of a step forgiven."""
        return math.floor(abs(Fraction(span_u) / self.per_step) + _FORGIVEN)

    def nearest_steps(self, length_u: float) -> int:
        """Give the step nearest to `length_u`; a tie goes to the even step."""
        return round(Fraction(length_u) / self.per_step)

    def floor_steps(self, length_u: float) -> int:
        """Give the last step not beyond `length_u`, a billionth of a step forgiven.

        Decimal lengths such as 0.3 have no exact binary form; without the forgiveness
        `floor_steps(length_u(n))` could be `n - 1`.
        """
        return math.floor(Fraction(length_u) / self.per_step + _FORGIVEN)

    def ceil_steps(self, length_u: float) -> int:
        """Give the first step not short of `length_u`, a billionth of a step forgiven."""
        return -self.floor_steps(-length_u)


def lens_scale(step_d: Fraction) -> Scale:
    """Give the scale of a lens that its camera focuses: in dioptres, which fall from near to far.

    Parameters
    ----------
    step_d
        What one code of the lens's driver is worth: 1/32 for an IMX708 (Camera Module 3), about 0.07 for its
        wide version (libcamera's tuning files, `rpi.af`, `map`).
    """
    return Scale("d", -step_d)


def screw_scale(lead_um: Fraction, full_steps_a_turn: int, microsteps: int) -> Scale:
    """Give the scale of a motor on a lead screw.

    Parameters
    ----------
    lead_um
        Travel of the carriage for one turn of the motor, gears and belts included, in micrometres.
    full_steps_a_turn
        200 for a 1.8 degree motor.
    microsteps
        As strapped on the driver: 1, 2, 4, ... 256.

    Examples
    --------
    >>> screw_scale(Fraction(1000), 200, 16).length_u(1)
    0.3125
    """
    return Scale("um", lead_um / (full_steps_a_turn * microsteps))


def ring_scale(full_steps_a_turn: int, microsteps: int, gear: Fraction) -> Scale:
    """Give the scale of a motor that turns a focus ring, in degrees of the ring.

    Parameters
    ----------
    full_steps_a_turn
        Of the rotor itself, before any gear: 32 for a 28BYJ-48.
    microsteps
        2 for half steps, 1 for full ones; or as strapped on a step/direction driver.
    gear
        Turns of the rotor for one turn of the ring, everything between them included, exactly. A 28BYJ-48 is
        sold as 64:1; its wheels, 32/9 x 22/11 x 26/9 x 31/10, make 25792/405.

    Examples
    --------
    >>> ring_scale(32, 2, Fraction(64)).length_u(4096)
    360.0
    """
    return Scale("deg", 360 / (gear * full_steps_a_turn * microsteps))
