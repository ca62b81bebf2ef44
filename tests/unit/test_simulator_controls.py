from dataclasses import replace

import numpy as np
import pytest
from picamera2_bench import MANUAL, MS_NS, QUIET, Bench, seen_um


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


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


@pytest.mark.parametrize(
    "wrong",
    [{"ExposureTime": 9e3}, {"FrameDurationLimits": (1e4, 1e5)}, {"AnalogueGain": "2"}, {"AwbEnable": "no"}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_value_of_another_type_is_found_out_when_it_is_sent_and_nothing_is_sent_any_more(bench, wrong):
    bench.start()
    request = bench.picam.capture_request()
    bench.picam.set_controls(wrong)
    with pytest.raises(RuntimeError, match="Unable to cast Python instance of type"):
        request.release()
    bench.picam.stop()
    bench.picam.set_controls(wrong)
    with pytest.raises(RuntimeError, match="Unable to cast"):
        bench.picam.start()


def test_whole_numbers_do_for_fractions_and_flags(bench):
    bench.start({"AnalogueGain": 2, "ColourGains": [2, 1], "AeEnable": 0, "ExposureTime": 9_000})
    metadata = bench.frames(1)[0]
    assert (metadata["AnalogueGain"], metadata["ExposureTime"]) == (2.0, 9_000)
