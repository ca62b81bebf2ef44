"""A simulated Camera Module 3 on a virtual clock, whose own lens is the axis.

Its frames report where the lens is *told* to be; the lens follows 30 ms later, and rings.
"""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from camera_bench import SPEC as CAMERA_SPEC
from camera_bench import Ladder
from rail_rig import EventfulClock

from camera.lens import LensAxis, LensSettings
from camera.picam import PicamCamera, PicamSettings
from rail.screw import Scale, lens_scale
from simulator.rig import RigSpec, SimulatedRig
from simulator.voice_coil import RINGING, VoiceCoilSpec
from simulator.world import World

SCALE = lens_scale(Fraction(1, 32))
SETTINGS = LensSettings(ends_steps=None, stride_steps=64, run_up_steps=8, settle_ns=100_000_000)
COIL = VoiceCoilSpec(um_a_d=50.0, zero_um=900.0)
SPEC = replace(CAMERA_SPEC, camera=replace(CAMERA_SPEC.camera, model="imx708", lens=COIL))


@dataclass
class LensRig:
    """All of a lens, from the coil up to the axis."""

    folder: Path
    settings: LensSettings = SETTINGS
    spec: RigSpec = SPEC
    clock: EventfulClock = field(default_factory=EventfulClock)
    opened: bool = True
    scale: Scale = SCALE

    def __post_init__(self) -> None:
        self.world = World.create(self.folder / "world", resonance=RINGING)
        self.sim = SimulatedRig(self.world, self.clock, self.spec, Ladder())
        self.axis = LensAxis(self.scale, self.settings, self.clock)
        if self.opened:
            self.open_camera()

    def open_camera(self) -> None:
        self.camera = PicamCamera(self.sim.picamera2, PicamSettings(), self.clock)
        self.axis.mount(self.camera)

    def optical_d(self, instant_ns: int | None = None) -> float:
        """Give where the lens itself is, or was at an instant, ringing included."""
        at_ns = self.clock.monotonic_ns() if instant_ns is None else instant_ns
        return (COIL.zero_um - self.world.position_um_at(at_ns)) / COIL.um_a_d

    def after_edges(self, count: int, act) -> None:
        """Do `act` once the coil has been told `count` more codes, in whichever direction."""
        target = self.world.carriage().edges + count
        self.clock.once(lambda: self.world.carriage().edges >= target, act)


def camera_spec(**changes: object) -> RigSpec:
    """Give the rig's spec with another camera."""
    return replace(SPEC, camera=replace(SPEC.camera, **changes))
