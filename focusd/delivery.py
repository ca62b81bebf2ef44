"""Finished stacks on their way to another disk or machine: in the background, checked, tried again and again.

Each destination has a thread of its own, so that one that hangs or is away holds up no other.
What is still to be delivered is not kept in a list that could be lost: it follows from what each session was
shot to be delivered to, and from what its journal says has arrived.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from focusd.carriers import IDENTITY, NotDelivered, Unsendable
from focusd.durations import duration_words
from focusd.errands import Destination, Errand, Errands
from focusd.events import Publish
from focusd.journals import Journals
from focusd.outcomes import words_of
from stack.errors import SessionError, StackError
from stack.export import pictures
from stack.session import Session, load
from stack.session_state import Phase, SessionState
from stack.sessions import Sessions

_log = logging.getLogger(__name__)

LOOKED_FOR_PAUSE_S: Final = 5
AT_WORK_PAUSE_S: Final = 60
"""Who ends the work on a stack says so (`consider`); thousands may wait for their merge."""
CLOSING_S: Final = 10
"""How long the daemon's end waits for copies to be given up: a share that hangs never answers."""
SLOW_S: Final = 3600
"""A copy that takes longer is told of: a share that hangs says nothing."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """How deliveries stand: stacks still to arrive, and why one of them has not, where a try failed."""

    waiting: int
    problem: str | None


class Deliveries:
    """Delivers finished sessions, one at a time to each destination.

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
        self._to = {to: Errands(destination) for to, destination in destinations.items()}
        self._journals = journals
        self._publish = publish
        self._at_work = at_work
        self._news = threading.Condition()
        self._closed = False
        self.held_up: Callable[[], bool] = lambda: False
        self._threads: tuple[threading.Thread, ...] = ()

    def start(self, sessions: Sessions, held_up: Callable[[], bool] = lambda: False) -> None:
        """Begin with what has not arrived yet, in threads of their own; without destinations there are none.

        While it is `held_up` nothing is delivered: it is not known yet which stacks are to be merged still.
        """
        self.held_up = held_up
        if not self._to:
            return
        works = [partial(self._look_over, sessions), *(partial(self._work, one) for one in self._to.values())]
        self._threads = tuple(threading.Thread(target=work, name="deliveries", daemon=True) for work in works)
        for thread in self._threads:
            thread.start()

    def consider(self, session: Session) -> None:
        """Deliver `session` wherever it was shot to go and has not arrived, once it is done.

        To be called again when it is no longer at work: what waited for that waits no more.
        """
        if not self._to:
            return
        try:
            wanted = outstanding(session, session.state())
        except OSError as error:  # of a disk that is gone: the next start looks again
            _log.warning("where %s is to be delivered to is not known: %s", session.id, error)
            return
        except Exception:  # nobody foresaw it, and neither the other stacks nor who ends this one can mend it
            _log.exception("where %s is to be delivered to is not known", session.id)
            return
        with self._news:
            for to in wanted:
                if to in self._to:
                    self._to[to].note(session.path)
            self._news.notify_all()

    def backlog(self) -> Backlog:
        """Give how deliveries stand."""
        with self._news:
            waiting = {name for errands in self._to.values() for name in errands.waiting}
            told = [words for errands in self._to.values() if (words := _trouble(errands))]
        return Backlog(len(waiting), next(iter(told), None))

    def deliver_due(self, now_ns: int) -> None:
        """Make every delivery that is due."""
        for errands in self._to.values():
            self._deliver_to(errands, now_ns)

    def rest_s(self, now_ns: int) -> float | None:
        """Give the time until the next delivery is due; None where there is none."""
        with self._news:
            rests = [errands.rest_s(now_ns) for errands in self._to.values()]
        return min((rest for rest in rests if rest is not None), default=None)

    def close(self) -> None:
        """Stop delivering; what has not arrived is delivered when the daemon runs again."""
        with self._news:
            self._closed = True
            self._news.notify_all()
        for errands in self._to.values():
            errands.destination.carrier.give_up()
        until_s = time.monotonic() + CLOSING_S
        for thread in self._threads:
            thread.join(max(0.0, until_s - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            _log.warning("a delivery hangs, and is left to end with the daemon: see that its disk answers")

    def _work(self, errands: Errands) -> None:
        while not self._closed:
            self._deliver_to(errands, time.monotonic_ns())
            with self._news:
                if not self._closed:
                    self._news.wait(errands.rest_s(time.monotonic_ns()))

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

    def _deliver_to(self, errands: Errands, now_ns: int) -> None:
        """Make every delivery to one destination that is due, until it is found to be away."""
        with self._news:
            due = errands.due(now_ns)
        for errand in due:
            if errands.away(now_ns):
                return
            self._deliver(errands, errand, now_ns)

    def _deliver(self, errands: Errands, errand: Errand, now_ns: int) -> None:
        to = errands.destination
        held_up = self.held_up()
        pause_s = LOOKED_FOR_PAUSE_S if held_up else AT_WORK_PAUSE_S
        errand.due_ns = now_ns + pause_s * 10**9  # first, as work may end while it is asked for
        if held_up:
            return
        try:
            session = load(errand.path)
            if self._at_work(session):
                return
            made = session.state().pictures_made
            files = files_of(session, whole=to.whole)
            errands.under_way = (session.id, time.monotonic_ns())
            to.carrier.carry(session.path, files)
            if session.state().pictures_made != made:  # what has arrived is older than its picture
                return
            with self._journals.writing(session) as journal:
                journal.append("delivered", to=to.to, files=len(files), pictures_made=made)
        except (NotDelivered, StackError, OSError) as error:
            self._put_off(errands, errand, error, str(error), now_ns)
        except Exception as error:  # one that stumbles must not end all later ones
            _log.exception("a delivery of %s stumbled", errand.path.name)
            self._put_off(errands, errand, error, words_of(error), now_ns)
        else:
            with self._news:
                errands.arrived(errand)
            self._publish("delivered", session=session.id, to=to.to, files=len(files))
            self.consider(session)  # its picture may be newer than what that line speaks of
        finally:
            errands.under_way = None

    def _put_off(self, errands: Errands, errand: Errand, error: Exception, why: str, now_ns: int) -> None:
        name, to = errand.path.name, errands.destination.to
        there = isinstance(error, Unsendable) or not isinstance(error, NotDelivered)
        with self._news:
            again_in_s = errands.failed(errand, why, now_ns, there=there)
        if self._closed:
            return
        _log.warning("%s was not delivered to %s: %s", name, to, why)
        self._publish("delivery_failed", session=name, to=to, error=why, again_in_s=again_in_s)


def _trouble(errands: Errands) -> str | None:
    """Say what is wrong with the deliveries to one destination; None: nothing."""
    if (under_way := errands.under_way) is not None:
        session, since_ns = under_way
        took_s = (time.monotonic_ns() - since_ns) / 1e9
        if took_s > SLOW_S:
            return (
                f"{session} has been on its way to {errands.destination.to} for {duration_words(took_s)}: "
                "see that it answers"
            )
    return next((errand.problem for errand in errands.waiting.values() if errand.problem), None)


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
