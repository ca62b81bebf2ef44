"""config.yaml: every setting there is, its default and what it may be.

The models hold what a person writes, in a person's units; `focusd.hardware` and `focusd.plans` turn them into
the values of the rooms below. The defaults equal the config.yaml at the root of the repository.
"""

import json
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from focusd.encoding import FormatName
from focusd.errors import ConfigInvalid
from focusd.paused import ResumeAtBoot
from focusd.problems import problems_of
from focusd.yaml_text import OverrideInvalid, YamlInvalid, parse_yaml, with_override
from rail.drivers import CUSTOM, DRIVERS, DriverTiming
from rail.focus import Dioptres, Distances, FocusTable, table_problems
from rail.screw import Scale, lens_scale, ring_scale, screw_scale
from rail.tmc2209 import MotorCurrent, Tuning
from stack.specimen import field_problems
from stack.vitals import Limits

Pin = Annotated[int, Field(ge=0, le=27)]
"""A GPIO of the Pi's 40-pin header, numbered as the processor does (BCM)."""

Pixels = Annotated[int, Field(ge=32, le=16_384, multiple_of=2)]
"""One side of a frame."""

PITCH_FOLLOWS_FROM = {"rail": ("magnification",), "ring": (), "lens": ("focal_mm", "f_number")}
"""By the kind of axis, what optics must say for a pitch by overlap; on a ring there is none."""

FASTEST_STEPS_S = 3000
"""What the motion process can step cleanly on a Pi 5; slower boards have to be configured lower."""


ENDLESS_TURNS = 10
"""How far a ring without ends may be turned either way from its mark: more is a slip of the pen."""


class Strict(BaseModel):
    """A group of settings: no unknown names, no guessed types, no changes later."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


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


def _ratio(value: object) -> object:
    """Read 3, 2.5 or 60/20 as an exact fraction, kept as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    try:
        ratio = Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        raise ValueError(f'"{value}" is not a number or a fraction such as 60/20') from None
    if not Fraction(1, 1000) <= ratio <= 10_000:
        raise ValueError(f"{value} is not from 0.001 up to 10000")
    return str(value)


Ratio = Annotated[str, BeforeValidator(_ratio)]
"""A gear ratio, exact."""


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
        measured = self.kind == "ring" and self.ring.distances is not None
        return FocusTable(self.ring.distances or ()) if measured else None

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
    def four_phase(self) -> bool:
        """Whether the motor's steps are patterns on its coils."""
        return self.timing.four_phase

    @cached_property
    def timing(self) -> DriverTiming:
        """What the driver needs: by its name, else as somebody looked it up."""
        return DRIVERS.get(self.driver) or self.custom_driver.timing


class Camera(Strict):
    """The camera on the ribbon."""

    index: int = Field(default=0, ge=0, le=7)
    size_px: tuple[Pixels, Pixels] | None = None
    format: FormatName = "jpeg"
    jpeg_quality: int = Field(default=95, ge=50, le=100)
    tries: int = Field(default=3, ge=1, le=10)
    mains_hz: Literal[50, 60] | None = None


class Lens(Strict):
    """A lens on a sensor: how deep one slice is sharp follows from it."""

    magnification: float | None = Field(default=None, gt=0, le=200)
    focal_mm: float | None = Field(default=None, gt=0, le=5000)
    f_number: float | None = Field(default=None, gt=0, le=200)
    numerical_aperture: float | None = Field(default=None, gt=0, lt=1)
    pixel_um: float = Field(default=1.55, ge=0.1, le=50)
    wavelength_um: float = Field(default=0.55, ge=0.2, le=2)


class Span(Strict):
    """Where a stack begins and ends; nothing given means between the marks."""

    near_u: float | None = None
    far_u: float | None = None
    length_u: float | None = None
    around_u: float | None = Field(default=None, gt=0)


class Gap(Strict):
    """How far the slices are apart: give exactly one."""

    overlap: float | None = Field(default=None, gt=0, le=1)
    pitch_u: float | None = Field(default=None, gt=0)
    count: int | None = Field(default=None, ge=2, le=9999)


class FixedExposure(Strict):
    """An exposure that is used instead of a metered one."""

    time_us: int = Field(ge=1, le=600_000_000)
    gain: float = Field(default=1.0, ge=1, le=64)
    colour_gains: tuple[float, float]


class Brightness(Strict):
    """How bright a metered picture is to be: give one, or nothing for what automatic exposure finds."""

    stops: float | None = Field(default=None, ge=-8, le=8)
    clipped_percent: float | None = Field(default=None, ge=0, le=50)


def _marks(value: object) -> object:
    """Read the word `marks` as a span with nothing given."""
    return {} if value == "marks" else value


def _specimen(value: dict[str, str]) -> dict[str, str]:
    """Refuse what cannot stand in a session."""
    if problems := list(field_problems(value)):
        raise ValueError("; ".join(problems))
    return value


SpecimenFields = Annotated[dict[str, str], AfterValidator(_specimen)]
"""What is said of a specimen, by name."""


class Plan(Strict):
    """A stack by name."""

    range: Annotated[Span, BeforeValidator(_marks)] = Span()
    spacing: Gap = Gap(overlap=0.75)
    optics: str | None = None
    settle_ms: int = Field(default=150, ge=0, le=60_000)
    after: Literal["start", "stay", "park"] = "start"
    delay_s: float = Field(default=0.0, ge=0, le=3600)
    exposure: FixedExposure | None = None
    aim: Brightness = Brightness()
    frames: int = Field(default=1, ge=1, le=64)
    recycle_s: float = Field(default=0.0, ge=0, le=120)
    recheck: bool = False
    needs: Literal["known", "assumed"] = "known"
    corrected: bool = False
    fields: SpecimenFields = Field(default={})


class Panel(Strict):
    """The button, the lamp and the light at the bench; null for what is not there."""

    shoot_pin: Pin | None = 26
    led_pin: Pin | None = 19
    light_pin: Pin | None = 13
    light_active: Literal["low", "high"] = "high"
    light_percent: int = Field(default=100, ge=1, le=100)
    light_pwm_hz: int = Field(default=2000, ge=50, le=10_000)
    light_warm_up_s: float = Field(default=0.5, ge=0, le=600)
    long_press_s: float = Field(default=1.5, ge=0.5, le=10)


class Storage(Strict):
    """Where sessions go."""

    sessions: str | None = None
    mount: str = "auto"
    reserve_mb: int = Field(default=500, ge=0, le=1_000_000)


class Delivery(Strict):
    """Where finished stacks are copied to."""

    to: str = Field(min_length=1, max_length=500)
    what: Literal["all", "pictures"] = "all"
    same_disk: bool = False


class Merge(Strict):
    """The merge that follows a stack."""

    follow: bool = True
    nice: int = Field(default=10, ge=0, le=19)
    method: Literal["auto", "weighted", "depthmap", "pyramid"] = "auto"
    timeout_s: int = Field(default=300, ge=5, le=86_400)


class Board(Strict):
    """What the Pi may bear."""

    too_hot_c: float | None = Field(default=80.0, ge=40, le=100)
    power_patience_s: float = Field(default=60.0, ge=0, le=86_400)

    @property
    def limits(self) -> Limits:
        """What stack and merge rest for."""
        return Limits(self.too_hot_c, self.power_patience_s)


class Simulation(Strict):
    """The rig that is not there, for `focusd --simulate`."""

    scene: Literal["insect", "replay"] = "insect"
    seed: int = Field(default=1, ge=0, le=2**31)
    replay_folder: str | None = None
    size_px: tuple[Pixels, Pixels] = (1600, 1200)
    start_mm: float = Field(default=3.0, ge=0, le=1000)
    subject_mm: float = Field(default=20.0, ge=0, le=1000)
    subject_depth_um: float = Field(default=1500.0, ge=1, le=100_000)
    ring_um_a_deg: float = Field(default=100.0, ge=0.1, le=10_000)
    subject_d: float = Field(default=5.0, ge=0, le=100)
    lens_um_a_d: float = Field(default=200.0, ge=0.1, le=100_000)
    flicker_percent: float = Field(default=0.0, ge=0, le=50)
    backlash_um: float | None = Field(default=None, ge=0, le=5000)
    sway_hertz: float = Field(default=35.0, ge=1, le=500)
    sway_decay_ms: float = Field(default=30.0, ge=1, le=2000)


class Timelapse(Strict):
    """Series of stacks."""

    clock_wait_s: float = Field(default=120.0, ge=0, le=3600)


class Config(Strict):
    """The whole of config.yaml."""

    axis: Axis = Axis()
    camera: Camera = Camera()
    optics: dict[str, Lens] = {
        "macro-2x": Lens(magnification=2.0, f_number=4.0, pixel_um=3.1),
        "camera-module-3": Lens(focal_mm=4.74, f_number=1.8, pixel_um=1.4),
    }
    plans: dict[str, Plan] = {"default": Plan(optics="macro-2x")}
    panel: Panel = Panel()
    storage: Storage = Storage()
    delivery: tuple[Delivery, ...] = ()
    merge: Merge = Merge()
    timelapse: Timelapse = Timelapse()
    board: Board = Board()
    resume: ResumeAtBoot = "ask"
    simulation: Simulation = Simulation()


def load_config(path: Path | None, overrides: Sequence[str] = ()) -> Config:
    """Read the configuration at `path` (None: the defaults) and apply `key.path=value` overrides to it.

    Raises `ConfigInvalid` with every problem found.
    """
    source = "the configuration" if path is None else str(path)
    try:
        tree: Any = {} if path is None else parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(source, [f"it cannot be read: {error}"]) from error
    except YamlInvalid as error:
        raise ConfigInvalid(source, [str(error)]) from error
    tree = {} if tree is None else tree
    if not isinstance(tree, dict):
        raise ConfigInvalid(source, ["it holds no settings; write them as `name: value`"])
    for override in overrides:
        try:
            tree = with_override(tree, override, _defaults())
        except OverrideInvalid as error:
            raise ConfigInvalid(source, [str(error)]) from error
    return checked(tree, source)


def checked(tree: object, source: str) -> Config:
    """Give the configuration that `tree` describes; raises `ConfigInvalid` with every problem found."""
    try:
        config = Config.model_validate_json(json.dumps(tree, default=str))
    except ValidationError as error:
        raise ConfigInvalid(source, problems_of(error, Config)) from error
    if problems := list(contradictions(config)):
        raise ConfigInvalid(source, problems)
    return config


def contradictions(config: Config) -> Iterator[str]:
    """Give a sentence for each pair of settings that cannot both be meant."""
    yield from _axis_contradictions(config.axis)
    yield from _pin_contradictions(config)
    yield from _optics_contradictions(config)
    yield from _plan_contradictions(config)
    yield from _storage_contradictions(config.storage)
    yield from _delivery_contradictions(config)
    yield from _simulation_contradictions(config)


def _axis_contradictions(axis: Axis) -> Iterator[str]:
    if axis.kind == "lens":
        yield from _lens_contradictions(axis.lens)
        return
    if axis.driver not in (*DRIVERS, CUSTOM):
        yield f'axis.driver: "{axis.driver}" is not one of {", ".join([*DRIVERS, CUSTOM])}'
    elif axis.driver != CUSTOM and axis.custom_driver != CustomDriver():
        yield f"axis.custom_driver: is only looked at where axis.driver is {CUSTOM}, and it is {axis.driver}"
    if axis.uart is not None:
        yield from _uart_contradictions(axis, axis.uart)
    if axis.four_phase and axis.microsteps > 2:
        group = "ring" if axis.kind == "ring" else "screw"
        yield (
            f"axis.{group}.microsteps: {axis.microsteps} is more than {axis.driver} can do; "
            "give 2 for half steps or 1 for full ones"
        )
    if axis.gravity and axis.idle_release_s is not None:
        yield "axis.idle_release_s: must be null where axis.gravity is true: a released carriage would fall"
    elif not axis.self_holding and axis.idle_release_s is not None:
        yield (
            "axis.idle_release_s: must be null where axis.self_holding is false: released, the carriage may "
            "move, and its place is forgotten"
        )
    yield from _ring_contradictions(axis) if axis.kind == "ring" else _rail_contradictions(axis)


def _uart_contradictions(axis: Axis, uart: DriverUart) -> Iterator[str]:
    if axis.driver != "TMC2209":
        yield f"axis.uart: only a TMC2209 is talked to, and axis.driver is {axis.driver}; set it to null"
    try:
        uart.current  # noqa: B018 - made to see whether it can be
    except ValueError as error:
        yield f"axis.uart: {error}"


def _rail_contradictions(axis: Axis) -> Iterator[str]:
    if axis.keep_out_mm >= axis.travel_mm:
        yield (
            f"axis.keep_out_mm: {axis.keep_out_mm:g} leaves nothing of axis.travel_mm ({axis.travel_mm:g}); "
            "it must be smaller"
        )
    speed, homing = axis.speed, axis.homing
    if speed.start_mm_s > speed.max_mm_s:
        yield (
            f"axis.speed.start_mm_s: {speed.start_mm_s:g} is faster than "
            f"axis.speed.max_mm_s ({speed.max_mm_s:g})"
        )
    for name, faster_mm_s in (
        ("homing.fast_mm_s", homing.fast_mm_s),
        ("speed.start_mm_s", speed.start_mm_s),
    ):
        if homing.slow_mm_s > faster_mm_s:
            yield f"axis.homing.slow_mm_s: {homing.slow_mm_s:g} is faster than axis.{name} ({faster_mm_s:g})"
    fastest_steps_s, starting_steps_s = _step_rates(axis)
    for name, speed_mm_s in (("speed.max_mm_s", speed.max_mm_s), ("homing.fast_mm_s", homing.fast_mm_s)):
        if (steps_s := axis.steps(speed_mm_s)) > fastest_steps_s:
            fastest_mm_s = float(axis.scale.per_step) * fastest_steps_s / 1000
            yield (
                f"axis.{name}: {speed_mm_s:g} mm/s is {steps_s} steps a second with this screw; "
                f"{fastest_steps_s} ({fastest_mm_s:.3g} mm/s) is the most: go slower, or use fewer microsteps"
            )
    if (steps_s := axis.steps(speed.start_mm_s)) > starting_steps_s:
        yield (
            f"axis.speed.start_mm_s: {speed.start_mm_s:g} mm/s is {steps_s} steps a second with this screw; "
            f"the motor of {axis.driver} starts at {starting_steps_s} at the most"
        )


def _step_rates(axis: Axis) -> tuple[int, int]:
    """Give the most steps a second in motion, and from standstill, for board, driver and its motor."""
    timing = axis.timing
    if timing.fastest_full_steps_s is None or timing.starting_full_steps_s is None:
        return FASTEST_STEPS_S, FASTEST_STEPS_S
    fastest_steps_s = min(FASTEST_STEPS_S, timing.fastest_full_steps_s * axis.microsteps)
    return fastest_steps_s, min(fastest_steps_s, timing.starting_full_steps_s * axis.microsteps)


def _ring_contradictions(axis: Axis) -> Iterator[str]:
    ring, at = axis.ring, "axis.ring"
    if axis.home_allowed:
        yield "axis.home_allowed: must be false where axis.kind is ring: a ring has no switch to home to"
    if axis.gravity:
        yield "axis.gravity: must be false where axis.kind is ring: nothing falls when a ring is let go"
    if ring.ends_deg is not None and not ring.ends_deg[0] <= 0 <= ring.ends_deg[1]:
        near_deg, far_deg = ring.ends_deg
        yield (
            f"{at}.ends_deg: {near_deg:g} to {far_deg:g} does not hold 0, the mark; give the nearer end "
            "first, as so many degrees before the mark: [-5, 270]"
        )
    most_deg = 360 * ENDLESS_TURNS
    if ring.ends_deg is not None and max(map(abs, ring.ends_deg)) > most_deg:
        yield f"{at}.ends_deg: is more than {ENDLESS_TURNS} turns from the mark; null: there are no ends"
    near_deg, far_deg = ring.reach_deg
    if ring.backlash_deg + ring.run_up_deg >= far_deg - near_deg:
        yield f"{at}.ends_deg: {near_deg:g} to {far_deg:g} leaves no room for backlash_deg and run_up_deg"
    speed = ring.speed
    if speed.start_deg_s > speed.max_deg_s:
        yield f"{at}.speed.start_deg_s: {speed.start_deg_s:g} is faster than max_deg_s ({speed.max_deg_s:g})"
    fastest_steps_s, starting_steps_s = _step_rates(axis)
    for name, speed_deg_s, most_steps_s in (
        ("max_deg_s", speed.max_deg_s, fastest_steps_s),
        ("start_deg_s", speed.start_deg_s, starting_steps_s),
    ):
        if (steps_s := ring.steps(speed_deg_s)) > most_steps_s:
            most_deg_s = float(ring.scale.per_step) * most_steps_s
            yield (
                f"{at}.speed.{name}: {speed_deg_s:g} deg/s is {steps_s} steps a second with these gears; "
                f"{most_steps_s} ({most_deg_s:.3g} deg/s) is the most here: go slower"
            )
    if ring.distances is not None:
        yield from (f"{at}.distances: {problem}" for problem in table_problems(ring.distances))


def _lens_contradictions(lens: FocusMotor) -> Iterator[str]:
    step_d = float(Fraction(lens.step_d))
    if lens.stride_d < step_d:
        yield f"axis.lens.stride_d: {lens.stride_d:g} is less than a step, axis.lens.step_d ({step_d:g})"
    if lens.ends_d is None:
        return
    near_d, far_d = lens.ends_d
    if not near_d > far_d >= 0:
        yield (
            f"axis.lens.ends_d: {near_d:g} to {far_d:g} does not run from near to far; give the nearer end, "
            "which has more dioptres, first: [10, 0]"
        )
    elif near_d - far_d <= lens.run_up_d:
        yield f"axis.lens.ends_d: {near_d:g} to {far_d:g} leaves no room for run_up_d ({lens.run_up_d:g})"


def wired_pins(config: Config) -> dict[str, int]:
    """Give every GPIO that this rig uses, by the name of its setting."""
    axis_pins = config.axis.pins.model_dump(include=set(config.axis.parts))
    panel_pins = {name: pin for name, pin in config.panel.model_dump().items() if name.endswith("_pin")}
    return {
        f"{group}.{name}{f'[{place}]' if isinstance(wired, tuple) else ''}": pin
        for group, pins in (("axis.pins", axis_pins), ("panel", panel_pins))
        for name, wired in pins.items()
        for place, pin in enumerate(wired if isinstance(wired, tuple) else (wired,))
        if pin is not None
    }


def _pin_contradictions(config: Config) -> Iterator[str]:
    users: dict[int, list[str]] = {}
    for name, pin in wired_pins(config).items():
        users.setdefault(pin, []).append(name)
    for pin, names in users.items():
        if len(names) > 1:
            yield f"{' and '.join(names)}: are all GPIO {pin}; each needs a pin of its own"


def _optics_contradictions(config: Config) -> Iterator[str]:
    for name, lens in config.optics.items():
        if (lens.f_number is None) == (lens.numerical_aperture is None):
            yield f"optics.{name}: give either f_number or numerical_aperture, and not both"
        if lens.magnification is None and lens.focal_mm is None:
            yield f"optics.{name}: give magnification, or focal_mm for a lens that is focused, or both"


def _plan_contradictions(config: Config) -> Iterator[str]:
    if "default" not in config.plans:
        yield "plans: has no plan named default, which is what the shoot button starts"
    for name, plan in config.plans.items():
        at = f"plans.{name}"
        if plan.optics is not None and plan.optics not in config.optics:
            yield f'{at}.optics: "{plan.optics}" is not among optics: {", ".join(config.optics) or "none"}'
        if plan.spacing.overlap is not None and plan.optics in config.optics:
            lens, kind = config.optics[plan.optics], config.axis.kind
            if unsaid := [name for name in PITCH_FOLLOWS_FROM[kind] if getattr(lens, name) is None]:
                yield (
                    f"{at}.optics: {plan.optics} does not say {' and '.join(unsaid)}, which the pitch of a "
                    f"{kind} follows from; name optics that do, or give a pitch or a count"
                )
        yield from (f"{at}.range: {problem}" for problem in range_problems(plan.range))
        given = [key for key, value in plan.spacing.model_dump().items() if value is not None]
        if len(given) != 1:
            stands = " and ".join(given) or "none"
            yield f"{at}.spacing: give exactly one of overlap, pitch_u, count, not {stands}"
        if plan.spacing.overlap is not None and plan.optics is None:
            yield f"{at}.spacing: overlap needs {at}.optics, for the depth of field"
        if plan.corrected and plan.optics is None:
            yield f"{at}.corrected: needs {at}.optics, whose white field and dark frame are meant"
        if plan.aim.stops is not None and plan.aim.clipped_percent is not None:
            yield f"{at}.aim: give stops or clipped_percent, not both"


def range_problems(span: Span) -> Iterator[str]:
    """Give a sentence for each way in which `span` says two things at once."""
    ways = [
        "near_u and far_u" if (span.near_u, span.far_u) != (None, None) else "",
        "length_u" if span.length_u is not None else "",
        "around_u" if span.around_u is not None else "",
    ]
    if len(given := [way for way in ways if way]) > 1:
        yield f"give only one of {', '.join(given)}"
    if (span.near_u is None) != (span.far_u is None):
        yield "near_u and far_u belong together; give both"


def _storage_contradictions(storage: Storage) -> Iterator[str]:
    if storage.mount in ("auto", "none"):
        return
    if not storage.mount.startswith("/"):
        yield f'storage.mount: "{storage.mount}" is neither auto, none nor a whole path, such as /srv/disk'
    elif storage.sessions is None or not Path(storage.sessions).is_relative_to(storage.mount):
        sessions = storage.sessions or "null"
        yield f"storage.sessions: {sessions} does not lie below storage.mount, {storage.mount}"


def _delivery_contradictions(config: Config) -> Iterator[str]:
    places = [delivery.to for delivery in config.delivery]
    for place in places:
        if places.count(place) > 1:
            yield f'delivery: "{place}" is given twice'
        if ":" not in place.split("/", 1)[0] and not place.startswith("/"):
            yield f'delivery: "{place}" is neither a whole path, /media/stick/stacks, nor user@host:folder'


def _simulation_contradictions(config: Config) -> Iterator[str]:
    simulation = config.simulation
    if simulation.scene == "replay" and simulation.replay_folder is None:
        yield "simulation.replay_folder: is missing; the replay scene takes its pictures from there"
    for name, place_mm in (("start_mm", simulation.start_mm), ("subject_mm", simulation.subject_mm)):
        if config.axis.kind == "rail" and place_mm > config.axis.travel_mm:
            yield f"simulation.{name}: {place_mm:g} lies beyond axis.travel_mm ({config.axis.travel_mm:g})"


def _defaults() -> Any:
    return Config().model_dump(mode="json")
