"""The product's motion process and axis, and the carriage that the kernel's lines move."""

import json
import sys
import time
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

from carriage import Carriage

from rail.axis import Axis
from rail.axis_settings import AxisSettings
from rail.drivers import DRIVERS
from rail.pins import MotionWiring
from rail.position_store import FilePositionStore
from rail.process import StepperProcess
from rail.profile import Ramp
from rail.screw import Scale
from rail.stepper import Standstill
from rail.stepper_axis import StepperAxis

Report = dict[str, Any]

TRAVEL_STEPS = 600
RAMP = Ramp(start_steps_s=200, max_steps_s=1000, acceleration_steps_s2=8000)
WIRING = MotionWiring()
SETTINGS = AxisSettings(
    travel_steps=TRAVEL_STEPS,
    keep_out_steps=50,
    subject_side="far",
    backlash_steps=20,
    margin_steps=10,
    clearance_steps=20,
    ramp=RAMP,
    homing_ramp=RAMP,
    touch_steps_s=100,
    self_holding=True,
    home_allowed=True,
)
TRACE_S = 0.01
"""After so long the carriage has read all that the kernel has written."""


class Rig:
    """The product's motion process and axis, on a carriage that stands at `position_steps`."""

    def __init__(self, position_steps: int, travel_steps: int = TRAVEL_STEPS) -> None:
        self.carriage = Carriage(WIRING, position_steps, travel_steps)
        self.stepper = open_stepper()
        self.carriage.await_switches()
        store = FilePositionStore(Path("/tmp/position.json"))
        self.axis: Axis = StepperAxis(self.stepper, Scale("um", Fraction(5, 8)), SETTINGS, store)

    def home(self) -> int:
        """Home the axis; give the number of the next event on the chip."""
        self.axis.home()
        time.sleep(TRACE_S)
        return len(self.carriage.events)

    def report(self, since: int = 0, **more: Any) -> Report:
        """Say where everybody believes the carriage to be, and when STEP rose from the event `since` on."""
        time.sleep(TRACE_S)
        position = self.axis.position()
        return {
            "axis_steps": position.steps,
            "trust": position.trust,
            "path_steps": list(self.carriage.path_steps),
            "lost_steps": self.carriage.lost_steps,
            "pulses": len(self.carriage.pulses_us()),
            "pulses_us": self.carriage.pulses_us(since),
            **more,
        }


def open_stepper() -> StepperProcess:
    """Start the motion process that a daemon starts."""
    description = {
        "timing": asdict(DRIVERS["A4988"]),
        "gravity": False,
        "wiring": asdict(WIRING),
        "e_stop": None,
        "standstill": asdict(Standstill(pull_in_steps_s=3200, full_step_steps=16)),
        "reversal_pause_ms": 20,
        "run_folder": "/run",
        "simulation": None,
    }
    return StepperProcess([sys.executable, "-m", "focusd.motion", json.dumps(description)])
