"""What the loop that steps the motor and the rest of the world tell each other while it runs."""

import ctypes
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Which limit switches are pressed; None where none is fitted."""

    near: bool | None
    far: bool | None


@dataclass(frozen=True, slots=True)
class MotorReport:
    """What the motor's inputs and outputs were when they were last looked at.

    Attributes
    ----------
    limits
        The limit switches.
    emergency_pressed
        The emergency stop; None where none is fitted.
    energised
        Whether the motor is held.
    looked_ns
        When.
    late_steps, max_late_ns
        How many steps since opening came more than half an interval late, and the longest that any was.
    """

    limits: Limits
    emergency_pressed: bool | None
    energised: bool
    looked_ns: int
    late_steps: int
    max_late_ns: int


class Signals(ctypes.Structure):
    """What the loop and the rest of the world tell each other while it runs.

    Plain memory, so that it works the same between threads and, in a shared mapping, between processes. Each
    field has one writer at a time and is written whole.
    """

    _fields_ = (
        ("count_steps", ctypes.c_int64),
        ("stop", ctypes.c_uint8),
        ("halt", ctypes.c_uint8),
        ("running", ctypes.c_uint8),
        ("emergency", ctypes.c_uint8),
        ("near", ctypes.c_uint8),
        ("far", ctypes.c_uint8),
        ("emergency_input", ctypes.c_uint8),
        ("energised", ctypes.c_uint8),
        ("looked_ns", ctypes.c_int64),
        ("late_steps", ctypes.c_int64),
        ("max_late_ns", ctypes.c_int64),
    )
    count_steps: int
    """Pulses given since the stepper was opened, far less near."""
    stop: int
    """Ramp down, and stay so."""
    halt: int
    """No more pulses, and stay so."""
    running: int
    """Steps are being issued."""
    emergency: int
    """The emergency stop was pressed; no more pulses until that is acknowledged."""
    near: int
    """The near limit switch when it was last looked at: 0 open, 1 pressed, 2 none fitted."""
    far: int
    """The far one."""
    emergency_input: int
    """The emergency stop's input."""
    energised: int
    """The motor is held."""
    looked_ns: int
    """When the inputs were last looked at."""
    late_steps: int
    """Steps that came more than half an interval late."""
    max_late_ns: int
    """The longest that any was."""

    def see(self) -> MotorReport:
        """Give what the stepper last noted of its inputs."""
        return MotorReport(
            limits=Limits(near=_pressed(self.near), far=_pressed(self.far)),
            emergency_pressed=_pressed(self.emergency_input),
            energised=bool(self.energised),
            looked_ns=self.looked_ns,
            late_steps=self.late_steps,
            max_late_ns=self.max_late_ns,
        )


_NOT_FITTED = 2


def noted(pressed: bool | None) -> int:
    """Give an input as `Signals` keeps it; None: it is not fitted."""
    return _NOT_FITTED if pressed is None else int(pressed)


def _pressed(noted: int) -> bool | None:
    return None if noted == _NOT_FITTED else bool(noted)


class Signalled:
    """The part of a stepper that is nothing but signals: what takes effect, or is seen, between two steps."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals

    def count_steps(self) -> int:
        """Give the pulses issued since opening, far less near; live during a run."""
        return self._signals.count_steps

    def emergency(self) -> bool:
        """Say whether the emergency stop was pressed and that is not acknowledged yet."""
        return bool(self._signals.emergency)

    def stop(self) -> None:
        """Ramp down, and issue nothing until `arm`."""
        self._signals.stop = 1

    def halt(self) -> None:
        """Issue no further pulse until `arm`."""
        self._signals.halt = 1

    def stopped(self) -> bool:
        """Say whether a stop or halt is in force."""
        return bool(self._signals.stop or self._signals.halt)

    def arm(self) -> None:
        """Forget an earlier stop or halt."""
        self._signals.stop = 0
        self._signals.halt = 0
