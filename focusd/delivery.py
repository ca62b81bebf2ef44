"""Finished stacks on their way to another disk or machine: in the background, checked, tried again and again.

What is still to be delivered is not kept in a list that could be lost: it follows from what each session was
shot to be delivered to, and from what its journal says has arrived.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from focusd.carriers import IDENTITY, Carrier, NotDelivered
from focusd.events import Publish
from focusd.journals import Journals
from focusd.outcomes import words_of
from stack.errors import SessionError, StackError
from stack.export import pictures
from stack.session import Session, load
from stack.session_state import Phase, SessionState
from stack.sessions import Sessions

_log = logging.getLogger(__name__)

FIRST_PAUSE_S: Final = 30
LONGEST_PAUSE_S: Final = 3600
AT_WORK_PAUSE_S: Final = 5
CLOSING_S: Final = 10
"""How long the daemon's end waits for a copy to be given up: a share that hangs never answers."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where finished stacks go.

    Attributes
    ----------
    to
        As the owner wrote it; sessions and journals name it so.
    carrier
        What gets there.
    whole
        The whole session goes, and not its pictures alone.
    """

    to: str
    carrier: Carrier
    whole: bool


@dataclass(frozen=True, slots=True)
class Backlog:
    """How deliveries stand: stacks still to arrive, and why one of them has not, where a try failed."""

    waiting: int
    problem: str | None


@dataclass(slots=True)
class _Errand:
    path: Path
    """Of the session, which is read when it is due: thousands may wait for a disk that is gone."""
    destination: Destination
    due_ns: int = 0
    failures: int = 0
    problem: str | None = None
    """What the last try failed with."""


class Deliveries:
    """Delivers finished sessions, one at a time.

    Parameters
    ----------
    destinations
        By the owner's name for them.
    journals, publish
        Where it is said what arrived.
    at_work
        Says whether a session is still being made: it is delivered afterwards.
    """

    def __init__(
        self,
        destinations: Mapping[str, Destination],
        journals: Journals,
        publish: Publish,
        at_work: Callable[[Session], bool],
    ) -> None:
        self._destinations = destinations
        self._journals = journals
        self._publish = publish
        self._at_work = at_work
        self._news = threading.Condition()
        self._errands: dict[tuple[str, str], _Errand] = {}
        self._closed = False
        self.held_up: Callable[[], bool] = lambda: False
        self._thread: threading.Thread | None = None

    def start(self, sessions: Sessions, held_up: Callable[[], bool] = lambda: False) -> None:
        """Begin with what has not arrived yet, in a thread of its own; without destinations there is none.

        While it is `held_up` nothing is delivered: it is not known yet which stacks are to be merged still.
        """
        self.held_up = held_up
        if self._destinations:
            self._thread = threading.Thread(
                target=self._work, args=(sessions,), name="deliveries", daemon=True
            )
            self._thread.start()

    def consider(self, session: Session) -> None:
        """Deliver `session` wherever it was shot to go and has not arrived, once it is done.

        To be called again when it is no longer at work: what waited for that waits no more.
        """
        if not self._destinations:
            return
        try:
            wanted = outstanding(session, session.state())
        except OSError as error:  # of a disk that is gone: the next start looks again
            _log.warning("where %s is to be delivered to is not known: %s", session.id, error)
            return
        except Exception:  # nobody foresaw it, and neither the other stacks nor who ends this one can mend it
            _log.exception("where %s is to be delivered to is not known", session.id)
            return
        for to in wanted:
            if to in self._destinations:
                self._note(_Errand(session.path, self._destinations[to]))

    def backlog(self) -> Backlog:
        """Give how deliveries stand."""
        with self._news:
            problems = (errand.problem for errand in self._errands.values() if errand.problem)
            return Backlog(len({session for session, _ in self._errands}), next(problems, None))

    def deliver_due(self, now_ns: int) -> None:
        """Make every delivery that is due."""
        with self._news:
            due = [errand for errand in self._errands.values() if errand.due_ns <= now_ns]
        for errand in due:
            self._deliver(errand, now_ns)

    def rest_s(self, now_ns: int) -> float | None:
        """Give the time until the next errand is due; None where there is none."""
        due_ns = min((errand.due_ns for errand in self._errands.values()), default=None)
        return None if due_ns is None else max(0.0, (due_ns - now_ns) / 1e9)

    def close(self) -> None:
        """Stop delivering; what has not arrived is delivered when the daemon runs again."""
        with self._news:
            self._closed = True
            self._news.notify()
        for destination in self._destinations.values():
            destination.carrier.give_up()
        if self._thread is not None:
            self._thread.join(CLOSING_S)
            if self._thread.is_alive():
                _log.warning(
                    "a delivery hangs, and is left to end with the daemon: see that its disk answers"
                )

    def _note(self, errand: _Errand) -> None:
        with self._news:
            noted = self._errands.setdefault((errand.path.name, errand.destination.to), errand)
            if not noted.failures:
                noted.due_ns = 0
            self._news.notify()

    def _work(self, sessions: Sessions) -> None:
        self._look_over(sessions)
        while not self._closed:
            self.deliver_due(time.monotonic_ns())
            with self._news:
                if not self._closed:
                    self._news.wait(self.rest_s(time.monotonic_ns()))

    def _look_over(self, sessions: Sessions) -> None:
        """Find what has not arrived yet; it takes reading every journal."""
        try:
            for name in sessions.ids():
                if self._closed:
                    return
                with suppress(SessionError):
                    self.consider(sessions.open(name))
        except OSError as error:
            _log.warning("what has not been delivered yet is not known: %s", error)

    def _deliver(self, errand: _Errand, now_ns: int) -> None:
        to = errand.destination.to
        errand.due_ns = now_ns + AT_WORK_PAUSE_S * 10**9  # first, as work may end while it is asked for
        if self.held_up():
            return
        try:
            session = load(errand.path)
            if self._at_work(session):
                return
            merges = session.state().merges
            files = files_of(session, whole=errand.destination.whole)
            errand.destination.carrier.carry(session.path, files)
            if session.state().merges != merges:  # what has arrived is older than its picture
                return
            with self._journals.writing(session) as journal:
                journal.append("delivered", to=to, files=len(files))
        except (NotDelivered, StackError, OSError) as error:
            self._put_off(errand, str(error), now_ns)
        except Exception as error:  # one that stumbles must not end all later ones
            _log.exception("a delivery of %s stumbled", errand.path.name)
            self._put_off(errand, words_of(error), now_ns)
        else:
            self._done(errand)
            self._publish("delivered", session=session.id, to=to, files=len(files))

    def _put_off(self, errand: _Errand, why: str, now_ns: int) -> None:
        pause_s = pause_after(errand.failures)
        errand.failures += 1
        errand.due_ns = now_ns + pause_s * 10**9
        with self._news:
            errand.problem = why
            if not errand.path.exists():  # removed meanwhile: nothing is left to deliver
                del self._errands[errand.path.name, errand.destination.to]
        if self._closed:
            return
        _log.warning("%s was not delivered to %s: %s", errand.path.name, errand.destination.to, why)
        self._publish(
            "delivery_failed",
            session=errand.path.name,
            to=errand.destination.to,
            error=why,
            again_in_s=pause_s,
        )

    def _done(self, errand: _Errand) -> None:
        with self._news:
            del self._errands[errand.path.name, errand.destination.to]


def outstanding(session: Session, state: SessionState) -> tuple[str, ...]:
    """Name where a session was shot to go and has not arrived; nowhere until it is done. Pure."""
    if state.phase is not Phase.DONE:
        return ()
    wanted = (entry["to"] for entry in session.facts.configuration.get("delivery") or ())
    return tuple(to for to in wanted if to not in state.delivered)


def files_of(session: Session, *, whole: bool) -> tuple[str, ...]:
    """Name what is to arrive, relative to the session's folder: all of it, or what makes its result."""
    folder = session.path
    found = folder.rglob("*") if whole else (folder / IDENTITY, folder / "report.json", *pictures(session))
    files = (path for path in found if path.is_file() and not path.name.startswith("."))
    return tuple(sorted(str(path.relative_to(folder)) for path in files))


def pause_after(failures: int) -> int:
    """Give the seconds until the next try after so many failures before this one: longer and longer."""
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S << min(failures, 16))
