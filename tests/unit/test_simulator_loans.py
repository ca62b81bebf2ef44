from concurrent.futures import CancelledError

import pytest
from picamera2_bench import MS_NS, Bench


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


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
