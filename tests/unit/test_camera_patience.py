"""A driver that hangs is left to itself, and not for ever anew."""

import threading
from collections.abc import Iterator

import pytest

from camera.errors import CameraTimeout, CaptureCancelled
from camera.patience import MOST_HANGING, within


@pytest.fixture
def comes_back() -> Iterator[threading.Event]:
    """Give what lets every call come back that hangs, and do so in the end."""
    event = threading.Event()
    yield event
    event.set()


def camera_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("camera has not opened")]


def test_a_driver_that_always_hangs_takes_no_more_than_a_few_threads(comes_back: threading.Event) -> None:
    """A week of stacks with a loose cable: each of them tries to open the camera."""
    for _ in range(5 * MOST_HANGING):
        with pytest.raises(CameraTimeout):
            within(0.001, comes_back.wait, "has not opened")
    threads = camera_threads()
    assert len(threads) == MOST_HANGING
    with pytest.raises(CameraTimeout, match="restart the daemon"):
        within(0.001, comes_back.wait, "has not opened")
    comes_back.set()
    for thread in threads:
        thread.join(10)
    assert within(10, lambda: "open", "has not opened") == "open"


def test_whoever_waits_is_heard_all_the_time_and_may_end_that(comes_back: threading.Event) -> None:
    heard: list[int] = []

    def end_at_the_third() -> None:
        heard.append(len(heard))
        if len(heard) == 3:
            raise CaptureCancelled("focusd is ending")

    with pytest.raises(CaptureCancelled):
        within(60, comes_back.wait, "has not opened", end_at_the_third)
    assert heard == [0, 1, 2]
