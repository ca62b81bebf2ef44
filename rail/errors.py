"""What can go wrong on an axis. Each error carries its facts as attributes.

RailError
├── MoveRefused          nothing moved
│   ├── BeyondReach
│   ├── PositionUnknown
│   ├── EmergencyStopInForce
│   └── HomingNotAllowed
├── Stopped              somebody asked; the position is kept
├── Halted               a limit, a fault; the position may be unknown
│   └── MotionLost       the motion process died
├── HomingFailed
├── DriverFault          the motor's driver does not answer, or has switched itself off
│   └── DriverForgot     it was without power
└── PinsUnavailable
"""

from enum import StrEnum

from rail.axis import Position


class RailError(Exception):
    """Anything an axis refuses or fails at."""


class MoveRefused(RailError):
    """The move was not begun."""


class BeyondReach(MoveRefused):
    """The target lies outside the travel, or inside the keep-out before the subject."""

    def __init__(self, message: str, *, target_steps: int, beyond_steps: int) -> None:
        super().__init__(message)
        self.target_steps = target_steps
        self.beyond_steps = beyond_steps


class PositionUnknown(MoveRefused):
    """The move needs a position that is known, and it is not."""


class EmergencyStopInForce(MoveRefused):
    """The emergency stop was pressed, and nobody has acknowledged that since."""


class HomingNotAllowed(MoveRefused):
    """The rig's owner has not yet said that homing is safe."""


class Stopped(RailError):
    """A stop was asked for; the axis is at rest and knows where."""

    def __init__(self, message: str, *, position: Position) -> None:
        super().__init__(message)
        self.position = position


class Halted(RailError):
    """Motion ended without a ramp: a limit, an emergency stop, a fault."""

    def __init__(self, message: str, *, position: Position) -> None:
        super().__init__(message)
        self.position = position


class MotionLost(Halted):
    """The process that steps the motor is gone; where the axis is, nobody knows."""


class HomingFault(StrEnum):
    """What went wrong in homing."""

    NO_SWITCH = "no switch"
    """The switch did not close within the travel, or none is fitted."""
    STUCK = "stuck"
    """The switch stayed closed while the axis moved away from it."""
    ALREADY_PRESSED = "already pressed"
    """Both switches read pressed before any motion: no direction is safe."""


class HomingFailed(RailError):
    """The reference was not found; once the axis has moved for it, the position is unknown."""

    def __init__(self, message: str, *, fault: HomingFault) -> None:
        super().__init__(message)
        self.fault = fault


class DriverFault(RailError):
    """The motor's driver does not answer, does not obey, or has switched itself off."""


class DriverForgot(DriverFault):
    """The motor's driver lost its power, and with it what it had been told; so did the motor."""


class PinsUnavailable(RailError):
    """The GPIO chip or a pin cannot be had."""
