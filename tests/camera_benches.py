"""Cameras with their time: simulated ones, the real picamera2 on a virtual camera, and a Pi's own."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from camera_bench import SPEC, camera_rig, jump

from camera.camera import Camera, Exposure, Frame
from camera.configuration import PicamSettings
from camera.loan import Clock
from camera.memory import Memory
from camera.picam import PicamCamera, load_picamera2
from rail.clock import MonotonicClock
from simulator.sensor import CameraSpec


@dataclass
class Bench:
    """A camera, its time, and what is done to it.

    `show` changes the scene before it: from dark (0) to bright (1), at once. `silence` lets no frame come, as
    a loose cable does, or lets them come again.
    """

    camera: Camera
    clock: Clock
    show: Callable[[float], None] | None = None
    silence: Callable[[bool], None] | None = None

    def in_ms(self, milliseconds: int) -> int:
        return self.clock.monotonic_ns() + 1_000_000 * milliseconds

    def locked(self) -> Exposure:
        return self.camera.lock(self.camera.meter(self.in_ms(0)))

    def frames(self, count: int) -> list[Frame]:
        return [self.camera.capture(self.in_ms(100)) for _ in range(count)]


def simulated(spec: CameraSpec, memory: Memory, folder: Path) -> Bench:
    rig, clock = camera_rig(folder, replace(SPEC, camera=spec))
    camera = PicamCamera(rig.picamera2, PicamSettings(), clock, lambda: memory)

    def silence(on: bool) -> None:
        (rig.world.break_down if on else rig.world.mend)("camera_timeout")

    return Bench(camera, clock, lambda level: jump(rig, 1000 * level), silence)


def real(folder: Path) -> Bench:
    clock = MonotonicClock()
    return Bench(PicamCamera(load_picamera2(), PicamSettings(), clock), clock)


def virtual(folder: Path) -> Bench:
    import virtual_picamera2  # noqa: F401  - before picamera2 opens a camera
    from virtual_camera import show, silence

    show(0.5)
    clock = MonotonicClock()
    return Bench(PicamCamera(load_picamera2(), PicamSettings(), clock), clock, show, silence)


LARGE, SMALL = Memory(4 * 10**9, 512 * 10**6, 3 * 10**8), Memory(43 * 10**7, 256 * 10**6, 10**6)
PI_5 = replace(SPEC.camera, platform="PISP")
BENCHES = [
    pytest.param(partial(simulated, PI_5, LARGE), id="Pi 5"),
    pytest.param(partial(simulated, replace(PI_5, platform="VC4"), LARGE), id="Pi 4"),
    pytest.param(partial(simulated, replace(PI_5, platform="VC4"), SMALL), id="512 MB"),
    pytest.param(
        partial(simulated, replace(PI_5, global_shutter=True, offset_ns=14_260), LARGE), id="global"
    ),
    pytest.param(partial(simulated, replace(PI_5, mono=True), LARGE), id="mono"),
    pytest.param(virtual, marks=pytest.mark.virtual, id="virtual"),
    pytest.param(real, marks=pytest.mark.pi, id="real"),
]
