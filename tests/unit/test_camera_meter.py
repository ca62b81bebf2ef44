"""Finding an exposure and holding the camera to it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from camera_bench import SPEC
from camera_studio import ASKED, Studio, Unruly, studio_in

from camera import meter, picam
from camera.camera import Aim
from camera.errors import CameraTimeout, CameraUnavailable, ExposureDrifted, LightUnsuited, NothingSeen
from camera.lock import WINDOW


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    yield from studio_in(tmp_path)


class TestMeter:
    def test_only_frames_at_rest_count(self, studio: Studio) -> None:
        camera = studio.camera()
        after_ns = studio.clock.monotonic_ns() + 2_000_000_000
        camera.meter(after_ns)

        assert studio.clock.monotonic_ns() > after_ns
        assert set(studio.picam2.times_told("capture_request")) == {after_ns + picam.GUARD_NS}

    def test_again_after_a_lock_hands_back_to_automatic(self, studio: Studio) -> None:
        camera = studio.camera()
        first = camera.meter(studio.soon_ns())
        camera.lock(replace(first, time_us=first.time_us // 4))

        assert camera.meter(studio.soon_ns()).time_us == pytest.approx(first.time_us, rel=0.03)
        assert camera.exposure is None

    @pytest.mark.parametrize(("stops", "factor"), [(1.0, 2.0), (-1.5, 2**-1.5)])
    def test_it_is_brighter_or_darker_by_stops(self, studio: Studio, stops: float, factor: float) -> None:
        camera = studio.camera()
        plain = camera.meter(studio.soon_ns())
        aimed = camera.meter(studio.soon_ns(), Aim(stops=stops))

        assert aimed.time_us * aimed.gain == pytest.approx(plain.time_us * plain.gain * factor, rel=0.03)
        assert camera.exposure is None

    def test_on_mains_it_is_whole_flickers_and_as_bright(self, tmp_path: Path) -> None:
        dim = replace(SPEC.camera, ambient=0.2, flicker_percent=30.0)
        studio = Studio(tmp_path, replace(SPEC, camera=dim))
        plain = studio.camera().meter(studio.soon_ns())
        studio.picam2.close()
        camera = studio.camera(mains_hz=50)
        safe = camera.meter(studio.soon_ns())

        assert safe.time_us % 10_000 == 0
        assert safe.time_us * safe.gain == pytest.approx(plain.time_us * plain.gain, rel=0.03)
        assert abs(camera.lock(safe).time_us - safe.time_us) < SPEC.camera.line_ns / 1000
        rows = camera.capture(studio.soon_ns()).pixels.mean(axis=(1, 2))
        assert np.ptp(rows) < 3, "bands"

    def test_on_mains_too_much_light_for_a_whole_flicker_is_told(self, studio: Studio) -> None:
        with pytest.raises(LightUnsuited, match="stop the lens down or dim the light"):
            studio.camera(mains_hz=50).meter(studio.soon_ns())

    def test_it_is_as_bright_as_clips_no_more_than_allowed(self, studio: Studio) -> None:
        """A tenth of the card is a glare that is nine times as bright as the rest."""
        camera = studio.camera()

        def glare(pixels: Any) -> Any:
            lit = pixels.copy()
            lit[:12] = np.minimum(lit[:12].astype(float) * 2.6, 255)
            return lit

        studio.picam2.develop = glare
        spared = camera.meter(studio.soon_ns(), Aim(clipped_percent=2))
        camera.lock(spared)
        beside = camera.capture(studio.soon_ns()).pixels
        sacrificed = camera.meter(studio.soon_ns(), Aim(clipped_percent=15))
        camera.lock(sacrificed)
        without = camera.capture(studio.soon_ns()).pixels

        assert np.mean(beside.max(axis=2) >= 254) <= 0.02
        assert np.mean(without.max(axis=2) >= 254) <= 0.15
        assert beside[:12].mean() > 200
        assert without[12:].mean() > 200
        assert sacrificed.time_us * sacrificed.gain > 2 * spared.time_us * spared.gain

    def test_a_glare_that_nothing_helps_against_is_told(self, studio: Studio) -> None:
        camera = studio.camera()

        def glare(pixels: Any) -> Any:
            lit = pixels.copy()
            lit[:60] = 255
            return lit

        studio.picam2.develop = glare
        with pytest.raises(LightUnsuited, match="there is a glare"):
            camera.meter(studio.soon_ns(), Aim(clipped_percent=2))

    @pytest.mark.parametrize(("between_ns", "frames"), [(0, 300), (1_000_000_000, 30)])
    def test_what_never_settles_is_given_up(self, studio: Studio, between_ns: int, frames: int) -> None:
        def searching(metadata: dict[str, Any]) -> dict[str, Any]:
            studio.clock.pass_ns(between_ns)
            return metadata | {"AeState": 1}

        camera = studio.camera()
        studio.picam2.doctor = searching
        with pytest.raises(CameraTimeout, match=f"not settled after {frames} frames") as caught:
            camera.meter(studio.soon_ns())
        assert caught.value.waited_s < 32

    @pytest.mark.parametrize(("level", "words"), [(2, "black"), (255, "blown out")])
    def test_a_picture_that_shows_nothing_is_refused(self, studio: Studio, level: int, words: str) -> None:
        camera = studio.camera()
        studio.picam2.develop = lambda pixels: np.full_like(pixels, level)

        with pytest.raises(NothingSeen, match=words):
            camera.meter(studio.soon_ns())


class TestLock:
    @pytest.mark.parametrize("gain", [ASKED.gain, 1.0088, 3.01])
    def test_a_read_back_applied_again_does_not_drift(self, studio: Studio, gain: float) -> None:
        """Half of the gains come back, in single precision, a little short of their own code."""
        camera = studio.camera()
        granted = camera.lock(replace(ASKED, gain=gain))

        assert [camera.lock(camera.exposure or ASKED) for _ in range(4)] == [granted] * 4
        assert abs(granted.time_us - ASKED.time_us) < 1000

    def test_everything_that_could_change_is_fixed(self, studio: Studio) -> None:
        studio.locked()
        controls = studio.picam2.times_told("set_controls")[0]

        assert controls["AeEnable"] is False
        assert controls["AwbEnable"] is False
        assert controls["ExposureTime"] == ASKED.time_us + 1
        assert controls["AnalogueGain"] == pytest.approx(ASKED.gain, rel=1e-4)
        assert controls["ColourGains"] == ASKED.colour_gains
        assert controls["FrameDurationLimits"] == studio.picam2.camera_controls["FrameDurationLimits"][:2]

    def test_what_was_granted_is_asked_for_so_that_going_on_from_its_record_is_as_bright(
        self, studio: Studio
    ) -> None:
        camera = studio.camera()
        short = replace(ASKED, time_us=900)  # five lines and a half
        granted = camera.lock(short)
        first = camera.capture(studio.soon_ns())
        camera.lock(granted)
        resumed = camera.capture(studio.soon_ns())

        assert first.metadata["DigitalGain"] == resumed.metadata["DigitalGain"]
        assert first.metadata["DigitalGain"] == pytest.approx(1, abs=0.002)
        assert abs(first.pixels.mean() - resumed.pixels.mean()) < 0.1

    def test_frames_prove_it(self, studio: Studio) -> None:
        camera = studio.camera()
        granted = camera.lock(ASKED)

        assert studio.picam2.lent > WINDOW
        assert camera.capture(studio.soon_ns()).exposure == granted == camera.exposure

    def test_a_lost_control_is_sent_again(self, studio: Studio) -> None:
        class Forgetful(Unruly):
            def set_controls(self, controls: dict[str, Any]) -> None:
                if self.told and self.told[-1][0] == "start":
                    self.told.append(("lost", controls))
                else:
                    super().set_controls(controls)

        studio.wrap = Forgetful
        camera = studio.camera()

        assert abs(camera.lock(ASKED).time_us - ASKED.time_us) < 1000

    @pytest.mark.parametrize(
        ("figures", "words"),
        [
            ({"AnalogueGain": 9.0}, r"AnalogueGain is 9 instead of 1\.5"),
            ({"ColourGains": (1.0, 1.0)}, r"ColourGains red is 1 instead of 2\.1"),
        ],
    )
    def test_a_camera_that_never_takes_it_is_given_up(
        self, studio: Studio, figures: dict[str, Any], words: str
    ) -> None:
        camera = studio.camera()
        studio.picam2.doctor = lambda metadata: metadata | figures

        with pytest.raises(ExposureDrifted, match=words) as caught:
            camera.lock(ASKED)
        assert caught.value.tries == meter.LOCK_FRAMES * meter.LOCK_TRIES
        assert camera.exposure is None

    @pytest.mark.parametrize("beyond", [{"gain": 0.5}, {"gain": 50.0}, {"time_us": 3}, {"time_us": 10**9}])
    def test_what_the_sensor_cannot_do_is_refused_not_clamped(self, studio: Studio, beyond: Any) -> None:
        camera = studio.camera()

        with pytest.raises(CameraUnavailable, match="lies outside what this sensor can do"):
            camera.lock(replace(ASKED, **beyond))

    def test_a_monochrome_camera_has_no_colour_to_lock(self, studio: Studio) -> None:
        class Mono(Unruly):
            @property
            def camera_controls(self) -> dict[str, Any]:
                colour = {"ColourGains", "AwbEnable"}
                return {name: v for name, v in self._picam2.camera_controls.items() if name not in colour}

        studio.wrap = Mono
        camera = studio.camera()
        studio.picam2.doctor = lambda md: {name: value for name, value in md.items() if name != "ColourGains"}

        assert camera.lock(ASKED).colour_gains == (1.0, 1.0)
        assert "ColourGains" not in studio.picam2.times_told("set_controls")[-1]
        assert camera.capture(studio.soon_ns()).exposure == camera.exposure
