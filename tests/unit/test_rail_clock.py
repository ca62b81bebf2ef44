import resource
import time

import pytest

from rail.clock import SHORTEST_SLEEP_NS, WATCH_NS, MonotonicClock, PromptClock


@pytest.mark.parametrize("clock", [MonotonicClock(), PromptClock()])
@pytest.mark.parametrize("wait_ns", [-1_000, 0, 1_000, SHORTEST_SLEEP_NS, 40_000, 250_000, 2_000_000])
def test_no_clock_returns_before_its_instant(clock, wait_ns):
    for _ in range(5):
        instant_ns = time.monotonic_ns() + wait_ns
        clock.sleep_until_ns(instant_ns)
        assert time.monotonic_ns() >= instant_ns


def test_a_prompt_clock_sleeps_through_all_but_the_end_of_a_wait():
    clock, waits, wait_ns = PromptClock(), 50, 1_000_000
    began_ns = time.thread_time_ns()
    for _ in range(waits):
        clock.sleep_until_ns(time.monotonic_ns() + wait_ns)
    # Beside the watching, falling asleep and waking up; a slow machine may take long for both.
    assert time.thread_time_ns() - began_ns < waits * (WATCH_NS + wait_ns // 4)


def test_a_prompt_clock_sleeps_even_in_a_loop_of_short_waits():
    clock = PromptClock()
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
    for _ in range(50):
        clock.sleep_until_ns(time.monotonic_ns() + WATCH_NS)
    assert resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw - before >= 25


def test_a_pulse_is_too_short_to_sleep_through():
    clock = PromptClock()
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
    for _ in range(200):
        clock.sleep_until_ns(time.monotonic_ns() + 2_000)
    assert resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw - before <= 5
