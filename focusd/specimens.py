"""Which stacks show which specimen, for all there are on the disk."""

import threading
from contextlib import suppress

from stack.errors import SessionError
from stack.sessions import Sessions
from stack.specimen import CATALOGUE, Fields, same_specimen


class Specimens:
    """Knows what every stack shows; for any thread.

    What a session says of its specimen is written once, so it is read once: of ten thousand that takes long.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._lock = threading.Lock()
        self._shown: dict[str, Fields] = {}

    def same(self, fields: Fields, besides: str = "") -> tuple[str, ...]:
        """Name the stacks of the same view of the same specimen, newest last, `besides` left out."""
        if CATALOGUE not in fields:
            return ()
        with self._lock:
            ids = self._sessions.ids()
            before, self._shown = self._shown, {}
            for one in ids:
                with suppress(SessionError):  # unreadable, or removed meanwhile
                    self._shown[one] = before[one] if one in before else self._sessions.open(one).facts.fields
            shown = self._shown.items()
            return same_specimen(fields, ((one, its) for one, its in shown if one != besides))
