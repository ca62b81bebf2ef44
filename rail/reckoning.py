"""Where a motor has taken the axis: reckoned from the steps it was given."""

import contextlib
import logging
from collections.abc import Iterator

from rail.axis import Position, Trust
from rail.axis_settings import AxisSettings
from rail.errors import Halted, MotionLost, Stopped
from rail.profile import Ramp
from rail.screw import Scale
from rail.signals import Limits
from rail.stepper import Ending, Run, Seek, Stepper

_log = logging.getLogger(__name__)

_NS_A_SECOND = 10**9


class Reckoning:
    """A stepper that knows its place, how far to believe it, and how much backlash is taken up.

    The place is an origin plus what the stepper has counted, so it is right in the middle of a run and after
    any stop. What a run or a dead motion process does to trust and backlash is seen to here; of what else
    lessens them, it is told. Everything here that may find the motion process dead raises
    `rail.errors.MotionLost`.

    Parameters
    ----------
    stepper
        Run and held through here alone.
    start
        Where it stands now, as far as is known.
    """

    def __init__(self, stepper: Stepper, scale: Scale, settings: AxisSettings, start: Position) -> None:
        self._stepper = stepper
        self._scale = scale
        self._settings = settings
        self._origin_steps = start.steps - stepper.count_steps()
        self._trust = start.trust
        self._forward_steps = 0

    @property
    def forward_steps(self) -> int:
        """How far it has run forward since it last ran back, at most the run-up: the backlash taken up."""
        return self._forward_steps

    def position(self) -> Position:
        """Give the last step counted; an emergency stop may have let the motor go. From any thread."""
        trust = self._trust_without_hold() if self._stepper.emergency() else self._trust
        return Position(self._origin_steps + self._stepper.count_steps(), trust)

    def held(self) -> Position:
        """Give the last step counted, and its worth where no emergency stop has let the motor go."""
        return Position(self._origin_steps + self._stepper.count_steps(), self._trust)

    def declare(self, place_steps: int) -> None:
        """Take `place_steps` for where it stands, from now on known."""
        self._origin_steps = place_steps - self._stepper.count_steps()
        self._trust = Trust.KNOWN

    def slacken(self) -> None:
        """Take no backlash for taken up."""
        self._forward_steps = 0

    def doubt_hold(self) -> None:
        """Believe the place as far as it keeps without current: the motor is let go, or may have been."""
        self._trust = self._trust_without_hold()
        self.slacken()

    def lose(self) -> None:
        """Believe the place no more."""
        self._trust = Trust.UNKNOWN

    def run(self, distance_steps: int, ramp: Ramp, seek: Seek | None = None) -> Run:
        """Issue steps as `rail.stepper.Stepper.run` does, and raise what ended them early.

        Raises
        ------
        Stopped
            A stop was asked for; the place is kept.
        Halted
            A limit, an emergency stop or a fault; the place is unknown where steps may be lost.
        """
        with self._watching_for_loss():
            run = self._stepper.run(distance_steps, ramp, seek=seek)
        if run.max_late_ns > _NS_A_SECOND // ramp.start_steps_s:
            _log.warning(
                "a step came %.1f ms late: this machine is busy, moves take longer", run.max_late_ns / 1e6
            )
        if run.issued_steps > 0:
            self._forward_steps = min(self._forward_steps + run.issued_steps, self._settings.run_up_steps)
        elif run.issued_steps < 0:
            self.slacken()
        if run.abrupt:
            self.lose()
            self.slacken()
        if run.ending is Ending.STOPPED:
            raise Stopped("stopped on request", position=self.position())
        if run.ending not in (Ending.DONE, Ending.FOUND):
            raise Halted(self._why_halted(run), position=self.position())
        return run

    def limits(self) -> Limits:
        """Read the limit switches."""
        with self._watching_for_loss():
            return self._stepper.limits()

    def energise(self) -> None:
        """Hold the motor."""
        with self._watching_for_loss():
            self._stepper.energise()

    def release(self) -> None:
        """Let the motor go; what that does to the place, `doubt_hold` has been told before."""
        with self._watching_for_loss():
            self._stepper.release()

    def acknowledge(self) -> bool:
        """Forget that the emergency stop was pressed, unless it still is; say whether it is forgotten."""
        with self._watching_for_loss():
            return self._stepper.acknowledge()

    def _trust_without_hold(self) -> Trust:
        if not self._settings.self_holding:
            return Trust.UNKNOWN
        return Trust.ASSUMED if self._trust is Trust.KNOWN else self._trust

    @contextlib.contextmanager
    def _watching_for_loss(self) -> Iterator[None]:
        try:
            yield
        except MotionLost as e:
            self.lose()
            raise MotionLost(str(e), position=self.position()) from e

    def _why_halted(self, run: Run) -> str:
        issued = self._scale.say(abs(run.issued_steps))
        what = f"halted after {issued}: {run.detail or 'a halt was asked for'}"
        return f"{what}; steps may be lost, so the position is unknown" if run.abrupt else what
