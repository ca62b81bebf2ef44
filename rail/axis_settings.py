"""What an axis must know of its rig, and where that lets it go."""

from dataclasses import dataclass
from typing import Literal

from rail.axis import Reach
from rail.profile import Ramp


@dataclass(frozen=True, slots=True)
class AxisSettings:
    """What the axis must know of the rig, in steps.

    Attributes
    ----------
    travel_steps
        From the touch of the near limit to the touch of the far one.
    keep_out_steps
        How much of the travel before the subject no move may enter.
    subject_side
        The end where the subject is. Homing goes to the other.
    backlash_steps
        The most that the carriage may lag behind the motor after a reversal.
    margin_steps
        How much farther than the backlash a one-sided approach begins.
    clearance_steps
        How far every move stays from the limit that homing touches, and homing backs off; more than the play
        of the switch.
    ramp
        For moves at a known position.
    homing_ramp
        For the first, fast touch.
    touch_steps_s
        Speed of the second touch; not above the start speed of `ramp`, so that ending on it loses nothing.
    gravity
        The carriage falls when the motor is let go.
    self_holding
        The carriage stays where it is without power, as on a fine screw.
    home_allowed
        The owner has said that the way to the reference is free.
    turn_steps
        Steps of an electrical turn of the motor, four full steps. Without current a rotor may settle anywhere
        in it; a driver that begins anew begins with the same angle of it.
    forgets_pattern
        Every process begins with that angle, as one that drives the coils itself does.
    near_end_steps
        The near end of the travel on an axis that counts from a mark, as a focus ring does, at most 0; None:
        the axis counts from its near end.
    inverted
        The motor is told the other way round: a place that was stored before it was means another.
    """

    travel_steps: int
    keep_out_steps: int
    subject_side: Literal["near", "far"]
    backlash_steps: int
    margin_steps: int
    clearance_steps: int
    ramp: Ramp
    homing_ramp: Ramp
    touch_steps_s: int
    gravity: bool = False
    self_holding: bool = False
    home_allowed: bool = False
    turn_steps: int = 1
    forgets_pattern: bool = False
    near_end_steps: int | None = None
    inverted: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.touch_steps_s <= self.ramp.start_steps_s:
            raise ValueError(
                f"the second touch at {self.touch_steps_s} steps/s must not be faster than the start speed, "
                f"{self.ramp.start_steps_s} steps/s"
            )
        if min(self.keep_out_steps, self.backlash_steps, self.margin_steps, self.clearance_steps) < 0:
            raise ValueError(f"lengths cannot be negative: {self}")
        if not self.ends_steps[0] <= 0 <= self.ends_steps[1]:
            raise ValueError(f"the mark that positions count from must lie within the travel: {self}")
        if self.reach.nearest_steps > self.reach.farthest_steps:
            raise ValueError(
                f"a travel of {self.travel_steps} steps leaves no room between keep-out, clearance and run-up"
            )

    @property
    def run_up_steps(self) -> int:
        """How far before its target a one-sided approach begins."""
        return self.backlash_steps + self.margin_steps

    @property
    def reach(self) -> Reach:
        """Where a move may end: its run-up, too, stays clear of the limit and of the keep-out."""
        near_gap, far_gap = (
            (self.clearance_steps, self.keep_out_steps)
            if self.subject_side == "far"
            else (self.keep_out_steps, self.clearance_steps)
        )
        near_steps, far_steps = self.ends_steps
        return Reach(near_steps + near_gap + self.run_up_steps, far_steps - far_gap)

    @property
    def ends_steps(self) -> tuple[int, int]:
        """The near and the far end of the travel."""
        near_steps = self.near_end_steps or 0
        return near_steps, near_steps + self.travel_steps

    @property
    def home_sense(self) -> Literal[-1, 1]:
        """The direction of homing, away from the subject."""
        return -1 if self.subject_side == "far" else 1

    @property
    def home_steps(self) -> int:
        """The position of the reference: the mark, or the end of the travel that homing goes to."""
        marked = self.near_end_steps is not None
        return 0 if marked or self.subject_side == "far" else self.travel_steps
