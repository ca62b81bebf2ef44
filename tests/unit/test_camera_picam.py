"""What PicamCamera does when the camera, its driver or picamera2 does not behave."""

import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from camera_bench import SPEC, camera_rig

from camera import meter, picam
from camera.camera import Aim, Exposure
from camera.configuration import PicamSettings
from camera.errors import (
    CameraError,
    CameraTimeout,
    CameraUnavailable,
    CaptureCancelled,
    ExposureDrifted,
    LightUnsuited,
    NothingSeen,
    ProofMissing,
)
from camera.loan import POLL_S
from camera.lock import WINDOW
from camera.picam import PicamCamera, load_picamera2
from simulator.clock import VirtualClock
from simulator.rig import RigSpec

ASKED = Exposure(10_000, 1.5, (2.1, 1.6))
SETTLE_NS = 150_000_000


class Lent:
    """A request that is counted until it comes back, and says what `doctor` makes of its metadata."""

    def __init__(self, request: Any, owner: "Unruly") -> None:
        self._request, self._owner = request, owner
        self._metadata = owner.doctor(request.get_metadata())
        owner.out += 1
        owner.lent += 1

    def get_metadata(self) -> dict[str, Any]:
        return self._metadata

    def make_array(self, name: str) -> Any:
        return self._owner.develop(self._request.make_array(name))

    def release(self) -> None:
        self._owner.out -= 1
        self._request.release()


class Unruly:
    """A Picamera2 that writes down what it is told; tests make it misbehave by replacing its hooks."""

    def __init__(self, picam2: Any, tuning: Any, clock: VirtualClock) -> None:
        self._picam2, self.clock, self.tuning = picam2, clock, tuning
        self.out = self.lent = self.closed = 0
        self.told: list[tuple[str, Any]] = []
        self.doctor: Callable[[dict[str, Any]], dict[str, Any]] = dict
        self.develop: Callable[[Any], Any] = lambda pixels: pixels
        self.before_wait: Callable[[], None] = lambda: None
        self.dead = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._picam2, name)

    def configure(self, config: dict[str, Any]) -> None:
        self.told.append(("configure", dict(config)))
        self._picam2.configure(config)

    def start(self, **how: Any) -> None:
        self.told.append(("start", how))
        self._picam2.start(**how)

    def set_controls(self, controls: dict[str, Any]) -> None:
        self.told.append(("set_controls", dict(controls)))
        self._picam2.set_controls(controls)

    def capture_request(self, wait: bool, *, flush: int | None) -> Any:
        self.told.append(("capture_request", flush))
        return self._picam2.capture_request(wait, flush=flush)

    def wait(self, job: Any, timeout: float) -> Lent:
        self.before_wait()
        if self.dead:
            self.clock.pass_ns(int(timeout * 1e9))
            raise TimeoutError
        return Lent(self._picam2.wait(job, timeout=timeout), self)

    def close(self) -> None:
        self.closed += 1
        self._picam2.close()

    def times_told(self, name: str) -> list[Any]:
        return [what for told, what in self.told if told == name]


class Studio:
    """A simulated rig; `studio.picam2` is what the adapter talks to, a simulated camera behind it."""

    def __init__(self, folder: Path, spec: RigSpec = SPEC) -> None:
        self.rig, self.clock = camera_rig(folder, spec)
        self.wrap: Callable[..., Unruly] = Unruly
        self.picam2: Unruly
        self.load_tuning_file = self.rig.picamera2.func.load_tuning_file
        self.find_tuning_algo = self.rig.picamera2.func.find_tuning_algo

    def __call__(self, camera_num: int, *, tuning: Any) -> Unruly:
        self.picam2 = self.wrap(self.rig.picamera2(camera_num, tuning=tuning), tuning, self.clock)
        return self.picam2

    def camera(self, index: int = 0, **settings: Any) -> PicamCamera:
        return PicamCamera(self, PicamSettings(index, **settings), self.clock)  # type: ignore[arg-type]

    def locked(self) -> PicamCamera:
        camera = self.camera()
        camera.lock(ASKED)
        return camera

    def soon_ns(self) -> int:
        return self.clock.monotonic_ns() + SETTLE_NS


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    studio = Studio(tmp_path)
    yield studio
    if hasattr(studio, "picam2"):
        assert studio.picam2.out == 0, "a request was kept"
    studio.rig.world.close()


def stuck_at_start(studio: Studio, picam2: Any, tuning: Any, clock: VirtualClock) -> Unruly:
    """Let the driver hang once the camera has been opened for good, with a tuning."""
    if tuning is not None:
        studio.rig.world.break_down("camera_stuck")
    return Unruly(picam2, tuning, clock)


def off_by(figure: str, factor: float, frames: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Change `figure` in the next `frames` frames."""
    left = [frames]

    def doctor(metadata: dict[str, Any]) -> dict[str, Any]:
        left[0] -= 1
        return metadata if left[0] < 0 else metadata | {figure: metadata[figure] * factor}

    return doctor


class TestOpening:
    def test_controls_are_set_before_the_camera_starts(self, studio: Studio) -> None:
        studio.camera()
        names = [name for name, _ in studio.picam2.told]
        (configured,) = studio.picam2.times_told("configure")

        assert names == ["configure", "start"]
        assert configured["controls"]["AeEnable"] is True
        assert configured["controls"]["AwbEnable"] is True
        assert configured["controls"]["Sharpness"] == 0
        assert configured["controls"]["HdrMode"] == 0

    def test_noise_reduction_is_off(self, studio: Studio) -> None:
        studio.camera()

        assert studio.picam2.times_told("configure")[0]["controls"]["NoiseReductionMode"] == 0

    def test_it_is_configured_once_for_all(self, studio: Studio) -> None:
        camera = studio.locked()
        camera.meter(studio.soon_ns())
        camera.lock(ASKED)
        camera.capture(studio.soon_ns())

        assert len(studio.picam2.times_told("configure")) == 1
        assert len(studio.picam2.times_told("start")) == 1

    def test_the_raw_stream_and_the_queue_are_kept(self, studio: Studio) -> None:
        studio.camera()
        (configured,) = studio.picam2.times_told("configure")

        assert configured["raw"]["size"] == studio.picam2.sensor_resolution
        assert (configured["queue"], configured["buffer_count"]) == (True, 2)

    def test_lens_shading_and_contrast_do_not_adapt(self, studio: Studio) -> None:
        """libcamera ignores a tuning that it is given after it has looked for cameras."""
        studio.camera()
        tuning = studio.rig.tuning.value

        assert studio.find_tuning_algo(tuning, "rpi.alsc")["n_iter"] == 0
        assert studio.find_tuning_algo(tuning, "rpi.contrast")["ce_enable"] == 0

    def test_a_sensor_without_tuning_file_opens_with_none(self, studio: Studio) -> None:
        def missing(name: str) -> Any:
            raise RuntimeError("Tuning file not found")

        studio.load_tuning_file = missing
        studio.camera()

        assert studio.rig.tuning.value is None

    def test_a_tuning_without_lens_shading_opens(self, studio: Studio) -> None:
        studio.load_tuning_file = lambda name: {"version": 2.0, "algorithms": []}
        studio.camera()

        assert studio.rig.tuning.value == {"version": 2.0, "algorithms": []}

    @pytest.mark.parametrize(
        ("model", "mono", "name"),
        [("imx477", False, "imx477"), ("imx708_wide", False, "imx708_wide"), ("imx296", True, "imx296_mono")],
    )
    def test_each_sensor_has_its_own_tuning(self, tmp_path: Path, model: str, mono: bool, name: str) -> None:
        asked: list[str] = []
        studio = Studio(tmp_path, replace(SPEC, camera=replace(SPEC.camera, model=model, mono=mono)))
        load = studio.load_tuning_file
        studio.load_tuning_file = lambda file: load(asked.append(file) or file)
        studio.camera()

        assert asked == [f"{name}.json"]

    def test_no_camera_says_where_to_look(self, studio: Studio) -> None:
        with pytest.raises(CameraUnavailable, match="No camera number 3 found"):
            studio.camera(index=3)

    def test_a_camera_somebody_else_has_says_so(self, studio: Studio) -> None:
        studio.rig.camera_taken.acquire()
        with pytest.raises(CameraUnavailable, match="another program may have it"):
            studio.camera()

    @pytest.mark.parametrize(
        ("stream", "granted", "words"),
        [
            ("main", {"size": (96, 64)}, "offers 96 x 64"),
            ("main", {"format": "XBGR8888"}, "XBGR8888"),
            ("raw", {"size": (80, 60)}, "reads its sensor out in 80 x 60"),
        ],
    )
    def test_a_silently_adjusted_configuration_is_refused(
        self, studio: Studio, stream: str, granted: dict[str, Any], words: str
    ) -> None:
        class Adjusting(Unruly):
            def camera_configuration(self) -> dict[str, Any]:
                config = self._picam2.camera_configuration()
                return config | {stream: config[stream] | granted}

        studio.wrap = Adjusting
        with pytest.raises(CameraUnavailable, match=words):
            studio.camera()
        assert studio.picam2.closed == 1

    def test_a_camera_that_does_not_start_is_closed(self, studio: Studio) -> None:
        class Stillborn(Unruly):
            def start(self, **how: Any) -> None:
                raise RuntimeError("Failed to start camera: Cannot allocate memory")

        studio.wrap = Stillborn
        with pytest.raises(CameraUnavailable, match="Cannot allocate memory"):
            studio.camera()
        assert studio.picam2.closed == 1

    def test_without_picamera2_it_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "picamera2", None)

        with pytest.raises(CameraUnavailable, match="sudo apt install python3-picamera2"):
            load_picamera2()


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

        assert np.mean(beside.max(axis=2) >= 254) <= 0.02
        assert beside[:12].mean() > 200
        assert camera.capture(studio.soon_ns()).pixels[12:].mean() > 200
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
    def test_a_read_back_applied_again_does_not_drift(self, studio: Studio) -> None:
        camera = studio.camera()
        granted = camera.lock(ASKED)

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

    def test_a_camera_that_never_takes_it_is_given_up(self, studio: Studio) -> None:
        camera = studio.camera()
        studio.picam2.doctor = lambda metadata: metadata | {"AnalogueGain": 9.0}

        with pytest.raises(ExposureDrifted, match=r"AnalogueGain is 9 instead of 1\.5") as caught:
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


class TestBounds:
    @pytest.mark.parametrize("call", ["capture", "meter"])
    def test_a_camera_that_falls_silent_is_given_up_with_a_remedy(self, studio: Studio, call: str) -> None:
        camera = studio.locked()
        studio.picam2.dead = True
        after_ns = studio.soon_ns()

        with pytest.raises(CameraTimeout, match="ribbon cable") as caught:
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
