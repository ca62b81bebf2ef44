"""A short simulated rail on a virtual clock. Its motor loses steps when it is treated badly."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from rail.axis_settings import AxisSettings
from rail.drivers import DRIVERS
from rail.pins import EmergencyPin, MotionPins, MotionWiring
from rail.position_store import FilePositionStore
from rail.profile import Ramp
from rail.screw import Scale
from rail.stepper import LocalStepper
from rail.stepper_axis import MotorDriver, StepperAxis
from simulator.carriage import Carriage, CarriageSpec
from simulator.clock import VirtualClock
from simulator.pins import SimulatedFactory, Wiring
from simulator.world import World

SCALE = Scale("um", Fraction(5, 16))
RAMP = Ramp(start_steps_s=320, max_steps_s=1280, acceleration_steps_s2=6400)
SPEC = CarriageSpec(
    pull_in_steps_s=400.0,
    lag_steps=4.0,
    backlash_um=60.0,
    near_end_um=-150.0,
    far_switch_um=3_000.0,
    far_end_um=3_150.0,
)
"""Its motor, in half steps, has the torque for three times the acceleration of `RAMP`."""
REAL_TIME_SPEC = replace(SPEC, pull_in_steps_s=3_000.0)
"""For real time, on a machine that may keep any process waiting: this motor forgives it."""
E_STOP = 12
SETTINGS = AxisSettings(
    travel_steps=9_600,
    keep_out_steps=1_280,
    subject_side="far",
    backlash_steps=320,
    margin_steps=32,
    clearance_steps=640,
    ramp=RAMP,
    homing_ramp=RAMP,
    touch_steps_s=100,
    self_holding=True,
    home_allowed=True,
)


class EventfulClock(VirtualClock):
    """A virtual clock on which things happen: `act` once, as soon as `when` is true."""

    def __init__(self, start_ns: int = 1_000_000_000_000) -> None:
        super().__init__(start_ns)
        self._events: list[tuple[Callable[[], bool], Callable[[], None]]] = []

    def once(self, when: Callable[[], bool], act: Callable[[], None]) -> None:
        self._events.append((when, act))

    def forget(self) -> None:
        """Let nothing happen that has not happened yet."""
        self._events.clear()

    def sleep_until_ns(self, instant_ns: int) -> None:
        super().sleep_until_ns(instant_ns)
        if not self._events:
            return
        for event in [event for event in self._events if event[0]()]:
            self._events.remove(event)
            event[1]()


@dataclass
class Rig:
    """All of a rail, from the carriage up to the axis."""

    folder: Path
    position_um: float = 600.0
    settings: AxisSettings = SETTINGS
    spec: CarriageSpec = SPEC
    wiring: MotionWiring = field(default_factory=MotionWiring)
    clock: EventfulClock = field(default_factory=EventfulClock)
    driver: MotorDriver | None = None

    def __post_init__(self) -> None:
        self.world = World.create(self.folder / "world", position_um=self.position_um)
        self.store = FilePositionStore(self.folder / "position.json")
        self._wire()
        self.switch_on()

    def _wire(self) -> None:
        self.carriage = Carriage(self.world, self.clock, self.spec)
        self.factory = SimulatedFactory(self.world, self.clock, self.carriage, Wiring(e_stop=E_STOP))
        self.emergency = EmergencyPin(self.factory, E_STOP)

    def cut_power(self) -> None:
        """Take the power from machine and driver, and give it back."""
        self.world.close()
        self.world, self.clock = World.open(self.folder / "world"), EventfulClock(1_000_000_000)
        self._wire()
        self.switch_on()

    def switch_on(self) -> None:
        """Begin anew with what the store and the carriage remember, the driver having kept its power."""
        self.pins = MotionPins(self.factory, self.wiring, energised=self.settings.gravity)
        self.stepper = LocalStepper(
            self.pins,
            DRIVERS["A4988"],
            self.clock,
            gravity=self.settings.gravity,
            emergency=self.emergency.pressed,
        )
        self.axis = StepperAxis(self.stepper, SCALE, self.settings, self.store, self.driver)

    @property
    def edges(self) -> int:
        """Rising edges of STEP that the carriage has seen, far less near."""
        return self.world.carriage().net_edges

    @property
    def lost_steps(self) -> int:
        return self.carriage.state.lost_steps

    @property
    def carriage_um(self) -> float:
        return self.carriage.state.carriage_um

    def after_edges(self, count: int, act: Callable[[], None]) -> None:
        """Do `act` once `count` more pulses have been given, in whichever direction."""
        target = self.world.carriage().edges + count
        self.clock.once(lambda: self.world.carriage().edges >= target, act)


def homed_rig(folder: Path) -> Rig:
    """Give a rail that has been homed, and stands at the near end of its reach."""
    rig = Rig(folder, position_um=60.0)
    rig.axis.home()
    return rig
