"""Many sessions merged one after another, or by several machines: what is done is skipped, so it resumes."""

import argparse
import errno
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from stack.merge.arguments import among, settings_of
from stack.merge.errors import MergeError, NothingToMerge
from stack.merge.progress import Progress
from stack.merge.selection import is_session, session_slices
from stack.merge.versions import choose, version_numbers

MergeOne = Callable[[Path], dict[str, Any]]
"""Merges one session; gives its facts. Raises `MergeError`."""

Finished = Iterable[tuple[Path, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Tally:
    """How a batch ended: sessions merged, skipped because that was done already, and which failed."""

    merged: int
    skipped: int
    failed: tuple[str, ...]


def run(asked: argparse.Namespace, progress: Progress, spread: Callable[[Sequence[Path]], Finished]) -> Tally:
    """Merge every session below the roots that is not merged with these settings yet.

    `spread` merges sessions in whatever order and gives each as it is finished, with `seconds` or `error`.
    One that fails is told and the rest goes on. Raises `NothingToMerge` where there is no session at all.
    """
    sessions = list(sessions_below(asked.batch))
    if not sessions:
        raise NothingToMerge(f"{', '.join(map(str, asked.batch))}: there is no session")
    looked_at = {session: _look(session, asked) for session in sessions}
    undone = [session for session, facts in looked_at.items() if not facts]
    told = ((session, facts) for session, facts in looked_at.items() if facts)
    skipped, failed = 0, list[str]()
    for done, (session, facts) in enumerate(chain(told, spread(undone)), 1):
        skipped += "skipped" in facts
        failed += [session.name] if "error" in facts else []
        progress.session(session.name, done, len(sessions), **facts)
    return Tally(len(sessions) - skipped - len(failed), skipped, tuple(sorted(failed)))


def _look(session: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Say why a session is `skipped`, or the `error` with which it cannot be looked at; nothing: merge it."""
    try:
        reason = why_not(session, asked)
    except OSError as e:
        return {"error": f"it cannot be looked at: {e}"}
    return {"skipped": reason} if reason else {}


def here(merge: MergeOne) -> Callable[[Sequence[Path]], Finished]:
    """Give what merges sessions one after another in this process."""
    return lambda sessions: ((session, outcome(merge, session)) for session in sessions)


def outcome(merge: MergeOne, session: Path) -> dict[str, Any]:
    """Merge one session and give what became of it: `seconds`, `merge` and `slices`, or `error`."""
    began_s = time.monotonic()
    try:
        facts = merge(session)
    except MergeError as e:
        return {"error": str(e)}
    except Exception as e:  # whatever it is, hundreds of others wait
        return {"error": f"{type(e).__name__}: {e}"}
    return {
        "seconds": round(time.monotonic() - began_s, 1),
        "slices": len(facts["slices"]),
        "warnings": facts["warnings"],
    }


def sessions_below(roots: Sequence[Path]) -> Iterator[Path]:
    """Give every session that is one of the roots or lies below one, in name order, once.

    What lies in a bad sector may be one: it is given, too, to be told of.
    """
    seen: set[Path] = set()
    lost: list[OSError] = []
    for root in roots:
        for folder, inner, _ in os.walk(root, onerror=lost.append):
            inner[:] = sorted(name for name in inner if not name.startswith("."))
            path = Path(folder)
            if _may_be_session(path):
                inner.clear()
                if path.resolve() not in seen:
                    seen.add(path.resolve())
                    yield path
    yield from {Path(e.filename): None for e in lost if e.errno == errno.EIO}


def _may_be_session(folder: Path) -> bool:
    try:
        return is_session(folder)
    except OSError:
        return True


def why_not(session: Path, asked: argparse.Namespace) -> str | None:
    """Say why a session is not to be merged: done already, in use, or without slices; None: it is.

    Raises `OSError` where it cannot be read.
    """
    if _in_use(session):
        return "skipped: focusd has it in hand"
    files = _files(session, asked)
    if len(files) < 2:
        return f"skipped: it has {len(files)} slices of those asked for"
    number = _as_asked(session, asked, files)
    return None if number is None else f"skipped: merge {number} is what was asked for"


def finished_before(session: Path, asked: argparse.Namespace) -> dict[str, Any] | None:
    """Give the facts of a merge that is what was asked for, chosen; None: it is still to be made.

    A worker that dies between its last file and its answer leaves a whole merge that nobody heard of.
    Raises `NoSuchVersion` or `OutputRefused`.
    """
    number = _as_asked(session, asked, _files(session, asked))
    if number is None:
        return None
    facts: dict[str, Any] = json.loads((choose(session, number) / "merge.json").read_text())
    return facts


def _files(session: Path, asked: argparse.Namespace) -> list[str]:
    """Give the names of a session's slices that are asked for."""
    try:
        photos = session_slices(session)
    except FileNotFoundError:  # they were let go
        return []
    return [
        photo.name
        for photo in photos
        if (asked.slices is None or among(asked.slices, photo.index))
        and not among(asked.exclude, photo.index)
    ]


def _as_asked(session: Path, asked: argparse.Namespace, files: list[str]) -> int | None:
    """Give the first merge that was made of these files with the settings asked for."""
    wanted = settings_of(asked).as_facts()
    return next(
        (
            number
            for number in version_numbers(session)
            if _made_of(session / "merges" / str(number) / "merge.json") == (wanted, files)
        ),
        None,
    )


def _made_of(report: Path) -> tuple[dict[str, Any], list[str]] | None:
    """Give a merge's settings and files, those left out as bad among them."""
    try:
        facts = json.loads(report.read_text())
        files = [*facts["files"], *(one["name"] for one in facts["skipped"])]
        return facts["settings"], sorted(files)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _in_use(session: Path) -> bool:
    """Say whether somebody writes the session's journal: it is being shot or merged right now."""
    try:
        with (session / "journal.jsonl").open("rb") as journal:
            fcntl.flock(journal, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
