"""What is left of a rig whose processes were all killed, and brought to rest by the service manager."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from focusd import hardware
from focusd.config import load_config
from focusd.hardware import make_safe, motion_description
from focusd.settings import Config
from focusd.simulated import Simulation, open_simulation
from rail.clock import MonotonicClock
from rail.errors import PinsUnavailable

KILLED = """
import json, os, sys
from focusd.motion import stepper_of
from rail.stepper import Signals
stepper = stepper_of(json.loads(sys.argv[1]), Signals())
getattr(stepper, sys.argv[2])()
os._exit(9)
"""


def left_behind(config: Config, folder: Path, left: str) -> Simulation:
    """Give a rig whose motion process was killed once it had let the motor go, or held it, its light on."""
    simulation = open_simulation(config, folder, MonotonicClock())
    description = json.dumps(motion_description(config, simulation, None))
    assert subprocess.run([sys.executable, "-c", KILLED, description, left], check=False).returncode == 9
    simulation.world.drive("light", 1, MonotonicClock().monotonic_ns())
    return simulation


@pytest.mark.parametrize(("gravity", "left"), [(False, "energise"), (True, "release")])
def test_a_motor_left_as_it_was_is_let_go_or_held_as_gravity_says(
    tmp_path: Path, gravity: bool, left: str
) -> None:
    config = load_config(None, [f"axis.gravity={gravity}", "axis.idle_release_s=null"])
    simulation = left_behind(config, tmp_path, left)
    assert simulation.world.carriage().enabled is not gravity
    make_safe(config, tmp_path, None, simulate=True)
    assert simulation.world.carriage().enabled is gravity
    assert not simulation.world.driven("light")
    simulation.factory.close()


def test_the_motor_is_let_go_also_where_the_light_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_config(None)
    simulation = left_behind(config, tmp_path, "energise")

    def taken(*_given: object) -> None:
        raise PinsUnavailable("GPIO 13 cannot be had")

    monkeypatch.setattr(hardware, "PanelPins", taken)
    with pytest.raises(PinsUnavailable, match="GPIO 13"):
        make_safe(config, tmp_path, None, simulate=True)
    assert not simulation.world.carriage().enabled
    simulation.factory.close()
