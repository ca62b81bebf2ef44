"""A small session, cut, flipped, robbed and littered everywhere: the check says what is intact, and resuming
trusts nothing else, loses nothing that was acknowledged, and ends in a complete stack."""

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from bad_sectors import put_in_bad_sectors
from stack_rig import PLAN, Rig, pictures

from stack.check import SessionCheck, Verdict, check
from stack.durable import write_durably
from stack.ending import EndingKind
from stack.plan import Between
from stack.session import Session
from stack.session_state import Phase

SLICES = 3
SMALL = replace(PLAN, range=Between(1000, 1020))


@pytest.fixture
def done(tmp_path: Path) -> Session:
    """A stack of three slices, just completed."""
    rig = Rig(tmp_path / "shot")
    session = rig.session(SMALL)
    assert rig.shoot(session).kind is EndingKind.DONE
    return session


def hashes(folder: Path) -> set[str]:
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.jpg")}


def resumed(session: Session) -> SessionCheck:
    """Go on with a copy of a session that anything may have happened to; hold the outcome to the promises."""
    rig = Rig(session.path.parent)
    before, there = check(session.path), hashes(session.path)
    intact = {
        Path(one.file).name: (session.path / one.file).read_bytes()
        for one in before.slices
        if one.verdict is Verdict.INTACT
    }
    state = session.state()
    if state.phase is Phase.DONE:
        return before
    assert rig.shoot(session).kind is EndingKind.DONE
    for name, content in intact.items():
        assert (session.path / "slices" / name).read_bytes() == content, "an intact slice was replaced"
    assert there <= hashes(session.path), "bytes of a slice are gone"
    assert [shown["index"] for shown in pictures(session)] == list(range(SLICES))
    assert {(shown["time_us"], shown["blurred"]) for shown in pictures(session)} == {(12_340, False)}
    after = check(session.path)
    assert after.count(Verdict.INTACT) == SLICES
    assert (after.torn_bytes, after.unfinished, after.phase) == (0, (), "done")
    assert after.damage[: len(before.damage)] == before.damage
    return before


def with_journal(done: Session, where: Path, content: bytes) -> Session:
    shutil.rmtree(where, ignore_errors=True)
    shutil.copytree(done.path.parent, where)
    copy = replace(done, path=where / done.id)
    copy.journal_path.write_bytes(content)
    return copy


def lines_of(session: Session) -> list[bytes]:
    return session.journal_path.read_bytes().splitlines(keepends=True)


def saved_lines(content: bytes) -> int:
    return sum(
        b'"event":"slice_saved"' in line for line in content.splitlines(keepends=True) if line[-1:] == b"\n"
    )


def test_a_sound_session_is_sound(done: Session) -> None:
    checked = check(done.path)
    assert checked.problems == ()
    assert [(one.file, one.verdict) for one in checked.slices] == [
        (f"slices/000{index}.jpg", Verdict.INTACT) for index in range(SLICES)
    ]
    assert (checked.lines, checked.phase, checked.not_shot) == (len(lines_of(done)), "done", ())


def test_a_journal_cut_at_every_byte_says_exactly_which_slices_it_still_proves(done: Session) -> None:
    content = done.journal_path.read_bytes()
    for length in range(len(content)):
        done.journal_path.write_bytes(content[:length])
        checked = check(done.path)
        proved = saved_lines(content[:length])
        assert checked.count(Verdict.INTACT) == proved
        assert checked.count(Verdict.UNPROVEN) == SLICES - proved
        assert checked.torn_bytes == length - (content[:length].rfind(b"\n") + 1)
        assert checked.damage == ()
        assert bool(checked.problems) is (SLICES - proved > 1)


def cuts(content: bytes) -> Iterator[int]:
    """Give the lengths that end at, before, after and in the midst of each line's end."""
    for end in (place for place, byte in enumerate(content) if byte == 10):
        yield from (end - 40, end, end + 1, end + 2)


def test_a_session_whose_journal_was_cut_is_completed_and_no_file_replaced(
    done: Session, tmp_path: Path
) -> None:
    content = done.journal_path.read_bytes()
    for length in (0, *cuts(content)):
        resumed(with_journal(done, tmp_path / "cut", content[:length]))


def test_any_byte_that_flips_in_the_journal_is_told_and_what_other_lines_say_still_stands(
    done: Session,
) -> None:
    content = done.journal_path.read_bytes()
    lines = content.splitlines(keepends=True)
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        done.journal_path.write_bytes(flipped)
        checked = check(done.path)
        line = content.count(b"\n", 0, place)
        hit = lines[line : line + 1 + (content[place] == 10)]
        spoilt = sum(b'"event":"slice_saved"' in one for one in hit)
        assert checked.count(Verdict.INTACT) == SLICES - spoilt
        assert checked.count(Verdict.UNPROVEN) == spoilt
        assert checked.torn_bytes if place == len(content) - 1 else checked.problems
        assert checked.record is None


@pytest.mark.parametrize("end", [b"", b"stack_done"])
def test_a_damaged_session_is_resumed_and_trusts_only_the_lines_that_are_sound(
    done: Session, tmp_path: Path, end: bytes
) -> None:
    lines = [line for line in lines_of(done) if not end or b'"%s"' % end not in line]
    for number in range(len(lines)):
        spoilt = list(lines)
        spoilt[number] = spoilt[number].replace(b'"mono_ns":', b'"mono_nS":')
        before = resumed(with_journal(done, tmp_path / "flip", b"".join(spoilt)))
        assert before.damage


def test_lines_lost_from_the_middle_are_told_and_the_stack_still_completed(
    done: Session, tmp_path: Path
) -> None:
    lines = lines_of(done)[:-1]
    for number in range(len(lines) - 1):
        before = resumed(
            with_journal(done, tmp_path / "lost", b"".join(lines[:number] + lines[number + 1 :]))
        )
        assert before.damage


def test_an_altered_line_that_still_names_the_file_says_so(done: Session) -> None:
    content = done.journal_path.read_bytes()
    done.journal_path.write_bytes(content.replace(b'"index":1,', b'"index":7,', 1))
    assert "most likely" in (check(done.path).slices[1].why or "")


def unfinished(done: Session) -> Session:
    """Take the stack's last word back, so that it is to be resumed."""
    done.journal_path.write_bytes(b"".join(lines_of(done)[:-1]))
    return done


def test_a_slice_truncated_to_any_length_or_flipped_anywhere_is_known(done: Session) -> None:
    file = done.path / "slices/0001.jpg"
    content = file.read_bytes()
    spoilt = [content[:length] for length in range(len(content))]
    for place in range(len(content)):
        for bit in range(8):
            flipped = bytearray(content)
            flipped[place] ^= 1 << bit
            spoilt.append(bytes(flipped))
    for bad in spoilt:
        file.write_bytes(bad)
        checked = check(done.path)
        assert [one.verdict for one in checked.slices] == [Verdict.INTACT, Verdict.ALTERED, Verdict.INTACT]
        assert checked.problems
    file.write_bytes(content)
    assert check(done.path).problems == ()


@pytest.mark.parametrize("index", range(SLICES))
@pytest.mark.parametrize("left", [None, b"", b"half", b'{"index": 0}'])
def test_a_slice_that_is_gone_or_altered_is_shot_again_and_what_was_there_is_kept(
    done: Session, index: int, left: bytes | None
) -> None:
    file = unfinished(done).path / f"slices/000{index}.jpg"
    file.unlink()
    if left is not None:
        file.write_bytes(left)
    before = resumed(done)
    assert before.slices[index].verdict is (Verdict.GONE if left is None else Verdict.ALTERED)
    if left is not None:
        assert (done.path / "aside" / file.name).read_bytes() == left


def test_temporary_files_are_named_and_go_when_the_stack_goes_on(done: Session) -> None:
    left = ["slices/.0001.jpg.beef.part", "merges/.7.part", ".session.json.cafe.part"]
    unfinished(done)
    for name in left:
        (done.path / name).write_bytes(b"half")
    checked = check(done.path)
    assert (checked.unfinished, checked.problems) == (tuple(sorted(left)), ())
    resumed(done)


def test_files_of_nobodys_are_left_alone(done: Session) -> None:
    unfinished(done)
    for name in ("slices/notes.txt", "thumbs.db"):
        (done.path / name).write_bytes(b"mine")
    resumed_check = resumed(done)
    assert resumed_check.problems == ()
    assert (done.path / "slices/notes.txt").read_bytes() == b"mine"


def test_without_its_plan_a_session_still_says_which_slices_are_intact(done: Session) -> None:
    write_durably(done.path / "session.json", b"{}")
    checked = check(done.path)
    assert "session.json" in (checked.record or "")
    assert (checked.count(Verdict.INTACT), checked.not_shot) == (SLICES, ())
    assert checked.problems == (checked.record,)


def test_of_a_session_that_cannot_be_read_that_is_said(done: Session) -> None:
    """It raised, and nothing was told of all the others on that disk."""
    done.journal_path.unlink()
    done.journal_path.mkdir()
    assert check(done.path).problems == (f"{done.journal_path} cannot be read: Is a directory",)


def test_of_a_slice_in_a_bad_sector_that_is_said_and_the_others_are_judged(
    done: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    slices = check(done.path).slices
    put_in_bad_sectors(monkeypatch, done.path / slices[1].file)
    checked = check(done.path)
    assert checked.problems == (f"{slices[1].file} cannot be read: Input/output error",)
    assert [one.file for one in checked.slices if one.verdict is Verdict.INTACT] == [
        one.file for one in slices if one is not slices[1]
    ]


@pytest.mark.parametrize("lost", ["plan", "first line"])
def test_what_was_not_shot_is_told_by_the_plan_or_else_by_the_journal(
    done: Session, tmp_path: Path, lost: str
) -> None:
    lines = lines_of(done)
    first = next(at for at, line in enumerate(lines) if b'"slice_saved"' in line)
    kept = lines[: first + 1] if lost == "plan" else [lines[first]]
    cut = with_journal(done, tmp_path / "cut", b"".join(kept))
    for later in ("slices/0001.jpg", "slices/0002.jpg"):
        (cut.path / later).unlink()
    if lost == "plan":
        write_durably(cut.path / "session.json", b"{}")
    assert check(cut.path).not_shot == (1, 2)


def test_merged_files_are_held_to_what_was_said_of_them(done: Session) -> None:
    (done.path / "merges/1").mkdir()
    picture = done.path / "merges/1/merged.jpg"
    picture.write_bytes(b"picture")
    told = {"merges/1/merged.jpg": hashlib.sha256(b"picture").hexdigest()}
    rig = Rig(done.path.parent)
    with done.journal(rig.clock) as journal:
        journal.append("merge_done", files=list(told), slices=3, seconds=1.0, sha256=told)
    assert check(done.path).merges[0].verdict is Verdict.INTACT
    picture.write_bytes(b"picturE")
    assert check(done.path).merges[0].verdict is Verdict.ALTERED
    picture.unlink()
    assert check(done.path).problems == ("merges/1/merged.jpg cannot be read: No such file or directory",)
