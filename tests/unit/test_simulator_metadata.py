import pytest
from picamera2_bench import Bench, seen_um


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


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
