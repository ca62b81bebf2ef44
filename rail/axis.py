"""One axis of motion: where it is, how sure that is, and how to get somewhere else."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from rail.screw import Scale


class Trust(StrEnum):
    """How far a position can be believed."""

    KNOWN = "known"
    """Homed, or zeroed by hand, and the driver held since."""
    ASSUMED = "assumed"
    """Stored at rest on a rig that holds itself; the driver was released or the power lost since."""
    UNKNOWN = "unknown"
    """Counted from wherever the axis stood at power-up: good for relative moves only."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place on the axis, in whole steps, and how far to believe it."""

    steps: int
    trust: Trust


@dataclass(frozen=True, slots=True)
class Reach:
    """The places a move may end at, in steps from home, both ends included.

    Travel less the keep-out before the subject and less the run-up that a one-sided approach needs.
    """

    nearest_steps: int
    farthest_steps: int

    def holds(self, steps: int) -> bool:
        """Say whether `steps` lies inside, ends included."""
        return self.nearest_steps <= steps <= self.farthest_steps


@dataclass(frozen=True, slots=True)
class Arrival:
    """The end of a move: where the axis came to rest, and when the last step was taken.

    After homing, `missed_steps` is how far from the reference the axis was believed to be when it touched it:
    what was lost, or gained, since the position was last known. None where it was unknown; where it was
    assumed, to a full step or two.
    """

    position: Position
    at_rest_ns: int
    missed_steps: int | None = None


class Axis(Protocol):
    """What a stack needs of a rail, a focus ring or a lens.

    Positions are whole steps of `scale`'s grid and grow from near to far as seen from the lens. One
    thread moves the axis; `stop` and `position` may be called from any. Every method that moves
    blocks until the axis is at rest, and raises `rail.errors.Stopped` when it was stopped (position
    kept), `rail.errors.Halted` when a limit, a fault or the loss of the motion process ended it,
    `rail.errors.MoveRefused` when it may not begin.
    """

    @property
    def scale(self) -> Scale:
        """The axis's grid."""
        ...

    @property
    def reach(self) -> Reach:
        """Where a move may end, once the position is not unknown."""
        ...

    def position(self) -> Position:
        """Give the place where the axis is, or while it moves, the last step counted."""
        ...

    def moving(self) -> bool:
        """Say whether steps are being issued now."""
        ...

    def check(self, target_steps: int) -> None:
        """Raise `MoveRefused` when a move to `target_steps` may not begin; move nothing."""
        ...

    def duration_ns(self, distance_steps: int) -> int:
        """Estimate the time of a move over `distance_steps` (its sign does not matter)."""
        ...

    def home(self) -> Arrival:
        """Find the reference; afterwards the position is known. Refused until the owner has allowed it."""
        ...

    def move_to(self, target_steps: int) -> Arrival:
        """Go to `target_steps`, its last approach always from the near side, backlash taken up."""
        ...

    def jog(self, distance_steps: int) -> Arrival:
        """Go `distance_steps` from here, backlash not taken up; slowly where the position is unknown."""
        ...

    def hold(self) -> None:
        """Energise the motor so that the position keeps."""
        ...

    def release(self) -> None:
        """Let the motor go where that is safe; the position is then at best assumed.

        Refused on a vertical rig.
        """
        ...

    def stop(self) -> None:
        """Ramp down whatever moves and refuse every move until `arm`; at once, from any thread."""
        ...

    def arm(self) -> None:
        """Forget an earlier `stop`."""
        ...

    def close(self) -> None:
        """Halt, leave the outputs as the rig's gravity setting says, give back pins and processes."""
        ...


class OperatedAxis(Axis, Protocol):
    """What the owner of an axis needs of it beside what a stack needs."""

    @property
    def subject_side(self) -> Literal["near", "far"]:
        """The end where the subject is; the axis parks at the other."""
        ...

    @property
    def grid(self) -> str:
        """What places count, in words to be compared: how long a step is, from where, and which way."""
        ...

    def emergency(self) -> bool:
        """Say whether the emergency stop was pressed and that is not acknowledged yet; from any thread."""
        ...

    def acknowledge(self) -> Position:
        """Forget that the emergency stop was pressed; raises `rail.errors.EmergencyStopInForce`."""
        ...

    def allow_homing(self) -> None:
        """Take the owner's word that the way to the reference is free, until `close`."""
        ...

    def zero(self, at_steps: int | None = None) -> Position:
        """Take the owner's word for where the axis stands, None: at its reference; moves nothing."""
        ...

    def rest(self) -> None:
        """Record where the axis stands; to be called when no move follows soon."""
        ...
