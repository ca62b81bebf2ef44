"""The journals this daemon is writing: one writer each, however many threads have something to say."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rail.clock import Clock
from stack.journal import Journal
from stack.session import Session


class Journals:
    """Opens a session's journal for the first thread that writes it and closes it after the last."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, tuple[Journal, int]] = {}

    @contextmanager
    def writing(self, session: Session) -> Iterator[Journal]:
        """Give the session's journal; raises as `Session.journal` does."""
        with self._lock:
            journal, writers = self._open.get(session.id) or (session.journal(self._clock), 0)
            self._open[session.id] = (journal, writers + 1)
        try:
            yield journal
        finally:
            with self._lock:
                _, writers = self._open.pop(session.id)
                if writers > 1:
                    self._open[session.id] = (journal, writers - 1)
                else:
                    journal.close()
