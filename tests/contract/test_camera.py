"""What every camera keeps to: simulated ones of every kind here, the real picamera2 on libcamera's virtual
camera with `make rig`, a real one with `pytest -m pi`."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from camera_benches import BENCHES, Bench

from camera.camera import Aim
from camera.errors import CameraError, CameraTimeout, CaptureCancelled


@pytest.fixture(params=BENCHES)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    make: Callable[[Path], Bench] = request.param
    bench = make(tmp_path)
    yield bench
    bench.camera.close()


def test_it_says_what_it_is(bench: Bench) -> None:
    width, height = bench.camera.size_px

    assert min(width, height) > 0
    assert all((bench.camera.identity.make, bench.camera.identity.model, bench.camera.identity.sensor))


def test_a_frame_is_pixels_of_its_own(bench: Bench) -> None:
    bench.locked()
    (frame,) = bench.frames(1)
    width, height = bench.camera.size_px

    assert (frame.pixels.shape, frame.pixels.dtype) == ((height, width, 3), np.uint8)
    assert frame.pixels.flags.c_contiguous
    assert frame.pixels.flags.owndata
    assert frame.pixels.flags.writeable


def test_nothing_is_locked_at_first_and_nothing_is_taken(bench: Bench) -> None:
    assert bench.camera.exposure is None
    with pytest.raises(CameraError):
        bench.camera.capture(bench.in_ms(0))


def test_what_is_metered_can_be_locked(bench: Bench) -> None:
    metered = bench.camera.meter(bench.in_ms(100))
    granted = bench.camera.lock(metered)

    assert granted == bench.camera.exposure
    assert granted.time_us == pytest.approx(metered.time_us, rel=0.02)
    assert granted.gain == pytest.approx(metered.gain, rel=0.045)
    assert granted.colour_gains == pytest.approx(metered.colour_gains, rel=0.005)


def test_what_is_metered_is_as_bright_as_wanted(bench: Bench) -> None:
    plain = bench.camera.meter(bench.in_ms(100))
    darker = bench.camera.meter(bench.in_ms(0), Aim(stops=-1))

    assert darker.time_us * darker.gain == pytest.approx(plain.time_us * plain.gain / 2, rel=0.05)


def test_metering_forgets_the_lock(bench: Bench) -> None:
    bench.locked()
    bench.camera.meter(bench.in_ms(0))

    assert bench.camera.exposure is None


def test_locking_what_was_granted_grants_the_same(bench: Bench) -> None:
    granted = bench.locked()

    assert [bench.camera.lock(bench.camera.exposure or granted) for _ in range(4)] == [granted] * 4


def test_every_frame_has_the_locked_exposure(bench: Bench) -> None:
    granted = bench.locked()

    assert [frame.exposure for frame in bench.frames(5)] == [granted] * 5
    assert bench.camera.exposure == granted


def test_a_frame_begins_when_it_may_and_is_read_out_on_return(bench: Bench) -> None:
    bench.locked()
    for settle_ms in (-500, 0, 1, 37, 150, 1000):
        after_ns = bench.in_ms(settle_ms)
        frame = bench.camera.capture(after_ns)

        assert after_ns <= frame.began_ns < frame.began_ns + 1000 * frame.exposure.time_us < frame.ended_ns
        assert frame.ended_ns <= bench.clock.monotonic_ns()


def test_no_frame_shows_what_was_there_before(bench: Bench) -> None:
    if bench.show is None:
        pytest.skip("nobody changes the scene before this camera")
    bench.show(0.5)
    bench.locked()
    shown = []
    for level in (0.2, 0.8, 0.2, 0.8):
        bench.show(level)
        shown.append(bench.camera.capture(bench.in_ms(150)).pixels.mean(axis=(1, 2)))

    assert all(rows.max() - rows.min() < 3 for rows in shown), "rows of two scenes"
    assert abs(shown[0].mean() - shown[2].mean()) < 2
    assert abs(shown[1].mean() - shown[3].mean()) < 2
    assert shown[1].mean() > shown[0].mean() + 20


def test_no_frame_is_given_twice(bench: Bench) -> None:
    bench.locked()
    after_ns = bench.in_ms(0)
    begun = [bench.camera.capture(after_ns).began_ns for _ in range(4)]

    assert all(earlier < later for earlier, later in pairwise(begun))


def test_a_frame_takes_about_as_long_as_estimated(bench: Bench) -> None:
    bench.locked()
    began_ns = bench.clock.monotonic_ns()
    for pause_ms in range(0, 40, 4):
        bench.clock.sleep_until_ns(bench.in_ms(pause_ms))
        bench.camera.capture(bench.in_ms(0))
    pauses_ns = sum(range(0, 40, 4)) * 1_000_000
    mean_ns = (bench.clock.monotonic_ns() - began_ns - pauses_ns) / 10

    assert mean_ns / 2 < bench.camera.frame_duration_ns() < 2 * mean_ns


def test_metadata_are_plain_values(bench: Bench) -> None:
    bench.locked()
    (frame,) = bench.frames(1)

    assert "SensorTimestamp" in frame.metadata
    for value in frame.metadata.values():
        assert isinstance(value, bool | int | float | str | tuple | list), value


def test_cancel_is_latched_until_arm(bench: Bench) -> None:
    bench.locked()
    bench.camera.cancel()
    for _ in range(2):
        with pytest.raises(CaptureCancelled):
            bench.camera.capture(bench.in_ms(0))
    bench.camera.arm()

    assert len(bench.frames(2)) == 2


def test_a_frame_that_never_comes_is_waited_for_in_bounds(bench: Bench) -> None:
    if bench.silence is None:
        pytest.skip("nobody can silence this camera")
    bench.locked()
    bench.silence(True)
    began_ns = bench.clock.monotonic_ns()
    with pytest.raises(CameraTimeout):
        bench.camera.capture(bench.in_ms(0))
    waited_s = (bench.clock.monotonic_ns() - began_ns) / 1e9
    bench.silence(False)

    assert 3 < waited_s < 3 + 10 * bench.camera.frame_duration_ns() / 1e9


def test_it_may_be_closed_twice(bench: Bench) -> None:
    size_px, identity = bench.camera.size_px, bench.camera.identity
    bench.camera.close()
    bench.camera.close()

    assert (bench.camera.size_px, bench.camera.identity) == (size_px, identity)


def test_a_look_is_a_frame_from_now_on_with_or_without_a_lock(bench: Bench) -> None:
    began_ns = bench.clock.monotonic_ns()
    frame = bench.camera.look()
    width, height = bench.camera.size_px

    assert frame.began_ns >= began_ns
    assert frame.pixels.shape == (height, width, 3)
    assert bench.camera.exposure is None


def test_a_look_does_not_touch_the_lock(bench: Bench) -> None:
    granted = bench.locked()

    assert [bench.camera.look().exposure for _ in range(3)] == [granted] * 3
    assert bench.camera.exposure == granted
    assert [frame.exposure for frame in bench.frames(2)] == [granted] * 2


def test_unlocked_it_exposes_by_itself_again(bench: Bench) -> None:
    metered = bench.locked()
    bench.camera.lock(replace(metered, time_us=metered.time_us // 4))
    bench.camera.unlock()
    for _ in range(40):
        frame = bench.camera.look()

    assert bench.camera.exposure is None
    assert frame.exposure.time_us * frame.exposure.gain == pytest.approx(
        metered.time_us * metered.gain, rel=0.15
    )
    with pytest.raises(CameraError):
        bench.camera.capture(bench.in_ms(0))
