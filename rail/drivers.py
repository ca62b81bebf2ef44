"""How fast the common step/direction drivers can be told things."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DriverTiming:
    """The shortest times a driver understands.

    Attributes
    ----------
    pulse_ns, low_ns
        How long STEP must stay high, and low before the next pulse.
    dir_setup_ns
        How long DIR must be steady before a pulse, and after the last one.
    wake_ns
        From ENABLE to the first pulse that counts.
    """

    name: str
    pulse_ns: int
    low_ns: int
    dir_setup_ns: int
    wake_ns: int


# A4988, DRV8825: their data sheets. TMC2209: 20 ns of DIR setup on paper, but reversals went wrong below
# 60 ns in the field (Marlin #17323); no wake-up time is named, StealthChop wants 130 ms of standstill.
_TIMINGS = (
    DriverTiming("A4988", pulse_ns=1_000, low_ns=1_000, dir_setup_ns=200, wake_ns=1_000_000),
    DriverTiming("DRV8825", pulse_ns=1_900, low_ns=1_900, dir_setup_ns=650, wake_ns=1_700_000),
    DriverTiming("TMC2209", pulse_ns=100, low_ns=100, dir_setup_ns=60, wake_ns=130_000_000),
)

DRIVERS: Mapping[str, DriverTiming] = {timing.name: timing for timing in _TIMINGS}
"""The drivers we know, by the name on the board."""
