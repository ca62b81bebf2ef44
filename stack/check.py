"""What of a session's folder is as it was written: every file against what was promised of it. Reads only."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from stack.durable import leftovers
from stack.errors import SessionUnreadable
from stack.journal import Replay, replay
from stack.session import JOURNAL, file_flaw, load, unvouched
from stack.session_state import SavedSlice, SessionState, fold

UNPROVEN_AFTER_A_CUT = 1
"""Files that a power cut may leave between file and journal line: one is saved at a time."""


class Verdict(StrEnum):
    """What can be said of a file."""

    INTACT = "intact"
    """Byte for byte what was acknowledged."""
    ALTERED = "altered"
    """There, and not what was acknowledged."""
    GONE = "gone"
    """Acknowledged, and not there or not readable."""
    LET_GO = "let go"
    """Acknowledged, and removed when its picture was whole, for its owner does not keep it."""
    UNPROVEN = "unproven"
    """There, and no sound line of the journal speaks of it."""


@dataclass(frozen=True, slots=True)
class FileCheck:
    """One file, relative to the session's folder, and why it is not intact."""

    file: str
    verdict: Verdict
    why: str | None = None


@dataclass(frozen=True, slots=True)
class SessionCheck:
    """What there is of a session.

    Attributes
    ----------
    session
        Its id.
    record
        Why session.json, and with it the plan, cannot be trusted; None where it can.
    lines, damage, torn_bytes
        Of the journal: sound lines; what is wrong with others; bytes of a last line without an end, which an
        append that was never acknowledged leaves.
    phase
        How far the sound lines say it came.
    slices
        Every slice that was acknowledged or has a file, in order.
    not_shot
        Indices of the plan that neither has; empty where neither the plan nor the journal tells how many.
    merges
        The files of every merge that ended well.
    unfinished
        Temporary files that a power cut left; the next resume removes them.
    """

    session: str
    record: str | None
    lines: int
    damage: tuple[str, ...]
    torn_bytes: int
    phase: str
    slices: tuple[FileCheck, ...]
    not_shot: tuple[int, ...]
    merges: tuple[FileCheck, ...]
    unfinished: tuple[str, ...]

    def count(self, verdict: Verdict) -> int:
        """Say of how many slices that is the verdict."""
        return sum(one.verdict is verdict for one in self.slices)

    @property
    def problems(self) -> tuple[str, ...]:
        """What no power cut explains, in sentences; none for a session that is as it was written."""
        return tuple(self._problems())

    def _problems(self) -> Iterator[str]:
        if self.record:
            yield self.record
        yield from (f"the journal cannot be read in full, {what}" for what in self.damage)
        yield from (one.why or one.file for one in (*self.slices, *self.merges) if one.verdict in _LOST)
        if (unproven := self.count(Verdict.UNPROVEN)) > UNPROVEN_AFTER_A_CUT:
            yield (
                f"{unproven} slices have files that no sound line of the journal speaks of: it has lost "
                "lines, and whether these files are what was shot cannot be proved"
            )


_LOST = (Verdict.ALTERED, Verdict.GONE)


def check(folder: Path) -> SessionCheck:
    """Compare a session's folder with what its journal promises; hashes every file, so it takes a while.

    Needs no lock and may run beside the writer, of whose newest slice it may then say that it is unproven.
    Of a folder that cannot be read that is all it says.
    """
    try:
        return _checked(folder)
    except OSError as error:
        why = f"{error.filename or folder} cannot be read: {error.strerror or error}"
        return SessionCheck(folder.name, why, 0, (), 0, "unknown", (), (), (), ())


def _checked(folder: Path) -> SessionCheck:
    record, planned = _plan(folder)
    history = replay(folder / JOURNAL)
    slices = planned or _planned_by(history)
    state = fold(history.entries, slices)
    checked = _slices(folder, state)
    return SessionCheck(
        session=folder.name,
        record=record,
        lines=len(history.entries),
        damage=(*map(str, history.damage), *state.damage),
        torn_bytes=history.torn_bytes,
        phase=state.phase.value,
        slices=tuple(one for _, one in sorted(checked.items())),
        not_shot=tuple(index for index in range(slices) if index not in checked),
        merges=tuple(_merges(folder, history)),
        unfinished=tuple(sorted(str(path.relative_to(folder)) for path in leftovers(folder))),
    )


def _plan(folder: Path) -> tuple[str | None, int]:
    """Say why the plan cannot be read, and how many slices it has."""
    try:
        return None, load(folder).layout.slices
    except SessionUnreadable as error:
        return str(error), 0


def _planned_by(history: Replay) -> int:
    """Give how many slices were planned as the journal's first line has it; 0 where that is lost."""
    planned = [entry.facts.get("slices") for entry in history.entries if entry.event == "stack_started"]
    return next((slices for slices in planned if isinstance(slices, int)), 0)


def _slices(folder: Path, state: SessionState) -> dict[int, FileCheck]:
    checked = {index: _excused(_worst(folder, saved), state.let_go) for index, saved in state.saved.items()}
    said = (folder / JOURNAL).read_bytes() if (folder / JOURNAL).exists() else b""
    for index, files in unvouched(folder, state.saved).items():
        checked[index] = FileCheck(
            f"slices/{files[0].name}", Verdict.UNPROVEN, _unproven_words(files[0], said)
        )
    return checked


def _worst(folder: Path, saved: SavedSlice) -> FileCheck:
    """Judge a slice by all its files: the first that is not intact, else the one that is merged."""
    found = [_compared(folder, one.file, one.bytes, one.sha256) for one in saved.files]
    return next((one for one in found if one.verdict is not Verdict.INTACT), found[0])


def _excused(found: FileCheck, let_go: str | None) -> FileCheck:
    """Give the verdict on a slice of a session whose slices may be gone."""
    gone = let_go is not None and found.verdict is Verdict.GONE
    return FileCheck(found.file, Verdict.LET_GO, let_go) if gone else found


def _unproven_words(path: Path, journal: bytes) -> str:
    try:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return f"slices/{path.name} cannot be read: {error.strerror}"
    if sha256.encode() in journal:
        return (
            f"slices/{path.name}: its line in the journal was altered, yet still names this file's checksum, "
            "so it is most likely what was shot"
        )
    return f"slices/{path.name}: no sound line of the journal speaks of it"


def _merges(folder: Path, history: Replay) -> Iterator[FileCheck]:
    for entry in history.entries:
        if entry.event != "merge_done":
            continue
        sha256 = entry.facts.get("sha256")
        promised = sha256 if isinstance(sha256, dict) else {}
        files = entry.facts.get("files")
        for file in files if isinstance(files, list) else ():
            yield _compared(folder, file, None, promised.get(file))


def _compared(folder: Path, file: str, size_bytes: int | None, sha256: str | None) -> FileCheck:
    if why := file_flaw(folder, file, size_bytes, sha256):
        there = os.path.isfile(folder / file)  # noqa: PTH113 - of one in a bad sector Path's raises
        return FileCheck(file, Verdict.ALTERED if there else Verdict.GONE, why)
    return FileCheck(file, Verdict.INTACT)
