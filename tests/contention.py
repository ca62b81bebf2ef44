"""Two threads that want the same thing at the same time, always in the same order and without waiting."""

import threading
from collections.abc import Callable
from typing import Self


class WatchedLock:
    """A lock beside whose holder a second thread gets as far as it can: to its end, or to where it waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._settled = threading.Event()
        self._second: threading.Thread | None = None

    def __enter__(self) -> Self:
        if not self._lock.acquire(blocking=False):
            self._settled.set()
            self._lock.acquire()
        return self

    def __exit__(self, *raised: object) -> None:
        self._lock.release()

    def meanwhile(self, act: Callable[[], object]) -> None:
        """Do `act` in a second thread, as far as it gets while the caller has the lock."""

        def acted() -> None:
            try:
                act()
            finally:
                self._settled.set()

        self._second = threading.Thread(target=acted, daemon=True)
        self._second.start()
        assert self._settled.wait(30)

    def join(self) -> None:
        """Wait for the second thread's end; the caller must not have the lock."""
        assert self._second is not None
        self._second.join(30)
        assert not self._second.is_alive()
