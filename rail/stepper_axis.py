"""A motorised axis: places on a grid, out of a stepper that only counts."""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, Protocol

from rail.axis import Arrival, Position, Reach, Trust
from rail.axis_settings import AxisSettings
from rail.bounds import Bounds
from rail.errors import (
    DriverFault,
    EmergencyStopInForce,
    Halted,
    HomingFailed,
    MoveRefused,
    RailError,
    Stopped,
)
from rail.homing import Homing
from rail.position_record import PositionRecord
from rail.position_store import PositionStore
from rail.profile import Ramp
from rail.reckoning import Reckoning
from rail.screw import Scale
from rail.signals import MotorReport
from rail.stepper import Run, Stepper

_log = logging.getLogger(__name__)


class MotorDriver(Protocol):
    """A driver that can be asked how it is, as `rail.tmc2209.Tmc2209` can."""

    def check(self) -> None:
        """See that it is there, has what it was told, and is well; raises `rail.errors.DriverFault`."""
        ...


class StepperAxis:
    """An `rail.axis.Axis` on a stepper and one or two limit switches.

    Its position is stored as *moving* before the first step, and as itself by `rest`, so that of many moves
    only the first waits for the disk. At power-up it counts from a stored place at rest, or from nowhere: it
    is then unknown, and moves go slowly.

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
        self._bounds = Bounds(settings, scale)
        self._record = PositionRecord(store, scale, settings)
        self._reckoning = Reckoning(stepper, scale, settings, self._record.at_power_up())
        self._homing = Homing(self._reckoning, scale, settings)
        self._under_way = False

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

    @property
    def grid(self) -> str:
        """What places count: how long a step is, from where, and which way."""
        return self._record.grid

    def position(self) -> Position:
        """Give the place where the axis is, or while it moves, the last step counted."""
        return self._reckoning.position()

    def moving(self) -> bool:
        """Say whether steps are being issued now."""
        return self._stepper.running()

    def look(self) -> MotorReport:
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
        self._bounds.check_move(self._reckoning.held(), target_steps)

    def allow_homing(self) -> None:
        """Take the owner's word that the way to the reference is free, until `close`."""
        self._homing.allow()

    def home(self) -> Arrival:
        """Find the reference away from the subject, and come to rest at that end of the reach.

        `rail.homing.Homing` says how.

        Raises
        ------
        HomingNotAllowed
            The owner has not yet allowed it.
        HomingFailed
            The limit is missing, did not close or did not open; or both are pressed.
        """
        self._homing.check()
        self._refuse_when_stopped()
        reach, near = self.reach, self._settings.home_sense < 0
        with self._journey():
            missed_steps = self._homing.touch()
            run = self._approach(reach.nearest_steps if near else reach.farthest_steps)
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
        MoveRefused
            The record could not be made to say *moving*: after a restart it would give the place before.
        """
        self._refuse_when_stopped()
        self._refuse_without_driver()
        place_steps = self._settings.home_steps if at_steps is None else at_steps
        self._bounds.check_place(place_steps)
        self._leave_record("the place cannot be recorded ({}); without that it is not taken")
        self.hold()  # first, for a motor that is switched on turns to its nearest whole step
        self._reckoning.declare(place_steps)
        self._reckoning.slacken()
        return self.position()

    def acknowledge(self) -> Position:
        """Forget that the emergency stop was pressed. The motor may have been without current since.

        Raises
        ------
        EmergencyStopInForce
            It is still pressed, or its wire is broken.
        """
        if self._stepper.emergency():
            self._reckoning.doubt_hold()
        if not self._reckoning.acknowledge():
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
        self._bounds.check_jog(self._reckoning.held(), distance_steps)
        self._refuse_when_stopped()
        with self._journey():
            run = self._reckoning.run(distance_steps, self._ramp())
        return self._arrival(run)

    def hold(self) -> None:
        """Energise the motor so that the position keeps."""
        self._reckoning.energise()

    def release(self) -> None:
        """Let the motor go, parked; the position is then assumed where the rig holds itself, else unknown."""
        if self._settings.gravity:
            raise MoveRefused("this axis is vertical: without its motor the carriage would fall")
        self._park_rotor()
        self._reckoning.doubt_hold()
        self.rest()
        self._reckoning.release()

    def rest(self) -> None:
        """Record where the axis stands; to be called when no move follows soon.

        Until then the record says *moving*, and a loss of power leaves the position unknown.
        """
        if self._under_way:
            return
        try:
            self._write(moving=False)
        except OSError as error:
            self._record.doubt(error)

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
            self._reckoning.doubt_hold()
            trust = self._reckoning.held().trust
            raise MoveRefused(f"{e}. The motor was not held, so the position is {trust}") from e

    def _ask_driver(self) -> None:
        if self._driver is not None:
            self._driver.check()

    # --- motion -------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _journey(self) -> Iterator[None]:
        """Begin no motion that is not recorded, and doubt the position when one ends in an unforeseen way."""
        if not self._record.moving:
            self._refuse_without_driver()
            self._leave_record("the move cannot be recorded ({}); without that it is not begun")
        self._under_way = True
        try:
            yield
            self._ask_driver()
        except (Stopped, Halted, HomingFailed):
            self._doubt_what_no_driver_drove()
            raise
        except DriverFault as e:
            self._reckoning.lose()
            raise Halted(
                f"{e}. Steps may be lost, so the position is unknown", position=self.position()
            ) from e
        except BaseException:
            self._reckoning.lose()
            raise
        finally:
            self._under_way = False

    def _doubt_what_no_driver_drove(self) -> None:
        """Believe the place no more where the driver has failed in a motion that was ended early."""
        try:
            self._ask_driver()
        except DriverFault as e:
            self._reckoning.lose()
            _log.warning("%s. Steps may be lost, so the position is unknown", e)  # it says so once, perhaps

    def _leave_record(self, refusal: str) -> None:
        """Have the record say *moving*, so that nobody believes the place in it any more."""
        try:
            self._write(moving=True)
        except OSError as e:
            raise MoveRefused(refusal.format(e.strerror or e)) from e

    def _write(self, *, moving: bool) -> None:
        position, off_steps = self.position(), self._off_turn_steps()
        self._record.write(position, moving=moving, parked=off_steps == 0)

    def _approach(self, target_steps: int) -> Run:
        """Go to `target_steps`, having run forward by the run-up before it or more."""
        reckoning, run_up_steps = self._reckoning, self._settings.run_up_steps
        distance_steps = target_steps - reckoning.held().steps
        if reckoning.forward_steps + distance_steps < run_up_steps:  # always so on the way back
            reckoning.run(distance_steps - run_up_steps, self._ramp())
            distance_steps = run_up_steps
        return reckoning.run(distance_steps, self._ramp())

    def _park_rotor(self) -> None:
        """Go the little way, away from the subject, to where a driver that begins anew holds the motor.

        Where that cannot be, it stays: the place is then right to two full steps, as it is without parking.
        """
        settings, stepper = self._settings, self._stepper
        off_steps = self._off_turn_steps()
        place_keeps = settings.self_holding and self._reckoning.held().trust is not Trust.UNKNOWN
        if off_steps and place_keeps and not stepper.emergency() and not stepper.stopped():
            with contextlib.suppress(RailError), self._journey():
                away_steps = settings.turn_steps - off_steps if settings.home_sense > 0 else -off_steps
                self._reckoning.run(away_steps, settings.ramp.slowest())

    def _off_turn_steps(self) -> int:
        """Give how far into an electrical turn the motor is."""
        return self._stepper.count_steps() % self._settings.turn_steps

    def _ramp(self) -> Ramp:
        lost = self._reckoning.held().trust is Trust.UNKNOWN
        return self._settings.ramp.slowest() if lost else self._settings.ramp

    def _arrival(self, run: Run) -> Arrival:
        return Arrival(self.position(), run.at_rest_ns)
