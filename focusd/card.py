"""The disk of a series: how many more stacks it holds, and room made on it by what its owner said may go."""

import logging
from collections.abc import Callable, Iterable, Iterator

from focusd.delivery import outstanding
from focusd.events import Publish
from focusd.journals import Journals
from rail.clock import Clock
from stack.errors import NoSuchSession, StackError
from stack.retention import Keep, Weight, has_slices, let_go, stacks_that_fit, stays
from stack.session import Session
from stack.sessions import Sessions
from stack.timelapse import SlotState

_log = logging.getLogger(__name__)

LOOK_AGAIN_NS = 60_000_000_000
"""What could not go is not looked at again before this: it takes reading every picture."""

FULL = "the disk has no room for the next stack, and no more slices may go"

MADE_FOR_ONE_MORE = "the disk had no room for the next stack of the series, whose owner keeps {keep}"


class Card:
    """Makes room for the stacks of a series.

    Parameters
    ----------
    sessions, journals
        Where stacks are, and where it is written what went.
    free_bytes
        How much is free; raises `DiskGone`.
    reserve_bytes
        What must stay free.
    at_work
        Says what is being done with a session now, None: nothing.
    finish
        Called for a session whose slices went.
    """

    def __init__(
        self,
        sessions: Sessions,
        journals: Journals,
        free_bytes: Callable[[], int],
        reserve_bytes: int,
        at_work: Callable[[Session], str | None],
        publish: Publish,
        finish: Callable[[Session], None],
        clock: Clock,
    ) -> None:
        self._sessions = sessions
        self._journals = journals
        self._free_bytes = free_bytes
        self._reserve_bytes = reserve_bytes
        self._at_work = at_work
        self._publish = publish
        self._finish = finish
        self._clock = clock
        self._bare: set[str] = set()
        self._in_vain_until_ns = 0
        self._in_vain: str | None = None

    def fits(self, keep: Keep, weight: Weight) -> int:
        """Say how many more stacks of that weight there is room for; raises `DiskGone`."""
        return stacks_that_fit(keep, weight, self._free_bytes(), self._reserve_bytes)

    def roomy(self, weight: Weight) -> bool:
        """Say whether there is room for a stack of that weight as it is; raises `DiskGone`."""
        return self._free_bytes() - self._reserve_bytes >= weight.bytes

    def make_room(
        self,
        keep: Keep,
        done: Iterable[SlotState],
        weight: Weight,
        ended: Callable[[], bool] = lambda: False,
    ) -> str | None:
        """Let slices go, the oldest first, until a stack of that weight has room or nothing more may go.

        Gives why there is no room though its owner lets slices go, in words; None: there is, or none may go,
        or some will as soon as their stack is merged.

        Parameters
        ----------
        keep, done
            What the owner of the series keeps, and its slots that are done, the oldest first.
        ended
            Asked before each stack, whose every picture is read: says whether the rest can wait.

        Raises `DiskGone`.
        """
        if self.roomy(weight):
            return None
        if self._clock.monotonic_ns() < self._in_vain_until_ns:
            return self._in_vain
        why, stay = MADE_FOR_ONE_MORE.format(keep=keep.words), list[str]()
        for session in self._candidates(keep, done):
            if ended():
                return None
            if self._at_work(session):
                continue  # that passes by itself
            if reason := self._let_go(session, why):
                stay.append(f"of {session.id}, {reason}")
            elif self.roomy(weight):
                return None
        self._in_vain_until_ns = self._clock.monotonic_ns() + LOOK_AGAIN_NS
        self._in_vain = f"{FULL}: {stay[0]}" if stay else None
        return self._in_vain

    def _candidates(self, keep: Keep, done: Iterable[SlotState]) -> Iterator[Session]:
        """Give the sessions whose slices the owner does not keep and that have some, the oldest first."""
        for slot in done:
            if slot.session is None or slot.session in self._bare or keep.slices_of(slot.number):
                continue
            try:
                session = self._sessions.open(slot.session)
                bare = not has_slices(session)
            except NoSuchSession:  # removed by its owner
                self._bare.add(slot.session)
                continue
            except (StackError, OSError) as error:
                _log.warning("%s is left as it is: %s", slot.session, error)
                continue
            if not bare:
                yield session
            else:
                self._bare.add(slot.session)

    def _let_go(self, session: Session, why: str) -> str | None:
        """Remove a session's slices; where something speaks for them give it, in words."""
        try:
            state = session.state()
            if reason := stays(
                session, state, at_work=self._at_work(session), undelivered=outstanding(session, state)
            ):
                return reason
            with self._journals.writing(session) as journal:
                freed_bytes = let_go(session, journal, why)
        except (StackError, OSError) as error:
            return str(error)
        self._finish(session)
        _log.info("the slices of %s went: %.0f MB", session.id, freed_bytes / 1e6)
        self._publish("slices_let_go", session=session.id, bytes=freed_bytes, why=why)
        return None
