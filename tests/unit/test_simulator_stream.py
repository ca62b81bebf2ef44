import time

import numpy as np
import pytest
from picamera2_bench import MS_NS, Bench, seen_um

from simulator.world import Resonance


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


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
