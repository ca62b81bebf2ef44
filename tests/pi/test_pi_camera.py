"""What only pixels show of a camera: that a lock holds, and that a frame is as fresh as it says.

`pytest -m pi` looks at a Pi's own camera, before something steadily lit. The same tests look at simulated
ones wherever they run, so that they themselves are known to work.
"""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from camera_benches import LARGE, PI_5, Bench, real, simulated

from camera.camera import Exposure, Frame
from camera.errors import CaptureCancelled
from camera.shading import linear

SLICES = 40
DRIFT = 0.01
"""Of the light: less than a level in the mid-tones. Steadier than that must be the lamp."""


def on_a_pi(folder: Path) -> Iterator[Bench]:
    """Give the Pi's camera, and its light to switch, where FOCUSRAIL_PI_LIGHT names the pin."""
    bench = real(folder)
    pin = os.environ.get("FOCUSRAIL_PI_LIGHT")
    if pin is None:
        yield bench
        return
    from gpiozero import DigitalOutputDevice

    with DigitalOutputDevice(int(pin), initial_value=True) as light:
        yield replace(bench, show=lambda level: light.on() if level > 0.5 else light.off())


def at_a_desk(platform: str, folder: Path) -> Iterator[Bench]:
    """Give a simulated camera."""
    bench = simulated(replace(PI_5, platform=platform), LARGE, folder)
    assert bench.show is not None
    bench.show(0.5)
    yield bench


BENCHES = [
    pytest.param(partial(at_a_desk, "PISP"), id="Pi 5"),
    pytest.param(partial(at_a_desk, "VC4"), id="Pi 4"),
    pytest.param(on_a_pi, marks=pytest.mark.pi, id="real"),
]


@pytest.fixture(params=BENCHES)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    make: Callable[[Path], Iterator[Bench]] = request.param
    for bench in make(tmp_path):
        yield bench
        bench.camera.close()


def light_of(frame: Frame) -> np.ndarray:
    """Give the light of a frame's middle, blue, green, red, each 0 to 1."""
    height, width = frame.pixels.shape[:2]
    middle = frame.pixels[height // 4 : -height // 4, width // 4 : -width // 4]
    return np.asarray(linear(middle, 255).mean(axis=(0, 1)))


def darker(exposure: Exposure, part: float) -> Exposure:
    return replace(exposure, time_us=round(exposure.time_us * part))


def test_brightness_and_colour_of_many_slices_do_not_drift(bench: Bench) -> None:
    granted = bench.locked()
    frames = [bench.camera.capture(bench.in_ms(100)) for _ in range(SLICES)]
    light = np.array([light_of(frame) for frame in frames])

    assert {frame.exposure for frame in frames} == {granted}
    assert np.abs(light / light.mean(axis=0) - 1).max() < DRIFT


def test_a_lock_shows_in_the_pixels_of_the_very_first_frame(bench: Bench) -> None:
    metered = bench.camera.meter(bench.in_ms(0))
    light = []
    for part in (1.0, 0.5) * 4:
        granted = bench.camera.lock(darker(metered, part))
        frame = bench.camera.capture(bench.in_ms(0))
        assert frame.exposure == granted
        light.append(light_of(frame) / granted.time_us)

    bright, dim = np.array(light[::2]), np.array(light[1::2])
    assert np.abs(bright / bright.mean(axis=0) - 1).max() < DRIFT
    assert np.abs(dim / dim.mean(axis=0) - 1).max() < DRIFT
    assert bright.mean() / dim.mean() == pytest.approx(1, abs=0.2)  # as a tone curve allows


def test_time_stamps_are_of_this_clock_and_frames_follow_one_another(bench: Bench) -> None:
    bench.locked()
    frames = []
    for pause_ms in (0, 7, 90, 400, 0, 0):
        bench.clock.sleep_until_ns(bench.in_ms(pause_ms))
        asked_ns = bench.clock.monotonic_ns()
        frames.append(bench.camera.capture(asked_ns))
        frame_ns = frames[-1].ended_ns - frames[-1].began_ns

        assert asked_ns <= frames[-1].began_ns <= asked_ns + 3 * frame_ns
        assert frames[-1].ended_ns <= bench.clock.monotonic_ns()
    assert all(earlier.ended_ns <= later.ended_ns for earlier, later in pairwise(frames))
    assert len({frame.began_ns for frame in frames}) == len(frames)


def test_no_frame_shows_the_light_as_it_was_before(bench: Bench) -> None:
    if bench.show is None:
        pytest.skip("FOCUSRAIL_PI_LIGHT names no pin: nothing changes the light before this camera")
    bench.show(0.9)
    bench.locked()
    shown = []
    for level in (0.9, 0.2) * 4:
        bench.show(level)
        shown.append(light_of(bench.camera.capture(bench.in_ms(150))).mean())

    assert min(shown[::2]) > 1.1 * max(shown[1::2])
    assert np.ptp(shown[::2]) < 2 * DRIFT * np.mean(shown[::2])


def test_a_stop_from_another_thread_ends_a_long_wait(bench: Bench) -> None:
    bench.locked()
    threading.Thread(target=bench.camera.cancel).start()
    with pytest.raises(CaptureCancelled):
        while True:
            bench.camera.capture(bench.in_ms(0))
    bench.camera.arm()

    assert bench.camera.capture(bench.in_ms(0)).pixels.any()
