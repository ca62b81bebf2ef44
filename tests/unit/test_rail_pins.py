import subprocess
import sys
from importlib.util import find_spec

import pytest
from gpiozero.pins.mock import MockFactory
from rail_rig import EventfulClock

from rail.errors import PinsUnavailable
from rail.pins import Button, MotionPins, MotionWiring, PanelPins, PanelWiring, open_factory
from simulator.pins import SimulatedFactory
from simulator.world import World


@pytest.fixture
def factory():
    return MockFactory()


def level(factory, number):
    return bool(factory.pin(number).state)


@pytest.mark.parametrize("far_level", [True, False])
def test_the_wiring_decides_which_level_of_dir_means_far(factory, far_level):
    pins = MotionPins(factory, MotionWiring(far_level=far_level))
    pins.face(far=True)
    assert level(factory, 20) is far_level
    pins.face(far=False)
    assert level(factory, 20) is not far_level


@pytest.mark.parametrize("energised_level", [False, True])
def test_enable_has_the_level_of_the_driver(factory, energised_level):
    pins = MotionPins(factory, MotionWiring(energised_level=energised_level))
    assert level(factory, 16) is not energised_level
    pins.energise()
    assert level(factory, 16) is energised_level
    pins.release()
    assert level(factory, 16) is not energised_level


def test_a_broken_limit_wire_reads_as_pressed(factory):
    pins = MotionPins(factory, MotionWiring())
    assert pins.near_pressed()
    factory.pin(5).drive_low()
    assert not pins.near_pressed()


def test_a_limit_that_is_not_fitted_reads_as_nothing(factory):
    pins = MotionPins(factory, MotionWiring(limit_far=None))
    assert pins.far_pressed() is None


def test_one_pin_cannot_have_two_tasks():
    with pytest.raises(ValueError, match="two things"):
        MotionWiring(step=5)


def test_a_pin_that_does_not_exist_is_named(factory):
    with pytest.raises(PinsUnavailable, match="GPIO 99"):
        MotionPins(factory, MotionWiring(step=99))


@pytest.mark.skipif(find_spec("lgpio") is not None, reason="lgpio is installed here")
def test_without_lgpio_the_remedy_is_named_and_nothing_else_is_tried(tmp_path, monkeypatch):
    monkeypatch.setenv("LG_WD", "")
    with pytest.raises(PinsUnavailable, match="python3-lgpio"):
        open_factory(tmp_path)


def test_gpiozero_is_not_loaded_before_a_chip_is_opened():
    code = "import rail.pins, rail.stepper_axis, rail.process, sys; sys.exit('gpiozero' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


class Bench:
    """A button whose waits end when told."""

    def __init__(self, factory):
        self.pin = factory.pin(26)
        self.pin.input_with_pull("up")
        self.waiting = []
        self.told = []
        self.button = Button(self.pin, later=lambda _delay_s, act: self.waiting.append(act))
        self.button.watch(self.told.append)

    def quiet_passes(self):
        waiting, self.waiting = self.waiting, []
        for act in waiting:
            act()


def test_a_press_is_told_at_its_first_edge_and_once(factory):
    bench = Bench(factory)
    for _ in range(5):
        bench.pin.drive_low()
        bench.pin.drive_high()
    bench.pin.drive_low()
    assert bench.told == [True]
    bench.quiet_passes()
    assert bench.told == [True]


def test_a_release_during_the_quiet_is_not_lost(factory):
    bench = Bench(factory)
    bench.pin.drive_low()
    bench.pin.drive_high()
    assert bench.told == [True]
    bench.quiet_passes()
    assert bench.told == [True, False]


def test_press_and_release_again_and_again(factory):
    bench = Bench(factory)
    for _ in range(3):
        bench.pin.drive_low()
        bench.quiet_passes()
        bench.pin.drive_high()
        bench.quiet_passes()
    assert bench.told == [True, False] * 3


def test_a_press_is_told_also_where_no_thread_can_be_had_to_end_the_quiet(factory):
    """Memory is short: the press may mean stop, and so may the next."""

    def no_thread(_delay_s, _act):
        raise RuntimeError("can't start new thread")

    bench = Bench(factory)
    bench.button._later = no_thread
    for _ in range(2):
        bench.pin.drive_low()
        bench.pin.drive_high()
    assert bench.told == [True, False, True, False]


def test_a_closed_button_is_silent(factory):
    bench = Bench(factory)
    bench.pin.drive_low()
    bench.button.close()
    bench.quiet_passes()
    assert bench.told == [True]


def test_the_panel_on_the_simulated_world(tmp_path):
    world = World.create(tmp_path / "world")
    factory = SimulatedFactory(world, EventfulClock())
    panel = PanelPins(factory, PanelWiring())
    told = []
    panel.shoot.watch(told.append)
    factory.press("shoot")
    panel.show(True)
    panel.light(True)
    assert (told, world.driven("led"), world.driven("light")) == ([True], True, True)
    panel.close()
    assert (world.driven("led"), world.driven("light")) == (False, False)


def test_a_panel_without_anything_on_it(factory):
    panel = PanelPins(factory, PanelWiring(None, None, None))
    panel.show(True)
    panel.light(True)
    panel.close()
    assert panel.shoot is None
