"""A simulated Picamera2 on a carriage, before a card whose brightness says where the carriage was."""

import numpy as np

from simulator.carriage import CarriageSpec
from simulator.picamera2 import Picamera2
from simulator.rig import RigSpec, virtual_rig
from simulator.sensor import CameraSpec
from simulator.world import Resonance

MS_NS = 1_000_000
SIZE = (160, 120)
QUIET = CameraSpec(
    size_px=SIZE,
    line_ns=100_000,
    full_well_e=1e9,
    read_noise_e=0.0,
    light_gains=(2.0, 1.5),
    ready_ns=50 * MS_NS,
)
MANUAL = {"ExposureTime": 10_000, "AnalogueGain": 1.0, "ColourGains": (2.0, 1.5), "NoiseReductionMode": 0}


class Ramp:
    """A grey card whose brightness says where the carriage was: 0.2 at 1000 um, 0.001 more a micrometre."""

    near_um, far_um = 900.0, 1100.0

    def __init__(self):
        self.renders = []

    def render(self, focus_um, view):
        self.renders.append((focus_um, view.shift_px))
        return np.full((SIZE[1], SIZE[0], 3), 0.2 + (focus_um - 1000) * 0.001, np.float32)


def seen_um(pixels, exposure_ms=10):
    """Read the carriage's mean position for each row off a picture of the ramp."""
    green = pixels[:, :, 1].mean(axis=1) / 255
    linear = np.where(green < 0.04045, green / 12.92, ((green + 0.055) / 1.055) ** 2.4) * 10 / exposure_ms
    return 1000 + (linear - 0.2) / 0.001


class Bench:
    """A camera on a carriage, both on one virtual clock."""

    def __init__(self, folder, camera=QUIET, scene=None):
        carriage = CarriageSpec(um_per_step=1.0, backlash_um=0.0, pull_in_steps_s=5000.0)
        spec = RigSpec(carriage=carriage, resonance=Resonance(decay_ms=0.001), camera=camera, start_um=1000.0)
        self.scene = scene or Ramp()
        self.rig, self.clock = virtual_rig(folder, spec, self.scene)
        self.world = self.rig.world
        self.step, self.dir, enable = (self.rig_pins().pin(number) for number in (21, 20, 16))
        for pin in (self.step, self.dir, enable):
            pin.output_with_state(False)
        self.dir.state = True
        self.clock.pass_ns(5 * MS_NS)
        self.picam = Picamera2(rig=self.rig)

    def rig_pins(self):
        if not hasattr(self, "_pins"):
            self._pins = self.rig.motor_pins()
        return self._pins

    def start(self, controls=None, buffer_count=2, raw_format="SRGGB12", **main):
        config = self.picam.create_still_configuration(
            {"format": "RGB888", **main},
            raw={"format": raw_format},
            buffer_count=buffer_count,
            controls={**MANUAL, **(controls or {})},
            display=None,
        )
        self.picam.configure(config)
        self.picam.start()
        return self

    def move(self, steps, rate=1000):
        for _ in range(steps):
            self.step.state = True
            self.clock.pass_ns(2_000)
            self.step.state = False
            self.clock.pass_ns(int(1e9 / rate) - 2_000)
        return self.clock.monotonic_ns()

    def frames(self, count):
        return [self.picam.capture_metadata() for _ in range(count)]

    def fresh(self):
        with self.picam.captured_request(flush=True) as request:
            return request.make_array("main"), request.get_metadata()
