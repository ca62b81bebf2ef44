"""A motorised axis: places on a grid, out of a stepper that only counts."""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, Protocol

from rail.axis import Arrival, Position, Reach, Trust
from rail.axis_settings import AxisSettings
from rail.errors import (
    BeyondReach,
    DriverFault,
    EmergencyStopInForce,
    Halted,
    HomingFailed,
    HomingFault,
    HomingNotAllowed,
    MotionLost,
    MoveRefused,
    PositionUnknown,
    RailError,
    Stopped,
)
from rail.position_store import PositionStore, StoredPosition
from rail.profile import Ramp
from rail.screw import Scale
from rail.signals import Limits, Sight
from rail.stepper import Ending, Run, Seek, Stepper

_log = logging.getLogger(__name__)

_NS_A_SECOND = 10**9


class MotorDriver(Protocol):
    """A driver that can be asked how it is, as `rail.tmc2209.Tmc2209` can."""

    def check(self) -> None:
        """See that it is there, has what it was told, and is well; raises `rail.errors.DriverFault`."""
        ...


class StepperAxis:
    """An `rail.axis.Axis` on a stepper and one or two limit switches.

    The position is an origin plus what the stepper has counted, so it is right in the middle of a move and
    after any stop. It is stored as *moving* before the first step, and as itself by `rest`, so that of many
    moves only the first waits for the disk. At power-up it counts from a stored place at rest, or from
    nowhere: it is then unknown, and moves go slowly.

    Parameters
    ----------
    stepper
        Owned from here on, and closed by `close`.
    store
        The memory of this axis alone.
    driver
        Asked before the first of several moves and after each: what moved no motor is no motion. None: it
        cannot be asked.
    """

    def __init__(
        self,
        stepper: Stepper,
        scale: Scale,
        settings: AxisSettings,
        store: PositionStore,
        driver: MotorDriver | None = None,
    ) -> None:
        self._stepper = stepper
        self._driver = driver
        self._scale = scale
        self._settings = settings
        self._store = store
        self._home_allowed = settings.home_allowed
        self._forward_steps = 0
        self._under_way = False
        self._on_record: StoredPosition | None = None
        found = _at_power_up(store.load(), _grid(scale), settings)
        self._origin_steps = found.steps - stepper.count_steps()
        self._trust = found.trust

    @property
    def scale(self) -> Scale:
        """The axis's grid."""
        return self._scale

    @property
    def settings(self) -> AxisSettings:
        """What the axis knows of the rig."""
        return self._settings

    @property
    def reach(self) -> Reach:
        """Where a move may end, once the position is not unknown."""
        return self._settings.reach

    @property
    def subject_side(self) -> Literal["near", "far"]:
        """The end where the subject is."""
        return self._settings.subject_side

    def position(self) -> Position:
        """Give the place where the axis is, or while it moves, the last step counted."""
        trust = self._trust_without_hold() if self._stepper.emergency() else self._trust
        return Position(self._origin_steps + self._stepper.count_steps(), trust)

    def moving(self) -> bool:
        """Say whether steps are being issued now."""
        return self._stepper.running()

    def look(self) -> Sight:
        """Give what switches and motor are, at most a moment old; from any thread."""
        return self._stepper.look()

    def emergency(self) -> bool:
        """Say whether the emergency stop was pressed and that is not acknowledged yet; from any thread."""
        return self._stepper.emergency()

    def duration_ns(self, distance_steps: int) -> int:
        """Estimate the time of a move over `distance_steps` (its sign does not matter)."""
        return self._ramp().duration_ns(abs(distance_steps))

    def check(self, target_steps: int) -> None:
        """Raise `MoveRefused` when a move to `target_steps` may not begin; move nothing.

        Raises
        ------
        BeyondReach
            The target lies outside the reach.
        PositionUnknown
            The position is unknown and the target farther off than the whole travel.
        """
        self._refuse_in_emergency()
        if self._trust is Trust.UNKNOWN:
            self._check_relative(target_steps - self.position().steps)
        elif not self.reach.holds(target_steps):
            raise self._beyond(target_steps)

    def allow_homing(self) -> None:
        """Take the owner's word that the way to the reference is free, until `close`."""
        self._home_allowed = True

    def home(self) -> Arrival:
        """Find the reference away from the subject, and come to rest at that end of the reach.

        Fast until the limit closes, back until it opens and clear of it, then slowly until it closes again.
        From a known place it goes straight to where the slow touch begins, losing nothing on the way, so that
        the touch measures what had been lost before.

        Raises
        ------
        HomingNotAllowed
            The owner has not yet allowed it.
        HomingFailed
            The limit is missing, did not close or did not open; or both are pressed.
        """
        self._check_homing()
        self._refuse_when_stopped()
        settings = self._settings
        with self._journey():
            missed_steps = self._touch()
            self._origin_steps = settings.home_steps - self._stepper.count_steps()
            self._trust = Trust.KNOWN
            reach = self.reach
            run = self._approach(reach.nearest_steps if settings.home_sense < 0 else reach.farthest_steps)
        return replace(self._arrival(run), missed_steps=missed_steps)

    def zero(self, at_steps: int | None = None) -> Position:
        """Take the owner's word for where the axis stands, and hold it there: the position is then known.

        Nothing moves. Travel, keep-out and reach count from this word on from the reference so declared, so a
        place declared at the end of the travel lies outside the reach until the first move leads into it.

        Parameters
        ----------
        at_steps
            Where it stands; None: at the reference, where homing would touch the switch, or at the mark.

        Raises
        ------
        BeyondReach
            `at_steps` lies outside the travel.
        """
        self._refuse_when_stopped()
        self._refuse_without_driver()
        settings = self._settings
        place_steps = settings.home_steps if at_steps is None else at_steps
        near_steps, far_steps = settings.ends_steps
        beyond_steps = max(near_steps - place_steps, place_steps - far_steps)
        if beyond_steps > 0:
            raise BeyondReach(
                f"{self._say(place_steps)} is {self._say(beyond_steps)} outside the travel, which is "
                f"{self._say(near_steps)} to {self._say(far_steps)}: the axis cannot stand there",
                target_steps=place_steps,
                beyond_steps=beyond_steps,
            )
        self.hold()  # first, for a motor that is switched on turns to its nearest whole step
        self._origin_steps = place_steps - self._stepper.count_steps()
        self._trust = Trust.KNOWN
        self._forward_steps = 0
        return self.position()

    def acknowledge(self) -> Position:
        """Forget that the emergency stop was pressed. The motor may have been without current since.

        Raises
        ------
        EmergencyStopInForce
            It is still pressed, or its wire is broken.
        """
        if self._stepper.emergency():
            self._trust = self._trust_without_hold()
            self._forward_steps = 0
        with self._watching_for_loss():
            acknowledged = self._stepper.acknowledge()
        if not acknowledged:
            raise EmergencyStopInForce(
                "the emergency stop is still pressed: release it first; if it is released, its wire is broken"
            )
        return self.position()

    def move_to(self, target_steps: int) -> Arrival:
        """Go to `target_steps`, its last approach always from the near side, backlash taken up."""
        self.check(target_steps)
        self._refuse_when_stopped()
        with self._journey():
            run = self._approach(target_steps)
        return self._arrival(run)

    def jog(self, distance_steps: int) -> Arrival:
        """Go `distance_steps` from here, backlash not taken up; slowly where the position is unknown.

        From outside the reach, motion towards it is always allowed.
        """
        self._check_jog(distance_steps)
        self._refuse_when_stopped()
        with self._journey():
            run = self._run(distance_steps, self._ramp())
        return self._arrival(run)

    def hold(self) -> None:
        """Energise the motor so that the position keeps."""
        with self._watching_for_loss():
            self._stepper.energise()

    def release(self) -> None:
        """Let the motor go, parked; the position is then assumed where the rig holds itself, else unknown."""
        if self._settings.gravity:
            raise MoveRefused("this axis is vertical: without its motor the carriage would fall")
        self._park_rotor()
        self._trust = self._trust_without_hold()
        self._forward_steps = 0
        self.rest()
        with self._watching_for_loss():
            self._stepper.release()

    def rest(self) -> None:
        """Record where the axis stands; to be called when no move follows soon.

        Until then the record says *moving*, and a loss of power leaves the position unknown.
        """
        if self._under_way:
            return
        try:
            self._record(self._stored(moving=False))
        except OSError:
            # What is stored still says *moving*: after a restart the position is unknown, never wrong.
            _log.warning("the position could not be recorded; after a restart it is unknown", exc_info=True)

    def stop(self) -> None:
        """Ramp down whatever moves and refuse every move until `arm`; at once, from any thread."""
        self._stepper.stop()

    def arm(self) -> None:
        """Forget an earlier `stop`."""
        self._stepper.arm()

    def close(self) -> None:
        """Let the motor go, parked, unless gravity pulls at it; give back pins and processes."""
        if not self._settings.gravity:
            self._stepper.arm()
            self._park_rotor()
        self.rest()
        self._stepper.close()

    # --- what may begin -----------------------------------------------------------------------------------

    def _refuse_in_emergency(self) -> None:
        if self._stepper.emergency():
            raise EmergencyStopInForce(
                "the emergency stop was pressed: when the rig is safe again, release it and say so with "
                "`focusctl acknowledge`"
            )

    def _refuse_when_stopped(self) -> None:
        self._refuse_in_emergency()
        if self._stepper.stopped():
            raise Stopped("a stop is in force; arm the axis first", position=self.position())

    def _refuse_without_driver(self) -> None:
        try:
            self._ask_driver()
        except DriverFault as e:
            self._trust = self._trust_without_hold()
            self._forward_steps = 0
            raise MoveRefused(f"{e}. The motor was not held, so the position is {self._trust}") from e

    def _ask_driver(self) -> None:
        if self._driver is not None:
            self._driver.check()

    def _check_relative(self, distance_steps: int) -> None:
        excess_steps = abs(distance_steps) - self._settings.travel_steps
        if excess_steps > 0:
            raise PositionUnknown(
                f"a move of {self._say(abs(distance_steps))} is {self._say(excess_steps)} longer than the "
                "whole travel; the position is unknown, so home first"
            )

    def _check_jog(self, distance_steps: int) -> None:
        if self._trust is Trust.UNKNOWN:
            self._check_relative(distance_steps)
            return
        target_steps = self.position().steps + distance_steps
        too_far = distance_steps > 0 and target_steps > self.reach.farthest_steps
        too_near = distance_steps < 0 and target_steps < self.reach.nearest_steps
        if too_far or too_near:
            raise self._beyond(target_steps)

    def _beyond(self, target_steps: int) -> BeyondReach:
        reach = self.reach
        near = target_steps < reach.nearest_steps
        end, end_steps = ("near", reach.nearest_steps) if near else ("far", reach.farthest_steps)
        beyond_steps = abs(target_steps - end_steps)
        return BeyondReach(
            f"{self._say(target_steps)} is {self._say(beyond_steps)} beyond the {end} end of the reach, "
            f"which is {self._say(reach.nearest_steps)} to {self._say(reach.farthest_steps)}",
            target_steps=target_steps,
            beyond_steps=beyond_steps,
        )

    def _check_homing(self) -> None:
        if not self._home_allowed:
            raise HomingNotAllowed(
                "homing has not been allowed: see that nothing stands between the carriage and its "
                f"{self._home_name()} end, then set axis.home_allowed in config.yaml or allow it for once"
            )
        limits = self._limits()
        home = limits.near if self._settings.home_sense < 0 else limits.far
        if home is None:
            raise HomingFailed(
                f"no limit switch is configured at the {self._home_name()} end, so there is no reference "
                "to find; declare one by hand with `focusctl zero`",
                fault=HomingFault.NO_SWITCH,
            )
        if limits.near and limits.far:
            raise HomingFailed(
                "both limit switches read pressed, so no direction is safe; look for a broken wire or plug",
                fault=HomingFault.ALREADY_PRESSED,
            )

    # --- motion -------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _journey(self) -> Iterator[None]:
        """Begin no motion that is not recorded, and doubt the position when one ends in an unforeseen way."""
        if self._on_record is None or not self._on_record.moving:
            self._refuse_without_driver()
            try:
                self._record(self._stored(moving=True))
            except OSError as e:
                raise MoveRefused(f"the move cannot be recorded ({e}); without that it is not begun") from e
        self._under_way = True
        try:
            yield
            self._ask_driver()
        except (Stopped, Halted, HomingFailed):
            raise
        except DriverFault as e:
            self._trust = Trust.UNKNOWN
            raise Halted(
                f"{e}. Steps may be lost, so the position is unknown", position=self.position()
            ) from e
        except BaseException:
            self._trust = Trust.UNKNOWN
            raise
        finally:
            self._under_way = False

    def _approach(self, target_steps: int) -> Run:
        """Go to `target_steps`, having run forward by the run-up before it or more."""
        distance_steps = target_steps - self.position().steps
        run_up_steps = self._settings.run_up_steps
        if distance_steps < 0 or self._forward_steps + distance_steps < run_up_steps:
            self._run(distance_steps - run_up_steps, self._ramp())
            distance_steps = run_up_steps
        return self._run(distance_steps, self._ramp())

    def _park_rotor(self) -> None:
        """Go the little way, away from the subject, to where a driver that begins anew holds the motor.

        Where that cannot be, it stays: the place is then right to two full steps, as it is without parking.
        """
        settings, stepper = self._settings, self._stepper
        off_steps = stepper.count_steps() % settings.turn_steps
        held = settings.self_holding and self._trust is not Trust.UNKNOWN and not stepper.emergency()
        if off_steps and held and not stepper.stopped():
            with contextlib.suppress(RailError), self._journey():
                away_steps = settings.turn_steps - off_steps if settings.home_sense > 0 else -off_steps
                self._run(away_steps, settings.ramp.slowest())

    def _touch(self) -> int | None:
        """Come to rest on the reference, slowly; give how far off it a known place turned out to be."""
        settings = self._settings
        towards, known = settings.home_sense, self._trust is Trust.KNOWN
        slack_steps = settings.run_up_steps + settings.clearance_steps
        limits = self._limits()
        if limits.near if towards < 0 else limits.far:
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
        return self._off_reference_steps() if known else None

    def _goes_clear(self) -> bool:
        """Go to where a slow touch of the reference begins; false where the switch was closed before that."""
        towards, clear_steps = self._settings.home_sense, self._settings.clearance_steps
        distance_steps = max(0, -towards * self._off_reference_steps() - clear_steps)
        # The ramp of homing: where steps were lost the switch comes early, and its end stop may be near.
        run = self._run(towards * distance_steps, self._settings.homing_ramp, Seek.PRESSED)
        return run.ending is Ending.DONE

    def _touch_again(self, slack_steps: int) -> None:
        """Go back from the closed switch until it opens and clear of it, then touch it slowly."""
        settings, slowly = self._settings, self._settings.ramp.slowest()
        away = -settings.home_sense
        self._seek(away * slack_steps, slowly, Seek.RELEASED)
        self._run(away * settings.clearance_steps, slowly)
        self._seek(-away * 2 * slack_steps, self._touch_ramp, Seek.PRESSED)

    def _off_reference_steps(self) -> int:
        return self.position().steps - self._settings.home_steps

    @property
    def _touch_ramp(self) -> Ramp:
        return Ramp(self._settings.touch_steps_s, self._settings.touch_steps_s, 1)

    def _seek(self, distance_steps: int, ramp: Ramp, seek: Seek) -> None:
        if self._run(distance_steps, ramp, seek).ending is Ending.FOUND:
            return
        self._trust = Trust.UNKNOWN
        searched = self._say(abs(distance_steps))
        if seek is Seek.PRESSED:
            partial = abs(distance_steps) < self._settings.travel_steps
            again = "; homing again searches the whole travel" if partial else ""
            raise HomingFailed(
                f"the {self._home_name()} limit switch did not close within {searched}: the motor does not "
                f"turn, the switch does not work, or the carriage is farther off than was thought{again}",
                fault=HomingFault.NO_SWITCH,
            )
        raise HomingFailed(
            f"the {self._home_name()} limit switch is stuck: still closed {searched} away from it; look for "
            "a jammed switch, a broken wire, or a motor that turns the wrong way round (`invert`)",
            fault=HomingFault.STUCK,
        )

    def _run(self, distance_steps: int, ramp: Ramp, seek: Seek | None = None) -> Run:
        """Issue steps, keep count of what they do to backlash and trust, and raise what ended them early."""
        with self._watching_for_loss():
            run = self._stepper.run(distance_steps, ramp, seek=seek)
        if run.max_late_ns > _NS_A_SECOND // ramp.start_steps_s:
            _log.warning(
                "a step came %.1f ms late: this machine is busy, moves take longer", run.max_late_ns / 1e6
            )
        if run.issued_steps > 0:
            self._forward_steps = min(self._forward_steps + run.issued_steps, self._settings.run_up_steps)
        elif run.issued_steps < 0:
            self._forward_steps = 0
        if run.abrupt:
            self._trust = Trust.UNKNOWN
            self._forward_steps = 0
        if run.ending is Ending.STOPPED:
            raise Stopped("stopped on request", position=self.position())
        if run.ending not in (Ending.DONE, Ending.FOUND):
            raise Halted(self._why_halted(run), position=self.position())
        return run

    @contextlib.contextmanager
    def _watching_for_loss(self) -> Iterator[None]:
        try:
            yield
        except MotionLost as e:
            self._trust = Trust.UNKNOWN
            raise MotionLost(str(e), position=self.position()) from e

    def _why_halted(self, run: Run) -> str:
        what = f"halted after {self._say(abs(run.issued_steps))}: {run.detail or 'a halt was asked for'}"
        return f"{what}; steps may be lost, so the position is unknown" if run.abrupt else what

    # --- what is known ------------------------------------------------------------------------------------

    def _trust_without_hold(self) -> Trust:
        """Give what the position is worth once the motor was let go, or may have been."""
        if not self._settings.self_holding:
            return Trust.UNKNOWN
        return Trust.ASSUMED if self._trust is Trust.KNOWN else self._trust

    def _ramp(self) -> Ramp:
        return self._settings.ramp.slowest() if self._trust is Trust.UNKNOWN else self._settings.ramp

    def _arrival(self, run: Run) -> Arrival:
        return Arrival(self.position(), run.at_rest_ns)

    def _limits(self) -> Limits:
        with self._watching_for_loss():
            return self._stepper.limits()

    def _stored(self, *, moving: bool) -> StoredPosition:
        place = self.position()
        parked = self._stepper.count_steps() % self._settings.turn_steps == 0
        return StoredPosition(place.steps, place.trust, moving, _grid(self._scale), parked)

    def _record(self, position: StoredPosition) -> None:
        """Store `position` unless that is what the store holds for certain."""
        if position != self._on_record:
            self._on_record = None
            self._store.save(position)
            self._on_record = position

    def _home_name(self) -> str:
        return "near" if self._settings.home_sense < 0 else "far"

    def _say(self, steps: int) -> str:
        return f"{self._scale.length_u(steps):g} {self._scale.unit}"


def _grid(scale: Scale) -> str:
    return f"{scale.per_step} {scale.unit}"


def _at_power_up(stored: StoredPosition | None, grid: str, settings: AxisSettings) -> Position:
    """Give what a stored position is worth after the power may have been away."""
    if (
        stored is None
        or stored.moving
        or stored.grid != grid
        or stored.trust is Trust.UNKNOWN
        or not settings.self_holding
        or (settings.forgets_pattern and not stored.parked)
    ):
        return Position(0, Trust.UNKNOWN)
    return Position(stored.steps, Trust.ASSUMED)
