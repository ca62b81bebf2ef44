"""The loop that steps the motor, between pins and a clock.

Late steps make a move longer, never shorter: the next step is due one interval after the last one *happened*,
so that after a stall the schedule slips and no two steps come closer together than the profile allows; a
motor that was kept waiting is brought up to speed again.
Between any two steps the loop looks at the limits and at the signals other threads or processes gave it.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from rail.clock import Clock
from rail.drivers import DriverTiming
from rail.pins import MotorPins
from rail.profile import Ramp, level_at, next_level
from rail.signals import Limits, MotorReport, Signalled, Signals, noted

_NS_A_SECOND = 10**9

BOUNCE_NS = 10_000_000
"""How long contacts chatter at most, as they open and as they close.

A limit behind must read pressed for so long before it counts, and no run begins so soon after a touch.
"""


SWING_NS = 50_000_000
"""How long a rotor needs to come to rest after its last step; let go before that, it stays anywhere."""


class Ending(StrEnum):
    """Why a run ended."""

    DONE = "done"
    """All steps were issued."""
    FOUND = "found"
    """The limit did what was sought."""
    STOPPED = "stopped"
    """A stop was asked for; the motor ramped down."""
    LIMIT = "limit"
    """A limit tripped; no pulse after that."""
    HALTED = "halted"
    """A halt was asked for, or the parent is gone; no pulse after that."""
    EMERGENCY = "emergency"
    """The emergency stop was pressed, and nobody has acknowledged that yet; no pulse after that."""
    STALLED = "stalled"
    """Steps were due and did not come for so long that the motor may have lost some; no pulse after that."""
    FAULT = "fault"
    """The pins failed."""


class Seek(StrEnum):
    """What a homing run looks for."""

    PRESSED = "pressed"
    """The limit ahead to close."""
    RELEASED = "released"
    """The limit behind to open."""


@dataclass(frozen=True, slots=True)
class Standstill:
    """How a motor takes it when pulses that were due do not come.

    It is then stopped dead. Up to its pull-in rate it stands at once. Above, its rotor runs on, at most as
    far as pulses are missing, and swings back; once it is two full steps ahead of its field it settles at
    another place, four full steps on, and nobody notices. One full step is half of that.

    Attributes
    ----------
    pull_in_steps_s
        The rate at which the motor starts and stops without a ramp.
    full_step_steps
        The steps in a full step of the motor: the pulses that may be missing.
    """

    pull_in_steps_s: int
    full_step_steps: int

    def may_lose(self, interval_ns: int, late_ns: int) -> bool:
        """Say whether a motor at one step every `interval_ns` may lose some when the next is so late."""
        return (
            interval_ns * self.pull_in_steps_s < _NS_A_SECOND and late_ns > interval_ns * self.full_step_steps
        )


@dataclass(frozen=True, slots=True)
class Run:
    """How a run went.

    Attributes
    ----------
    issued_steps
        Pulses given, positive towards far.
    ending
        Why there were no more.
    at_rest_ns
        When the last pulse was given, or the run was called off before its first.
    max_late_ns
        The longest that any step was late.
    abrupt
        It ended above the start speed or in a fault: the motor may have run on or lost steps.
    detail
        What more there is to say of a limit or a fault.
    """

    issued_steps: int
    ending: Ending
    at_rest_ns: int
    max_late_ns: int
    abrupt: bool = False
    detail: str = ""


class Stepper(Protocol):
    """Something that issues steps; `LocalStepper` here, `rail.process.StepperProcess` in a child.

    One thread runs it; `stop`, `halt`, `stopped`, `count_steps`, `running`, `look`, `emergency` are for any.
    """

    def run(self, distance_steps: int, ramp: Ramp, *, seek: Seek | None = None) -> Run:
        """Issue up to `distance_steps`, positive towards far, energising the motor first.

        A limit pressed ahead allows no step. With `seek` the run ends as soon as that is found.
        """
        ...

    def count_steps(self) -> int:
        """Give the pulses issued since opening, far less near; live during a run."""
        ...

    def running(self) -> bool:
        """Say whether steps are being issued now."""
        ...

    def limits(self) -> Limits:
        """Read the limit switches."""
        ...

    def look(self) -> MotorReport:
        """Give what inputs and outputs were a moment ago, or during a run when it began."""
        ...

    def emergency(self) -> bool:
        """Say whether the emergency stop was pressed and that is not acknowledged yet."""
        ...

    def acknowledge(self) -> bool:
        """Forget that the emergency stop was pressed, unless it still is; say whether it is forgotten."""
        ...

    def energise(self) -> None:
        """Hold the motor."""
        ...

    def release(self) -> None:
        """Let the motor go."""
        ...

    def stop(self) -> None:
        """Ramp down whatever runs, and issue nothing until `arm`; at once, from any thread."""
        ...

    def halt(self) -> None:
        """Issue no further pulse until `arm`; at once, from any thread."""
        ...

    def stopped(self) -> bool:
        """Say whether a stop or halt is in force."""
        ...

    def arm(self) -> None:
        """Forget an earlier `stop` or `halt`."""
        ...

    def close(self) -> None:
        """Halt; let the motor go unless gravity pulls at the axis; give everything back."""
        ...


class LocalStepper(Signalled):
    """Steps from this process, through `pins`.

    Parameters
    ----------
    signals
        Memory shared with another process, or None.
    gravity
        The carriage falls when the motor is let go: hold it from the first moment, also after `close`.
    emergency
        Reads whether the emergency stop is pressed; None where none is fitted.
    standstill
        How the motor takes missing pulses; None: it never minds.
    reversal_pause_ns
        Rest between the last step one way and the first the other.
    """

    def __init__(
        self,
        pins: MotorPins,
        timing: DriverTiming,
        clock: Clock,
        signals: Signals | None = None,
        *,
        gravity: bool = False,
        emergency: Callable[[], bool] | None = None,
        standstill: Standstill | None = None,
        reversal_pause_ns: int = 0,
    ) -> None:
        self._pins = pins
        self._emergency = emergency
        self._standstill = standstill
        self._reversal_pause_ns = reversal_pause_ns
        self._far: bool | None = None
        self._timing = timing
        self._clock = clock
        super().__init__(Signals() if signals is None else signals)
        self._gravity = gravity
        self._risen_ns = 0
        self._fallen_ns = 0
        self._awake_ns = 0
        self._quiet_ns = 0
        if gravity:
            self.energise()
        self.watch()

    def run(self, distance_steps: int, ramp: Ramp, *, seek: Seek | None = None) -> Run:
        """Issue up to `distance_steps`; see `Stepper.run`."""
        signals = self._signals
        before_steps = signals.count_steps
        log = _Log(self._clock.monotonic_ns())
        signals.running = 1
        try:
            self._clock.sleep_until_ns(self._quiet_ns)
            self.watch()
            if distance_steps and not self.emergency():
                self._set_out(distance_steps > 0)
            ending = self._issue(distance_steps, ramp, seek, log)
        except Exception as e:  # whatever the GPIO library throws, the motor has stopped and must be told of
            ending, log.detail = Ending.FAULT, f"{type(e).__name__}: {e}"
        finally:
            signals.running = 0
        with contextlib.suppress(Exception):  # pins that fail have been told of, or will be by the next run
            self.watch()
        if ending in (Ending.FOUND, Ending.LIMIT):
            self._quiet_ns = log.at_rest_ns + BOUNCE_NS
        cut_off = ending in (Ending.FOUND, Ending.LIMIT, Ending.HALTED, Ending.EMERGENCY)
        return Run(
            issued_steps=signals.count_steps - before_steps,
            ending=ending,
            at_rest_ns=log.at_rest_ns,
            max_late_ns=log.max_late_ns,
            abrupt=ending in (Ending.FAULT, Ending.STALLED) or (cut_off and log.level > 0),
            detail=log.detail,
        )

    def _set_out(self, far: bool) -> None:
        if not self._pins.energised:
            self.energise()
        self._clock.sleep_until_ns(self._fallen_ns + self._timing.dir_setup_ns)
        if self._far is (not far):
            self._clock.sleep_until_ns(self._risen_ns + self._reversal_pause_ns)
        self._pins.face(far)
        self._far = far

    def _issue(self, distance_steps: int, ramp: Ramp, seek: Seek | None, log: "_Log") -> Ending:
        signals, clock, timing = self._signals, self._clock, self._timing
        raise_step, lower_step = self._pins.raise_step, self._pins.lower_step
        sense = 1 if distance_steps > 0 else -1
        guard = _Guard(self._pins, sense > 0, seek)
        # What is sought has no count to lose: where it is found, the position begins.
        standstill = self._standstill if seek is None else None
        levels_ns = ramp.fitted(abs(distance_steps)).levels_ns
        top = len(levels_ns) - 1
        left, level, braking = abs(distance_steps), -1, False
        planned_ns = due_ns = max(
            clock.monotonic_ns() + timing.dir_setup_ns, self._risen_ns + levels_ns[0], self._awake_ns
        )
        while left:
            clock.sleep_until_ns(due_ns)
            if signals.halt:
                return Ending.HALTED
            if self._emergency_seen():
                log.detail = "the emergency stop was pressed"
                return Ending.EMERGENCY
            if ending := guard.look(clock.monotonic_ns()):
                log.detail = guard.detail
                return ending
            if signals.stop:
                braking, left = True, min(left, max(level, 0))
                if not left:
                    break
            raise_step()
            # Read after the write: the pulse was no later than this, and the next is a full interval away.
            risen_ns = clock.monotonic_ns()
            signals.count_steps += sense
            late_ns, interval_ns = risen_ns - planned_ns, levels_ns[max(level, 0)]
            stalled = standstill is not None and standstill.may_lose(interval_ns, late_ns)
            if late_ns > interval_ns // 2:
                level = min(level, level_at(risen_ns - self._risen_ns, levels_ns))
                signals.late_steps += 1
                signals.max_late_ns = max(signals.max_late_ns, late_ns)
            level = next_level(level, left, top)
            left -= 1
            log.step(level, risen_ns, planned_ns)
            clock.sleep_until_ns(risen_ns + timing.pulse_ns)
            lower_step()
            fallen_ns = clock.monotonic_ns()
            self._risen_ns, self._fallen_ns = risen_ns, fallen_ns
            planned_ns = risen_ns + levels_ns[level]
            due_ns = max(planned_ns, fallen_ns + timing.low_ns)
            if stalled:
                speed_steps_s = _NS_A_SECOND // interval_ns
                log.detail = (
                    f"a step came {late_ns / 1e6:.0f} ms late at {speed_steps_s} steps a second: this "
                    "machine was busy elsewhere"
                )
                return Ending.STALLED
        return Ending.STOPPED if braking else Ending.DONE

    def running(self) -> bool:
        """Say whether steps are being issued now."""
        return bool(self._signals.running)

    def limits(self) -> Limits:
        """Read the limit switches."""
        return Limits(near=self._pins.near_pressed(), far=self._pins.far_pressed())

    def watch(self) -> None:
        """Note what inputs and outputs are, and whether the emergency stop is pressed; between runs."""
        signals, pins = self._signals, self._pins
        signals.near, signals.far = noted(pins.near_pressed()), noted(pins.far_pressed())
        self._emergency_seen()
        signals.energised = pins.energised
        signals.looked_ns = self._clock.monotonic_ns()

    def look(self) -> MotorReport:
        """Give what inputs and outputs are."""
        self.watch()
        return self._signals.see()

    def acknowledge(self) -> bool:
        """Forget that the emergency stop was pressed, unless it still is."""
        self._signals.emergency = 0
        return not self._emergency_seen()

    def _emergency_seen(self) -> bool:
        """Read the emergency stop, and remember for good if it is pressed."""
        signals = self._signals
        pressed = None if self._emergency is None else self._emergency()
        signals.emergency_input = noted(pressed)
        if pressed:
            signals.emergency = 1
        return bool(signals.emergency)

    def energise(self) -> None:
        """Hold the motor; the next run waits until the driver is awake."""
        self._pins.energise()
        self._awake_ns = self._clock.monotonic_ns() + self._timing.wake_ns

    def release(self) -> None:
        """Let the motor go, once it has come to rest."""
        self._clock.sleep_until_ns(self._risen_ns + SWING_NS)
        self._pins.release()

    def close(self) -> None:
        """Halt and give the pins back; under gravity leave them as they are, driven."""
        self.halt()
        if not self._gravity:
            self.release()
            self._pins.close()


class _Log:
    """What a run has to say of itself afterwards."""

    def __init__(self, now_ns: int) -> None:
        self.at_rest_ns = now_ns
        self.max_late_ns = 0
        self.level = 0
        self.detail = ""

    def step(self, level: int, risen_ns: int, planned_ns: int) -> None:
        self.level = level
        self.at_rest_ns = risen_ns
        self.max_late_ns = max(self.max_late_ns, risen_ns - planned_ns)


class _Guard:
    """Watches both limits during one run: the one ahead at first sight, the one behind for wrong wiring."""

    def __init__(self, pins: MotorPins, far: bool, seek: Seek | None) -> None:
        self._ahead, self._behind = _by_direction(pins, far)
        self._names = ("far", "near") if far else ("near", "far")
        self._seek = seek
        self._pressed_since_ns: int | None = None
        self._opened = not self._behind()
        self.detail = ""

    def look(self, now_ns: int) -> Ending | None:
        """Give the ending that the limits demand, or None."""
        ahead, behind = self._names
        if self._ahead():
            if self._seek is Seek.PRESSED:
                return Ending.FOUND
            self.detail = (
                f"the {ahead} limit switch is pressed, or its wire is off; only motion towards {behind} is "
                "possible"
            )
            return Ending.LIMIT
        if not self._behind():
            self._opened = True
            self._pressed_since_ns = None
            return Ending.FOUND if self._seek is Seek.RELEASED else None
        if self._opened and self._held_ns(now_ns) >= BOUNCE_NS:
            self.detail = (
                f"the {behind} limit switch closed during motion towards {ahead}: its wire is off, the motor "
                "turns the wrong way round (see `invert` in the configuration), or the two switches are "
                "exchanged"
            )
            return Ending.LIMIT
        return None

    def _held_ns(self, now_ns: int) -> int:
        if self._pressed_since_ns is None:
            self._pressed_since_ns = now_ns
        return now_ns - self._pressed_since_ns


def _by_direction(pins: MotorPins, far: bool) -> tuple[Callable[[], bool | None], Callable[[], bool | None]]:
    if far:
        return pins.far_pressed, pins.near_pressed
    return pins.near_pressed, pins.far_pressed
