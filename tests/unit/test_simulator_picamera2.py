import time
from concurrent.futures import CancelledError
from dataclasses import replace

import cv2
import numpy as np
import pytest

from simulator.carriage import CarriageSpec
from simulator.picamera2 import Picamera2
from simulator.rig import RigSpec, virtual_rig
from simulator.sensor import CameraSpec
from simulator.world import Resonance

MS_NS = 1_000_000
SIZE = (160, 120)
LINE_US = 100.0
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


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


# --- time ---------------------------------------------------------------------------------------------


def test_frames_come_in_order_at_the_frame_rate_and_later_than_they_were_exposed(bench):
    bench.start()
    stamps, arrivals = [], []
    for metadata in bench.frames(30):
        stamps.append(metadata["SensorTimestamp"])
        arrivals.append(bench.clock.monotonic_ns())
    gaps_ns = np.diff(stamps)
    assert gaps_ns.min() > 24 * MS_NS and gaps_ns.max() < 26 * MS_NS
    readout_ns = 120 * 100_000
    assert all(done > stamp + readout_ns for stamp, done in zip(stamps, arrivals, strict=True))


def test_without_flush_the_frame_kept_in_the_queue_is_from_before_the_move(bench):
    bench.start()
    bench.frames(3)
    bench.clock.pass_ns(1000 * MS_NS)
    bench.move(50)
    at_rest_ns = bench.clock.monotonic_ns()

    with bench.picam.captured_request() as request:
        stale = request.get_metadata()
        position_um = seen_um(request.make_array("main"))
    assert stale["SensorTimestamp"] - 1000 * stale["ExposureTime"] < at_rest_ns
    assert bench.clock.monotonic_ns() == at_rest_ns, "it was there already"
    assert position_um.mean() < 1049

    pixels, fresh = bench.fresh()
    assert fresh["SensorTimestamp"] - 1000 * fresh["ExposureTime"] >= at_rest_ns
    assert seen_um(pixels) == pytest.approx(1050.0, abs=3)


def test_one_buffer_never_keeps_a_frame(bench):
    bench.start(buffer_count=1)
    bench.frames(1)
    bench.clock.pass_ns(500 * MS_NS)
    asked_ns = bench.clock.monotonic_ns()
    metadata = bench.picam.capture_metadata()
    assert bench.clock.monotonic_ns() > asked_ns
    assert metadata["SensorTimestamp"] > asked_ns


def test_flush_takes_an_instant_to_come(bench):
    bench.start()
    later_ns = bench.clock.monotonic_ns() + 700 * MS_NS
    with bench.picam.captured_request(flush=later_ns) as request:
        metadata = request.get_metadata()
    assert 0 <= metadata["SensorTimestamp"] - 1000 * metadata["ExposureTime"] - later_ns < 60 * MS_NS


def test_frames_exposed_while_the_carriage_moves_are_smeared_row_by_row(bench):
    bench.start({"ExposureTime": 20_000})
    bench.frames(3)
    # 100 ms at 1 um/ms: each row of a frame within sees 20 um, the last one 12 um on.
    began_ns = bench.clock.monotonic_ns()
    bench.move(100)
    with bench.picam.captured_request(flush=began_ns + 10 * MS_NS) as request:
        stamp_ns = request.get_metadata()["SensorTimestamp"]
        rows_um = seen_um(request.make_array("main"), exposure_ms=20)
    expected_um = 1000 + (stamp_ns - began_ns - 10 * MS_NS + np.arange(120) * 100_000) / MS_NS
    assert np.abs(rows_um - expected_um).max() < 5
    assert rows_um[-1] - rows_um[0] > 7


def test_a_frame_at_rest_is_rendered_once_where_the_carriage_is(bench):
    bench.start()
    bench.move(30)
    bench.clock.pass_ns(500 * MS_NS)
    bench.scene.renders.clear()
    pixels, _ = bench.fresh()
    assert bench.scene.renders == [(1030.0, (0.0, 0.0))]
    assert seen_um(pixels) == pytest.approx(1030.0, abs=3)


def test_nothing_is_rendered_unless_pixels_are_asked_for(bench):
    bench.start()
    bench.scene.renders.clear()
    bench.frames(20)
    assert bench.scene.renders == []


def test_vibration_across_the_axis_shifts_the_picture(tmp_path):
    bench = Bench(tmp_path)
    bench.world.resonance = Resonance(hertz=5.0, decay_ms=300.0, across=10.0)
    bench.start({"ExposureTime": 5_000})
    bench.frames(3)
    bench.move(20, rate=5000)
    bench.scene.renders.clear()
    bench.fresh()
    assert max(abs(shift[1]) for _, shift in bench.scene.renders) > 0.5


def test_an_idle_day_costs_nothing_and_time_stays_true(bench):
    bench.start()
    before = bench.frames(1)[0]
    bench.clock.pass_ns(24 * 3600 * 1000 * MS_NS)
    began_s = time.process_time()
    _, metadata = bench.fresh()
    assert time.process_time() - began_s < 5  # 3.5 million frames, one by one, take a minute
    periods = (metadata["SensorTimestamp"] - before["SensorTimestamp"]) / 25e6
    assert periods > 24 * 3600 * 40
    assert abs(periods - round(periods)) < 0.01
    assert 0 < bench.clock.monotonic_ns() - metadata["SensorTimestamp"] < 60 * MS_NS


# --- controls -----------------------------------------------------------------------------------------


def test_controls_in_the_configuration_hold_from_the_first_frame(bench):
    bench.start({"ExposureTime": 7_000, "AnalogueGain": 2.0})
    metadata = bench.frames(1)[0]
    assert (metadata["ExposureTime"], metadata["AnalogueGain"], metadata["AeState"]) == (7_000, 2.0, 0)
    assert metadata["ColourGains"] == (2.0, 1.5)


def test_controls_set_before_start_hold_from_the_first_frame(bench):
    bench.picam.configure(bench.picam.create_still_configuration(controls=MANUAL))
    bench.picam.set_controls({"ExposureTime": 3_000})
    bench.picam.start()
    assert bench.frames(1)[0]["ExposureTime"] == 3_000


@pytest.mark.parametrize(("buffers", "frames_late"), [(1, 2), (2, 4), (4, 6)])
def test_controls_set_while_running_show_frames_later_the_more_requests_wait(tmp_path, buffers, frames_late):
    bench = Bench(tmp_path).start(buffer_count=buffers)
    bench.frames(5)
    bench.picam.set_controls({"ExposureTime": 20_000})
    times_us = [metadata["ExposureTime"] for metadata in bench.frames(12)]
    assert times_us == [10_000] * frames_late + [20_000] * (12 - frames_late)


def test_controls_do_not_ride_on_requests_sent_before_them(bench):
    bench.start()
    bench.clock.pass_ns(1000 * MS_NS)
    bench.picam.set_controls({"ExposureTime": 20_000})
    assert bench.frames(1)[0]["ExposureTime"] == 10_000


def test_exposure_is_floored_to_lines_and_read_back_loses_one_each_time(tmp_path):
    bench = Bench(tmp_path, replace(QUIET, line_ns=26_290)).start({"ExposureTime": 10_000})
    seen = []
    for _ in range(4):
        seen.append(bench.frames(10)[-1]["ExposureTime"])
        bench.picam.set_controls({"ExposureTime": seen[-1]})
    assert seen == [9990, 9963, 9937, 9911]

    bench.frames(10)
    for _ in range(3):
        bench.picam.set_controls({"ExposureTime": bench.frames(10)[-1]["ExposureTime"] + 1})
    assert bench.frames(10)[-1]["ExposureTime"] == 9885


def test_gain_is_one_of_the_sensors_codes_and_reading_back_keeps_it(bench):
    bench.start({"AnalogueGain": 3.0})
    first = bench.frames(1)[0]["AnalogueGain"]
    code = 1024 - 1024 / first
    assert code == pytest.approx(round(code))
    assert 2.98 < first <= 3.0
    bench.picam.set_controls({"AnalogueGain": first})
    assert bench.frames(10)[-1]["AnalogueGain"] == first


def test_what_the_grid_takes_away_digital_gain_gives_back(tmp_path):
    bench = Bench(tmp_path, replace(QUIET, line_ns=MS_NS)).start({"ExposureTime": 10_900})
    pixels, metadata = bench.fresh()
    assert metadata["ExposureTime"] == 10_000
    assert metadata["DigitalGain"] == pytest.approx(1.09)
    assert seen_um(pixels, exposure_ms=10.9) == pytest.approx(1000, abs=3)


def test_automatic_exposure_and_white_balance_converge_over_some_frames(bench):
    bench.start({"ExposureTime": 0, "AnalogueGain": 0, "AeEnable": True})
    bench.picam.stop()
    config = bench.picam.create_still_configuration({"format": "RGB888"}, buffer_count=2)
    bench.picam.configure(config)
    bench.picam.start()
    frames = bench.frames(40)
    states = [metadata["AeState"] for metadata in frames]
    settled = states.index(2)
    assert 3 < settled < 20
    assert states == [1] * settled + [2] * (40 - settled)
    assert frames[-1]["ColourGains"] == pytest.approx((2.0, 1.5), rel=1e-3)
    assert frames[0]["ColourGains"][0] < 1.9
    pixels, _ = bench.fresh()
    assert 100 < pixels.mean() < 135  # 18 % grey is 118
    assert np.ptp(pixels[60, 80].astype(int)) <= 1


def test_zero_hands_back_to_automatic(bench):
    bench.start({"ExposureTime": 500, "AnalogueGain": 1.0})
    assert bench.frames(3)[-1]["AeState"] == 0
    bench.picam.set_controls({"AeEnable": True, "ExposureTime": 0, "AnalogueGain": 0.0})
    last = bench.frames(40)[-1]
    assert last["AeState"] == 2
    assert last["ExposureTime"] > 5_000
    bench.picam.set_controls({"AeEnable": False})
    frozen = bench.frames(15)[-1]
    assert (frozen["AeState"], frozen["ExposureTime"]) == (0, last["ExposureTime"])


def test_frame_duration_limits_hold_the_exposure_and_stretch_the_frame(bench):
    bench.start({"ExposureTime": 50_000, "FrameDurationLimits": (100_000, 100_000)})
    assert bench.frames(2)[-1]["FrameDuration"] == 100_000
    bench.picam.set_controls({"FrameDurationLimits": (25_000, 40_000)})
    last = bench.frames(12)[-1]
    assert last["ExposureTime"] <= 40_000
    assert last["FrameDuration"] <= 40_000


def test_an_unknown_control_is_refused(bench):
    with pytest.raises(RuntimeError, match="Control Brightnes is not advertised"):
        bench.picam.set_controls({"Brightnes": 1.0})


# --- loans and jobs -----------------------------------------------------------------------------------


def test_requests_not_released_starve_the_camera(bench):
    bench.start(buffer_count=2)
    held = [bench.picam.capture_request(wait=5), bench.picam.capture_request(wait=5)]
    with pytest.raises(TimeoutError):
        bench.picam.capture_request(wait=5)
    bench.picam.cancel_all_and_flush()
    bench.clock.pass_ns(2000 * MS_NS)
    released_ns = bench.clock.monotonic_ns()
    held[0].release()
    request = bench.picam.capture_request(wait=5)
    assert request.get_metadata()["SensorTimestamp"] > released_ns, "no frame is found in the past"
    with pytest.raises(RuntimeError, match="negative"):
        held[0].release()


def test_a_request_from_before_a_restart_gives_no_buffer_back(bench):
    bench.start(buffer_count=2)
    old = bench.picam.capture_request()
    bench.picam.stop()
    bench.picam.start()
    old.release()
    held = [bench.picam.capture_request(wait=5) for _ in range(2)]
    with pytest.raises(TimeoutError):
        bench.picam.capture_request(wait=5)
    assert len(held) == 2


def test_a_timed_out_job_takes_the_next_frame_until_it_is_cancelled(bench):
    bench.start()
    late_ns = bench.clock.monotonic_ns() + 400 * MS_NS
    job = bench.picam.capture_request(wait=False, flush=late_ns)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            bench.picam.wait(job, timeout=0.05)
    after_ns = bench.clock.monotonic_ns()
    second = bench.picam.capture_metadata(wait=False)
    with pytest.raises(TimeoutError):
        bench.picam.wait(second, timeout=0.05)
    request = bench.picam.wait(job, timeout=2)
    assert request.get_metadata()["SensorTimestamp"] > late_ns > after_ns
    request.release()

    third = bench.picam.capture_request(wait=False, flush=late_ns + 10**12)
    bench.picam.cancel_all_and_flush()
    with pytest.raises(CancelledError):
        bench.picam.wait(third, timeout=1)


def test_a_released_request_shows_nothing_more(bench):
    bench.start()
    request = bench.picam.capture_request()
    request.release()
    with pytest.raises(RuntimeError, match="not defined"):
        request.make_array("main")


def test_signal_function_is_told(bench):
    bench.start()
    told = []
    job = bench.picam.capture_metadata(signal_function=told.append)
    assert bench.picam.wait(job, timeout=1)["ExposureTime"] == 10_000
    assert told == [job]


# --- faults -------------------------------------------------------------------------------------------


def test_a_loose_cable_raises_nothing_and_only_a_restart_helps(bench):
    bench.start()
    bench.frames(3)
    bench.clock.pass_ns(100 * MS_NS)
    bench.fresh()
    bench.world.break_down("camera_timeout")
    with pytest.raises(TimeoutError):
        bench.picam.capture_request(wait=3.0, flush=True)
    bench.world.mend("camera_timeout")
    bench.picam.cancel_all_and_flush()
    with pytest.raises(TimeoutError):
        bench.picam.capture_request(wait=3.0, flush=True)
    bench.picam.cancel_all_and_flush()
    bench.picam.stop()
    bench.picam.start()
    assert bench.frames(1)[0]["SensorTimestamp"] > 0


def test_waiting_for_ever_is_told(bench):
    bench.start()
    bench.frames(3)
    bench.world.break_down("camera_timeout")
    with pytest.raises(RuntimeError, match="for ever"):
        bench.picam.capture_request(flush=True)


def test_optional_metadata_can_be_missing(bench):
    bench.start()
    assert any("SensorTemperature" not in metadata for metadata in bench.frames(10))
    bench.world.break_down("camera_missing_metadata")
    metadata = bench.frames(1)[0]
    assert not {"AeState", "SensorTemperature", "Lux", "DigitalGain"} & metadata.keys()
    assert {"ExposureTime", "AnalogueGain", "ColourGains", "SensorTimestamp"} <= metadata.keys()


def test_exposure_can_drift_and_the_metadata_admit_it(bench):
    bench.start()
    bench.frames(3)
    bench.world.break_down("exposure_drift")
    times_us = [metadata["ExposureTime"] for metadata in bench.frames(12)]
    assert times_us[-1] < times_us[-2] < 10_000
    pixels, metadata = bench.fresh()
    share = metadata["ExposureTime"] / 10_000
    assert seen_um(pixels).mean() == pytest.approx(1000 + (0.2 * share - 0.2) / 0.001, abs=3)


# --- pixels -------------------------------------------------------------------------------------------


class Colours(Ramp):
    """Blue, green and red of 0.1, 0.3 and 0.7."""

    def render(self, focus_um, view):
        return np.tile(np.array([0.1, 0.3, 0.7], np.float32), (SIZE[1], SIZE[0], 1))


BLUE, GREEN, RED = 89, 149, 218  # the sRGB curve of these


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("RGB888", (BLUE, GREEN, RED)),
        ("BGR888", (RED, GREEN, BLUE)),
        ("XRGB8888", (BLUE, GREEN, RED, 255)),
        ("XBGR8888", (RED, GREEN, BLUE, 255)),
    ],
)
def test_formats_are_in_the_real_ones_order(tmp_path, name, expected):
    bench = Bench(tmp_path, scene=Colours()).start(format=name)
    pixels, _ = bench.fresh()
    assert pixels.shape == (120, 160, len(expected))
    assert np.abs(pixels[50, 50].astype(int) - expected).max() <= 1


def test_yuv420_is_planar_full_range_and_padded(tmp_path):
    bench = Bench(tmp_path, scene=Colours()).start(format="YUV420")
    pixels, _ = bench.fresh()
    assert pixels.shape == (180, 192)
    luma = 0.299 * RED + 0.587 * GREEN + 0.114 * BLUE
    assert pixels[10, 10] == pytest.approx(luma, abs=2)
    chroma = pixels[120:].reshape(2, 60, 96)
    assert chroma[0, 5, 5] == pytest.approx(128 + 0.564 * (BLUE - luma), abs=2)
    assert chroma[1, 5, 5] == pytest.approx(128 + 0.713 * (RED - luma), abs=2)


def test_wrong_colour_gains_tint_and_gain_saturates(tmp_path):
    bench = Bench(tmp_path, scene=Colours()).start({"ColourGains": (1.0, 1.5), "AnalogueGain": 1.0})
    pixels, _ = bench.fresh()
    assert pixels[0, 0, 2] == pytest.approx(round(255 * (1.055 * 0.35 ** (1 / 2.4) - 0.055)), abs=1)
    bench.picam.set_controls({"AnalogueGain": 8.0, "ColourGains": (2.0, 1.5)})
    bench.frames(10)
    pixels, _ = bench.fresh()
    assert pixels[0, 0].tolist()[1:] == [255, 255]


def raw_of(bench):
    with bench.picam.captured_request(flush=True) as request:
        return request.make_array("raw")


@pytest.mark.parametrize(("platform", "name", "scale"), [("VC4", "SRGGB12", 1), ("PISP", "SRGGB16", 16)])
def test_raw_is_linear_with_its_black_level(tmp_path, platform, name, scale):
    bench = Bench(tmp_path, replace(QUIET, platform=platform), Colours()).start()
    raw = raw_of(bench).view(np.uint16)
    assert bench.picam.camera_configuration()["raw"]["format"] == name
    assert raw.shape == (120, 160)
    levels = (raw[:2, :2] / scale - 256.0) / (4095 - 256)
    assert levels == pytest.approx(np.array([[0.7 / 2.0, 0.3], [0.3, 0.1 / 1.5]]), abs=1e-3)


def test_packed_raw_is_three_bytes_for_two_pixels(tmp_path):
    spec = replace(QUIET, platform="VC4")
    plain = raw_of(Bench(tmp_path / "plain", spec, Colours()).start()).view(np.uint16)
    bench = Bench(tmp_path / "packed", spec, Colours()).start(raw_format="SRGGB12_CSI2P")
    packed = raw_of(bench)
    assert bench.picam.camera_configuration()["raw"]["format"] == "SRGGB12_CSI2P"
    assert packed.shape == (120, 256)
    triples = packed[:, :240].reshape(120, 80, 3).astype(int)
    first, second = triples[..., 0] << 4 | triples[..., 2] & 15, triples[..., 1] << 4 | triples[..., 2] >> 4
    assert (np.dstack([first, second]).reshape(120, 160) == plain).all()


def test_a_pi_5_squeezes_packed_raw_with_loss(tmp_path):
    bench = Bench(tmp_path, scene=Ramp()).start(raw_format="SRGGB12_CSI2P")
    assert bench.picam.camera_configuration()["raw"]["format"] == "RGGB_PISP_COMP1"
    assert raw_of(bench).shape == (120, 192)


def test_noise_is_that_of_the_electrons_and_fresh_in_every_frame(tmp_path):
    spec = replace(QUIET, full_well_e=1000.0, read_noise_e=5.0)
    bench = Bench(tmp_path, spec).start({"AnalogueGain": 2.0})
    raws = []
    for _ in range(2):
        with bench.picam.captured_request(flush=True) as request:
            codes = request.make_array("raw").view(np.uint16)[::2, 1::2] / 16
            raws.append((codes - 256.0) / (4095 - 256))
    assert raws[0].mean() == pytest.approx(0.4, rel=0.01)
    expected = np.sqrt(0.4 * 2 / 1000 + (5 * 2 / 1000) ** 2)
    assert raws[0].std() == pytest.approx(expected, rel=0.05)
    assert np.abs(np.corrcoef(raws[0].ravel(), raws[1].ravel())[0, 1]) < 0.1


def test_mains_flicker_bands_short_exposures_and_spares_long_ones(tmp_path):
    spec = replace(QUIET, flicker_percent=30.0)
    bench = Bench(tmp_path, spec).start({"ExposureTime": 1_000, "AnalogueGain": 8.0})
    short, _ = bench.fresh()
    rows = short[:, :, 1].mean(axis=1)
    assert np.ptp(rows) > 20
    bench.picam.set_controls({"ExposureTime": 10_000, "AnalogueGain": 1.0})
    bench.frames(10)
    steady, _ = bench.fresh()
    assert np.ptp(steady[:, :, 1].mean(axis=1)) < 1


def test_noise_reduction_left_on_mixes_in_the_frame_before(tmp_path):
    bench = Bench(tmp_path).start({"NoiseReductionMode": 2})
    bench.frames(5)
    moves, ghosts_um, clean_um = 6, [], []
    for n in range(1, moves + 1):
        bench.clock.pass_ns((200 + 7 * n) * MS_NS)  # another phase of the frame each time
        bench.move(25, rate=5000)
        ghosts_um.append(1000 + 25 * n - seen_um(bench.fresh()[0]).mean())
    bench.picam.set_controls({"NoiseReductionMode": 0})
    bench.frames(8)
    for n in range(moves + 1, 2 * moves + 1):
        bench.clock.pass_ns((200 + 7 * n) * MS_NS)
        bench.move(25, rate=5000)
        clean_um.append(1000 + 25 * n - seen_um(bench.fresh()[0]).mean())
    assert max(ghosts_um) > 5
    assert np.abs(clean_um).max() < 4


def test_the_lamp_lights_the_scene_when_it_is_the_only_light(tmp_path):
    bench = Bench(tmp_path, replace(QUIET, ambient=0.02, lamp=1.0)).start()
    dark, _ = bench.fresh()
    bench.world.drive("light", True)
    bench.frames(5)
    bright, _ = bench.fresh()
    assert dark.mean() < 25 < 100 < bright.mean()


def test_a_smaller_main_stream_is_scaled_and_keeps_circles_round(tmp_path):
    class Disc(Ramp):
        def render(self, focus_um, view):
            picture = np.zeros((SIZE[1], SIZE[0], 3), np.float32)
            cv2.circle(picture, (80, 60), 40, (1.0, 1.0, 1.0), -1)
            return picture

    bench = Bench(tmp_path, scene=Disc()).start(size=(80, 80))
    pixels, _ = bench.fresh()
    assert pixels.shape == (80, 80, 3)
    lit = pixels[:, :, 1] > 128
    assert lit[40].sum() == pytest.approx(lit[:, 40].sum(), abs=1)


# --- wrong use ----------------------------------------------------------------------------------------


def test_wrong_use_is_refused_as_by_the_real_one(bench):
    picam = bench.picam
    with pytest.raises(RuntimeError, match="sequence did not complete"):
        Picamera2(rig=bench.rig)
    with pytest.raises(RuntimeError, match="No camera number 1"):
        Picamera2(1, rig=bench.rig)
    with pytest.raises(ValueError, match="Bad key 'fromat'"):
        picam.create_still_configuration({"fromat": "RGB888"})
    config = picam.create_still_configuration({"format": "RGB999"})
    with pytest.raises(RuntimeError, match="Bad format RGB999"):
        picam.configure(config)
    config = picam.create_still_configuration()
    config["main"]["size"] = (101, 100)
    with pytest.raises(RuntimeError, match="even"):
        picam.configure(config)
    config["main"]["size"] = (10_000, 8_000)
    picam.configure(config)
    assert picam.camera_configuration()["main"]["size"] == SIZE, "adjusted without a word"
    picam.start()
    with pytest.raises(RuntimeError, match="must be stopped"):
        picam.configure(config)
    picam.close()
    picam.close()
    with pytest.raises(RuntimeError, match="not opened"):
        picam.start()
    Picamera2(rig=bench.rig).close()


def test_tuning_can_be_looked_up_and_changed():
    tuning = Picamera2.load_tuning_file("imx477.json")
    Picamera2.find_tuning_algo(tuning, "rpi.alsc")["n_iter"] = 0
    assert Picamera2.find_tuning_algo(tuning, "rpi.alsc")["n_iter"] == 0
    assert Picamera2.find_tuning_algo(Picamera2.load_tuning_file("imx477.json"), "rpi.alsc")["n_iter"] == 100
    with pytest.raises(RuntimeError, match="not found"):
        Picamera2.load_tuning_file("nikon.json")
