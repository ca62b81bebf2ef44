"""Frames are lent fresh, within bounds and until somebody cancels."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from camera_bench import SPEC
from camera_studio import ASKED, SETTLE_NS, Lent, Studio, Unruly, studio_in

from camera import picam
from camera.errors import CameraTimeout, CameraUnavailable, CaptureCancelled
from camera.loan import POLL_S
from simulator.clock import VirtualClock


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    yield from studio_in(tmp_path)


def stuck_at_start(studio: Studio, picam2: Any, tuning: Any, clock: VirtualClock) -> Unruly:
    """Let the driver hang once the camera has been opened for good, with a tuning."""
    if tuning is not None:
        studio.rig.world.break_down("camera_stuck")
    return Unruly(picam2, tuning, clock)


class TestFreshness:
    def test_stale_frames_are_flushed_not_borrowed(self, studio: Studio) -> None:
        camera = studio.locked()
        after_ns = studio.clock.monotonic_ns() + 1_000_000_000
        borrowed = studio.picam2.lent
        camera.capture(after_ns)

        assert studio.picam2.told[-1] == ("capture_request", after_ns + 1_000_000)
        assert studio.picam2.lent == borrowed + 1

    def test_metadata_prove_freshness_when_flush_does_not_work(self, studio: Studio) -> None:
        class Deaf(Unruly):
            def capture_request(self, wait: bool, *, flush: int | None) -> Any:
                return super().capture_request(wait, flush=None)

        studio.wrap = Deaf
        camera = studio.locked()
        after_ns = studio.clock.monotonic_ns() + 1_000_000_000
        frame = camera.capture(after_ns)

        assert frame.began_ns >= after_ns + 1_000_000
        assert frame.metadata["retakes"] == ()

    def test_a_long_settling_time_is_no_time_out(self, studio: Studio) -> None:
        camera = studio.locked()
        after_ns = studio.clock.monotonic_ns() + 60_000_000_000

        assert camera.capture(after_ns).began_ns > after_ns

    def test_it_returns_after_the_last_row_even_if_the_frame_comes_early(self, studio: Studio) -> None:
        camera = studio.locked()
        studio.picam2.doctor = lambda md: md | {"SensorTimestamp": studio.clock.monotonic_ns()}
        frame = camera.capture(studio.clock.monotonic_ns() - 1_000_000_000)

        assert frame.ended_ns == frame.metadata["SensorTimestamp"] + SPEC.camera.shortest_frame_us * 1000  # type: ignore[operator]
        assert studio.clock.monotonic_ns() >= frame.ended_ns


class TestBounds:
    @pytest.mark.parametrize("call", ["capture", "meter"])
    def test_a_camera_that_falls_silent_is_given_up_with_a_remedy(self, studio: Studio, call: str) -> None:
        camera = studio.locked()
        studio.picam2.dead = True
        after_ns = studio.soon_ns()

        with pytest.raises(CameraTimeout, match="ribbon cable sits firmly, then try again") as caught:
            getattr(camera, call)(after_ns)
        overtime_s = (studio.clock.monotonic_ns() - after_ns) / 1e9
        assert 3 < overtime_s < 3 + 5 * SPEC.camera.shortest_frame_us / 1e6 + 2 * POLL_S
        assert caught.value.waited_s == pytest.approx(overtime_s + SETTLE_NS / 1e9, abs=POLL_S + 0.01)

    def test_a_long_exposure_is_waited_for(self, studio: Studio) -> None:
        camera = studio.camera()
        camera.lock(replace(ASKED, time_us=8_000_000))

        assert camera.capture(studio.soon_ns()).exposure.time_us == pytest.approx(8_000_000, abs=1000)

    def test_it_captures_again_when_the_camera_comes_back(self, studio: Studio) -> None:
        camera = studio.locked()
        studio.picam2.dead = True
        with pytest.raises(CameraTimeout):
            camera.capture(studio.soon_ns())
        studio.picam2.dead = False

        assert camera.capture(studio.soon_ns()).exposure == camera.exposure

    def test_a_failing_driver_is_translated(self, studio: Studio) -> None:
        camera = studio.locked()

        def fail() -> None:
            raise RuntimeError("failed to find buffer")

        studio.picam2.before_wait = fail
        with pytest.raises(CameraUnavailable, match="failed to find buffer"):
            camera.capture(studio.soon_ns())

    @pytest.mark.parametrize("call", ["capture", "meter"])
    def test_a_driver_that_has_lost_the_pixels_of_a_frame_is_translated_and_the_frame_given_back(
        self, studio: Studio, call: str
    ) -> None:
        camera = studio.locked()

        def fail(_: object) -> None:
            raise RuntimeError("failed to find buffer")

        studio.picam2.develop = fail
        with pytest.raises(CameraUnavailable, match="as a frame was read: failed to find buffer"):
            getattr(camera, call)(studio.soon_ns())
        assert studio.picam2.out == 0

    @pytest.mark.parametrize(("call", "words"), [("start", "has not started"), ("close", "has not closed")])
    def test_a_driver_that_hangs_is_left_behind(
        self, studio: Studio, monkeypatch: pytest.MonkeyPatch, call: str, words: str
    ) -> None:
        camera = studio.camera() if call == "close" else None
        for bound in ("OPEN_S", "CLOSE_S"):
            monkeypatch.setattr(picam, bound, 0.02)
        if camera is None:
            studio.wrap = partial(stuck_at_start, studio)
        else:
            studio.rig.world.break_down("camera_stuck")
        with pytest.raises(CameraTimeout, match=words) as caught:
            camera.close() if camera else studio.camera()
        assert "check the ribbon cable at both ends" in str(caught.value)
        studio.rig.world.mend("camera_stuck")

    def test_a_driver_that_fails_as_it_is_closed_is_translated(self, studio: Studio) -> None:
        class Clinging(Unruly):
            def close(self) -> None:
                super().close()
                if self.tuning is not None:
                    raise RuntimeError("Failed to release camera: Device or resource busy")

        studio.wrap = Clinging
        camera = studio.camera()
        with pytest.raises(CameraUnavailable, match=r"busy.*restart the daemon"):
            camera.close()
        camera.close()

    def test_a_driver_that_lets_go_of_no_camera_that_was_asked_its_name_is_translated(
        self, studio: Studio
    ) -> None:
        class Clinging(Unruly):
            def close(self) -> None:
                super().close()
                raise RuntimeError("Failed to release camera: Device or resource busy")

        studio.wrap = Clinging
        with pytest.raises(CameraUnavailable, match=r"busy.*reboot"):
            studio.camera()

    def test_a_camera_that_takes_no_frame_back_is_translated(
        self, studio: Studio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        camera = studio.locked()
        release = Lent.release

        def fail(self: Lent) -> None:
            release(self)
            raise RuntimeError("Failed to queue request: No such device")

        monkeypatch.setattr(Lent, "release", fail)
        with pytest.raises(CameraUnavailable, match="No such device"):
            camera.capture(studio.soon_ns())

    def test_it_closes_once(self, studio: Studio) -> None:
        camera = studio.camera()
        camera.close()
        camera.close()

        assert studio.picam2.closed == 1


class TestCancel:
    def test_it_takes_effect_within_a_tenth_of_a_second(self, studio: Studio) -> None:
        camera = studio.locked()
        cancelled_ns: list[int] = []

        def cancel_once_waiting() -> None:
            if studio.clock.monotonic_ns() > after_ns and not cancelled_ns:
                cancelled_ns.append(studio.clock.monotonic_ns())
                camera.cancel()

        studio.picam2.dead = True
        studio.picam2.before_wait = cancel_once_waiting
        after_ns = studio.soon_ns()
        with pytest.raises(CaptureCancelled):
            camera.capture(after_ns)
        assert studio.clock.monotonic_ns() - cancelled_ns[0] <= 100_000_000

    @pytest.mark.parametrize("call", ["capture", "meter", "lock"])
    def test_it_is_latched_until_arm(self, studio: Studio, call: str) -> None:
        camera = studio.locked()
        camera.cancel()
        argument: Any = ASKED if call == "lock" else studio.clock.monotonic_ns() - 10**9
        asked = studio.picam2.times_told("capture_request")

        for _ in range(2):
            with pytest.raises(CaptureCancelled):
                getattr(camera, call)(argument)
        assert studio.picam2.times_told("capture_request") == asked
        camera.arm()
        camera.lock(ASKED)
        getattr(camera, call)(argument)

    def test_the_frame_that_came_too_late_goes_back(self, studio: Studio) -> None:
        """Between the last look and taking the job back, the job may be done: its request is nobody's."""

        class Racing(Unruly):
            racing = False

            def wait(self, job: Any, timeout: float) -> Lent:
                if self.racing:
                    self.racing = False
                    camera.cancel()
                    self.late = super().wait(job, 10)
                    raise TimeoutError
                return self.__dict__.pop("late", None) or super().wait(job, timeout)

        studio.wrap = Racing
        camera = studio.locked()
        studio.picam2.racing = True  # type: ignore[attr-defined]
        with pytest.raises(CaptureCancelled):
            camera.capture(studio.soon_ns())
        assert studio.picam2.out == 0

    def test_captures_that_were_given_up_keep_no_frame_from_the_next(self, studio: Studio) -> None:
        """There are few buffers: each job that is left behind takes one with it for good."""
        camera = studio.locked()
        studio.picam2.before_wait = camera.cancel
        for _ in range(4):
            with pytest.raises(CaptureCancelled):
                camera.capture(studio.soon_ns())
            camera.arm()
        studio.picam2.before_wait = lambda: None

        assert camera.capture(studio.soon_ns()).exposure == camera.exposure

    def test_a_stop_stays_one_where_the_driver_fails_over_it(self, studio: Studio) -> None:
        camera = studio.locked()
        waits: list[None] = []

        def cancel_then_fail() -> None:
            waits.append(None)
            if len(waits) > 1:
                raise RuntimeError("failed to find buffer")
            camera.cancel()

        studio.picam2.before_wait = cancel_then_fail
        with pytest.raises(CaptureCancelled):
            camera.capture(studio.soon_ns())
        assert len(waits) == 2

    def test_it_comes_from_another_thread(self, studio: Studio) -> None:
        camera = studio.locked()

        def from_elsewhere() -> None:
            thread = threading.Thread(target=camera.cancel)
            thread.start()
            thread.join()

        studio.picam2.dead = True
        studio.picam2.before_wait = from_elsewhere
        with pytest.raises(CaptureCancelled):
            camera.capture(studio.soon_ns())
