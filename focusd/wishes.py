"""How somebody ended a stack whose journal could not be written just then: it holds, and is written later."""

import logging
import threading
from dataclasses import dataclass
from typing import Final

from focusd.journals import Journals
from stack.errors import JournalError, JournalFailed
from stack.session import Session

_log = logging.getLogger(__name__)

TRY_AGAIN_S: Final = 1.0
CLOSING_S: Final = 5.0
"""How long the daemon's end waits for a disk that hangs."""


@dataclass(frozen=True, slots=True)
class _Wish:
    session: Session
    event: str
    reason: str | None


class Wishes:
    """Writes into journals what somebody wished; where the disk is full, as soon as it is not. Any thread.

    Left unwritten, a stack that was given up would be gone on with after a restart.
    """

    def __init__(self, journals: Journals) -> None:
        self._journals = journals
        self._lock = threading.Lock()
        self._unwritten: dict[str, _Wish] = {}
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def write(self, session: Session, event: str, reason: str | None) -> None:
        """Write a wish down, now or later; raises `JournalBusy` where another process writes the journal."""
        self.forget(session)
        wish = _Wish(session, event, reason)
        try:
            self._write(wish)
        except (JournalFailed, OSError) as error:
            _log.warning(
                "that %s is to be %s cannot be written down: %s. It is as soon as there is room; if the "
                "power fails before, the stack may be gone on with",
                session.id,
                event.removeprefix("stack_"),
                error,
            )
            self._keep(wish)

    def forget(self, session: Session) -> None:
        """Let a wish be that another has taken the place of, or that the stack goes on against."""
        with self._lock:
            self._unwritten.pop(session.id, None)

    def close(self) -> None:
        """Try once more, for the last time."""
        self._ended.set()
        thread = self._thread
        if thread is not None:
            thread.join(CLOSING_S)

    def _write(self, wish: _Wish) -> None:
        with self._journals.writing(wish.session) as journal:
            journal.append(wish.event, reason=wish.reason)

    def _keep(self, wish: _Wish) -> None:
        with self._lock:
            self._unwritten[wish.session.id] = wish
            if self._thread is None:
                self._thread = threading.Thread(target=self._try_again, name="wishes", daemon=True)
                self._thread.start()

    def _try_again(self) -> None:
        """Write what is unwritten, as room comes, until nothing is or the daemon ends."""
        ended = False
        while not ended:
            ended = self._ended.wait(TRY_AGAIN_S)
            with self._lock:
                for wish in tuple(self._unwritten.values()):
                    self._try(wish)
                if not self._unwritten:
                    self._thread = None
                    return

    def _try(self, wish: _Wish) -> None:
        try:
            self._write(wish)
        except (JournalError, OSError):
            return
        del self._unwritten[wish.session.id]
        _log.info("%s: %s is written down", wish.session.id, wish.event)
