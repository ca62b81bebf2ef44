"""The journal's one writer: who may write, and what happens when the disk will not."""

import errno
import json
import os
import subprocess
import sys
import threading
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stack.errors import JournalBusy, JournalFailed
from stack.journal import Journal, replay


class CountingClock:
    def __init__(self) -> None:
        self.now_ns = 0

    def monotonic_ns(self) -> int:
        self.now_ns += 1
        return self.now_ns

    def sleep_until_ns(self, instant_ns: int) -> None:
        raise AssertionError("a journal does not wait")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def test_closed_it_writes_no_more_and_closes_nobody_elses_file(path: Path) -> None:
    """The system gives the number of a closed file to the next one that is opened."""
    journal = Journal(path, CountingClock())
    journal.close()
    with (path.parent / "other").open("wb") as other:
        with pytest.raises(JournalFailed, match="closed"):
            journal.append("too_late")
        journal.close()
        assert os.fstat(other.fileno()).st_size == 0


def test_a_line_is_as_the_format_says(path: Path) -> None:
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    with Journal(path, CountingClock(), now=lambda: noon) as journal:
        journal.append("stack_done", slices=3)
    body = b'{"seq":1,"at":"2026-11-23T12:00:00+00:00","mono_ns":1,"event":"stack_done","slices":3'
    assert path.read_bytes() == body + b',"crc32":"%08x"}\n' % zlib.crc32(body)
    json.loads(path.read_bytes())


@pytest.mark.parametrize(
    "body", [b'{"seq":1,"event":"homed"', b'{"seq":[],"at":"","mono_ns":1,"event":""', b"{{"]
)
def test_a_sealed_line_of_another_shape_is_told_and_the_next_is_read(path: Path, body: bytes) -> None:
    path.write_bytes(body + b',"crc32":"%08x"}\n' % zlib.crc32(body))
    with Journal(path, CountingClock()) as journal:
        journal.append("homed")
    said = replay(path)
    assert [entry.event for entry in said.entries] == ["homed"]
    assert str(said.damage[0]) == "line 1: it is not as this version writes a line"


def test_a_second_writer_is_told_who_writes(path: Path) -> None:
    with Journal(path, CountingClock()) as journal:
        journal.append("homed")
        with pytest.raises(JournalBusy) as busy:
            Journal(path, CountingClock())
    # the kernel's table of locks is not there in every container
    assert busy.value.holder in (
        f"{Path('/proc/self/comm').read_text().strip()} (process {os.getpid()})",
        "another process",
    )
    assert busy.value.holder in str(busy.value)
    with Journal(path, CountingClock()) as journal:
        assert [entry.event for entry in journal.entries] == ["homed"]


def test_a_writer_in_another_process_keeps_us_out_until_it_is_killed(path: Path) -> None:
    code = """
import sys, pathlib
from rail.clock import MonotonicClock
from stack.journal import Journal
journal = Journal(pathlib.Path(sys.argv[1]), MonotonicClock())
journal.append("homed")
print("writing", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        try:
            assert writer.stdout.readline() == "writing\n"
            with pytest.raises(JournalBusy):
                Journal(path, CountingClock())
        finally:
            writer.kill()
    with Journal(path, CountingClock()) as journal:
        journal.append("stack_resumed", missing=[])
    assert [entry.event for entry in replay(path).entries] == ["homed", "stack_resumed"]


def test_threads_may_share_a_writer(path: Path) -> None:
    with Journal(path, CountingClock()) as journal:

        def write(name: str) -> None:
            for number in range(25):
                journal.append(name, number=number)

        threads = [threading.Thread(target=write, args=(name,)) for name in ("slice_saved", "merge_started")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    said = replay(path)
    assert [entry.seq for entry in said.entries] == list(range(1, 51))
    for name in ("slice_saved", "merge_started"):
        assert [entry.facts["number"] for entry in said.entries if entry.event == name] == list(range(25))


def test_every_line_is_synced_before_append_returns(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bytes] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        fsync(descriptor)
        synced.append(path.read_bytes())

    with Journal(path, CountingClock()) as journal:
        monkeypatch.setattr(os, "fsync", watched)
        for number in range(3):
            journal.append("homed", number=number)
            assert synced[-1] == path.read_bytes()
        assert len(synced) == 3


def test_its_name_survives_a_power_cut_from_its_opening_on_and_so_does_what_was_taken_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        fsync(descriptor)
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())

    def full(_descriptor: int, _content: bytes, _offset: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", watched)
    with Journal(path, CountingClock()) as journal:
        assert synced == [path, path.parent]
        monkeypatch.setattr(os, "pwrite", full)
        with pytest.raises(JournalFailed, match="No space left"):
            journal.append("homed")
        assert synced == [path, path.parent, path]


def test_who_is_kept_out_keeps_no_file_open(path: Path) -> None:
    with Journal(path, CountingClock()):
        with pytest.raises(JournalBusy):
            Journal(path, CountingClock())
        opened = [file for file in Path("/proc/self/fd").iterdir() if file.resolve() == path.resolve()]
        assert len(opened) == 1


def test_a_line_that_did_not_fit_on_the_disk_is_taken_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pwrite = os.pwrite

    def full(descriptor: int, content: bytes, offset: int) -> int:
        pwrite(descriptor, content[:9], offset)
        raise OSError(errno.ENOSPC, "No space left on device")

    with Journal(path, CountingClock()) as journal:
        journal.append("homed")
        before = path.read_bytes()
        with monkeypatch.context() as patched:
            patched.setattr(os, "pwrite", full)
            with pytest.raises(JournalFailed, match="No space left"):
                journal.append("stack_done", slices=3)
        assert path.read_bytes() == before
        journal.append("stack_failed", error="no room")
    assert [(entry.seq, entry.event) for entry in replay(path).entries] == [(1, "homed"), (2, "stack_failed")]


def test_a_short_write_is_continued(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pwrite = os.pwrite
    monkeypatch.setattr(
        os, "pwrite", lambda descriptor, content, offset: pwrite(descriptor, content[:7], offset)
    )
    with Journal(path, CountingClock()) as journal:
        journal.append("homed")
    assert [entry.event for entry in replay(path).entries] == ["homed"]


def test_when_a_line_cannot_even_be_taken_back_nothing_more_is_written_before_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    with Journal(path, CountingClock()) as journal:
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", broken)
            patched.setattr(os, "ftruncate", broken)
            with pytest.raises(JournalFailed):
                journal.append("homed", number=1)
            with pytest.raises(JournalFailed, match="no longer"):
                journal.append("homed", number=2)
        journal.append("homed", number=3)
    assert [(entry.seq, entry.facts["number"]) for entry in replay(path).entries] == [(1, 3)]
    assert replay(path).damage == ()


@pytest.mark.parametrize("facts", [{"crc32": "0"}, {"seq": 1}, {"value": float("nan")}])
def test_facts_a_line_cannot_hold_are_refused_before_anything_is_written(
    path: Path, facts: dict[str, object]
) -> None:
    with Journal(path, CountingClock()) as journal:
        with pytest.raises(ValueError):
            journal.append("homed", **facts)
        assert journal.append("homed").seq == 1


def test_a_closed_journal_takes_nothing(path: Path) -> None:
    journal = Journal(path, CountingClock())
    journal.close()
    with pytest.raises(JournalFailed, match="closed"):
        journal.append("homed")


def test_a_journal_that_is_not_there_is_empty(path: Path) -> None:
    assert replay(path).entries == ()
