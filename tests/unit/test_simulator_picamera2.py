import pytest
from picamera2_bench import SIZE, Bench

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


def test_tuning_can_be_looked_up_and_changed():
    tuning = Picamera2.load_tuning_file("imx477.json")
    Picamera2.find_tuning_algo(tuning, "rpi.alsc")["n_iter"] = 0
    assert Picamera2.find_tuning_algo(tuning, "rpi.alsc")["n_iter"] == 0
    assert Picamera2.find_tuning_algo(Picamera2.load_tuning_file("imx477.json"), "rpi.alsc")["n_iter"] == 100
    with pytest.raises(RuntimeError, match="not found"):
        Picamera2.load_tuning_file("nikon.json")
