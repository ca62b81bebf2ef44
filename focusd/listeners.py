"""Whoever waits for news, woken from any thread."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Wake = Callable[[], object]
"""Wakes somebody; it must return at once."""


class Listeners:
    """Those who want to be woken. Any thread may listen, and any may wake them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wakers: list[Wake] = []

    @contextmanager
    def listening(self, wake: Wake) -> Iterator[None]:
        """Have `wake` called whenever there is news."""
        with self._lock:
            self._wakers.append(wake)
        try:
            yield
        finally:
            with self._lock:
                self._wakers.remove(wake)

    def wake(self) -> None:
        """Wake them all, holding no lock: one may end its listening meanwhile."""
        with self._lock:
            wakers = tuple(self._wakers)
        for wake in wakers:
            wake()
