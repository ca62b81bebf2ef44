"""Monotonic time as a value that can be handed in, so that tests hold it still."""

import time
from typing import Protocol


class Clock(Protocol):
    """Monotonic time in nanoseconds, the time base of the kernel's GPIO events and of SensorTimestamp."""

    def monotonic_ns(self) -> int:
        """Give the present instant."""
        ...

    def sleep_until_ns(self, instant_ns: int) -> None:
        """Return at `instant_ns` or later; at once when it has passed."""
        ...


class MonotonicClock:
    """The machine's own CLOCK_MONOTONIC."""

    def monotonic_ns(self) -> int:
        """Give the present instant."""
        return time.monotonic_ns()

    def sleep_until_ns(self, instant_ns: int) -> None:
        """Sleep until `instant_ns`, going back to sleep when woken early."""
        while (remaining_ns := instant_ns - time.monotonic_ns()) > 0:
            time.sleep(remaining_ns / 1e9)
