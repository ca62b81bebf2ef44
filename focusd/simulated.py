"""The rig that `--simulate` invents: pins on a simulated world, and a camera that looks at it.

Beside this module only `focusd.motion` knows the simulator, for the carriage moves in the motion process.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from camera.errors import CameraUnavailable
from camera.library import OpenPicamera2
from focusd.board import ReadSysfs
from focusd.errors import StartFailed
from focusd.settings import Config
from rail.clock import Clock
from simulator.board import sysfs
from simulator.carriage import CarriageSpec
from simulator.laboratory import Laboratory
from simulator.pins import SimulatedFactory, Wiring
from simulator.rig import RigSpec, SimulatedRig
from simulator.scene import DEFAULT_SENSOR_WIDTH_UM, SceneError, SceneSpec
from simulator.sensor import CameraSpec
from simulator.tmc2209 import ChipOnLine, Tmc2209Chip
from simulator.voice_coil import RINGING, VoiceCoilSpec
from simulator.world import INPUTS, Resonance, World, WorldError

_FASTEST_FULL_STEPS_S = 1_000
"""Of a simulated motor of whose driver nothing else is said."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """A rig that is not there, and what can be done to it.

    Attributes
    ----------
    world
        What happens in it.
    factory
        The panel's pins.
    buttons
        What can be pressed.
    scene
        The subject before the lens.
    motion
        What the motion process must know of it, as plain JSON values.
    load_picamera2
        Gives what stands in for the class Picamera2; raises `CameraUnavailable`.
    read_sysfs
        Gives what its Pi's kernel would say.
    driver_port
        The serial port to the motor's driver; None where it is not talked to.
    laboratory
        Draws the pictures.
    """

    world: World
    factory: SimulatedFactory
    buttons: tuple[str, ...]
    scene: SceneSpec
    motion: Mapping[str, Any]
    load_picamera2: Callable[[], OpenPicamera2]
    read_sysfs: ReadSysfs
    driver_port: str | None
    laboratory: Laboratory

    def give_up(self) -> None:
        """Wait for no scene that is still to be drawn."""
        self.laboratory.give_up()

    def close(self) -> None:
        """Let go of the panel's pins, and end what draws the pictures."""
        self.factory.close()
        self.laboratory.close()


def open_simulation(config: Config, state_folder: Path, clock: Clock) -> Simulation:
    """Begin a world in `state_folder`, or go on with the one that is there."""
    path = state_folder / "world"
    try:
        world = _earlier_world(path, clock) if path.exists() else None
        world = world or World.create(
            path, position_um=config.simulation.start_mm * 1000, resonance=_sway(config)
        )
    except WorldError as error:
        raise StartFailed(str(error)) from error
    wiring, scene = panel_and_motor(config), scene_spec(config)
    seen = RigSpec(camera=camera_spec(config), scene=scene)
    laboratory = Laboratory(seen.camera, scene, world)
    return Simulation(
        world=world,
        factory=SimulatedFactory(world, clock, None, wiring, watch=True),
        buttons=(*wiring.buttons, *_switches(wiring)),
        scene=scene,
        motion={
            "world": str(path),
            "carriage": asdict(carriage_spec(config)),
            "wiring": motor_pins(config),
            "full_steps": config.axis.microsteps == 1,
        },
        load_picamera2=_camera(SimulatedRig(world, clock, seen, darkroom=laboratory), laboratory),
        read_sysfs=sysfs(world),
        driver_port=_driver_port(config, world),
        laboratory=laboratory,
    )


def _driver_port(config: Config, world: World) -> str | None:
    """Put the driver's chip on a serial line, if it is talked to."""
    uart = config.axis.uart
    return None if uart is None else ChipOnLine(Tmc2209Chip(world, uart.address)).port


def _earlier_world(path: Path, clock: Clock) -> World:
    """Go on with an earlier world, its buttons released; after a reboot its instants lie in the future."""
    world = World.open(path)
    for name in INPUTS:
        world.release(name)
    if world.carriage().changed_ns <= clock.monotonic_ns():
        return world
    position_um = world.carriage().carriage_um
    world.close()
    return World.create(path, position_um=position_um)


def _switches(wiring: Wiring) -> tuple[str, ...]:
    """Name the switches at the axis, which a finger can press, too."""
    pins = {"e_stop": wiring.e_stop, "limit_near": wiring.limit_near, "limit_far": wiring.limit_far}
    return tuple(name for name, pin in pins.items() if pin is not None)


def motor_pins(config: Config) -> dict[str, Any]:
    """Say where the motor and the limit switches are wired."""
    pins, parts, wrong = config.axis.pins, config.axis.parts, config.simulation.miswired
    near = pins.limit_near if "limit_near" in parts else None
    far = pins.limit_far if "limit_far" in parts else None
    if "limits-swapped" in wrong:
        near, far = far, near
    if "limits-off" in wrong:
        near = far = None
    swapped = "step-and-dir" in wrong
    return {
        "step": pins.dir if swapped else pins.step,
        "dir": pins.step if swapped else pins.dir,
        "enable": pins.enable,
        "enable_active_low": (pins.enable_active == "low") is not ("enable" in wrong),
        "coils": pins.coils if "coils" in parts else None,
        "limit_near": near,
        "limit_far": far,
        "limits_normally_closed": (pins.limit_active == "high") is not ("limits-kind" in wrong),
        "e_stop": None if "e-stop-off" in wrong else pins.e_stop,
    }


def panel_and_motor(config: Config) -> Wiring:
    """Wire the simulated rig to the pins that the configuration names."""
    panel = config.panel
    outputs = {"led": panel.led_pin, "light": panel.light_pin}
    return Wiring(
        **motor_pins(config),
        buttons=MappingProxyType({} if panel.shoot_pin is None else {"shoot": panel.shoot_pin}),
        outputs=MappingProxyType({name: pin for name, pin in outputs.items() if pin is not None}),
    )


def carriage_spec(config: Config) -> CarriageSpec:
    """Give mechanics that fit the configured axis."""
    axis, timing = config.axis, config.axis.timing
    spec = _ring(config) if axis.kind == "ring" else _rail(config)
    backwards = axis.invert is not ("direction" in config.simulation.miswired)
    a_full_step = 2 if timing.four_phase else axis.microsteps  # at four coils a rotor goes by half steps
    spec = replace(
        spec,
        invert=backwards,
        wake_ns=timing.wake_ns,
        um_per_step=spec.um_per_step * axis.microsteps / a_full_step,
        pull_in_steps_s=float(a_full_step * (timing.starting_full_steps_s or axis.pull_in_full_steps_s)),
        max_steps_s=float(a_full_step * (timing.fastest_full_steps_s or _FASTEST_FULL_STEPS_S)),
        lag_steps=2.0 * a_full_step,
    )
    if timing.four_phase:
        return spec
    return replace(spec, pulse_ns=timing.pulse_ns, low_ns=timing.low_ns, dir_setup_ns=timing.dir_setup_ns)


def _rail(config: Config) -> CarriageSpec:
    """Give a rail: a switch at each end of its travel, then the specimen."""
    axis = config.axis
    travel_um, keep_out_um = axis.travel_mm * 1000, axis.keep_out_mm * 1000
    played_um = config.simulation.backlash_um
    return CarriageSpec(
        um_per_step=float(axis.scale.per_step),
        turn_steps=4 * axis.microsteps,
        backlash_um=0.6 * axis.backlash_um if played_um is None else played_um,
        far_switch_um=travel_um,
        far_end_um=travel_um + 1500,
        specimen_um=travel_um - keep_out_um / 2 if axis.subject_side == "far" and keep_out_um else None,
    )


def _ring(config: Config) -> CarriageSpec:
    """Give a ring: no switches, at its mark when the world begins, its hard ends a degree past soft ones."""
    ring, um_a_deg = config.axis.ring, config.simulation.ring_um_a_deg
    mark_um = config.simulation.start_mm * 1000
    near_um, far_um = (mark_um + end_deg * um_a_deg for end_deg in ring.reach_deg)
    return CarriageSpec(
        um_per_step=float(ring.scale.per_step) * um_a_deg,
        backlash_um=0.6 * ring.backlash_deg * um_a_deg,
        near_switch_um=-math.inf,
        far_switch_um=math.inf,
        near_end_um=near_um - um_a_deg,
        far_end_um=far_um + um_a_deg,
    )


def scene_spec(config: Config) -> SceneSpec:
    """Give the subject that the configuration asks for, seen through the default plan's lens."""
    simulation = config.simulation
    middle_um, half_um = simulation.subject_mm * 1000, simulation.subject_depth_um / 2
    return SceneSpec(
        kind=simulation.scene,
        seed=simulation.seed,
        near_um=middle_um - half_um,
        far_um=middle_um + half_um,
        magnification=simulation.magnification,
        pixel_um=simulation.pixel_um,
        replay_folder=Path(simulation.replay_folder) if simulation.replay_folder else None,
    )


def _sway(config: Config) -> Resonance:
    """Say how what moves comes to rest: a carriage on its screw, or a lens on its spring."""
    if config.axis.kind == "lens":
        return RINGING
    return Resonance(config.simulation.sway_hertz, config.simulation.sway_decay_ms)


def camera_spec(config: Config) -> CameraSpec:
    """Give the camera; where the axis is its lens, one whose lens reaches the subject."""
    simulation = config.simulation
    pixel_um = simulation.pixel_um or DEFAULT_SENSOR_WIDTH_UM / simulation.size_px[0]
    spec = CameraSpec(
        size_px=simulation.size_px,
        cell_nm=round(1000 * pixel_um),
        flicker_percent=simulation.flicker_percent,
    )
    if config.panel.light_pin is not None:
        low = config.panel.light_active == "low"
        spec = replace(spec, ambient=0.2, lamp=0.8, lamp_low=low)
    if config.axis.kind != "lens":
        return spec
    infinity_um = simulation.subject_mm * 1000 + simulation.subject_d * simulation.lens_um_a_d
    return replace(
        spec, model="imx708", bits=10, lens=VoiceCoilSpec(um_a_d=simulation.lens_um_a_d, zero_um=infinity_um)
    )


def _camera(rig: SimulatedRig, laboratory: Laboratory) -> Callable[[], OpenPicamera2]:
    """Give what loads a stand-in for the class Picamera2; the subject is drawn when it is first loaded."""

    def load_picamera2() -> OpenPicamera2:
        try:
            laboratory.open()
        except SceneError as error:
            raise CameraUnavailable(f"the simulated camera sees nothing: {error}") from error
        return rig.picamera2

    return load_picamera2
