"""The rig as the configuration describes it, real or simulated: from here down one code runs for both."""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camera.camera import Camera
from camera.lens import LensAxis, LensSettings
from focusd.axis_settings import Axis as AxisConfig
from focusd.board import Board
from focusd.encoding import FORMATS
from focusd.errors import StartFailed
from focusd.motion import rest_motor
from focusd.places import of_rig
from focusd.settings import Config
from rail.axis_settings import AxisSettings
from rail.boards import clean_steps_s
from rail.clock import Clock, MonotonicClock
from rail.coils import CoilWiring
from rail.errors import DriverFault
from rail.pins import Factory, MotionWiring, PanelPins, PanelWiring, open_factory
from rail.position_store import FilePositionStore
from rail.process import SILENCE_S, StepperProcess
from rail.profile import Ramp
from rail.serial_line import SerialLine
from rail.stepper import Standstill, Stepper
from rail.stepper_axis import StepperAxis
from rail.tmc2209 import Tmc2209

_log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from camera.picam import PicamCamera
    from focusd.simulated import Simulation


@dataclass(frozen=True, slots=True)
class Rig:
    """The hardware, opened; the camera is opened by whoever owns it, for that may take a while or fail.

    Attributes
    ----------
    axis, panel
        The rail, ring or lens; and the button, lamp and light.
    driver
        The motor's driver where it is talked to, else None.
    open_camera
        Opens the camera, which calls what it is given again and again while it is waited for; raises
        `camera.errors.CameraUnavailable`.
    complaints
        What the system did not permit the motion process, in words.
    clock
        The time base of all of them.
    board
        The Pi.
    simulation
        None on a real rig.
    """

    axis: StepperAxis | LensAxis
    panel: PanelPins
    driver: Tmc2209 | None
    complaints: tuple[str, ...]
    open_camera: Callable[[Callable[[], object]], Camera]
    clock: Clock
    board: Board
    simulation: "Simulation | None"


def open_rig(
    config: Config, state_folder: Path, run_folder: Path | None, *, simulate: bool, home_allowed: bool
) -> Rig:
    """Open pins, motion process and panel.

    To be called from a thread that lives as long as the rig is wanted. Raises `rail.errors.PinsUnavailable`
    and `focusd.errors.StartFailed`.

    Parameters
    ----------
    config
        Which pins, screw and camera.
    state_folder
        Where the axis remembers its position, and a simulated rig its world.
    run_folder
        Where lgpio may put its FIFO; None for the system's temporary folder.
    simulate
        Whether to invent the rig.
    home_allowed
        Whether the owner has allowed homing.
    """
    clock = MonotonicClock()
    simulation = _simulation(config, state_folder, clock) if simulate else None
    if config.axis.kind == "lens":
        return _lens_rig(config, simulation, run_folder, clock)
    description = json.dumps(motion_description(config, simulation, run_folder))
    driver = open_driver(config.axis, simulation.driver_port if simulation else None)
    _first_words(driver)  # before a motor that gravity pulls at is held by it
    command = [sys.executable, "-m", "focusd.motion", description]
    stepper = StepperProcess(command, silence_s=silence_s(config.axis))
    try:
        factory: Factory = simulation.factory if simulation else open_factory(run_folder)
        panel = PanelPins(factory, panel_wiring(config))
        cap_steps_s = speed_cap(config.axis, "" if simulate else board_model())
        axis = open_axis(
            config,
            stepper,
            state_folder,
            simulate=simulate,
            home_allowed=home_allowed,
            cap_steps_s=cap_steps_s,
            driver=driver,
        )
        complaints = (*stepper.complaints, *speed_complaints(config.axis, cap_steps_s))
        open_camera = _camera_opener(config, simulation, clock)
        return Rig(axis, panel, driver, complaints, open_camera, clock, _board(simulation), simulation)
    except BaseException:
        stepper.close()
        raise


def _lens_rig(config: Config, simulation: "Simulation | None", run_folder: Path | None, clock: Clock) -> Rig:
    """Open a rig whose axis is the camera's own lens: there is no motor of ours, and no process for one."""
    panel = PanelPins(simulation.factory if simulation else open_factory(run_folder), panel_wiring(config))
    lens = LensAxis(config.axis.scale, lens_settings(config.axis), clock)
    open_camera = _camera_opener(config, simulation, clock, lens)
    return Rig(lens, panel, None, (), open_camera, clock, _board(simulation), simulation)


def _board(simulation: "Simulation | None") -> Board:
    return Board() if simulation is None else Board(simulation.read_sysfs)


def make_safe(config: Config, state_folder: Path, run_folder: Path | None, *, simulate: bool) -> None:
    """Bring to rest what a killed daemon left: the light goes out, the motor is let go, or held by gravity.

    Raises `rail.errors.PinsUnavailable`; light or motor is at rest by then where its pins could be had.
    """
    with ExitStack() as last_first:
        simulation = _simulation(config, state_folder, MonotonicClock()) if simulate else None
        if simulation:
            last_first.callback(simulation.close)
        if config.axis.kind != "lens":
            last_first.callback(lambda: rest_motor(motion_description(config, simulation, run_folder)))
        wiring = replace(panel_wiring(config), shoot=None, led=None)
        PanelPins(simulation.factory if simulation else open_factory(run_folder), wiring).close()


def open_axis(
    config: Config,
    stepper: Stepper,
    state_folder: Path,
    *,
    simulate: bool,
    home_allowed: bool,
    cap_steps_s: int | None = None,
    driver: Tmc2209 | None = None,
) -> StepperAxis:
    """Make the axis on a stepper."""
    settings = axis_settings(config.axis, home_allowed=home_allowed, cap_steps_s=cap_steps_s)
    store = FilePositionStore(of_rig(state_folder, "position.json", simulate=simulate))
    return StepperAxis(stepper, config.axis.scale, settings, store, driver)


def open_driver(axis: AxisConfig, port: str | None = None) -> Tmc2209 | None:
    """Make what talks to the motor's driver, at the configured port or another; None where nothing does."""
    if axis.uart is None or axis.tuning is None:
        return None
    return Tmc2209(SerialLine(port or axis.uart.port), axis.uart.address, axis.tuning)


def _first_words(driver: Tmc2209 | None) -> None:
    """Tell the driver what it must know; what is wrong with it keeps from moving, and may yet be mended."""
    if driver is not None:
        try:
            driver.check()
        except DriverFault as error:
            _log.warning("%s; nothing moves before that is put right", error)


def board_model() -> str:
    """Give the name by which this board calls itself; nothing where it is no board that does."""
    try:
        return Path("/proc/device-tree/model").read_text().rstrip("\0")
    except (OSError, UnicodeDecodeError):
        return ""


def speed_cap(axis: AxisConfig, model: str) -> int | None:
    """Give the steps a second that no move exceeds: the configured ones, else what the board can do."""
    return clean_steps_s(model) if axis.cap_steps_s is None else axis.cap_steps_s


def speed_complaints(axis: AxisConfig, cap_steps_s: int | None) -> Iterator[str]:
    """Name the configured speeds that the cap does not allow."""
    speed, ring = axis.speed, axis.ring.speed
    speeds_steps_s = (
        {"ring.speed.max_deg_s": axis.ring.steps(ring.max_deg_s)}
        if axis.kind == "ring"
        else {
            "speed.max_mm_s": axis.steps(speed.max_mm_s),
            "homing.fast_mm_s": axis.steps(axis.homing.fast_mm_s),
        }
    )
    for name, steps_s in speeds_steps_s.items():
        if cap_steps_s is not None and steps_s > cap_steps_s:
            yield (
                f"axis.{name} is {steps_s} steps a second and moves go at {cap_steps_s}, which this board "
                "steps cleanly; axis.cap_steps_s overrides that"
            )


def axis_settings(axis: AxisConfig, *, home_allowed: bool, cap_steps_s: int | None = None) -> AxisSettings:
    """Turn a person's millimetres, or degrees, into the axis's steps; raises `StartFailed`."""
    try:
        settings = _ring_settings(axis) if axis.kind == "ring" else _rail_settings(axis, home_allowed)
        settings = replace(
            settings,
            turn_steps=4 * axis.microsteps,
            forgets_pattern=axis.four_phase,
            inverted=axis.invert,
        )
    except ValueError as error:
        raise StartFailed(f"the axis cannot work as configured: {error}") from error
    if cap_steps_s is None:
        return settings
    return replace(
        settings,
        ramp=settings.ramp.capped(cap_steps_s),
        homing_ramp=settings.homing_ramp.capped(cap_steps_s),
        touch_steps_s=min(settings.touch_steps_s, cap_steps_s),
    )


def _rail_settings(axis: AxisConfig, home_allowed: bool) -> AxisSettings:
    speed, homing = axis.speed, axis.homing
    start_steps_s = max(1, axis.steps(speed.start_mm_s))
    acceleration_steps_s2 = max(1, axis.steps(speed.acceleration_mm_s2))
    fast_steps_s = max(1, axis.steps(homing.fast_mm_s))
    jerk_steps_s3 = None if speed.jerk_mm_s3 is None else max(1, axis.steps(speed.jerk_mm_s3))
    max_steps_s = max(start_steps_s, axis.steps(speed.max_mm_s))
    return AxisSettings(
        travel_steps=axis.steps(axis.travel_mm),
        keep_out_steps=axis.steps(axis.keep_out_mm),
        subject_side=axis.subject_side,
        backlash_steps=axis.steps(axis.backlash_um / 1000),
        margin_steps=axis.steps(axis.run_up_um / 1000),
        clearance_steps=axis.steps(homing.back_off_mm),
        ramp=Ramp(start_steps_s, max_steps_s, acceleration_steps_s2, jerk_steps_s3),
        homing_ramp=Ramp(
            min(start_steps_s, fast_steps_s), fast_steps_s, acceleration_steps_s2, jerk_steps_s3
        ),
        touch_steps_s=max(1, axis.steps(homing.slow_mm_s)),
        gravity=axis.gravity,
        self_holding=axis.self_holding,
        home_allowed=home_allowed,
    )


def _ring_settings(axis: AxisConfig) -> AxisSettings:
    """Give a ring's settings; it is not homed, so what homing would need says nothing here."""
    ring, speed = axis.ring, axis.ring.speed
    near_deg, far_deg = ring.reach_deg
    start_steps_s = max(1, ring.steps(speed.start_deg_s))
    ramp = Ramp(
        start_steps_s,
        max(start_steps_s, ring.steps(speed.max_deg_s)),
        max(1, ring.steps(speed.acceleration_deg_s2)),
    )
    return AxisSettings(
        travel_steps=ring.steps(far_deg) - ring.steps(near_deg),
        keep_out_steps=0,
        subject_side=axis.subject_side,
        backlash_steps=ring.steps(ring.backlash_deg),
        margin_steps=ring.steps(ring.run_up_deg),
        clearance_steps=0,
        ramp=ramp,
        homing_ramp=ramp,
        touch_steps_s=start_steps_s,
        self_holding=axis.self_holding,
        near_end_steps=ring.steps(near_deg),
    )


def lens_settings(axis: AxisConfig) -> LensSettings:
    """Turn a person's dioptres into the lens's steps."""
    lens, scale = axis.lens, axis.scale
    near_d, far_d = lens.ends_d or (0.0, 0.0)
    return LensSettings(
        ends_steps=(scale.ceil_steps(near_d), scale.floor_steps(far_d)) if lens.ends_d else None,
        stride_steps=max(1, scale.whole_steps(lens.stride_d)),
        run_up_steps=abs(scale.nearest_steps(lens.run_up_d)),
        settle_ns=lens.settle_ms * 1_000_000,
    )


def motion_wiring(axis: AxisConfig) -> MotionWiring | CoilWiring:
    """Say which pin of the motor does what; a ring has no limit switches."""
    pins = axis.pins
    switches: dict[str, Any] = {
        "limit_near": pins.limit_near if "limit_near" in axis.parts else None,
        "limit_far": pins.limit_far if "limit_far" in axis.parts else None,
        "pressed_level": pins.limit_active == "high",
    }
    if axis.four_phase:
        half_steps = axis.microsteps == 2
        return CoilWiring(pins.coils, half_steps=half_steps, far_forward=not axis.invert, **switches)
    return MotionWiring(
        step=pins.step,
        dir=pins.dir,
        enable=pins.enable,
        far_level=not axis.invert,
        energised_level=pins.enable_active == "high",
        **switches,
    )


def standstill(axis: AxisConfig) -> Standstill:
    """Say how the motor takes missing pulses; whoever configured its start speed has vouched for that."""
    start_steps_s = axis_settings(axis, home_allowed=False).ramp.start_steps_s
    full_steps_s = axis.timing.starting_full_steps_s or axis.pull_in_full_steps_s
    return Standstill(max(start_steps_s, full_steps_s * axis.microsteps), axis.microsteps)


def silence_s(axis: AxisConfig) -> float:
    """Give how long the motion process may be silent: what driver and motor are waited for, and a while."""
    return SILENCE_S + axis.timing.wake_ns / 1e9 + axis.reversal_pause_ms / 1e3


def panel_wiring(config: Config) -> PanelWiring:
    """Say which pin of the panel does what."""
    panel = config.panel
    return PanelWiring(
        shoot=panel.shoot_pin,
        led=panel.led_pin,
        light=panel.light_pin,
        light_level=panel.light_active == "high",
        light_percent=panel.light_percent,
        light_hz=panel.light_pwm_hz,
    )


def motion_description(
    config: Config, simulation: "Simulation | None", run_folder: Path | None
) -> dict[str, Any]:
    """Write down what the motion process must know, as plain JSON values."""
    return {
        "timing": asdict(config.axis.timing),
        "gravity": config.axis.gravity,
        "wiring": asdict(motion_wiring(config.axis)),
        "e_stop": config.axis.pins.e_stop,
        "standstill": asdict(standstill(config.axis)),
        "reversal_pause_ms": config.axis.reversal_pause_ms,
        "run_folder": str(run_folder) if run_folder else None,
        "simulation": simulation.motion if simulation else None,
    }


def _simulation(config: Config, state_folder: Path, clock: Clock) -> "Simulation":
    from focusd.simulated import open_simulation

    return open_simulation(config, state_folder, clock)


def with_lens(camera: "PicamCamera", lens: LensAxis) -> "PicamCamera":
    """Give a camera whose lens is the axis from now on; where that cannot be, it is closed again."""
    try:
        lens.mount(camera)
    except BaseException:
        camera.close()
        raise
    return camera


def _camera_opener(
    config: Config, simulation: "Simulation | None", clock: Clock, lens: LensAxis | None = None
) -> Callable[[Callable[[], object]], Camera]:
    """Give what opens the camera, and gives it the axis that is its lens, if one is."""

    def open_camera(heard: Callable[[], object]) -> Camera:
        from camera.configuration import PicamSettings
        from camera.memory import Memory, read_memory
        from camera.picam import PicamCamera, load_picamera2

        form = FORMATS[config.camera.format]
        settings = PicamSettings(
            config.camera.index,
            config.camera.size_px,
            config.camera.tries,
            bits=form.bits,
            raw=form.raw,
            mains_hz=config.camera.mains_hz,
        )
        load = simulation.load_picamera2 if simulation else load_picamera2
        memory_mb = config.simulation.memory_mb if simulation else None
        board = read_memory if memory_mb is None else lambda: Memory(memory_mb * 1_000_000, None, None)
        camera = PicamCamera(load(), settings, clock, memory=board, heard=heard)
        return camera if lens is None else with_lens(camera, lens)

    return open_camera
