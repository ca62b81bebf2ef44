"""Which stacks show the same specimen: every session is read once, however often it is asked."""

from pathlib import Path

import pytest
from bad_sectors import put_in_bad_sectors
from contention import WatchedLock
from stack_rig import MICRON, PLAN

from focusd.specimens import Specimens
from rail.axis import Position, Trust
from stack.errors import SessionUnreadable
from stack.layout import lay_out
from stack.plan import Marks
from stack.session import Facts, Session
from stack.sessions import Sessions

LAYOUT = lay_out(PLAN, MICRON, Position(0, Trust.KNOWN), Marks())
BEETLE, FLY = {"catalogue": "BM 12"}, {"catalogue": "BM 13"}


def test_each_is_read_once_a_new_one_is_seen_and_one_that_was_removed_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions, read = Sessions(tmp_path), list[str]()
    ids = [sessions.create(PLAN, LAYOUT, MICRON, Facts(fields=one)).id for one in (BEETLE, FLY, BEETLE)]
    opened, specimens = sessions.open, Specimens(sessions)
    monkeypatch.setattr(sessions, "open", lambda wanted: read.append(wanted) or opened(wanted))
    assert specimens.same(BEETLE) == (ids[0], ids[2])
    assert (specimens.same(BEETLE, ids[2]), specimens.same(FLY), specimens.same({})) == (
        (ids[0],),
        (ids[1],),
        (),
    )
    assert read == ids
    sessions.remove(opened(ids[0]))
    ids.append(sessions.create(PLAN, LAYOUT, MICRON, Facts(fields=BEETLE)).id)
    torn = sessions.create(PLAN, LAYOUT, MICRON, Facts(fields=BEETLE)).id
    for one in (ids[1], torn):
        (tmp_path / one / "session.json").write_text("torn")
    assert (specimens.same(BEETLE), read) == ((ids[2], ids[3]), [*ids, torn])


def test_one_in_a_bad_sector_keeps_no_other_from_being_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = Sessions(tmp_path)
    lost, found = (sessions.create(PLAN, LAYOUT, MICRON, Facts(fields=BEETLE)) for _ in range(2))
    put_in_bad_sectors(monkeypatch, lost.path)
    assert Specimens(sessions).same(BEETLE) == (found.id,)
    for wanted in (lost.id, lost.number):
        with pytest.raises(SessionUnreadable, match="Input/output error"):
            sessions.open(wanted)


def test_two_who_ask_at_the_same_time_are_both_answered_and_each_session_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions, read, second = Sessions(tmp_path), list[str](), list[tuple[str, ...]]()
    ids = [sessions.create(PLAN, LAYOUT, MICRON, Facts(fields=one)).id for one in (BEETLE, FLY, BEETLE)]
    opened, specimens, lock = sessions.open, Specimens(sessions), WatchedLock()
    specimens._lock = lock

    def open_as_another_asks(wanted: str) -> Session:
        read.append(wanted)
        if read == ids[:2]:
            lock.meanwhile(lambda: second.append(specimens.same(FLY)))
        return opened(wanted)

    monkeypatch.setattr(sessions, "open", open_as_another_asks)
    assert specimens.same(BEETLE) == (ids[0], ids[2])
    lock.join()
    assert (second, read) == ([(ids[1],)], ids)
