"""Every setting there is, its default and what it may be.

The models hold what a person writes, in a person's units; `focusd.hardware` and `focusd.plans` turn them into
the values of the rooms below. The defaults equal the config.yaml at the root of the repository.
"""

from datetime import datetime, time
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from focusd.axis_settings import Axis
from focusd.encoding import FormatName
from focusd.paused import ResumeAtBoot
from focusd.strict import Name, Pin, Pixels, Strict
from stack.manner import RAMP_STOPS
from stack.retention import Keep
from stack.specimen import field_problems
from stack.vitals import Limits


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


ColourGain = Annotated[float, Field(gt=0, le=32)]
"""What red or blue is multiplied by; libcamera takes no more."""


class FixedExposure(Strict):
    """An exposure that is used instead of a metered one."""

    time_us: int = Field(ge=1, le=600_000_000)
    gain: float = Field(default=1.0, ge=1, le=64)
    colour_gains: tuple[ColourGain, ColourGain]


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
    memory: str = Field(default="auto", pattern=r"^(auto|[0-9]+(\.[0-9]+)?[MG])$")


class Board(Strict):
    """What the Pi may bear."""

    too_hot_c: float | None = Field(default=80.0, ge=40, le=100)
    power_patience_s: float = Field(default=60.0, ge=0, le=86_400)

    @property
    def limits(self) -> Limits:
        """What stack and merge rest for."""
        return Limits(self.too_hot_c, self.power_patience_s)


Miswired = Literal[
    "direction", "step-and-dir", "enable", "limits-swapped", "limits-kind", "limits-off", "e-stop-off"
]
"""What may be wired otherwise than the settings say."""


class Simulation(Strict):
    """The rig that is not there, for `focusd --simulate`."""

    scene: Literal["insect", "replay", "ruler"] = "insect"
    seed: int = Field(default=1, ge=0, le=2**31)
    replay_folder: str | None = None
    size_px: tuple[Pixels, Pixels] = (1600, 1200)
    memory_mb: int | None = Field(default=None, ge=256, le=1_000_000)
    start_mm: float = Field(default=3.0, ge=0, le=1000)
    subject_mm: float = Field(default=20.0, ge=0, le=1000)
    subject_depth_um: float = Field(default=1500.0, ge=1, le=100_000)
    ring_um_a_deg: float = Field(default=100.0, ge=0.1, le=10_000)
    subject_d: float = Field(default=5.0, ge=0, le=100)
    lens_um_a_d: float = Field(default=200.0, ge=0.1, le=100_000)
    flicker_percent: float = Field(default=0.0, ge=0, le=50)
    magnification: float = Field(default=2.0, ge=0.01, le=100)
    pixel_um: float | None = Field(default=None, ge=0.1, le=100)
    backlash_um: float | None = Field(default=None, ge=0, le=5000)
    sway_hertz: float = Field(default=35.0, ge=1, le=500)
    sway_decay_ms: float = Field(default=30.0, ge=1, le=2000)
    miswired: tuple[Miswired, ...] = ()


def _time_of_day(value: object) -> time:
    """Read a time of day."""
    try:
        read = time.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        read = None
    if read is None or read.tzinfo is not None:
        raise ValueError('write a time of day as in "20:00"')
    return read


TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
Kept = Annotated[str, AfterValidator(lambda words: Keep.named(words).words)]
"""What of a series stays when its disk fills."""


class SeriesRequest(Strict):
    """A plan by its name, when it is shot, and how a series goes about it.

    Times without a zone are local; a window is two of a day, over midnight where the second is earlier. At
    most one of `until` and `for_s`.
    """

    plan: Name = "default"
    name: Name | None = None
    every_s: float = Field(ge=1, le=30 * 86_400)
    count: int | None = Field(default=None, ge=1, le=1_000_000)
    until: datetime | None = None
    for_s: float | None = Field(default=None, gt=0, le=3660 * 86_400)
    start_at: datetime | None = None
    window: tuple[TimeOfDay, TimeOfDay] | None = None
    missed: Literal["skip", "once"] = "skip"
    overlaps: bool = False
    exposure: Literal["lock-first", "per-stack", "ramp"] = "lock-first"
    ramp_stops: float = Field(default=RAMP_STOPS, gt=0, le=8)
    range: Literal["fixed", "follow"] = "fixed"
    keep: Kept = "merged+slices"
    hot: Literal["wait", "skip"] = "wait"


class Timelapse(Strict):
    """Series of stacks, and the one that begins by itself."""

    clock_wait_s: float = Field(default=120.0, ge=0, le=3600)
    series: SeriesRequest | None = None


class Config(Strict):
    """The whole of config.yaml."""

    axis: Axis = Axis()
    camera: Camera = Camera()
    optics: dict[Name, Lens] = Field(
        default={
            "macro-2x": Lens(magnification=2.0, f_number=4.0, pixel_um=3.1),
            "camera-module-3": Lens(focal_mm=4.74, f_number=1.8, pixel_um=1.4),
        }
    )
    plans: dict[Name, Plan] = Field(default={"default": Plan(optics="macro-2x")})
    panel: Panel = Panel()
    storage: Storage = Storage()
    delivery: tuple[Delivery, ...] = ()
    merge: Merge = Merge()
    timelapse: Timelapse = Timelapse()
    board: Board = Board()
    resume: ResumeAtBoot = "ask"
    simulation: Simulation = Simulation()


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
