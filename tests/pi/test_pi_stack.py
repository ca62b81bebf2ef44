"""On a real Pi, its camera connected and something lit before the lens: what only a sensor can say."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from camera.camera import eight_bits
from camera.configuration import PicamSettings
from camera.picam import PicamCamera, load_picamera2
from rail.clock import MonotonicClock

pytestmark = [pytest.mark.pi, pytest.mark.timeout(600)]

FRAMES = 60
"""As many as a stack has slices."""


@pytest.fixture
def camera() -> Iterator[PicamCamera]:
    camera = PicamCamera(load_picamera2(), PicamSettings(), MonotonicClock())
    yield camera
    camera.close()


def test_the_exposure_does_not_drift_over_a_stack(camera: PicamCamera) -> None:
    clock = MonotonicClock()
    granted = camera.lock(camera.meter(clock.monotonic_ns()))
    frames = [camera.capture(clock.monotonic_ns()) for _ in range(FRAMES)]
    assert [frame.exposure for frame in frames] == [granted] * FRAMES
    levels = np.array([eight_bits(frame.pixels)[::8, ::8].mean() for frame in frames])
    assert levels[-10:].mean() == pytest.approx(levels[:10].mean(), rel=0.02), "light or picture drifts"
    assert camera.lock(granted) == granted


def test_every_frame_is_fresh_and_read_out_when_it_is_given(camera: PicamCamera) -> None:
    clock = MonotonicClock()
    camera.lock(camera.meter(clock.monotonic_ns()))
    frames = []
    for settle_ms in [0, 3, 20, 150] * (FRAMES // 4):
        after_ns = clock.monotonic_ns() + settle_ms * 1_000_000
        frames.append(camera.capture(after_ns))
        assert frames[-1].began_ns >= after_ns
        assert frames[-1].ended_ns <= clock.monotonic_ns()
    assert all(earlier.ended_ns < later.ended_ns for earlier, later in pairwise(frames))


def test_a_darkened_frame_is_dark_at_once(camera: PicamCamera) -> None:
    """Shows freshness in pixels though nothing moves: another lock is as bright as itself from the first."""
    clock = MonotonicClock()
    metered = camera.meter(clock.monotonic_ns())
    shown = []
    for part in (1, 4, 1, 4):
        camera.lock(type(metered)(metered.time_us // part, metered.gain, metered.colour_gains))
        shown.append(float(eight_bits(camera.capture(clock.monotonic_ns()).pixels)[::8, ::8].mean()))
    assert shown[0] == pytest.approx(shown[2], rel=0.05)
    assert shown[1] == pytest.approx(shown[3], rel=0.05)
    assert shown[0] > 1.3 * shown[1]
