"""What of a series may go when its disk fills, what must not, and how many more stacks it holds.

Only the slices of a stack ever go, never its picture; only while there is no room for the next stack, the
oldest first; and only of a stack whose picture is whole on the disk, byte for byte. What decides is pure; the
files go in `let_go`.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stack.durable import sync_folder
from stack.journal import Journal
from stack.number import is_number
from stack.removal import merges_of_all, objection
from stack.session import Session, file_flaw
from stack.session_state import MergeState, SessionState

MERGED: Final = "merged"
MERGED_AND_SLICES: Final = "merged+slices"
EVERY: Final = "every:"
MOST_EVERY: Final = 10_000

IN_FLIGHT: Final = 2
"""Stacks whose slices are on the disk at once though none are kept: one being shot, one being merged."""


@dataclass(frozen=True, slots=True)
class Keep:
    """What a series keeps when room is short: all pictures, and the slices of every so many stacks.

    `slices_every` 1: of all of them; 0: of none.
    """

    slices_every: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.slices_every <= MOST_EVERY:
            raise ValueError(
                f"the slices of every {self.slices_every}th stack cannot be kept: from 0 to {MOST_EVERY}"
            )

    @classmethod
    def named(cls, words: str) -> "Keep":
        """Read `merged`, `merged+slices` or `every:N`; raises `ValueError`."""
        if words in (MERGED, MERGED_AND_SLICES):
            return cls(int(words == MERGED_AND_SLICES))
        number = words.removeprefix(EVERY)
        if number == words or not is_number(number) or not 1 <= int(number) <= MOST_EVERY:
            raise ValueError(
                f'"{words}" is nothing to keep: {MERGED}, {MERGED_AND_SLICES}, or {EVERY}N for the slices of '
                f"every Nth stack, N from 1 to {MOST_EVERY}"
            )
        return cls(int(number))

    @property
    def words(self) -> str:
        """Write it as `named` reads it."""
        return {0: MERGED, 1: MERGED_AND_SLICES}.get(self.slices_every, f"{EVERY}{self.slices_every}")

    def slices_of(self, slot: int) -> bool:
        """Say whether the slices of a slot's stack stay whatever happens."""
        return self.slices_every > 0 and slot % self.slices_every == 0


ALL: Final = Keep()


@dataclass(frozen=True, slots=True)
class Weight:
    """What a stack takes on the disk, in bytes: its slices, and what is made of them."""

    slices_bytes: int
    rest_bytes: int

    @property
    def bytes(self) -> int:
        """All of it."""
        return self.slices_bytes + self.rest_bytes

    def heavier(self, other: "Weight") -> "Weight":
        """Give the greater of each."""
        return Weight(max(self.slices_bytes, other.slices_bytes), max(self.rest_bytes, other.rest_bytes))


def stacks_that_fit(keep: Keep, weight: Weight, free_bytes: int, reserve_bytes: int) -> int:
    """Give how many more stacks a disk holds that has so much free and must keep so much so. Pure."""
    room_bytes = free_bytes - reserve_bytes
    every = keep.slices_every
    if every == 1:
        return max(0, room_bytes // max(1, weight.bytes))
    room_bytes -= IN_FLIGHT * weight.slices_bytes
    kept_bytes = weight.rest_bytes + (weight.slices_bytes / every if every else 0)
    return max(0, int(room_bytes // max(1.0, kept_bytes)))


def weighed(session: Session) -> Weight:
    """Give what a session takes on the disk as it is now."""
    slices_bytes = sum(map(_size_bytes, (session.path / "slices").glob("*")))
    whole_bytes = sum(_size_bytes(path) for path in session.path.rglob("*") if not path.is_symlink())
    return Weight(slices_bytes, max(0, whole_bytes - slices_bytes))


def stays(
    session: Session, state: SessionState, *, at_work: str | None, undelivered: Sequence[str] = ()
) -> str | None:
    """Say why the slices of a stack must stay; None where its picture is whole on the disk, and they may go.

    Reads and hashes the picture. `at_work` and `undelivered` are as `stack.removal.objection` has them.
    """
    if why := objection(state, at_work=at_work, undelivered=undelivered, forced=False):
        return why
    if not state.saved:
        return "it has no slices"
    flaws = [_flaw(session, merge) for merge in merges_of_all(state)]
    return None if None in flaws else flaws[-1]


def let_go(session: Session, journal: Journal, why: str) -> int:
    """Remove the files of a session's slices; give the bytes that are free for it.

    The journal says so first, so that after a cut in between it is known why some are missing; what is left
    then goes when this is called again. Pictures, reports and what was set aside stay.
    """
    state = session.state()
    files = [session.path / one.file for saved in state.saved.values() for one in saved.files]
    freed_bytes = sum(map(_size_bytes, files))
    if state.let_go is None:
        journal.append("slices_let_go", why=why, slices=len(state.saved), bytes=freed_bytes)
    for path in files:
        path.unlink(missing_ok=True)
    sync_folder(session.path / "slices")
    return freed_bytes


def has_slices(session: Session) -> bool:
    """Say whether any file of a slice is there."""
    return any((session.path / "slices").glob("[0-9]*"))


def _flaw(session: Session, merge: MergeState) -> str | None:
    """Say what is wrong with a merge's pictures; None where they are what was to be written."""
    pictures = [file for file in merge.files if Path(file).stem == "merged"]
    if not pictures:
        return "its merge names no picture"
    return next(_flaws(session, merge, pictures), None)


def _flaws(session: Session, merge: MergeState, pictures: Sequence[str]) -> Iterator[str]:
    for file in pictures:
        if file not in merge.sha256:
            yield f"no checksum of {file} was recorded, so whether it is whole cannot be told"
        elif flaw := file_flaw(session.path, file, None, merge.sha256[file]):
            yield flaw


def _size_bytes(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_size if path.is_file() else 0
    return 0
