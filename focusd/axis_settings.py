"""The settings of the axis: rail, focus ring or the camera's own lens, its motor and its driver."""

import math
from fractions import Fraction
from functools import cached_property
from typing import Literal

from pydantic import Field

from focusd.strict import Pin, Ratio, Strict
from rail.drivers import CUSTOM, DRIVERS, DriverTiming
from rail.focus import Dioptres, Distances, FocusTable
from rail.screw import Scale, lens_scale, ring_scale, screw_scale
from rail.tmc2209 import MotorCurrent, Tuning

FASTEST_STEPS_S = 3000
"""What the motion process can step cleanly on a Pi 5; slower boards have to be configured lower."""


ENDLESS_TURNS = 10
"""How far a ring without ends may be turned either way from its mark: more is a slip of the pen."""


class Screw(Strict):
    """What turns the motor's steps into travel."""

    lead_mm: float = Field(default=2.0, ge=0.05, le=50)
    full_steps_a_turn: int = Field(default=200, ge=4, le=1000)
    microsteps: Literal[1, 2, 4, 8, 16, 32, 64, 128, 256] = 16


class Speed(Strict):
    """The ramp of an ordinary move."""

    start_mm_s: float = Field(default=0.2, ge=0.001, le=100)
    max_mm_s: float = Field(default=0.9, ge=0.001, le=100)
    acceleration_mm_s2: float = Field(default=4.0, ge=0.001, le=1000)
    jerk_mm_s3: float | None = Field(default=None, ge=0.001, le=1_000_000)


class RingSpeed(Strict):
    """The ramp of a move of the ring."""

    start_deg_s: float = Field(default=25.0, ge=0.001, le=3600)
    max_deg_s: float = Field(default=50.0, ge=0.001, le=3600)
    acceleration_deg_s2: float = Field(default=80.0, ge=0.001, le=36_000)


class Ring(Strict):
    """A lens's focus ring, its motor and what is between them."""

    full_steps_a_turn: int = Field(default=32, ge=4, le=1000)
    microsteps: Literal[1, 2, 4, 8, 16, 32, 64, 128, 256] = 2
    gear: Ratio = "25792/405"
    pulley: Ratio = "1"
    ends_deg: tuple[float, float] | None = None
    backlash_deg: float = Field(default=2.0, ge=0, le=90)
    run_up_deg: float = Field(default=0.5, ge=0, le=90)
    speed: RingSpeed = RingSpeed()
    distances: tuple[tuple[float, float], ...] | None = None

    @cached_property
    def scale(self) -> Scale:
        """The grid of steps that motor and gears make."""
        return ring_scale(
            self.full_steps_a_turn, self.microsteps, Fraction(self.gear) * Fraction(self.pulley)
        )

    def steps(self, turn_deg: float) -> int:
        """Give a turn, or a speed a second, on that grid."""
        return self.scale.nearest_steps(turn_deg)

    @property
    def reach_deg(self) -> tuple[float, float]:
        """The soft ends; of a ring without any, what nobody turns past on purpose."""
        return self.ends_deg or (-360.0 * ENDLESS_TURNS, 360.0 * ENDLESS_TURNS)


class FocusMotor(Strict):
    """The camera's own focus motor, where that is the axis."""

    step_d: Ratio = "1/32"
    ends_d: tuple[float, float] | None = None
    stride_d: float = Field(default=2.0, ge=0.01, le=20)
    run_up_d: float = Field(default=0.25, ge=0, le=5)
    settle_ms: int = Field(default=100, ge=0, le=10_000)

    @cached_property
    def scale(self) -> Scale:
        """The grid of the motor's driver."""
        return lens_scale(Fraction(self.step_d))


class Homing(Strict):
    """How the reference is looked for."""

    fast_mm_s: float = Field(default=0.9, ge=0.001, le=100)
    slow_mm_s: float = Field(default=0.15, ge=0.001, le=100)
    back_off_mm: float = Field(default=0.3, ge=0.01, le=20)


class CustomDriver(Strict):
    """The shortest times of a driver that is not among the known, from its data sheet."""

    pulse_us: float = Field(default=5.0, ge=0, le=1000)
    low_us: float = Field(default=5.0, ge=0, le=1000)
    dir_setup_us: float = Field(default=20.0, ge=0, le=10_000)
    wake_ms: float = Field(default=5.0, ge=0, le=10_000)

    @property
    def timing(self) -> DriverTiming:
        """The same in nanoseconds, each rounded up."""
        return DriverTiming(
            CUSTOM,
            pulse_ns=math.ceil(self.pulse_us * 1000),
            low_ns=math.ceil(self.low_us * 1000),
            dir_setup_ns=math.ceil(self.dir_setup_us * 1000),
            wake_ns=math.ceil(self.wake_ms * 1_000_000),
        )


class DriverUart(Strict):
    """How a driver is talked to that understands it, and what it is told of the motor."""

    port: str = "/dev/serial0"
    address: int = Field(default=0, ge=0, le=3)
    run_ma: int = Field(default=600, ge=1, le=3000)
    hold_ma: int = Field(default=300, ge=1, le=3000)
    sense_ohm: float = Field(default=0.11, ge=0.01, le=1)
    quiet: bool = True

    @property
    def current(self) -> MotorCurrent:
        """The motor's current; raises `ValueError` for one that the resistors do not allow."""
        return MotorCurrent(self.run_ma, self.hold_ma, self.sense_ohm)


class AxisPins(Strict):
    """Where driver and limit switches are connected, and which level means what."""

    step: Pin = 21
    dir: Pin = 20
    enable: Pin = 16
    coils: tuple[Pin, Pin, Pin, Pin] = (17, 27, 22, 23)
    limit_near: Pin | None = 5
    limit_far: Pin | None = 6
    e_stop: Pin | None = None
    enable_active: Literal["low", "high"] = "low"
    limit_active: Literal["low", "high"] = "high"


class Axis(Strict):
    """The rail, the focus ring, or the camera's own lens."""

    kind: Literal["rail", "ring", "lens"] = "rail"
    screw: Screw = Screw()
    driver: str = "A4988"
    custom_driver: CustomDriver = CustomDriver()
    uart: DriverUart | None = None
    invert: bool = False
    travel_mm: float = Field(default=40.0, ge=0.1, le=1000)
    subject_side: Literal["near", "far"] = "far"
    keep_out_mm: float = Field(default=2.0, ge=0, le=1000)
    home_allowed: bool = False
    gravity: bool = False
    self_holding: bool = True
    cap_steps_s: int | None = Field(default=None, ge=1, le=FASTEST_STEPS_S)
    pull_in_full_steps_s: int = Field(default=200, ge=1, le=5000)
    reversal_pause_ms: int = Field(default=20, ge=0, le=5000)
    backlash_um: float = Field(default=100.0, ge=0, le=5000)
    run_up_um: float = Field(default=20.0, ge=0, le=5000)
    speed: Speed = Speed()
    homing: Homing = Homing()
    ring: Ring = Ring()
    lens: FocusMotor = FocusMotor()
    idle_release_s: float | None = Field(default=300.0, ge=1, le=86_400)
    pins: AxisPins = AxisPins()

    @cached_property
    def scale(self) -> Scale:
        """The grid of steps that screw and straps make, or the ring's, or the lens's."""
        if self.kind != "rail":
            return self.ring.scale if self.kind == "ring" else self.lens.scale
        lead_um = Fraction(str(self.screw.lead_mm)) * 1000
        return screw_scale(lead_um, self.screw.full_steps_a_turn, self.screw.microsteps)

    def steps(self, length_mm: float) -> int:
        """Give a rail's length, or a speed a second, on that grid."""
        return self.scale.nearest_steps(length_mm * 1000)

    @cached_property
    def distances(self) -> Distances | None:
        """What a place means before the lens: a lens's dioptres always, a ring's degrees where measured."""
        if self.kind == "lens":
            return Dioptres()
        measured = self.ring.distances if self.kind == "ring" else None
        return None if measured is None else FocusTable(measured)

    @property
    def microsteps(self) -> int:
        """How finely the driver divides a full step."""
        return self.ring.microsteps if self.kind == "ring" else self.screw.microsteps

    @property
    def tuning(self) -> Tuning | None:
        """What the driver is told where it is talked to."""
        return None if self.uart is None else Tuning(self.uart.current, self.microsteps, self.uart.quiet)

    @property
    def parts(self) -> frozenset[str]:
        """The names among `pins` of what this rig has, its driver and its switches being what they are."""
        if self.kind == "lens":
            return frozenset()
        motor = {"coils"} if self.four_phase else {"step", "dir", "enable"}
        switches = set() if self.kind == "ring" else {"limit_near", "limit_far"}
        return frozenset(motor | switches | {"e_stop"})

    @property
    def endless(self) -> bool:
        """Whether nobody has said how far it may go: a ring without ends."""
        return self.kind == "ring" and self.ring.ends_deg is None

    @property
    def four_phase(self) -> bool:
        """Whether the motor's steps are patterns on its coils."""
        return self.timing.four_phase

    @cached_property
    def timing(self) -> DriverTiming:
        """What the driver needs: by its name, else as somebody looked it up."""
        return DRIVERS.get(self.driver) or self.custom_driver.timing


def step_rates(timing: DriverTiming | None, microsteps: int) -> tuple[int, int]:
    """Give the most steps a second in motion, and from standstill, for board, driver and its motor."""
    if timing is None or timing.fastest_full_steps_s is None or timing.starting_full_steps_s is None:
        return FASTEST_STEPS_S, FASTEST_STEPS_S
    fastest_steps_s = min(FASTEST_STEPS_S, timing.fastest_full_steps_s * microsteps)
    return fastest_steps_s, min(fastest_steps_s, timing.starting_full_steps_s * microsteps)
