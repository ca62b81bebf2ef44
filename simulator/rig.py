"""A whole simulated rig: world, clock, camera and scene, tied together."""

import threading
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from simulator.carriage import Carriage, CarriageSpec
from simulator.clock import Clock, VirtualClock
from simulator.loans import Develops
from simulator.photograph import Darkroom
from simulator.picamera2 import Picamera2
from simulator.pins import SimulatedFactory, Wiring
from simulator.scene import Scene, SceneSpec
from simulator.scenes import open_scene
from simulator.sensor import CameraSpec
from simulator.tunings import TuningInForce
from simulator.world import Resonance, World

WORLD_NAME = "world"
"""The world's file in a rig's folder."""


@dataclass(frozen=True, slots=True)
class RigSpec:
    """Everything a simulated rig is made of.

    Attributes
    ----------
    start_um
        Where the carriage stands when a world is made: anywhere, for nobody knows on a real rig either.
    """

    carriage: CarriageSpec = field(default_factory=CarriageSpec)
    resonance: Resonance = field(default_factory=Resonance)
    wiring: Wiring = field(default_factory=Wiring)
    camera: CameraSpec = field(default_factory=CameraSpec)
    scene: SceneSpec = field(default_factory=SceneSpec)
    start_um: float = 17_300.0


class SimulatedRig:
    """One process's view of a rig. Several processes may each have one on the same folder.

    Parameters
    ----------
    world, clock, spec
        What it consists of.
    scene
        A subject other than `spec.scene` describes.
    darkroom
        Develops the camera's shots. None: this process does.
    """

    def __init__(
        self,
        world: World,
        clock: Clock,
        spec: RigSpec,
        scene: Scene | None = None,
        darkroom: Develops | None = None,
    ) -> None:
        self.world = world
        self.clock = clock
        self.spec = spec
        self.tuning = TuningInForce()
        self.camera_taken = threading.Lock()
        self._scene = scene
        self._darkroom = darkroom

    @classmethod
    def open(cls, folder: Path, clock: Clock, spec: RigSpec, scene: Scene | None = None) -> "SimulatedRig":
        """Join the rig whose world lies in `folder`, or make it.

        A carriage stays where it was when the last process ended. Raises `simulator.world.WorldMismatch`
        for a world of another version.
        """
        path = folder / WORLD_NAME
        if path.exists():
            return cls(World.open(path), clock, spec, scene)
        folder.mkdir(parents=True, exist_ok=True)
        world = World.create(path, position_um=spec.start_um, resonance=spec.resonance)
        return cls(world, clock, spec, scene)

    @property
    def camera(self) -> CameraSpec:
        """What the camera is made of."""
        return self.spec.camera

    @cached_property
    def scene(self) -> Scene:
        """The subject; drawing it takes seconds, once."""
        return self._scene or open_scene(self.spec.scene, self.spec.camera.size_px)

    @cached_property
    def darkroom(self) -> Develops:
        """Where the camera's shots are developed."""
        px_per_um = self.spec.scene.px_per_um(self.camera.size_px)
        return self._darkroom or Darkroom(self.camera, self.scene, self.world, px_per_um)

    @property
    def picamera2(self) -> partial[Picamera2]:
        """The class to open the camera with: `Picamera2` with this rig filled in."""
        return partial(Picamera2, rig=self)

    def motor_pins(self) -> SimulatedFactory:
        """Give a pin factory that moves the carriage. One process may: `simulator.world.CarriageBusy`."""
        carriage = Carriage(self.world, self.clock, self.spec.carriage)
        return SimulatedFactory(self.world, self.clock, carriage, self.spec.wiring)

    def panel_pins(self, *, watch: bool) -> SimulatedFactory:
        """Give a pin factory for buttons and lights; `watch` follows them from a thread of its own."""
        return SimulatedFactory(self.world, self.clock, wiring=self.spec.wiring, watch=watch)


def virtual_rig(
    folder: Path, spec: RigSpec | None = None, scene: Scene | None = None
) -> tuple[SimulatedRig, VirtualClock]:
    """Make a rig for a test: on a virtual clock of its own, in `folder`."""
    clock = VirtualClock()
    return SimulatedRig.open(folder, clock, spec or RigSpec(), scene), clock
