"""What PicamCamera does when the camera, its driver or picamera2 does not behave."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from camera_studio import ASKED, Lent, Studio, Unruly, studio_in

from camera.errors import CameraError, ExposureDrifted, ProofMissing


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    yield from studio_in(tmp_path)


def off_by(figure: str, factor: float, frames: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Change `figure` in the next `frames` frames."""
    left = [frames]

    def doctor(metadata: dict[str, Any]) -> dict[str, Any]:
        left[0] -= 1
        return metadata if left[0] < 0 else metadata | {figure: metadata[figure] * factor}

    return doctor


class TestRetakes:
    def test_one_odd_frame_is_taken_again_and_recorded(self, studio: Studio) -> None:
        camera = studio.locked()
        studio.picam2.doctor = off_by("ExposureTime", 0.5, frames=1)
        frame = camera.capture(studio.soon_ns())

        assert frame.exposure == camera.exposure
        (why,) = frame.metadata["retakes"]  # type: ignore[misc]
        assert "ExposureTime is" in why

    def test_a_flash_has_recharged_before_a_frame_is_taken_again(self, studio: Studio) -> None:
        camera = studio.locked()
        studio.picam2.doctor = off_by("ExposureTime", 0.5, frames=1)
        after_ns = studio.soon_ns()
        frame = camera.capture(after_ns, recycle_ns=3_000_000_000)

        assert frame.began_ns > after_ns + 3_000_000_000

    @pytest.mark.parametrize("figure", ["ExposureTime", "AnalogueGain", "DigitalGain"])
    def test_a_lasting_drift_ends_with_figures(self, studio: Studio, figure: str) -> None:
        camera = studio.locked()
        studio.picam2.doctor = off_by(figure, 0.9, frames=1000)
        borrowed = studio.picam2.lent

        with pytest.raises(ExposureDrifted, match=f"{figure} is") as caught:
            camera.capture(studio.soon_ns())
        assert caught.value.tries == 3
        assert caught.value.locked == camera.exposure != caught.value.taken or figure == "DigitalGain"
        assert studio.picam2.lent == borrowed + 3

    def test_automatic_exposure_come_back_is_a_drift(self, studio: Studio) -> None:
        camera = studio.locked()
        studio.picam2.doctor = lambda metadata: metadata | {"AeState": 1}

        with pytest.raises(ExposureDrifted, match="AeState is 1"):
            camera.capture(studio.soon_ns())

    def test_white_balance_come_back_is_a_drift(self, studio: Studio) -> None:
        camera = studio.locked()
        studio.picam2.doctor = lambda metadata: metadata | {"ColourGains": (2.2, 1.6)}

        with pytest.raises(ExposureDrifted, match=r"ColourGains red is 2\.2"):
            camera.capture(studio.soon_ns())

    def test_optional_metadata_may_be_missing(self, studio: Studio) -> None:
        camera = studio.camera()
        studio.picam2.doctor = lambda md: {
            k: v for k, v in md.items() if k not in ("AeState", "FrameDuration")
        }
        camera.lock(ASKED)

        assert camera.capture(studio.soon_ns()).metadata["retakes"] == ()

    def test_a_frame_without_proof_is_taken_again(self, studio: Studio) -> None:
        camera = studio.locked()
        unproven = [True]

        def doctor(metadata: dict[str, Any]) -> dict[str, Any]:
            return {
                k: v for k, v in metadata.items() if k != "AnalogueGain" or not unproven or not unproven.pop()
            }

        studio.picam2.doctor = doctor
        (why,) = camera.capture(studio.soon_ns()).metadata["retakes"]  # type: ignore[misc]

        assert "without AnalogueGain" in why

    def test_frames_that_never_prove_themselves_end_it(self, studio: Studio) -> None:
        camera = studio.locked()
        studio.picam2.doctor = lambda md: {k: v for k, v in md.items() if k != "SensorTimestamp"}

        with pytest.raises(ProofMissing) as caught:
            camera.capture(studio.soon_ns())
        assert caught.value.keys == ("SensorTimestamp",)

    def test_a_frame_that_flush_stumbles_over_is_taken_out_of_the_queue(self, studio: Studio) -> None:
        class Stumbling(Unruly):
            blind = False

            def wait(self, job: Any, timeout: float) -> Lent:
                if self.blind and self.told[-1][1] is not None:
                    raise KeyError("SensorTimestamp")
                self.blind = False
                return super().wait(job, timeout)

        studio.wrap = Stumbling
        camera = studio.locked()
        studio.picam2.blind = True  # type: ignore[attr-defined]
        (why,) = camera.capture(studio.soon_ns()).metadata["retakes"]  # type: ignore[misc]

        assert "without SensorTimestamp" in why


class TestPixels:
    def test_they_are_copied_out_of_the_camera(self, studio: Studio) -> None:
        camera = studio.locked()
        buffer = np.full((120, 160, 3), 99, np.uint8)
        studio.picam2.develop = lambda _: buffer[:, :, :]
        frame = camera.capture(studio.soon_ns())
        buffer[:] = 0

        assert frame.pixels.min() == 99

    def test_they_are_contiguous(self, studio: Studio) -> None:
        camera = studio.locked()
        studio.picam2.develop = lambda _: np.zeros((120, 200, 3), np.uint8)[:, :160]
        frame = camera.capture(studio.soon_ns())

        assert (frame.pixels.shape, frame.pixels.flags.c_contiguous) == ((120, 160, 3), True)

    def test_a_frame_before_any_lock_is_refused(self, studio: Studio) -> None:
        with pytest.raises(CameraError, match="lock one first"):
            studio.camera().capture(studio.soon_ns())

    def test_after_a_lock_that_failed_none_is_in_force(self, studio: Studio) -> None:
        """Of the one before nothing is known any more to hold a frame to."""
        camera = studio.locked()
        studio.picam2.doctor = off_by("ExposureTime", 0.5, frames=1000)
        with pytest.raises(ExposureDrifted):
            camera.lock(ASKED)
        with pytest.raises(CameraError, match="lock one first"):
            camera.capture(studio.soon_ns())
