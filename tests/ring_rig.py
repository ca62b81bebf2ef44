"""A simulated focus ring on a virtual clock: a 28BYJ-48 on a ULN2003, a pulley of 2:1, no limit switch.

A degree of the ring moves the plane of focus by 100 µm.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from rail_rig import EventfulClock

from rail.axis_settings import AxisSettings
from rail.coils import CoilPins, CoilWiring
from rail.drivers import DRIVERS
from rail.position_store import FilePositionStore
from rail.profile import Ramp
from rail.screw import ring_scale
from rail.stepper import LocalStepper
from rail.stepper_axis import StepperAxis
from simulator.carriage import CarriageSpec
from simulator.four_phase import FourPhaseCarriage
from simulator.pins import SimulatedFactory, Wiring
from simulator.world import World

COILS = (17, 27, 22, 23)
GEAR = Fraction(25_792, 405) * 2
UM_A_DEG = 100.0
RAMP = Ramp(start_steps_s=400, max_steps_s=800, acceleration_steps_s2=1600)
SETTINGS = AxisSettings(
    travel_steps=12_000,
    keep_out_steps=0,
    subject_side="far",
    backlash_steps=60,
    margin_steps=10,
    clearance_steps=0,
    ramp=RAMP,
    homing_ramp=RAMP,
    touch_steps_s=400,
    self_holding=True,
    near_end_steps=-4_000,
)


def ring_spec(half_steps: bool = True) -> CarriageSpec:
    """Mechanics of the ring: in half steps, as the rotor turns."""
    return CarriageSpec(
        um_per_step=float(ring_scale(32, 2, GEAR).per_step) * UM_A_DEG,
        wake_ns=20_000_000,
        pull_in_steps_s=600.0,
        max_steps_s=1000.0,
        lag_steps=4.0,
        backlash_um=50.0,
        near_switch_um=-1e6,
        far_switch_um=1e6,
        near_end_um=-25_000.0,
        far_end_um=45_000.0,
    )


@dataclass
class RingRig:
    """All of a ring, from the rotor up to the axis."""

    folder: Path
    half_steps: bool = True
    settings: AxisSettings = SETTINGS
    wiring: CoilWiring = field(default_factory=lambda: CoilWiring(COILS))
    clock: EventfulClock = field(default_factory=EventfulClock)

    def __post_init__(self) -> None:
        self.scale = ring_scale(32, 2 if self.half_steps else 1, GEAR)
        self.wiring = CoilWiring(self.wiring.coils, half_steps=self.half_steps)
        self.world = World.create(self.folder / "world")
        self.motor = FourPhaseCarriage(self.world, self.clock, ring_spec(), full_steps=not self.half_steps)
        self.factory = SimulatedFactory(self.world, self.clock, self.motor, Wiring(coils=COILS))
        self.store = FilePositionStore(self.folder / "position.json")
        self.switch_on()

    def switch_on(self) -> None:
        """Begin anew with what the store and the rotor remember, as after a power cut."""
        self.pins = CoilPins(self.factory, self.wiring)
        self.stepper = LocalStepper(self.pins, DRIVERS["ULN2003"], self.clock)
        self.axis = StepperAxis(self.stepper, self.scale, self.settings, self.store)

    @property
    def lost_steps(self) -> int:
        return self.motor.state.lost_steps

    def after_edges(self, count: int, act) -> None:
        """Do `act` once `count` more patterns have been shown."""
        target = self.world.carriage().edges + count
        self.clock.once(lambda: self.world.carriage().edges >= target, act)
