"""Everything that happens, numbered, for whoever listens.

One ring holds the latest events; a listener is only a place in the ring. So nothing grows with listeners, a
publisher never waits for one, and a listener that falls out of the ring is told so and has to start anew.
"""

import threading
from collections import deque
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from focusd.listeners import Listeners, Wake

Event = Mapping[str, object]
"""What happened: `event` names it; the hub adds `seq` and `at`."""


class Publish(Protocol):
    """Where the rooms of the daemon say what happened."""

    def __call__(self, event: str, /, **facts: object) -> None:
        """Tell every listener of `event`."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """What a listener has not heard yet.

    Attributes
    ----------
    events
        In order, without a gap among them.
    missed
        How many events between the listener's place and the first of `events` are no longer kept.
    last_seq
        The listener's next place.
    """

    events: tuple[Event, ...]
    missed: int
    last_seq: int


class EventHub:
    """Numbers events from 1 and keeps the latest `keep`. Any thread may publish, any may listen."""

    def __init__(self, keep: int = 2048) -> None:
        self._ring: deque[Event] = deque(maxlen=keep)
        self._last_seq = 0
        self._lock = threading.Lock()
        self._listeners = Listeners()
        self._closed = False

    @property
    def last_seq(self) -> int:
        """The number of the latest event, 0 before the first."""
        return self._last_seq

    @property
    def closed(self) -> bool:
        """Whether the last event has been published."""
        return self._closed

    def publish(self, event: str, /, **facts: object) -> None:
        """Tell every listener of `event`."""
        with self._lock:
            self._last_seq += 1
            self._ring.append({"seq": self._last_seq, "at": utc_now(), "event": event, **facts})
        self._listeners.wake()

    def after(self, seq: int, most: int | None = None) -> Batch:
        """Give what happened after event number `seq`, the first `most` of it.

        A number that this hub has not reached belongs to a daemon before this one: everything counts as news.
        """
        with self._lock:
            last_seq = self._last_seq
            heard = seq if seq <= last_seq else 0
            unheard = last_seq - heard
            kept = min(unheard, len(self._ring))
            first = len(self._ring) - kept
            told = kept if most is None else min(kept, most)
            events = tuple(self._ring[place] for place in range(first, first + told))
        return Batch(events, missed=unheard - kept, last_seq=last_seq - (kept - told))

    def listening(self, wake: Wake) -> AbstractContextManager[None]:
        """Call `wake` after each event and at the close."""
        return self._listeners.listening(wake)

    def close(self) -> None:
        """Wake every listener for the last time."""
        with self._lock:
            self._closed = True
        self._listeners.wake()


def utc_now() -> str:
    """Give the present instant in UTC, ISO 8601 to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
