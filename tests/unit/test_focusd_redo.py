from pathlib import Path

import pytest
from stack_rig import MICRON, PLAN

import focusd.redo
from focusd.errors import Refused
from focusd.events import EventHub
from focusd.journals import Journals
from focusd.merges import STOPPED, Merges
from focusd.redo import Choice, Redo, left_undone, worn_out
from rail.axis import Position, Trust
from rail.clock import MonotonicClock
from stack.layout import lay_out
from stack.plan import Marks
from stack.session import Facts, Session
from stack.session_state import MergeState, Phase, SessionState
from stack.sessions import Sessions

DONE, CUT, STOPPED_WITH = MergeState(ended=True), MergeState(), MergeState(error=STOPPED, ended=True)
FAILED = MergeState(error="the slices show different subjects", ended=True)


def session(folder: Path, follow: bool = True) -> Session:
    layout = lay_out(PLAN, MICRON, Position(0, Trust.KNOWN), Marks())
    facts = Facts(configuration={"merge": {"follow": follow}})
    return Sessions(folder).create(PLAN, layout, MICRON, facts)


def state(*merges: MergeState, phase: Phase = Phase.DONE) -> SessionState:
    return SessionState(phase, 5, merges=merges)


@pytest.mark.parametrize(
    ("merges", "undone"),
    [
        ((), True),
        ((CUT,), True),
        ((STOPPED_WITH,), True),
        ((DONE,), False),
        ((FAILED,), False),
        ((CUT, DONE), False),
    ],
)
def test_what_was_cut_short_is_left_undone_and_what_failed_is_not(
    tmp_path: Path, merges: tuple[MergeState, ...], undone: bool
) -> None:
    assert left_undone(session(tmp_path), state(*merges)) is undone


def test_a_stack_that_lacks_slices_or_was_never_to_be_merged_is_left_alone(tmp_path: Path) -> None:
    assert not left_undone(session(tmp_path), state(CUT, phase=Phase.PAUSED))
    assert not left_undone(session(tmp_path, follow=False), state())


def test_a_merge_that_was_twice_cut_short_is_not_begun_again_unasked() -> None:
    assert not worn_out(state(CUT))
    assert not worn_out(state(CUT, DONE, CUT))
    assert worn_out(state(CUT, STOPPED_WITH))


def test_a_choice_becomes_the_childs_options() -> None:
    assert Choice().options == ()
    choice = Choice("pyramid", front_wins=True, align=False)
    assert choice.options == ("--method", "pyramid", "--front-wins", "--no-align")
    bounded = Choice(memory_bytes=250_000_000, quality=90)
    assert bounded.options == ("--memory", "250000000", "--quality", "90")
    scaled = Choice(um_per_slice=12.5, um_per_px=1.55)
    assert scaled.options == ("--um-per-slice", "12.5", "--um-per-px", "1.55")
    chosen = Choice(slices=[(3, 5), (9, 9)], exclude=[(4, 4)])
    assert [index for index in range(12) if chosen.wants(index)] == [3, 5, 9]


def test_what_cannot_be_merged_now_is_refused(tmp_path: Path) -> None:
    one = session(tmp_path)
    merges = Merges(("/nothing",), Journals(MonotonicClock()), EventHub().publish, lambda session: None)
    shot = [one.id]
    redo = Redo(Sessions(tmp_path), merges, lambda: shot[0] if shot else None)
    with pytest.raises(Refused, match="is being shot"):
        redo.begin(one.id, Choice())
    shot.clear()
    with pytest.raises(Refused, match="0 saved slices"):
        redo.begin(one.id, Choice())
    for choice in (Choice(slices=[(0, 99)]), Choice(exclude=[(0, 0), (99, 99)])):
        with pytest.raises(Refused, match=r"has no slice 99: its slices are numbered 0 to \d+$"):
            redo.begin(one.id, choice)
    merges.close()


def test_only_what_was_cut_short_once_is_made_up_for(tmp_path: Path) -> None:
    once, twice, done = (session(tmp_path) for _ in range(3))
    for one, cuts in ((once, 1), (twice, 2), (done, 0)):
        with one.journal(MonotonicClock()) as journal:
            journal.append("stack_done")
            for _ in range(cuts):
                journal.append("merge_started")
            if not cuts:
                journal.append("merge_started")
                journal.append("merge_failed", error="the slices show different subjects")
    merges = Merges(("/nothing",), Journals(MonotonicClock()), EventHub().publish, lambda session: None)
    assert Redo(Sessions(tmp_path), merges, lambda: None).make_up() == (once.id,)
    merges.close()


@pytest.mark.parametrize(
    ("ends", "problem"),
    [
        (("merge_done",), None),
        (("merge_failed", "merge_done"), None),
        (("merge_done", "merge_failed"), "the slices show different subjects"),
        (("cut", "cut"), "it was cut short 2 times and is not begun again by itself"),
    ],
)
def test_that_the_last_merge_failed_is_still_known_to_the_next_daemon(
    tmp_path: Path, ends: tuple[str, ...], problem: str | None
) -> None:
    """It was under the attention of a time-lapse until the power failed."""
    done = {"files": ["merges/1/merged.jpg"], "slices": 6, "seconds": 1.0}
    says = {"merge_failed": {"error": "the slices show different subjects"}, "merge_done": done}
    older, newest = session(tmp_path), session(tmp_path)
    for one, its in ((older, ("merge_failed",)), (newest, ends)):
        with one.journal(MonotonicClock()) as journal:
            journal.append("stack_done")
            for end in its:
                journal.append("merge_started")
                if end in says:
                    journal.append(end, **says[end])
    merges = Merges(("/nothing",), Journals(MonotonicClock()), EventHub().publish, lambda session: None)
    Redo(Sessions(tmp_path), merges, lambda: None).make_up()
    assert merges.problem == (problem and f"the merge of {newest.id} failed: {problem}")
    merges.recall(older, "it lacks slices")
    assert merges.problem == (problem and f"the merge of {newest.id} failed: {problem}"), "that was before"
    merges.close()


def test_a_session_that_says_what_this_version_cannot_read_costs_no_other_its_picture(tmp_path: Path) -> None:
    left, unread = (session(tmp_path) for _ in range(2))
    for one, line in ((left, {}), (unread, {"merge": 1})):
        with one.journal(MonotonicClock()) as journal:
            journal.append("stack_done")
            journal.append("merge_started")
            if line:
                journal.append("merge_done", **line)  # without the files that it made
    merges = Merges(("/nothing",), Journals(MonotonicClock()), EventHub().publish, lambda session: None)
    assert Redo(Sessions(tmp_path), merges, lambda: None).make_up() == (left.id,)
    merges.close()


def test_nor_does_one_whose_journal_cannot_be_opened(tmp_path: Path) -> None:
    left, unread = (session(tmp_path) for _ in range(2))
    with left.journal(MonotonicClock()) as journal:
        journal.append("stack_done")
    unread.journal_path.unlink()
    unread.journal_path.mkdir()
    merges = Merges(("/nothing",), Journals(MonotonicClock()), EventHub().publish, lambda session: None)
    assert Redo(Sessions(tmp_path), merges, lambda: None).make_up() == (left.id,)
    merges.close()


def test_what_is_shot_or_merged_already_is_not_made_up_for(tmp_path: Path) -> None:
    shot, merged, left = (session(tmp_path) for _ in range(3))
    for one in (shot, merged, left):
        with one.journal(MonotonicClock()) as journal:
            journal.append("stack_done")
    merges = Merges(("/nothing",), Journals(MonotonicClock()), EventHub().publish, lambda session: None)
    feed = merges.follow(merged)
    assert Redo(Sessions(tmp_path), merges, lambda: shot.id).make_up() == (left.id,)
    feed.drop("enough")
    merges.close()


def test_of_two_who_ask_at_once_one_is_told_that_it_is_merged_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = session(tmp_path)
    merges = Merges(("/nothing",), Journals(MonotonicClock()), EventHub().publish, lambda session: None)
    monkeypatch.setattr(merges, "_merge", lambda feed: feed.given_up(20))
    redo, asked = Redo(Sessions(tmp_path), merges, lambda: None), []

    def files(state: SessionState) -> list[tuple[int, str]]:
        if not asked:
            asked.append(one.id)
            redo.begin(one.id, Choice())
        return [(0, "slices/0000.jpg"), (1, "slices/0001.jpg")]

    monkeypatch.setattr(focusd.redo, "_files", files)
    with pytest.raises(Refused, match=r"a merge of \S+ is waiting already"):
        redo.begin(one.id, Choice())
    merges.close()
