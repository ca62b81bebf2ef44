"""A camera on the simulated rig, judged by what the rig knows: brightness tells where the carriage was."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from camera_bench import SPEC, camera_rig, jump

from camera.camera import Exposure
from camera.configuration import PicamSettings
from camera.errors import CameraTimeout, ExposureDrifted, NothingSeen
from camera.picam import PicamCamera
from simulator.clock import VirtualClock
from simulator.rig import SimulatedRig

ASKED = Exposure(8_000, 1.0, (2.1, 1.7))


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[SimulatedRig]:
    rig, _ = camera_rig(tmp_path)
    yield rig
    rig.world.close()


def opened(rig: SimulatedRig) -> PicamCamera:
    return PicamCamera(rig.picamera2, PicamSettings(), rig.clock)


def locked(rig: SimulatedRig) -> PicamCamera:
    camera = opened(rig)
    camera.lock(ASKED)
    return camera


def row_means(camera: PicamCamera, after_ns: int) -> np.ndarray:
    return camera.capture(after_ns).pixels.mean(axis=(1, 2))


def test_no_row_sees_the_place_before(rig: SimulatedRig) -> None:
    """The carriage jumps at every phase of a frame; each slice must show the new place alone."""
    camera = locked(rig)
    settle_ns = 150_000_000
    for phase_ms in range(0, 25, 3):
        jump(rig, 200.0)
        rig.clock.sleep_until_ns(rig.clock.monotonic_ns() + 400_000_000 + phase_ms * 1_000_000)
        camera.capture(rig.clock.monotonic_ns())
        jump(rig, 900.0)
        there = row_means(camera, rig.clock.monotonic_ns() + settle_ns)
        rig.clock.sleep_until_ns(rig.clock.monotonic_ns() + 2_000_000_000)
        at_rest = row_means(camera, rig.clock.monotonic_ns())

        assert np.abs(there - at_rest).max() < 2, phase_ms


def test_no_frame_holds_anything_of_the_one_before(tmp_path: Path) -> None:
    """A Pi 5 blends it in unless noise reduction is off; where it is long, it began before the move."""
    rig, _ = camera_rig(tmp_path, replace(SPEC, camera=replace(SPEC.camera, ambient=0.03)))
    camera = opened(rig)
    camera.lock(replace(ASKED, time_us=250_000))
    at_rest = row_means(camera, rig.clock.monotonic_ns())
    for phase_ms in range(0, 250, 50):
        jump(rig, 900.0)
        camera.capture(rig.clock.monotonic_ns() + 100_000_000)
        rig.clock.sleep_until_ns(rig.clock.monotonic_ns() + phase_ms * 1_000_000)
        jump(rig, 200.0)
        there = row_means(camera, rig.clock.monotonic_ns() + 100_000_000)

        assert np.abs(there - at_rest).max() < 2, phase_ms


def test_brightness_is_what_was_metered(rig: SimulatedRig) -> None:
    camera = opened(rig)
    jump(rig, 500.0)
    camera.lock(camera.meter(rig.clock.monotonic_ns() + 500_000_000))
    middle_grey = 255 * (1.055 * 0.18 ** (1 / 2.4) - 0.055)

    assert camera.capture(rig.clock.monotonic_ns()).pixels.mean() == pytest.approx(middle_grey, abs=4)


def test_slices_do_not_differ_in_brightness(rig: SimulatedRig) -> None:
    camera = locked(rig)
    means = [camera.capture(rig.clock.monotonic_ns()).pixels.mean() for _ in range(10)]

    assert np.ptp(means) < 0.5


def test_a_creeping_exposure_is_never_let_through(rig: SimulatedRig) -> None:
    camera = locked(rig)
    assert camera.exposure is not None
    rig.world.break_down("exposure_drift")

    with pytest.raises(ExposureDrifted) as caught:
        for _ in range(1000):
            taken = camera.capture(rig.clock.monotonic_ns()).exposure
            assert abs(taken.time_us - camera.exposure.time_us) <= SPEC.camera.shortest_frame_us / 120
    assert caught.value.locked == camera.exposure


def test_a_loose_cable_is_told_in_bounded_time(rig: SimulatedRig) -> None:
    camera = locked(rig)
    rig.world.break_down("camera_timeout")
    began_ns = rig.clock.monotonic_ns()

    with pytest.raises(CameraTimeout, match="ribbon cable"):
        for _ in range(100):
            camera.capture(rig.clock.monotonic_ns())
    assert rig.clock.monotonic_ns() - began_ns < 5_000_000_000


def test_metadata_gone_missing_does_not_lose_a_slice(rig: SimulatedRig) -> None:
    camera = locked(rig)
    rig.world.break_down("camera_missing_metadata")

    assert camera.capture(rig.clock.monotonic_ns()).metadata["retakes"] == ()


@pytest.mark.parametrize(("ambient", "words"), [(0.0, "black"), (1e6, "blown out")])
def test_a_lens_cap_and_a_glare_are_refused(tmp_path: Path, ambient: float, words: str) -> None:
    rig, _ = camera_rig(tmp_path, replace(SPEC, camera=replace(SPEC.camera, ambient=ambient)))
    with pytest.raises(NothingSeen, match=words):
        opened(rig).meter(rig.clock.monotonic_ns())
    rig.world.close()


def test_a_frame_may_be_smaller_than_the_sensor(rig: SimulatedRig) -> None:
    camera = PicamCamera(rig.picamera2, PicamSettings(size_px=(80, 60)), rig.clock)
    camera.lock(ASKED)

    assert camera.size_px == (80, 60)
    assert camera.capture(rig.clock.monotonic_ns()).pixels.shape == (60, 80, 3)


def test_a_slice_a_minute_apart_is_as_fresh(rig: SimulatedRig) -> None:
    camera = locked(rig)
    clock = rig.clock
    assert isinstance(clock, VirtualClock)
    clock.pass_ns(60_000_000_000)
    after_ns = clock.monotonic_ns()

    assert camera.capture(after_ns).began_ns > after_ns
