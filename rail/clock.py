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


WATCH_NS = 30_000
"""How long before an instant `PromptClock` wakes: what a processor takes to come back from idle."""
SHORTEST_SLEEP_NS = 5_000
"""Shorter waits are not slept through: falling asleep and waking up alone take several times as long."""


class PromptClock(MonotonicClock):
    """The same clock, on time: it wakes a little early and watches for the instant.

    For the stepping loop alone. It watches for `WATCH_NS` at most, and for no more than a quarter of a wait:
    a real-time process that leaves the processor to nobody is stopped by the kernel for tens of milliseconds.
    """

    def sleep_until_ns(self, instant_ns: int) -> None:
        """Sleep until shortly before `instant_ns`, then watch for it."""
        wait_ns = instant_ns - time.monotonic_ns()
        if wait_ns > SHORTEST_SLEEP_NS:
            super().sleep_until_ns(instant_ns - min(WATCH_NS, wait_ns // 4))
        while time.monotonic_ns() < instant_ns:
            pass
