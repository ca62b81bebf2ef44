"""How fast the common drivers can be told things: step/direction ones, and a row of transistors."""

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
    fastest_full_steps_s
        The rate above which the motor that belongs to this driver does not follow; None: any motor may.
    starting_full_steps_s
        The rate at which that motor starts without a ramp.
    four_phase
        There is no STEP and DIR: the steps are patterns on four coils, see `rail.coils`.
    """

    name: str
    pulse_ns: int
    low_ns: int
    dir_setup_ns: int
    wake_ns: int
    fastest_full_steps_s: int | None = None
    starting_full_steps_s: int | None = None
    four_phase: bool = False


# A4988, DRV8825: their data sheets. TMC2209: 20 ns of DIR setup on paper, but reversals went wrong below
# 60 ns in the field (Marlin #17323); no wake-up time is named, StealthChop wants 130 ms of standstill.
# ULN2003: a pattern has neither pulse nor direction. Its 28BYJ-48, by Kiatronics' data sheet, starts at 600
# half steps a second ("idle in-traction frequency") and follows up to 1000 ("out-traction"); 50 ms is room
# for the rotor to fall into its place and come to rest there.
_TIMINGS = (
    DriverTiming("A4988", pulse_ns=1_000, low_ns=1_000, dir_setup_ns=200, wake_ns=1_000_000),
    DriverTiming("DRV8825", pulse_ns=1_900, low_ns=1_900, dir_setup_ns=650, wake_ns=1_700_000),
    DriverTiming("TMC2209", pulse_ns=100, low_ns=100, dir_setup_ns=60, wake_ns=130_000_000),
    DriverTiming(
        "ULN2003",
        pulse_ns=0,
        low_ns=0,
        dir_setup_ns=0,
        wake_ns=50_000_000,
        fastest_full_steps_s=500,
        starting_full_steps_s=300,
        four_phase=True,
    ),
)

CUSTOM = "custom"
"""The name under which somebody gives a driver's times themselves."""

DRIVERS: Mapping[str, DriverTiming] = {timing.name: timing for timing in _TIMINGS}
"""The drivers we know, by the name on the board."""
