"""Saving: what is called saved is on the disk, and what cannot be saved ends the stack in order."""

import errno
import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from stack_rig import PLACES, Rig, assert_complete

from camera.camera import Frame
from stack import slice_files
from stack.ending import EndingKind
from stack.errors import DiskFull, DiskGone, JournalFailed, ShootError, SliceUnsaved
from stack.journal import Journal, replay
from stack.saving import room_needed
from stack.session_state import Phase
from stack.shoot import Shooter
from stack.slice_files import SliceLabel
from stack.writer import FRAMES_IN_FLIGHT, SliceWriter, ThreadedWriter


@pytest.fixture
def rig(tmp_path: Path, slice_writer: SliceWriter) -> Rig:
    return Rig(tmp_path, slice_writer)


def test_a_slice_is_told_only_when_its_file_and_its_journal_line_are_on_disk(rig: Rig) -> None:
    session = rig.session()

    def look(event: Mapping[str, Any]) -> None:
        if event["event"] == "slice_saved":
            content = (session.path / event["file"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == event["sha256"]
            last = replay(session.journal_path).entries[-1]
            assert (last.event, last.facts["index"]) == ("slice_saved", event["index"])

    rig.telling = look
    assert rig.shoot(session).kind is EndingKind.DONE


def test_the_journal_never_names_a_slice_that_is_not_on_disk(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = rig.session()
    append = Journal.append
    named = []

    def watched(journal: Journal, event: str, **facts: Any) -> Any:
        if event == "slice_saved":
            content = (session.path / facts["file"]).read_bytes()
            named.append(
                (len(content), hashlib.sha256(content).hexdigest()) == (facts["bytes"], facts["sha256"])
            )
        return append(journal, event, **facts)

    monkeypatch.setattr(Journal, "append", watched)
    assert rig.shoot(session).kind is EndingKind.DONE
    assert named == [True] * 6


@pytest.mark.parametrize("broken_index", [1, 5])
@pytest.mark.parametrize(
    ("code", "kind"), [(errno.EFBIG, SliceUnsaved), (errno.EIO, DiskGone), (errno.ENOENT, DiskGone)]
)
def test_a_slice_that_cannot_be_saved_fails_the_stack_soon_and_touches_no_other(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, broken_index: int, code: int, kind: type[ShootError]
) -> None:
    session = rig.session()
    write = slice_files.write_durably

    def broken(path: Path, content: bytes) -> None:
        if path.name == f"{broken_index:04d}.jpg":
            raise OSError(code, os.strerror(code))
        write(path, content)

    monkeypatch.setattr(slice_files, "write_durably", broken)
    ending = rig.shoot(session)
    assert type(ending.error) is kind and os.strerror(code) in str(ending.error)
    saved = session.state().saved
    assert set(saved) == {index for index in range(len(rig.camera.captured)) if index != broken_index}
    assert [session.flaw(one) for one in saved.values()] == [None] * len(saved)
    if not isinstance(rig.writer, ThreadedWriter):
        assert len(rig.camera.captured) <= broken_index + 3
    monkeypatch.setattr(slice_files, "write_durably", write)
    rig.rearm()
    assert rig.shoot(session).kind is EndingKind.DONE
    assert_complete(session)


def test_a_disk_that_fails_so_far_that_its_folders_cannot_be_looked_at_is_called_gone(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(path: Path, content: bytes = b"") -> bool:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    files = slice_files.SliceFiles(rig.session(), lambda: 0)
    with monkeypatch.context() as patched:
        patched.setattr(slice_files, "write_durably", failing)
        patched.setattr(Path, "is_dir", failing)
        with pytest.raises(DiskGone, match="gone or failing"):
            files._write(0, "slices/0000.jpg", b"slice")


def test_a_file_of_which_the_disk_holds_less_than_was_written_is_not_called_saved(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = slice_files.write_durably
    monkeypatch.setattr(slice_files, "write_durably", lambda path, content: write(path, content[:-1]))
    session = rig.session()
    ending = rig.shoot(session)
    assert isinstance(ending.error, SliceUnsaved) and "it is failing" in str(ending.error)
    assert not session.state().saved


def test_a_slice_that_cannot_be_encoded_fails_the_stack(rig: Rig) -> None:
    rig.encoding = lambda: (_ for _ in ()).throw(ValueError("no such quality"))
    ending = rig.shoot(rig.session())
    assert isinstance(ending.error, SliceUnsaved) and "no such quality" in str(ending.error)


def test_a_journal_that_cannot_be_written_fails_the_stack(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    session = rig.session()
    append = Journal.append

    def broken(journal: Journal, event: str, **facts: Any) -> Any:
        if event == "slice_saved" and facts["index"] == 2:
            raise JournalFailed("no", path=session.journal_path)
        return append(journal, event, **facts)

    monkeypatch.setattr(Journal, "append", broken)
    ending = rig.shoot(session)
    assert isinstance(ending.error, JournalFailed)
    assert 2 not in [event["index"] for event in rig.told if event["event"] == "slice_saved"]


def test_a_stack_of_which_the_journal_cannot_say_that_it_is_done_is_not_done(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = rig.session()
    append = Journal.append

    def broken(journal: Journal, event: str, **facts: Any) -> Any:
        if event == "stack_done":
            raise JournalFailed("no", path=session.journal_path)
        return append(journal, event, **facts)

    monkeypatch.setattr(Journal, "append", broken)
    ending = rig.shoot(session)
    assert (ending.kind, ending.saved, type(ending.error)) == (EndingKind.FAILED, 6, JournalFailed)
    assert "could not be recorded" in ending.trouble[0]
    assert rig.rail.motor_steps == PLACES[-1], "it went to be shot again"
    assert session.state().resumable


def test_room_is_needed_for_a_slice_for_those_not_yet_written_and_for_the_reserve() -> None:
    assert room_needed(100, 7) == (1 + FRAMES_IN_FLIGHT) * 100 + 7


def test_slices_that_turn_out_heavier_than_expected_need_more_room(inline_rig: Rig) -> None:
    """Each with its raw file: together they count."""
    rig, session = inline_rig, inline_rig.session()
    rig.kit = replace(rig.kit, companions={".dng": lambda frame, label: b"r" * 10_000})
    rig.shooter = Shooter(rig.kit)
    rig.free_bytes = room_needed(10_000, 1000)
    ending = rig.shoot(session)
    assert (ending.kind, ending.saved) == (EndingKind.PAUSED, 1)
    assert isinstance(ending.error, DiskFull) and ending.error.needed_bytes > rig.free_bytes


def test_a_slice_bears_the_time_when_its_exposure_began(inline_rig: Rig) -> None:
    rig, ages = inline_rig, []
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def encode(frame: Frame, label: SliceLabel) -> bytes:
        ages.append((noon - label.taken_at, rig.clock.monotonic_ns() - frame.began_ns))
        return rig.encode(frame, label)

    rig.kit = replace(rig.kit, encode=encode, now=lambda: noon)
    rig.shooter = Shooter(rig.kit)
    rig.shoot(rig.session())
    assert [age == timedelta(microseconds=round(ns / 1000)) and ns > 0 for age, ns in ages] == [True] * 6


def test_a_disk_that_runs_full_pauses_before_the_slice_that_does_not_fit(inline_rig: Rig) -> None:
    rig, session = inline_rig, inline_rig.session()

    def fill() -> None:
        if len(rig.camera.captured) == 3:
            rig.free_bytes = room_needed(64 * 48, 1000) - 1

    rig.encoding = fill
    ending = rig.shoot(session)
    assert (ending.kind, ending.saved) == (EndingKind.PAUSED, 3)
    assert isinstance(ending.error, DiskFull)
    assert session.state().phase is Phase.PAUSED
    assert rig.rail.motor_steps == PLACES[2]
    rig.encoding = lambda: None
    rig.free_bytes += 1
    assert rig.shoot(session).kind is EndingKind.DONE
    assert_complete(session)


def test_a_disk_that_is_full_after_all_pauses_too(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    session = rig.session()

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stack.slice_files.write_durably", full)
    ending = rig.shoot(session)
    assert (ending.kind, ending.saved) == (EndingKind.PAUSED, 0)
    assert isinstance(ending.error, DiskFull)
