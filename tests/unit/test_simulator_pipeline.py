import pytest
from picamera2_bench import MS_NS, Bench


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


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
