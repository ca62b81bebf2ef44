"""Handing a stack out: its pictures under names of its owner's making, an XMP beside them, the day's CSV.

Nothing in the session changes, and nothing outside it is ever replaced: a name that is taken by other content
is a refusal before the first byte is written.
"""

import hashlib
import json
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stack.daybook import DayRow, enter
from stack.durable import write_durably
from stack.errors import ExportRefused
from stack.session import Session, load
from stack.session_state import SessionState
from stack.sessions import slug
from stack.specimen import CATALOGUE, VIEW
from stack.xmp import xmp

PICTURES: Final = {"merged": "", "depth": "-depth", "confidence": "-confidence", "report": "-report"}
"""A file of the session, by the stem of its name -> what its name ends with outside."""

_TAKEN: Final = frozenset('/\\:*?"<>|')
"""Letters that a name may not have on some disk; FAT, of which sticks are, takes none of these."""


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One file of an export; `name` is relative to the destination."""

    name: str
    bytes: int
    sha256: str


def export_folder(
    folder: Path, destination: Path, template: str, *, slices: bool
) -> tuple[ExportedFile, ...]:
    """Export the session in `folder` as it is now: see `export`."""
    session = load(folder)
    return export(session, session.state(), destination, template, slices=slices)


def export(
    session: Session, state: SessionState, destination: Path, template: str, *, slices: bool
) -> tuple[ExportedFile, ...]:
    """Copy a session's pictures, and its slices where asked, to a folder that exists; read every copy back.

    Raises `ExportRefused` for a template that does not fit, a session without a picture, or a name that is
    taken by something else; `OSError` as the system gives it.
    """
    if not destination.is_dir():
        raise ExportRefused(f"{destination} is not a folder: make it, or see that its disk is mounted")
    stem = export_stem(template, name_facts(session))
    sources: dict[str, Path | bytes] = {
        f"{stem}{PICTURES[path.stem]}{path.suffix}": path for path in pictures(session)
    }
    if not sources:
        raise ExportRefused(f"{session.id} has no picture yet: merge it first, with `focusctl merge`")
    sources[f"{stem}.xmp"] = xmp(session, state).encode()
    if slices and state.let_go is not None:
        raise ExportRefused(f"the slices of {session.id} are gone: {state.let_go}. Export it without them")
    if slices:
        for saved in state.saved.values():
            for kept in saved.files:
                sources[f"{stem}-slices/{Path(kept.file).name}"] = session.path / kept.file
    _refuse_taken(destination, sources)
    exported = tuple(_copied(source, destination, name) for name, source in sources.items())
    _enter_day(destination, session, state, exported)
    return exported


def pictures(session: Session) -> tuple[Path, ...]:
    """Give the files of a session that are its result: the chosen merge's, and the report for people."""
    results = (path for path in session.path.iterdir() if path.stem in PICTURES and path.suffix != ".json")
    return tuple(sorted(path for path in results if path.is_file()))


def name_facts(session: Session) -> dict[str, str]:
    """Give what a template may name: number, name, date, time, and every field of the specimen."""
    return {
        **session.facts.fields,
        "number": f"{session.number:04d}",
        "name": session.plan.name,
        "date": session.created_at[:10],
        "time": session.created_at[11:19].replace(":", "-"),
    }


def export_stem(template: str, facts: Mapping[str, str]) -> str:
    """Fill a template such as `{catalogue}-{view}`, and give a name that every file system takes. Pure.

    Raises `ExportRefused` for one that names what the stack does not have, or that gives no name.
    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ExportRefused(f'the template "{template}" cannot be read: {error}') from error
    stem = ""
    for text, name, detail, conversion in parts:
        stem += text
        if name is None:
            continue
        if detail or conversion or name not in facts:
            raise ExportRefused(
                f'the template "{template}" asks for {{{name}}}, which this stack does not have; it has '
                f"{', '.join(sorted(facts))}"
            )
        stem += slug(facts[name])
    if not stem.strip(". ") or set(stem) & _TAKEN or not stem.isprintable():
        raise ExportRefused(
            f'the template "{template}" gives "{stem}", which cannot be the name of a file on every disk: '
            f"leave out {' '.join(sorted(_TAKEN))}"
        )
    return stem


def _refuse_taken(destination: Path, sources: Mapping[str, Path | bytes]) -> None:
    taken = [
        name
        for name, source in sources.items()
        if (destination / name).exists() and _digest(destination / name) != _digest(source)
    ]
    if taken:
        raise ExportRefused(
            f"{destination} has {', '.join(taken)} already, with other content, which is never replaced: "
            "export elsewhere, or give a template that tells them apart"
        )


def _copied(source: Path | bytes, destination: Path, name: str) -> ExportedFile:
    """Copy a file so that it is whole or not there, and see that it arrived."""
    content = source if isinstance(source, bytes) else source.read_bytes()
    target = destination / name
    if not target.exists():
        target.parent.mkdir(exist_ok=True)
        write_durably(target, content)
    digest = _digest(content)
    if _digest(target) != digest:
        raise ExportRefused(f"{target} does not read back as it was written: its disk cannot be trusted")
    return ExportedFile(name, len(content), digest)


def _digest(source: Path | bytes) -> str:
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _enter_day(
    destination: Path, session: Session, state: SessionState, exported: tuple[ExportedFile, ...]
) -> None:
    """Enter an export into the CSV of the day its stack was shot."""
    path, own = destination / f"stacks-{session.created_at[:10]}.csv", session.facts.fields
    rows = [
        DayRow(
            file=one.name,
            sha256=one.sha256,
            bytes=one.bytes,
            session=session.id,
            name=session.plan.name,
            catalogue=own.get(CATALOGUE, ""),
            view=own.get(VIEW, ""),
            fields=json.dumps(dict(own), ensure_ascii=False, sort_keys=True),
            began_at=state.began_at or "",
            slices=len(state.saved),
        )
        for one in exported
    ]
    try:
        enter(path, rows)
    except ValueError as error:
        raise ExportRefused(
            f"the files are there, but {path} is not a CSV of ours ({error}): move it away, then export again"
        ) from error
