"""The way to the reference: a limit switch away from the subject, touched slowly."""

from rail.axis import Trust
from rail.axis_settings import AxisSettings
from rail.errors import HomingFailed, HomingFault, HomingNotAllowed
from rail.profile import Ramp
from rail.reckoning import Reckoning
from rail.screw import Scale
from rail.signals import Limits
from rail.stepper import Ending, Seek


class Homing:
    """Finds the reference, once the owner has allowed it.

    Fast until the limit closes, back until it opens and clear of it, then slowly until it closes again. From
    a known place it goes straight to where the slow touch begins, losing nothing on the way, so that the
    touch measures what had been lost before.
    """

    def __init__(self, reckoning: Reckoning, scale: Scale, settings: AxisSettings) -> None:
        self._reckoning = reckoning
        self._scale = scale
        self._settings = settings
        self._allowed = settings.home_allowed

    def allow(self) -> None:
        """Take the owner's word that the way is free."""
        self._allowed = True

    def check(self) -> None:
        """Raise what speaks against homing; move nothing.

        Raises
        ------
        HomingNotAllowed
            The owner has not yet allowed it.
        HomingFailed
            The limit is missing, or both are pressed.
        """
        if not self._allowed:
            raise HomingNotAllowed(
                "homing has not been allowed: see that nothing stands between the carriage and its "
                f"{self._end} end, then set axis.home_allowed in config.yaml or allow it for once"
            )
        limits = self._reckoning.limits()
        if self._reference_of(limits) is None:
            raise HomingFailed(
                f"no limit switch is configured at the {self._end} end, so there is no reference "
                "to find; declare one by hand with `focusctl zero`",
                fault=HomingFault.NO_SWITCH,
            )
        if limits.near and limits.far:
            raise HomingFailed(
                "both limit switches read pressed, so no direction is safe; look for a broken wire or plug",
                fault=HomingFault.ALREADY_PRESSED,
            )

    def touch(self) -> int | None:
        """Come to rest on the reference: the place is then known.

        Gives how far off it a known or assumed place turned out to be, in steps, None where it was unknown;
        of an assumed one to a full step or two, for the switch is met at speed. Raises `HomingFailed` when
        the limit did not close or did not open, and what `Reckoning.run` raises.
        """
        missed_steps = self._approach()
        self._reckoning.declare(self._settings.home_steps)
        return missed_steps

    def _approach(self) -> int | None:
        settings, trust = self._settings, self._reckoning.held().trust
        known = trust is Trust.KNOWN
        towards, slack_steps = settings.home_sense, settings.run_up_steps + settings.clearance_steps
        if self._reference_of(self._reckoning.limits()):
            self._touch_again(slack_steps)
        elif not known:
            self._seek(towards * (settings.travel_steps + slack_steps), settings.homing_ramp, Seek.PRESSED)
            self._touch_again(slack_steps)
        elif not self._goes_clear():
            early_steps = self._off_reference_steps()
            self._touch_again(slack_steps)
            return early_steps  # touched at speed: right to a full step or two, and far off by itself
        else:
            # With a dead switch, no farther into the end than a known place allows.
            self._seek(towards * (settings.clearance_steps + slack_steps), self._touch_ramp, Seek.PRESSED)
        return None if trust is Trust.UNKNOWN else self._off_reference_steps()

    def _goes_clear(self) -> bool:
        """Go to where a slow touch of the reference begins; false where the switch was closed before that."""
        towards, clear_steps = self._settings.home_sense, self._settings.clearance_steps
        distance_steps = max(0, -towards * self._off_reference_steps() - clear_steps)
        # The ramp of homing: where steps were lost the switch comes early, and its end stop may be near.
        run = self._reckoning.run(towards * distance_steps, self._settings.homing_ramp, Seek.PRESSED)
        return run.ending is Ending.DONE

    def _touch_again(self, slack_steps: int) -> None:
        """Go back from the closed switch until it opens and clear of it, then touch it slowly."""
        settings, slowly = self._settings, self._settings.ramp.slowest()
        away = -settings.home_sense
        self._seek(away * slack_steps, slowly, Seek.RELEASED)
        self._reckoning.run(away * settings.clearance_steps, slowly)
        self._seek(-away * 2 * slack_steps, self._touch_ramp, Seek.PRESSED)

    def _seek(self, distance_steps: int, ramp: Ramp, seek: Seek) -> None:
        if self._reckoning.run(distance_steps, ramp, seek).ending is Ending.FOUND:
            return
        self._reckoning.lose()
        searched = self._scale.say(abs(distance_steps))
        if seek is Seek.PRESSED:
            partial = abs(distance_steps) < self._settings.travel_steps
            again = "; homing again searches the whole travel" if partial else ""
            raise HomingFailed(
                f"the {self._end} limit switch did not close within {searched}: the motor does not "
                f"turn, the switch does not work, or the carriage is farther off than was thought{again}",
                fault=HomingFault.NO_SWITCH,
            )
        raise HomingFailed(
            f"the {self._end} limit switch is stuck: still closed {searched} away from it; look for "
            "a jammed switch, a broken wire, or a motor that turns the wrong way round (`invert`)",
            fault=HomingFault.STUCK,
        )

    def _off_reference_steps(self) -> int:
        return self._reckoning.held().steps - self._settings.home_steps

    def _reference_of(self, limits: Limits) -> bool | None:
        return limits.near if self._settings.home_sense < 0 else limits.far

    @property
    def _end(self) -> str:
        return "near" if self._settings.home_sense < 0 else "far"

    @property
    def _touch_ramp(self) -> Ramp:
        return Ramp(self._settings.touch_steps_s, self._settings.touch_steps_s, 1)
