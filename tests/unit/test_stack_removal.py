"""What may be thrown away, and that it is then gone, with its number."""

import pytest
from stack_rig import MICRON

from rail.axis import Position, Trust
from rail.clock import MonotonicClock
from stack.errors import RemovalRefused
from stack.layout import lay_out
from stack.plan import Between, Marks, Pitch, StackPlan
from stack.removal import objection
from stack.session import Facts
from stack.session_state import MergeState, Phase, SavedSlice, SessionState
from stack.sessions import Sessions

PLAN = StackPlan("beetle", Between(1000, 1020), Pitch(10))
LAYOUT = lay_out(PLAN, MICRON, Position(0, Trust.KNOWN), Marks())
SAVED = {index: SavedSlice(index, "", "", 0, 0, 0.0, None, 0, "") for index in range(3)}  # type: ignore[arg-type]
WHOLE = MergeState(("merged.jpg",), slices=3, ended=True)


@pytest.fixture
def sessions(tmp_path):
    return Sessions(tmp_path / "sessions")


def state(phase=Phase.DONE, saved=SAVED, merges=(WHOLE,)):
    return SessionState(phase, 3, saved=saved, merges=merges)


@pytest.mark.parametrize(
    "fine",
    [state(), state(Phase.ABORTED), state(Phase.PAUSED, saved={}, merges=()), state(Phase.CREATED, {}, ())],
)
def test_what_is_merged_or_holds_nothing_may_go(fine):
    assert objection(fine, at_work=None, forced=False) is None


@pytest.mark.parametrize(
    ("kept", "word"),
    [
        (state(merges=()), "not merged"),
        (state(merges=(MergeState(error="killed", ended=True),)), "not merged"),
        (state(merges=(MergeState(),)), "not merged"),
        (state(merges=(MergeState(slices=3),)), "not merged"),
        (state(merges=(MergeState(slices=3, error="killed", ended=True),)), "not merged"),
        (state(merges=(MergeState(("merged.jpg",), slices=2, ended=True),)), "not merged"),
        (state(Phase.ABORTED, merges=()), "not merged"),
        (state(Phase.PAUSED), "may yet be shot"),
        (state(Phase.SHOOTING), "may yet be shot"),
        (state(Phase.FAILED), "may yet be shot"),
    ],
)
def test_what_is_all_there_is_stays_unless_that_is_wanted(kept, word):
    assert word in (objection(kept, at_work=None, forced=False) or "")
    assert objection(kept, at_work=None, forced=True) is None


def test_what_is_at_work_stays_whoever_wants_it_gone():
    assert objection(state(), at_work="being shot", forced=True) == "it is being shot"


def test_a_number_is_not_given_again(sessions):
    first, second = (sessions.create(PLAN, LAYOUT, MICRON, Facts()) for _ in range(2))
    sessions.remove(second)
    assert not second.path.exists()
    third = sessions.create(PLAN, LAYOUT, MICRON, Facts())
    sessions.remove(first)
    assert [third.number, sessions.create(PLAN, LAYOUT, MICRON, Facts()).number] == [3, 4]
    assert [path.name[:4] for path in sorted(sessions.root.glob("0*"))] == ["0003", "0004"]


def test_nothing_is_removed_under_a_writer(sessions):
    session = sessions.create(PLAN, LAYOUT, MICRON, Facts())
    with session.journal(MonotonicClock()), pytest.raises(RemovalRefused, match="being written"):
        sessions.remove(session)
    assert session.journal_path.exists()
    sessions.remove(session)


def test_a_removal_that_was_cut_short_is_ended_by_the_next_session(sessions, monkeypatch):
    session = sessions.create(PLAN, LAYOUT, MICRON, Facts())
    monkeypatch.setattr("stack.sessions.shutil.rmtree", lambda *_: None)
    sessions.remove(session)
    monkeypatch.undo()
    assert sessions.ids() == () and list(sessions.root.glob(".0001*"))
    assert sessions.create(PLAN, LAYOUT, MICRON, Facts()).number == 2
    assert not list(sessions.root.glob(".0001*"))


def test_of_a_session_that_lies_elsewhere_the_link_goes_and_the_next_is_made(sessions, tmp_path):
    session = sessions.create(PLAN, LAYOUT, MICRON, Facts())
    away = session.path.rename(tmp_path / "on-another-disk")
    session.path.symlink_to(away)
    sessions.remove(sessions.open(1))
    assert sessions.create(PLAN, LAYOUT, MICRON, Facts()).number == 2
    assert [path.name[:5] for path in sorted(sessions.root.glob("[.0]0*"))] == ["0002-"]
    assert (away / "session.json").is_file()


def test_what_cannot_be_cleared_away_keeps_no_session_from_being_made(sessions):
    made = sessions.create(PLAN, LAYOUT, MICRON, Facts())
    (sessions.root / f".{made.id}.0badcafe.part").write_bytes(b"no folder")
    assert sessions.create(PLAN, LAYOUT, MICRON, Facts()).number == 2
