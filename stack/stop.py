"""The wish to end a job, and waits that heed it."""

import threading
from collections.abc import Callable
from enum import StrEnum

from rail.clock import Clock
from stack.errors import StopAsked

LOOK_NS = 20_000_000
"""How often a wait looks whether it was asked to end."""


class StopKind(StrEnum):
    """How somebody wants a job to end."""

    STOP = "stop"
    """Pause: what is saved stays, and the stack can be resumed."""
    ABORT = "abort"
    """End it for good."""


class StopSignal:
    """A wish to end that is never forgotten once it was made. Safe from any thread.

    The first wish counts, except that an abort overrides a stop.

    Parameters
    ----------
    heard
        Called whenever the job looks, which it does at least between any two things that it does.
    """

    def __init__(self, heard: Callable[[], object] = lambda: None) -> None:
        self._heard = heard
        self._lock = threading.Lock()
        self._wish: tuple[StopKind, str] | None = None

    def request(self, kind: StopKind = StopKind.STOP, reason: str = "asked to") -> None:
        """Ask for the end; `reason` says who or why, for the journal."""
        with self._lock:
            if self._wish is None or (self._wish[0] is StopKind.STOP and kind is StopKind.ABORT):
                self._wish = (kind, reason)

    @property
    def kind(self) -> StopKind | None:
        """What was asked for, None so far."""
        wish = self._wish
        return wish[0] if wish else None

    @property
    def reason(self) -> str | None:
        """Why it was asked for."""
        wish = self._wish
        return wish[1] if wish else None

    def check(self) -> None:
        """Raise `StopAsked` when the end was asked for."""
        self._heard()
        if self._wish is not None:
            raise StopAsked(self._wish[1])


def wait(clock: Clock, duration_ns: int, stop: StopSignal) -> None:
    """Let `duration_ns` pass; raise `StopAsked` within `LOOK_NS` when the end is asked for meanwhile."""
    end_ns = clock.monotonic_ns() + duration_ns
    stop.check()
    while (now_ns := clock.monotonic_ns()) < end_ns:
        clock.sleep_until_ns(min(end_ns, now_ns + LOOK_NS))
        stop.check()
