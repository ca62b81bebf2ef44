"""What of a series may go, what never does, and how many more stacks a disk holds."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from series_machine import PICTURE_BYTES, SLICE_BYTES, Machine, asked

from simulator.clock import VirtualClock
from stack.check import Verdict, check
from stack.retention import Keep, Weight, has_slices, let_go, stacks_that_fit, stays, weighed
from stack.session_state import Phase, SessionState


@pytest.fixture
def session(tmp_path):
    """A stack of three slices, shot and merged."""
    machine = Machine(tmp_path)
    machine.timelapse.start(asked(count=1))
    machine.let(700)
    return machine.operator.sessions.open(1)


def speaks(session, at_work=None, undelivered=()):
    return stays(session, session.state(), at_work=at_work, undelivered=undelivered)


def written(session, **change):
    """Write a line of the journal."""
    event = change.pop("event")
    with session.journal(VirtualClock()) as journal:
        journal.append(event, **change)


@pytest.mark.parametrize(
    ("words", "every", "stay"),
    [
        ("merged", 0, []),
        ("merged+slices", 1, [0, 1, 2, 3, 4, 5]),
        ("every:1", 1, [0, 1, 2, 3, 4, 5]),
        ("every:2", 2, [0, 2, 4]),
        ("every:5", 5, [0, 5]),
        ("every:10000", 10_000, [0]),
    ],
)
def test_what_is_kept_is_said_in_words(words, every, stay):
    keep = Keep.named(words)
    assert keep.slices_every == every
    assert [slot for slot in range(6) if keep.slices_of(slot)] == stay
    assert Keep.named(keep.words) == keep


@pytest.mark.parametrize(
    "words", ["", "all", "5", "every:", "every:0", "every:-2", "every:10001", "every:two"]
)
def test_nonsense_is_refused_with_what_is_possible(words):
    with pytest.raises(ValueError, match=r"merged, merged\+slices, or every:N"):
        Keep.named(words)


@pytest.mark.parametrize("every", [-1, 10_001])
def test_nothing_else_can_be_kept(every):
    with pytest.raises(ValueError, match="from 0 to 10000"):
        Keep(every)


def test_merged_and_whole_its_slices_may_go(session):
    assert speaks(session) is None


@pytest.mark.parametrize("at_work", ["being merged", "being shot"])
def test_what_is_at_work_stays(session, at_work):
    assert at_work in speaks(session, at_work=at_work)


def test_what_has_not_arrived_stays(session):
    assert "nas" in speaks(session, undelivered=("nas",))


def test_without_a_whole_picture_its_slices_stay(session):
    picture = session.path / "merges/1/merged.jpg"
    whole = picture.read_bytes()
    for content in (whole[:-1], whole.replace(b"i", b"j", 1), b""):
        picture.write_bytes(content)
        assert "merged.jpg" in speaks(session)
    picture.unlink()
    assert "cannot be read" in speaks(session)
    picture.write_bytes(whole)
    assert speaks(session) is None


def test_a_picture_of_some_of_the_slices_does_not_count(session):
    file = "merges/1/merged.jpg"
    sha256 = session.state().merges[0].sha256
    for event, facts in (("merge_started", {}), ("merge_done", {"slices": 2, "sha256": sha256})):
        written(
            session, event=event, **({**facts, "merge": 2, "files": [file], "seconds": 1} if facts else {})
        )
    assert speaks(session) is None  # the first merge still has them all
    lines = session.journal_path.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if not (b'"merge_done"' in line and b'"slices":3' in line)]
    session.journal_path.write_bytes(b"".join(kept))
    assert "not merged" in speaks(session)


def test_a_stack_without_slices_has_none_to_let_go(session):
    assert "no slices" in stays(session, SessionState(Phase.DONE, 3), at_work=None)


def test_of_several_merges_one_with_a_whole_picture_is_enough(session):
    file = "merges/2/merged.jpg"
    written(session, event="merge_started")
    written(session, event="merge_done", merge=2, files=[file], slices=3, seconds=1, sha256={file: "0" * 64})
    assert speaks(session) is None
    (session.path / "merges/1/merged.jpg").unlink()
    assert file in speaks(session)


@pytest.mark.parametrize(
    ("file", "why"),
    [("depth.png", "no picture"), ("merged.jpg", "no checksum")],
    ids=["no picture", "no checksum"],
)
def test_a_merge_without_a_picture_that_can_be_checked_does_not_count(session, file, why):
    lines = session.journal_path.read_bytes().splitlines(keepends=True)
    session.journal_path.write_bytes(b"".join(line for line in lines if b"merge_" not in line))
    written(session, event="merge_started")
    written(session, event="merge_done", merge=1, files=[f"merges/1/{file}"], slices=3, seconds=1)
    assert why in speaks(session)


def test_let_go_the_slices_are_gone_the_picture_is_there_and_the_journal_says_why(session):
    with session.journal(VirtualClock()) as journal:
        assert let_go(session, journal, "room was needed") == 3 * SLICE_BYTES
    assert not has_slices(session)
    assert session.state().let_go == "room was needed"
    found = check(session.path)
    assert found.count(Verdict.LET_GO) == 3
    assert found.problems == ()
    assert [one.verdict for one in found.merges] == [Verdict.INTACT]


def test_cut_short_it_goes_on_and_says_it_once(session, monkeypatch):
    clock = VirtualClock()
    first, unlink = session.path / "slices/0000.jpg", Path.unlink

    def cut_after_the_first(path, missing_ok=False):
        if not first.exists():
            raise OSError(5, "cut")
        unlink(path, missing_ok)

    with monkeypatch.context() as cut, session.journal(clock) as journal:
        cut.setattr(Path, "unlink", cut_after_the_first)
        with pytest.raises(OSError, match="cut"):
            let_go(session, journal, "room")
    assert has_slices(session) and not first.exists()
    found = check(session.path)
    assert (found.count(Verdict.LET_GO), found.count(Verdict.INTACT)) == (1, 2)
    assert speaks(session) is None
    with session.journal(clock) as journal:
        let_go(session, journal, "room")
    assert not has_slices(session)
    assert [entry.event for entry in session.entries()].count("slices_let_go") == 1


def test_a_stack_is_weighed_as_it_lies_there(session):
    weight = weighed(session)
    assert weight.slices_bytes == 3 * SLICE_BYTES
    assert weight.rest_bytes >= PICTURE_BYTES
    files = (path for path in session.path.rglob("*") if path.is_file() and not path.is_symlink())
    assert weight.bytes == sum(path.stat().st_size for path in files)


def test_of_two_weights_each_part_counts_by_the_heavier():
    assert Weight(10, 4).heavier(Weight(7, 5)) == Weight(7, 5).heavier(Weight(10, 4)) == Weight(10, 5)


def test_how_many_fit():
    weight = Weight(1000, 100)
    assert stacks_that_fit(Keep.named("merged+slices"), weight, 12_000, 1000) == 10
    assert stacks_that_fit(Keep.named("merged"), weight, 12_000, 1000) == 90
    assert stacks_that_fit(Keep.named("every:10"), weight, 12_000, 1000) == 45
    assert stacks_that_fit(Keep.named("merged"), weight, 1500, 1000) == 0
    assert stacks_that_fit(Keep.named("merged+slices"), weight, 1500, 1000) == 0


@given(st.integers(0, 20), st.integers(0, 10**9), st.integers(0, 10**6), st.integers(0, 10**12))
def test_keeping_less_never_fits_fewer_once_two_stacks_have_room(every, slices, rest, room):
    weight = Weight(slices, rest)
    room += 2 * weight.bytes
    less = stacks_that_fit(Keep(every), weight, room, 0)
    assert less >= 0
    assert less >= stacks_that_fit(Keep(1), weight, room, 0) - 2
