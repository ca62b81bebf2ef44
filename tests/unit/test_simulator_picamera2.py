import pytest
from picamera2_bench import MS_NS, SIZE, Bench, seen_um

from simulator.picamera2 import Picamera2


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


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
