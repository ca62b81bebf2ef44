"""What is to go to one destination, and when each of it is tried."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from focusd.carriers import Carrier
from stack.session import was_removed

FIRST_PAUSE_S: Final = 30
LONGEST_PAUSE_S: Final = 3600
AWAY_AFTER: Final = 2
"""So many stacks that fail to arrive one after the other are no fault of theirs."""


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


@dataclass(slots=True)
class Errand:
    """A stack that is to go."""

    path: Path
    """Of the session, which is read when it is due: thousands may wait for a disk that is gone."""
    due_ns: int = 0
    failures: int = 0
    problem: str | None = None
    """What the last try failed with."""


class Errands:
    """All that is to go to one destination.

    Of a place that is away one stack at a time finds out whether it is back: were each of hundreds tried for
    itself, one after the other would wait for an answer, and each would be told in the log.
    """

    def __init__(self, destination: Destination) -> None:
        self.destination = destination
        self.waiting: dict[str, Errand] = {}
        self.under_way: tuple[str, int] | None = None
        """The stack that is being carried, and since when."""
        self._missed: set[str] = set()
        self._tries = 0
        self._away_until_ns = 0

    def note(self, path: Path) -> None:
        """Have a stack go; one that waits for something else than its next try waits no more."""
        noted = self.waiting.setdefault(path.name, Errand(path))
        if not noted.failures:
            noted.due_ns = 0

    def due(self, now_ns: int) -> list[Errand]:
        """Give what is to be tried now, first what has failed least."""
        due = [errand for errand in self.waiting.values() if errand.due_ns <= now_ns]
        return sorted(due, key=lambda errand: errand.failures)

    def away(self, now_ns: int) -> bool:
        """Say whether the place was found to be away, and is not to be tried yet."""
        return now_ns < self._away_until_ns

    def rest_s(self, now_ns: int) -> float | None:
        """Give the time until anything is to be tried; None where nothing is."""
        due_ns = min((errand.due_ns for errand in self.waiting.values()), default=None)
        return None if due_ns is None else max(0.0, (max(due_ns, self._away_until_ns) - now_ns) / 1e9)

    def arrived(self, errand: Errand) -> None:
        """Note that a stack is there, and so is the place."""
        del self.waiting[errand.path.name]
        self._missed.clear()
        self._tries = self._away_until_ns = 0

    def failed(self, errand: Errand, why: str, now_ns: int, *, there: bool) -> int:
        """Note why a stack did not arrive; give the seconds until something is tried again.

        `there` says that it did not lie with the place.
        """
        errand.due_ns = now_ns + pause_after(errand.failures) * 10**9
        errand.failures += 1
        errand.problem = why
        if was_removed(errand.path):  # nothing is left to deliver
            del self.waiting[errand.path.name]
        if not there:
            self._missed.add(errand.path.name)
        if len(self._missed) >= AWAY_AFTER:
            self._away_until_ns = now_ns + pause_after(self._tries) * 10**9
            self._tries += 1
        return (max(errand.due_ns, self._away_until_ns) - now_ns) // 10**9


def pause_after(failures: int) -> int:
    """Give the seconds until the next try after so many failures before this one: longer and longer."""
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S << min(failures, 16))
