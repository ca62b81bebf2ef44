"""The light at the bench: on for a stack, and steady only a while after it was switched on."""

import threading
from collections.abc import Callable

from rail.clock import Clock


class Light:
    """Switches the light, and remembers since when it shines. Any thread may look.

    Parameters
    ----------
    switch
        Puts it on or out: `rail.pins.PanelPins.light`.
    warm_up_ns
        How long after that its brightness and colour still change.
    clock
        Of the camera too.
    """

    def __init__(self, switch: Callable[[bool], None], warm_up_ns: int, clock: Clock) -> None:
        self._switch = switch
        self._warm_up_ns = warm_up_ns
        self._clock = clock
        self._lock = threading.Lock()
        self._steady_ns: int | None = None

    @property
    def shining(self) -> bool:
        """Whether it is on."""
        return self._steady_ns is not None

    def on(self) -> int:
        """Put it on, if it is not; give the instant from which it is steady."""
        with self._lock:
            if self._steady_ns is None:
                self._switch(True)
                self._steady_ns = self._clock.monotonic_ns() + self._warm_up_ns
            return self._steady_ns

    def out(self) -> None:
        """Put it out."""
        with self._lock:
            self._steady_ns = None
            self._switch(False)
