"""The clocks a simulated rig lives by."""

from typing import Protocol


class Clock(Protocol):
    """Monotonic time in nanoseconds: handed in, real or virtual."""

    def monotonic_ns(self) -> int:
        """Give the present instant."""
        ...

    def sleep_until_ns(self, instant_ns: int) -> None:
        """Return at `instant_ns` or later; at once when it has passed."""
        ...


class VirtualClock:
    """Time that passes only by being waited for: ten minutes of rig in a second of test.

    For one thread: whoever sleeps moves time on for everybody.

    Parameters
    ----------
    start_ns
        The first instant; not zero, as on a machine that has been up for a while.
    """

    def __init__(self, start_ns: int = 1_000_000_000_000) -> None:
        self._now_ns = start_ns

    def monotonic_ns(self) -> int:
        """Give the present instant; asking costs no time."""
        return self._now_ns

    def sleep_until_ns(self, instant_ns: int) -> None:
        """Jump to `instant_ns`, never back."""
        self._now_ns = max(self._now_ns, instant_ns)

    def pass_ns(self, duration_ns: int) -> None:
        """Let `duration_ns` go by."""
        self.sleep_until_ns(self._now_ns + duration_ns)
