import pytest
from gpiozero import LED, Button, DigitalInputDevice, DigitalOutputDevice
from gpiozero.exc import GPIOPinInUse

from simulator.carriage import Carriage, CarriageSpec
from simulator.clock import VirtualClock
from simulator.pins import SimulatedFactory
from simulator.world import World

SPEC = CarriageSpec(um_per_step=1.0, backlash_um=0.0, bounce_ns=0, near_switch_um=0.0)


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def world(tmp_path):
    return World.create(tmp_path / "world", position_um=10.0)


@pytest.fixture
def motor(world, clock):
    factory = SimulatedFactory(world, clock, Carriage(world, clock, SPEC))
    yield factory
    factory.close()


@pytest.fixture
def panel(world, clock):
    factory = SimulatedFactory(world, clock)
    yield factory
    factory.close()


def pulse(step, clock, count):
    for _ in range(count):
        step.on()
        clock.pass_ns(2_000)
        step.off()
        clock.pass_ns(1_000_000)


def test_ordinary_devices_turn_the_motor_and_feel_the_limit(motor, world, clock):
    step = DigitalOutputDevice(21, pin_factory=motor)
    direction = DigitalOutputDevice(20, pin_factory=motor)
    enable = DigitalOutputDevice(16, active_high=False, pin_factory=motor)
    limit = DigitalInputDevice(5, pull_up=True, pin_factory=motor)
    assert not world.carriage().enabled

    enable.on()
    clock.pass_ns(2_000_000)
    levels = []
    for _ in range(12):
        pulse(step, clock, 1)
        levels.append(limit.pin.state)
    assert world.carriage().carriage_um == -2.0
    assert levels == [False] * 9 + [True] * 3  # normally closed: low until the tenth step reaches it

    direction.on()
    clock.pass_ns(1_000)
    pulse(step, clock, 100)
    assert world.carriage().carriage_um == 98.0
    assert not limit.pin.state
    enable.close()
    assert not world.carriage().enabled  # let go, it is pulled up on the driver's board


def test_a_broken_wire_reads_as_limit_and_a_jammed_lever_never_does(motor, world, clock):
    near = DigitalInputDevice(5, pull_up=True, pin_factory=motor)
    world.break_down("limit_near_open")
    assert near.pin.state
    world.mend("limit_near_open")
    assert not near.pin.state
    world.break_down("limit_near_stuck")
    enable = DigitalOutputDevice(16, active_high=False, initial_value=True, pin_factory=motor)
    clock.pass_ns(2_000_000)
    pulse(DigitalOutputDevice(21, pin_factory=motor), clock, 20)
    assert enable.value == 1
    assert world.carriage().near_closed
    assert not near.pin.state


def test_an_input_without_pull_up_floats(motor, world):
    wire = motor.pin(5)
    world.break_down("limit_near_open")
    for pull, level in (("up", True), ("floating", False), ("down", False)):
        wire.input_with_pull(pull)
        assert bool(wire.state) is level, pull


def test_a_press_reaches_a_button_as_an_edge(panel, clock):
    button = Button(26, pin_factory=panel)
    seen = []
    button.when_pressed = lambda: seen.append("pressed")
    button.when_released = lambda: seen.append("released")
    panel.press("shoot")
    assert button.is_pressed
    panel.release("shoot")
    panel.press("shoot", hold_s=0.5)
    clock.pass_ns(499_000_000)
    panel.follow()
    assert button.is_pressed
    clock.pass_ns(2_000_000)
    assert not button.is_pressed  # the level is live
    panel.follow()
    assert seen == ["pressed", "released", "pressed", "released"]


def test_a_press_from_another_process_is_seen_by_the_watching_factory(world, clock):
    factory = SimulatedFactory(world, clock, watch=True)
    button = Button(26, pin_factory=factory)
    other = World.open(world.path)
    other.press("shoot")
    assert button.wait_for_press(timeout=20)
    other.release("shoot")
    assert button.wait_for_release(timeout=20)
    factory.close()


def test_lights_are_seen_in_the_world(panel, world):
    led, light = LED(19, pin_factory=panel), LED(13, pin_factory=panel)
    led.on()
    assert (world.driven("led"), world.driven("light")) == (True, False)
    led.off()
    light.on()
    assert (world.driven("led"), world.driven("light")) == (False, True)
    light.close()
    assert not world.driven("light")


def test_the_motors_pins_belong_to_one_process(panel):
    for number in (21, 20, 16, 5, 6):
        with pytest.raises(GPIOPinInUse):
            panel.pin(number)


def test_other_pins_lead_nowhere_and_pins_keep_no_history(panel):
    spare = DigitalOutputDevice(4, pin_factory=panel)
    for _ in range(50):
        spare.toggle()
    assert len(panel.pin(4).states) == 1
