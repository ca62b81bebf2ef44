"""What was wished on a full disk is written as soon as there is room: of each stack the latest wish."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from contention import WatchedLock
from stack_rig import MICRON, PLAN

from focusd import wishes
from focusd.journals import Journals
from focusd.wishes import Wishes
from rail.axis import Position, Trust
from simulator.clock import VirtualClock
from stack.errors import JournalFailed
from stack.journal import Journal
from stack.layout import lay_out
from stack.plan import Marks
from stack.session import Facts, Session
from stack.session_state import Phase
from stack.sessions import Sessions

LAYOUT = lay_out(PLAN, MICRON, Position(0, Trust.KNOWN), Marks())


class FullDisk(Journals):
    """Journals on a disk that is full until `make_room`; `before` is done before each line."""

    def __init__(self) -> None:
        super().__init__(VirtualClock())
        self.room = threading.Event()
        self.refused = threading.Semaphore(0)
        self.before: Callable[[], object] = lambda: None

    @contextmanager
    def writing(self, session: Session) -> Iterator[Journal]:
        if not self.room.is_set():
            self.refused.release()
            raise JournalFailed("no space left on device", path=session.path)
        self.before()
        with super().writing(session) as journal:
            yield journal


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FullDisk:
    monkeypatch.setattr(wishes, "TRY_AGAIN_S", 0.001)
    return FullDisk()


@pytest.fixture
def sessions(tmp_path: Path) -> tuple[Session, Session]:
    folder = Sessions(tmp_path)
    first, second = (folder.create(PLAN, LAYOUT, MICRON, Facts()) for _ in range(2))
    return first, second


def written(kept: Wishes, disk: FullDisk) -> None:
    """Make room once it was tried again in vain, and wait until nothing is left to be written."""
    thread = kept._thread
    assert thread is not None
    while disk.refused.acquire(blocking=False):
        pass
    assert disk.refused.acquire(timeout=30)
    disk.room.set()
    thread.join(30)
    assert not thread.is_alive()


def test_a_wish_on_a_disk_that_is_full_once_more_is_written_too(
    disk: FullDisk, sessions: tuple[Session, Session]
) -> None:
    kept = Wishes(disk)
    for session in sessions:
        disk.room.clear()
        kept.write(session, "stack_aborted", "enough")
        assert session.state().phase is not Phase.ABORTED
        written(kept, disk)
        state = session.state()
        assert (state.phase, state.reason) == (Phase.ABORTED, "enough")


def test_of_several_wishes_for_a_stack_the_last_one_holds(
    disk: FullDisk, sessions: tuple[Session, Session]
) -> None:
    kept = Wishes(disk)
    for session, reason in zip((*sessions, *sessions), ("one", "two", "three", "four"), strict=True):
        kept.write(session, "stack_aborted", reason)
    written(kept, disk)
    assert [session.state().reason for session in sessions] == ["three", "four"]


def test_a_wish_that_can_be_written_takes_the_place_of_one_that_could_not(
    disk: FullDisk, sessions: tuple[Session, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wishes, "TRY_AGAIN_S", 1_000)
    kept, session = Wishes(disk), sessions[0]
    kept.write(session, "stack_paused", "a moment")
    disk.room.set()
    kept.write(session, "stack_aborted", "enough")
    kept.close()
    state = session.state()
    assert (state.phase, state.reason) == (Phase.ABORTED, "enough")


def test_a_stack_that_goes_on_as_its_wish_is_written_waits_for_that_and_hinders_no_other(
    disk: FullDisk, sessions: tuple[Session, Session]
) -> None:
    kept = Wishes(disk)
    kept._lock = lock = WatchedLock()
    for session in sessions:
        kept.write(session, "stack_aborted", "enough")

    def forget_meanwhile() -> None:
        disk.before = lambda: None
        lock.meanwhile(lambda: kept.forget(sessions[0]))

    disk.before = forget_meanwhile
    written(kept, disk)
    lock.join()
    assert [session.state().phase for session in sessions] == [Phase.ABORTED] * 2


@pytest.mark.parametrize("room", [True, False])
def test_as_the_daemon_ends_it_is_tried_once_more_and_no_longer(
    disk: FullDisk, sessions: tuple[Session, Session], monkeypatch: pytest.MonkeyPatch, room: bool
) -> None:
    monkeypatch.setattr(wishes, "TRY_AGAIN_S", 1_000)
    kept, session = Wishes(disk), sessions[0]
    kept.write(session, "stack_aborted", "enough")
    thread = kept._thread
    assert thread is not None
    if room:
        disk.room.set()
    kept.close()
    assert not thread.is_alive()
    assert (session.state().phase is Phase.ABORTED) is room
