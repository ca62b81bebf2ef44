"""Whether the threads and processes that move the rig still live: what the supervisor's watchdog hangs on."""

import threading

from rail.clock import Clock

PATIENCE_S = 90.0
"""How long the operator may be silent without saying so: longer than a hung camera is waited for."""

MOTION_PATIENCE_S = 15.0
"""How long a motion process at rest may fail to look at its inputs, which it does twenty times a second."""


def motion_silence_s(now_ns: int, looked_ns: int, *, moving: bool) -> float | None:
    """Give how long a motion process has been silent, where that is too long.

    What moves is waited for by the operator, with a patience of its own.
    """
    silent_s = (now_ns - looked_ns) / 1e9
    return silent_s if silent_s > MOTION_PATIENCE_S and not moving else None


class Heartbeat:
    """When a thread must be heard again. It beats; any thread may look.

    A thread that waits for orders rests, for as long as it takes; one that will be silent for long says so.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._due_ns: int | None = None

    def beat(self, silent_s: float = 0.0) -> None:
        """Live, and perhaps be silent for `silent_s` and a while; what was said before still holds."""
        due_ns = self._clock.monotonic_ns() + round((silent_s + PATIENCE_S) * 1e9)
        with self._lock:
            self._due_ns = max(self._due_ns or 0, due_ns)

    def rest(self) -> None:
        """Wait for somebody else from now on."""
        with self._lock:
            self._due_ns = None

    def be_patient(self) -> None:
        """Give it as long again, whoever asks; unless it rests by now, when it will not be heard."""
        due_ns = self._clock.monotonic_ns() + round(PATIENCE_S * 1e9)
        with self._lock:
            if self._due_ns is not None:
                self._due_ns = max(self._due_ns, due_ns)

    def overdue(self) -> bool:
        """Say whether it should have been heard by now."""
        due_ns = self._due_ns
        return due_ns is not None and self._clock.monotonic_ns() > due_ns
