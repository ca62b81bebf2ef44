"""A session's journal: lines that are appended, synced and checked, and never rewritten.

A line is one JSON object that ends in `,"crc32":"xxxxxxxx"}`: the CRC-32 of the line's bytes before that
comma, in lower-case hexadecimal. `seq` counts from 1 without gaps. What `append` has returned survives a
power cut; what the cut leaves of an append that had not returned is a torn tail, a line without an end; the
next writer drops it. A line that has its end and not its checksum was altered on the disk. It is never read
as truth and never removed: what the good lines say still stands, and whoever reads them is told of the gap.
"""

import contextlib
import fcntl
import json
import os
import re
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rail.clock import Clock
from stack.durable import sync_folder
from stack.errors import JournalBusy, JournalFailed

_OWN_NAMES = ("seq", "at", "mono_ns", "event")
FOREIGN: Final = (KeyError, TypeError, ValueError, AttributeError)
"""What reading a sound line raises whose facts are not as this version writes them: see `foreign_words`."""
_SEALED = re.compile(rb'(.*),"crc32":"([0-9a-f]{8})"\}', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened.

    Attributes
    ----------
    seq
        1 for the first line.
    at
        UTC, ISO 8601; a Pi without a clock chip may be wrong about it.
    mono_ns
        CLOCK_MONOTONIC, to be compared only within one boot.
    event
        What happened, in one word.
    facts
        All else about it.
    """

    seq: int
    at: str
    mono_ns: int
    event: str
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Damage:
    """A line, counted from 1, that does not carry what was written."""

    line: int
    why: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.why}"


def foreign_words(entry: Entry) -> str:
    """Say that a sound line is passed over, as one from before a rollback may have to be."""
    return f"line {entry.seq}: {entry.event} is not as this version writes it"


@dataclass(frozen=True, slots=True)
class Replay:
    """All that a journal says.

    Attributes
    ----------
    entries
        The good lines, in order.
    whole_bytes
        Where the last line ends that has an end; what follows is the torn tail.
    torn_bytes
        Length of the torn tail, 0 after a clean end.
    damage
        Lines that were altered on disk, and places where lines are gone.
    """

    entries: tuple[Entry, ...]
    whole_bytes: int
    torn_bytes: int
    damage: tuple[Damage, ...]


class Reading:
    """Reads a journal line by line, holding one at a time; what it found besides is known at its end.

    Attributes
    ----------
    last_seq
        The number of the last good line so far; 0 before the first.
    whole_bytes, torn_bytes, damage
        As `Replay` has them.
    """

    def __init__(self) -> None:
        self.last_seq = 0
        self.whole_bytes = 0
        self.torn_bytes = 0
        self.damage: list[Damage] = []

    def entries(self, lines: Iterable[bytes]) -> Iterator[Entry]:
        """Give the good lines, in order."""
        altered = 0
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                self.torn_bytes = len(line)
                return
            self.whole_bytes += len(line)
            follows = self.last_seq + 1
            try:
                entry = _unseal(line[:-1])
            except ValueError as error:
                self.damage.append(Damage(number, str(error)))
                altered += 1
                continue
            if not follows <= entry.seq <= follows + altered:
                self.damage.append(Damage(number, f"it is number {entry.seq} where {follows} should follow"))
            if entry.seq >= follows:
                self.last_seq, altered = entry.seq, 0
                yield entry


def entries_in(path: Path, reading: Reading | None = None) -> Iterator[Entry]:
    """Give the good lines of a journal one after another, however long it is: see `replay`."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        yield from (reading or Reading()).entries(file)


def replay(path: Path) -> Replay:
    """Read a journal, at any moment and beside its writer; a journal that does not exist is empty."""
    reading = Reading()
    said = tuple(entries_in(path, reading))
    return Replay(said, reading.whole_bytes, reading.torn_bytes, tuple(reading.damage))


class Journal:
    """The one writer of a journal. Threads may share it; processes may not.

    Opening drops a torn tail and nothing else; altered lines stay where they are, and `damage` names them.
    Raises `JournalBusy` when somebody else writes the journal.

    Parameters
    ----------
    path
        Made if it is not there.
    clock
        Gives `mono_ns`.
    now
        Gives `at`.
    remembered
        How many of the latest entries `entries` gives; None: all.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        remembered: int | None = None,
    ) -> None:
        self._path = path
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        self._torn = False
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._claim()
            reading = Reading()
            self._entries: deque[Entry] = deque(entries_in(path, reading), remembered)
            if reading.torn_bytes:
                os.ftruncate(self._file, reading.whole_bytes)
            os.fsync(self._file)
            sync_folder(path.parent)
        except BaseException:
            os.close(self._file)
            raise
        self._end, self._last_seq = reading.whole_bytes, reading.last_seq
        self.damage = tuple(reading.damage)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Everything that was written and is remembered, by this writer and by those before."""
        with self._lock:
            return tuple(self._entries)

    def append(self, event: str, **facts: object) -> Entry:
        """Write one line and sync it.

        Raises `JournalFailed` when the line could not be made durable; it is then taken back, or where even
        that fails, nothing more is appended before it is. Raises `ValueError` or `TypeError` for facts JSON
        cannot hold.
        """
        with self._lock:
            if self._file < 0:
                raise JournalFailed(f"{self._path} is closed", path=self._path)
            if self._torn:
                self._take_back()
            seq, at = self._last_seq + 1, self._now().isoformat()
            entry = Entry(seq, at, self._clock.monotonic_ns(), event, facts)
            line = _seal(entry)
            try:
                self._write(line)
            except OSError as error:
                with contextlib.suppress(JournalFailed):
                    self._take_back()
                raise JournalFailed(f"{self._path} could not be written: {error}", path=self._path) from error
            self._end, self._last_seq = self._end + len(line), entry.seq
            self._entries.append(entry)
            return entry

    def close(self) -> None:
        """Let somebody else write."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _claim(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = _holder(self._file)
            raise JournalBusy(
                f"{self._path} is being written by {holder}: wait until it has ended",
                path=self._path,
                holder=holder,
            ) from error

    def _write(self, line: bytes) -> None:
        written = 0
        while written < len(line):
            written += os.pwrite(self._file, line[written:], self._end + written)
        os.fsync(self._file)

    def _take_back(self) -> None:
        """Remove what there may be of a line that was not made durable."""
        self._torn = True
        try:
            os.ftruncate(self._file, self._end)
            os.fsync(self._file)
        except OSError as error:
            raise JournalFailed(f"{self._path} can no longer be written: {error}", path=self._path) from error
        self._torn = False


def _seal(entry: Entry) -> bytes:
    taken = [name for name in entry.facts if name in (*_OWN_NAMES, "crc32")]
    if taken:
        raise ValueError(f"a journal line names {', '.join(taken)} itself")
    own = {"seq": entry.seq, "at": entry.at, "mono_ns": entry.mono_ns, "event": entry.event}
    text = json.dumps({**own, **entry.facts}, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    body = text[:-1].encode()
    return body + b',"crc32":"%08x"}\n' % zlib.crc32(body)


def _unseal(line: bytes) -> Entry:
    """Give the entry of a line without its line break; raises `ValueError` with what is wrong with it."""
    sealed = _SEALED.fullmatch(line)
    if sealed is None or b"%08x" % zlib.crc32(sealed[1]) != sealed[2]:
        raise ValueError("its checksum does not fit")
    try:
        facts = json.loads(sealed[1] + b"}")
        seq, at, mono_ns, event = (facts.pop(name) for name in _OWN_NAMES)
        return Entry(int(seq), str(at), int(mono_ns), str(event), facts)
    except FOREIGN as error:
        raise ValueError("it is not as this version writes a line") from error


def _holder(file: int) -> str:
    """Name who holds the lock on an open file, as far as the kernel tells."""
    status = os.fstat(file)
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    try:
        locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
        holder = next(words[4] for words in locks if words[1] == "FLOCK" and words[5] == place)
        name = Path(f"/proc/{holder}/comm").read_text().strip()
    except (OSError, StopIteration, IndexError):
        return "another process"
    return f"{name} (process {holder})"
