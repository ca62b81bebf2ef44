from dataclasses import replace

import pytest
from picamera2_bench import QUIET, SIZE, Bench

from simulator.picamera2 import Picamera2


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


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


def test_what_is_granted_is_written_into_what_was_asked_for(bench):
    config = bench.picam.create_still_configuration({"size": (10_000, 8_000)})
    bench.picam.configure(config)
    assert config["main"] is bench.picam.camera_configuration()["main"]
    assert (config["main"]["size"], config["main"]["stride"]) == (SIZE, 512)
    assert (config["raw"]["format"], config["raw"]["size"]) == ("BGGR_PISP_COMP1", SIZE)


def test_buffers_that_memory_does_not_hold_are_refused_by_the_kernel(tmp_path):
    main_bytes, raw_bytes = 512 * SIZE[1], 320 * SIZE[1]
    bench = Bench(tmp_path, replace(QUIET, memory_bytes=2 * (main_bytes + raw_bytes)))
    bench.start(buffer_count=2)
    bench.picam.stop()
    with pytest.raises(OSError, match="Cannot allocate memory"):
        bench.start(buffer_count=3)


def test_tuning_can_be_looked_up_and_changed():
    tuning = Picamera2.load_tuning_file("imx477.json")
    Picamera2.find_tuning_algo(tuning, "rpi.alsc")["n_iter"] = 0
    assert Picamera2.find_tuning_algo(tuning, "rpi.alsc")["n_iter"] == 0
    assert Picamera2.find_tuning_algo(Picamera2.load_tuning_file("imx477.json"), "rpi.alsc")["n_iter"] == 100
    with pytest.raises(RuntimeError, match="not found"):
        Picamera2.load_tuning_file("nikon.json")
