"""What is left of a rig whose processes were all killed, and brought to rest by the service manager."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from focusd.config import load_config
from focusd.hardware import make_safe, motion_description
from focusd.simulated import open_simulation
from rail.clock import MonotonicClock

KILLED = """
import json, os, sys
from focusd.motion import stepper_of
from rail.stepper import Signals
stepper = stepper_of(json.loads(sys.argv[1]), Signals())
getattr(stepper, sys.argv[2])()
os._exit(9)
"""


@pytest.mark.parametrize(("gravity", "left"), [(False, "energise"), (True, "release")])
def test_a_motor_left_as_it_was_is_let_go_or_held_as_gravity_says(
    tmp_path: Path, gravity: bool, left: str
) -> None:
    config = load_config(None, [f"axis.gravity={gravity}", "axis.idle_release_s=null"])
    simulation = open_simulation(config, tmp_path, MonotonicClock())
    description = json.dumps(motion_description(config, simulation, None))
    assert subprocess.run([sys.executable, "-c", KILLED, description, left], check=False).returncode == 9
    simulation.world.drive("light", 1)
    assert simulation.world.carriage().enabled is not gravity
    make_safe(config, tmp_path, None, simulate=True)
    assert simulation.world.carriage().enabled is gravity
    assert not simulation.world.driven("light")
    simulation.factory.close()
