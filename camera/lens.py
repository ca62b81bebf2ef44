"""A camera's own focus motor as an axis: LensPosition, in dioptres, which fall from near to far.

The motor is a coil against a spring, so a current is a place: nothing is counted, nothing can be lost, and
there is nothing to run into. What takes care is time. libcamera writes into a frame's metadata what the
motor is *told* when that frame is processed, after it was exposed (libcamera 0.7, `getLensPosition` in
src/ipa/rpi/controller/rpi/af.cpp), and the lens follows later still. So a move waits until a frame reports
the target, and then for the lens itself; a fixed wait would be wrong with every other frame rate.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final, Literal, Protocol, cast

from camera.camera import CameraIdentity
from camera.errors import CameraError, CameraUnavailable, CaptureCancelled
from camera.loan import POLL_S, Clock
from camera.lock import Metadata
from rail.axis import Arrival, Position, Reach, Trust
from rail.errors import BeyondReach, Halted, MoveRefused, Stopped
from rail.screw import Scale

LENS_POSITION: Final = "LensPosition"
MANUAL: Final[Mapping[str, object]] = {"AfMode": 0, "AfSpeed": 1}
"""AfModeManual, without which LensPosition is ignored, and AfSpeedFast, which allows longer strides."""

GRIDS_D: Final[Mapping[str, Fraction]] = {"imx708": Fraction(1, 32), "imx708_wide": Fraction(7, 100)}
"""What one code of the motor's driver is worth (libcamera's tuning files, `rpi.af`, `map`); a module without
its infrared filter calls itself `_noir` behind that, and has the same lens."""

REPORT_FRAMES, REPORT_TRIES = 10, 3
"""How many frames may pass before a command is sent again, and how often it is sent: picamera2 can lose a
control when a frame is handed back at the same moment."""

STRIDE_GUESS_NS: Final = 300_000_000
"""Taken for the time of a stride while no camera is open."""


class Carrier(Protocol):
    """What a lens needs of the camera that it is a part of."""

    @property
    def identity(self) -> CameraIdentity:
        """Which camera it is."""
        ...

    def limits(self, control: str) -> tuple[Any, Any, Any] | None:
        """Give least, most and default of a control; None where the camera does not have it."""
        ...

    def steer(self, controls: Mapping[str, object]) -> None:
        """Send controls, all with one request."""
        ...

    def report(self) -> Metadata:
        """Give what the next frame says of itself."""
        ...

    def frame_duration_ns(self) -> int:
        """Estimate the time from asking for a fresh frame to having it."""
        ...

    def cancel(self) -> None:
        """End the wait in progress, and refuse every later one, until `arm`."""
        ...

    def arm(self) -> None:
        """Forget an earlier `cancel`."""
        ...


@dataclass(frozen=True, slots=True)
class LensSettings:
    """What the axis must know of the lens, in steps of its scale.

    Attributes
    ----------
    ends_steps
        The nearest and the farthest place to be used; None: all that the lens has.
    stride_steps
        The farthest it is sent at once, 1 or more. libcamera moves it no farther in a frame than its
        tuning says (`max_slew`: 2 dioptres for an IMX708, 4 for its wide version), and after a stop the last
        stride still goes to its end.
    run_up_steps
        How far before its target a one-sided approach begins: more than friction and gravity hold it back.
    settle_ns
        Time for the lens to come to rest after a frame has reported its place.
    """

    ends_steps: tuple[int, int] | None
    stride_steps: int
    run_up_steps: int
    settle_ns: int

    def __post_init__(self) -> None:
        if self.stride_steps < 1 or self.run_up_steps < 0 or self.settle_ns < 0:
            raise ValueError(f"a lens cannot go by strides of nothing, nor back in time: {self}")


class LensAxis:
    """An `rail.axis.Axis` that is a camera's own lens.

    It moves only while it is mounted on an open camera, and its position is known from then on: a frame has
    reported it. After a stop the lens goes on to the last place it was sent to, and that is its position.

    Parameters
    ----------
    scale
        Dioptres a step, below zero: see `rail.screw.lens_scale`.
    settings
        See `LensSettings`.
    clock
        Of the camera too.
    """

    def __init__(self, scale: Scale, settings: LensSettings, clock: Clock) -> None:
        self._scale = scale
        self._settings = settings
        self._clock = clock
        self._carrier: Carrier | None = None
        self._reach = Reach(*(settings.ends_steps or (0, 0)))
        self._steps = 0
        self._trust = Trust.UNKNOWN
        self._forward_steps = 0
        self._reported = True
        self._under_way = False
        self._stopped = threading.Event()

    def mount(self, carrier: Carrier) -> None:
        """Become the lens of an open camera: find out how far it goes, and send it where it was.

        Raises `camera.errors.CameraUnavailable` when the camera has no focus motor, or one with coarser steps
        than the scale's, and `CameraError` when no frame reports the place.
        """
        reach, start_steps = self._found(carrier)
        if self._trust is Trust.KNOWN and reach.holds(self._steps):
            start_steps = self._steps
        self._carrier, self._reach, self._forward_steps = carrier, reach, 0
        try:
            self._stride(carrier, start_steps)
        except BaseException:
            self._lose()
            raise

    @property
    def scale(self) -> Scale:
        """The lens's grid."""
        return self._scale

    @property
    def settings(self) -> LensSettings:
        """What the axis knows of the lens."""
        return self._settings

    @property
    def reach(self) -> Reach:
        """Where a move may end, once the lens has been mounted: its run-up, too, stays within what it has."""
        return self._reach

    @property
    def subject_side(self) -> Literal["near", "far"]:
        """Near, so that the lens parks at infinity, where its coil needs the least current."""
        return "near"

    @property
    def grid(self) -> str:
        """What places count: how long a step is; from infinity, always."""
        return self._scale.exact

    def position(self) -> Position:
        """Give the place that the lens was sent to last."""
        return Position(self._steps, self._trust)

    def moving(self) -> bool:
        """Say whether the lens is on its way."""
        return self._under_way

    def emergency(self) -> bool:
        """Say no: an emergency stop has nothing to stop here."""
        return False

    def acknowledge(self) -> Position:
        """Give the position; there is nothing to acknowledge."""
        return self.position()

    def allow_homing(self) -> None:
        """Do nothing: there is nothing in a lens's way."""

    def check(self, target_steps: int) -> None:
        """Raise `MoveRefused` when a move to `target_steps` may not begin; move nothing."""
        self._mounted()
        reach = self._reach
        if reach.holds(target_steps):
            return
        near = target_steps < reach.nearest_steps
        end, end_steps = ("near", reach.nearest_steps) if near else ("far", reach.farthest_steps)
        beyond_steps = abs(target_steps - end_steps)
        ends = f"{self._say(reach.nearest_steps)} to {self._say(reach.farthest_steps)}"
        raise BeyondReach(
            f"{self._say(target_steps)} is {self._scale.span_u(beyond_steps):g} dioptres beyond the {end} "
            f"end of the reach, which is {ends}",
            target_steps=target_steps,
            beyond_steps=beyond_steps,
        )

    def duration_ns(self, distance_steps: int) -> int:
        """Estimate the time of a move over `distance_steps` (its sign does not matter)."""
        if distance_steps == 0:
            return 0
        strides = -(-abs(distance_steps) // self._settings.stride_steps)
        stride_ns = self._carrier.frame_duration_ns() if self._carrier else STRIDE_GUESS_NS
        return strides * stride_ns + self._settings.settle_ns

    def home(self) -> Arrival:
        """Go to the far end. There is no reference to find, for every position is absolute."""
        return self.move_to(self._reach.farthest_steps)

    def zero(self, at_steps: int | None = None) -> Position:
        """Refuse: a lens counts dioptres from infinity by itself."""
        raise MoveRefused(
            "this axis is a lens, whose dioptres count from infinity by themselves: there is nothing to zero"
        )

    def move_to(self, target_steps: int) -> Arrival:
        """Go to `target_steps`, its last approach always from the near side, and rest there."""
        self._refuse_when_stopped()
        self.check(target_steps)
        forward_steps = target_steps - self._steps
        if forward_steps < 0 or self._forward_steps + forward_steps < self._settings.run_up_steps:
            return self._travel(target_steps - self._settings.run_up_steps, target_steps)
        return self._travel(target_steps)

    def jog(self, distance_steps: int) -> Arrival:
        """Go `distance_steps` from here, from whichever side that is.

        From outside the reach, motion towards it is always allowed.
        """
        self._refuse_when_stopped()
        target_steps = self._steps + distance_steps
        inwards = (distance_steps > 0) == (target_steps < self._reach.nearest_steps)
        if not inwards:
            self.check(target_steps)
        return self._travel(target_steps)

    def hold(self) -> None:
        """Do nothing: a streaming camera holds its lens."""

    def release(self) -> None:
        """Refuse: a streaming camera holds its lens, and there is no letting go."""
        raise MoveRefused("a lens is held for as long as its camera is open; there is nothing to release")

    def rest(self) -> None:
        """Do nothing: where the lens stands need not be remembered."""

    def stop(self) -> None:
        """Send the lens no farther, and refuse every move until `arm`; at once, from any thread."""
        self._stopped.set()
        if (carrier := self._carrier) is not None:
            carrier.cancel()

    def arm(self) -> None:
        """Forget an earlier `stop`."""
        self._stopped.clear()
        if (carrier := self._carrier) is not None:
            carrier.arm()

    def close(self) -> None:
        """Let go of the camera, which others close."""
        self._lose()

    @contextmanager
    def restless(self) -> Iterator[None]:
        """Meanwhile end moves once a frame has reported the place: to see the lens come to rest."""
        configured, self._settings = self._settings, replace(self._settings, settle_ns=0)
        try:
            yield
        finally:
            self._settings = configured

    # --- what may begin -----------------------------------------------------------------------------------

    def _mounted(self) -> Carrier:
        if self._carrier is None:
            raise MoveRefused(
                "the camera that this lens is a part of is not open; `focusctl status` says why"
            )
        return self._carrier

    def _refuse_when_stopped(self) -> None:
        if self._stopped.is_set():
            raise Stopped("a stop is in force; arm the axis first", position=self.position())

    def _found(self, carrier: Carrier) -> tuple[Reach, int]:
        """Give how far a camera's lens reaches, in steps, and where it is when the camera starts."""
        limits, sensor = carrier.limits(LENS_POSITION), carrier.identity.sensor
        if limits is None:
            raise CameraUnavailable(
                f"axis.kind is lens, and this camera ({sensor}) has no focus motor: connect one that has, "
                "such as Camera Module 3, or set axis.kind to what moves yours"
            )
        grid_d, step_d = GRIDS_D.get(sensor.removesuffix("_noir")), abs(self._scale.per_step)
        if grid_d is not None and step_d < grid_d:
            raise CameraUnavailable(
                f"axis.lens.step_d is {float(step_d):g}, and this lens ({sensor}) has no finer step than "
                f"{float(grid_d):g} dioptres, so slices could fall together: give that, or more"
            )
        least_d, most_d, start_d = (float(limit) for limit in limits)
        nearest_steps, farthest_steps = self._scale.ceil_steps(most_d), self._scale.floor_steps(least_d)
        if self._settings.ends_steps is not None:
            near_steps, far_steps = self._settings.ends_steps
            nearest_steps, farthest_steps = max(nearest_steps, near_steps), min(farthest_steps, far_steps)
        nearest_steps += self._settings.run_up_steps
        if nearest_steps >= farthest_steps:
            raise CameraUnavailable(
                f"axis.lens.ends_d leaves this lens nothing of its {most_d:g} to {least_d:g} dioptres"
            )
        start_steps = self._scale.nearest_steps(start_d)
        return Reach(nearest_steps, farthest_steps), min(max(start_steps, nearest_steps), farthest_steps)

    # --- motion -------------------------------------------------------------------------------------------

    def _travel(self, *targets_steps: int) -> Arrival:
        """Go to one place after the other by strides, wait for the lens, and say when it was at rest."""
        carrier = self._mounted()
        # A frame on its way may report the place from before a stride that a stop cut short, so that the next
        # one back would seem to have arrived.
        unfinished = () if self._reported else (self._steps,)
        with self._journey():
            for target_steps in (*unfinished, *targets_steps):
                for steps in strides(self._steps, target_steps, self._settings.stride_steps):
                    self._stride(carrier, steps)
            at_rest_ns = self._clock.monotonic_ns() + self._settings.settle_ns
            self._wait_until(at_rest_ns)
        return Arrival(self.position(), at_rest_ns)

    @contextmanager
    def _journey(self) -> Iterator[None]:
        """Translate what ends a move early; a camera that fails takes the lens's position with it."""
        self._under_way = True
        try:
            yield
        except CaptureCancelled as error:
            raise Stopped("stopped on request", position=self.position()) from error
        except CameraError as error:
            self._lose()
            raise Halted(f"the lens cannot be moved: {error}", position=self.position()) from error
        finally:
            self._under_way = False

    def _stride(self, carrier: Carrier, steps: int) -> None:
        """Send the lens to `steps` and wait until a frame reports it there."""
        self._refuse_when_stopped()
        went_steps = steps - self._steps
        self._forward_steps = self._forward_steps + went_steps if went_steps >= 0 else 0
        self._steps, self._reported = steps, False
        reported_d: float | None = None
        for _ in range(REPORT_TRIES):
            carrier.steer({**MANUAL, LENS_POSITION: self._scale.length_u(steps)})
            for _ in range(REPORT_FRAMES):
                reported_d = cast(float | None, carrier.report().get(LENS_POSITION))
                if reported_d is not None and self._scale.nearest_steps(reported_d) == steps:
                    self._trust, self._reported = Trust.KNOWN, True
                    return
        told = "its frames do not say where it is" if reported_d is None else f"it reports {reported_d:g}"
        frames = REPORT_TRIES * REPORT_FRAMES
        raise CameraError(
            f"the lens was sent to {self._say(steps)} and {told} {frames} frames later: "
            "something else sets the camera's focus, or its motor has failed"
        )

    def _wait_until(self, instant_ns: int) -> None:
        """Wait in pieces, so that a stop is heard within a tenth of a second."""
        while (now_ns := self._clock.monotonic_ns()) < instant_ns:
            self._refuse_when_stopped()
            self._clock.sleep_until_ns(min(instant_ns, now_ns + round(POLL_S * 1e9)))

    def _lose(self) -> None:
        """Forget the camera, and with it where the lens is."""
        self._carrier = None
        self._trust = Trust.UNKNOWN

    def _say(self, steps: int) -> str:
        return f"{self._scale.length_u(steps):g} dioptres"


def strides(from_steps: int, to_steps: int, longest_steps: int) -> Iterator[int]:
    """Give the places on the way, the last one included; that one too where there is no way to go. Pure."""
    sense = 1 if to_steps > from_steps else -1
    yield from range(from_steps + sense * longest_steps, to_steps, sense * longest_steps)
    yield to_steps
