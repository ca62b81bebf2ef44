"""Files that are either whole or not there, whatever happens to the power: standard library only."""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
"""What a disk answers that has no room, or none for us."""

LEFTOVER_SUFFIX = ".part"
"""What the name of an unfinished file ends with; it also begins with a dot."""


def write_durably(path: Path, data: bytes) -> None:
    """Put `data` at `path`, replacing what was there; on return it survives a power cut.

    The bytes go to a temporary file in the same folder, are synced, renamed, and the folder is synced. A
    reader sees the old content or the new, never a part of it. Raises `OSError` as the system gives it; until
    the rename `path` is as it was.
    """
    write_parts_durably(path, (data,))


def write_parts_durably(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Do as `write_durably` does with what need not be in memory as a whole."""
    part = _part_name(path)
    try:
        with part.open("xb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def link_durably(path: Path, target: Path | str) -> None:
    """Make `path` a symbolic link to `target` (relative to the folder of `path`), replacing an older link."""
    part = _part_name(path)
    try:
        part.symlink_to(target)
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def leftovers(folder: Path) -> Iterator[Path]:
    """Give the unfinished files that a power cut left anywhere below `folder`; all may be removed."""
    return (path for path in folder.rglob(f".*{LEFTOVER_SUFFIX}") if not path.is_dir())


def out_of_room(error: BaseException | None) -> bool:
    """Say whether an error came of a disk that is full, whoever translated it since."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        error = error.__cause__
    return False


def _part_name(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}{LEFTOVER_SUFFIX}")


def way_out(error: BaseException | None) -> str:
    """Say what lets files be written where `error` kept them from it, as the beginning of a sentence."""
    if out_of_room(error):
        return "Make room there"
    if isinstance(error, PermissionError):
        return "Let focusd write there"
    return "See dmesg: a failing disk is made read-only; fsck it, or replace it"
