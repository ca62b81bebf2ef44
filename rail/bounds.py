"""Where a motor may be sent, and what is said where it may not."""

from dataclasses import dataclass

from rail.axis import Position, Trust
from rail.axis_settings import AxisSettings
from rail.errors import BeyondReach, PositionUnknown
from rail.screw import Scale


@dataclass(frozen=True, slots=True)
class Bounds:
    """What travel and reach allow of a move. Pure: it knows no motor, only where that is said to be."""

    settings: AxisSettings
    scale: Scale

    def check_move(self, position: Position, target_steps: int) -> None:
        """Raise what speaks against a move from `position` to `target_steps`.

        Raises
        ------
        BeyondReach
            The target lies outside the reach.
        PositionUnknown
            The position is unknown and the target farther off than the whole travel.
        """
        if position.trust is Trust.UNKNOWN:
            self._check_relative(target_steps - position.steps)
        elif not self.settings.reach.holds(target_steps):
            raise self._beyond(target_steps)

    def check_jog(self, position: Position, distance_steps: int) -> None:
        """Raise what speaks against going `distance_steps` from `position`, as `check_move` does.

        From outside the reach, motion towards it is always allowed.
        """
        if position.trust is Trust.UNKNOWN:
            self._check_relative(distance_steps)
            return
        target_steps, reach = position.steps + distance_steps, self.settings.reach
        too_far = distance_steps > 0 and target_steps > reach.farthest_steps
        too_near = distance_steps < 0 and target_steps < reach.nearest_steps
        if too_far or too_near:
            raise self._beyond(target_steps)

    def check_place(self, place_steps: int) -> None:
        """Raise `BeyondReach` where the axis cannot stand: outside the travel."""
        near_steps, far_steps = self.settings.ends_steps
        beyond_steps = max(near_steps - place_steps, place_steps - far_steps)
        if beyond_steps > 0:
            say = self.scale.say
            raise BeyondReach(
                f"{say(place_steps)} is {say(beyond_steps)} outside the travel, which is "
                f"{say(near_steps)} to {say(far_steps)}: the axis cannot stand there",
                target_steps=place_steps,
                beyond_steps=beyond_steps,
            )

    def _check_relative(self, distance_steps: int) -> None:
        excess_steps = abs(distance_steps) - self.settings.travel_steps
        if excess_steps > 0:
            raise PositionUnknown(
                f"a move of {self.scale.say(abs(distance_steps))} is {self.scale.say(excess_steps)} longer "
                "than the whole travel; the position is unknown, so home first"
            )

    def _beyond(self, target_steps: int) -> BeyondReach:
        reach, say = self.settings.reach, self.scale.say
        near = target_steps < reach.nearest_steps
        end, end_steps = ("near", reach.nearest_steps) if near else ("far", reach.farthest_steps)
        beyond_steps = abs(target_steps - end_steps)
        return BeyondReach(
            f"{say(target_steps)} is {say(beyond_steps)} beyond the {end} end of the reach, which is "
            f"{say(reach.nearest_steps)} to {say(reach.farthest_steps)}",
            target_steps=target_steps,
            beyond_steps=beyond_steps,
        )
