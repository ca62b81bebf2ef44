"""The CSV of a day: every file that left the house that day's stacks, with its hash. Pure but for `enter`."""

import csv
import fcntl
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path

from stack.durable import write_durably


@dataclass(frozen=True, slots=True)
class DayRow:
    """A file, and the stack it is of; `fields` are the specimen's, as JSON."""

    file: str
    sha256: str
    bytes: int
    session: str
    name: str
    catalogue: str
    view: str
    fields: str
    began_at: str
    slices: int


COLUMNS = tuple(field.name for field in fields(DayRow))


def enter(path: Path, rows: Iterable[DayRow]) -> None:
    """Add rows to the CSV at `path`; a file that stands in it already is entered anew.

    Raises ValueError, and leaves it as it is, where the file is no such CSV.
    """
    with _alone_in(path.parent):
        known = {row.file: row for row in rows_of(path.read_text("utf-8"))} if path.exists() else {}
        write_durably(path, csv_of([*{**known, **{row.file: row for row in rows}}.values()]).encode())


def csv_of(rows: Iterable[DayRow]) -> str:
    """Write rows, sorted by the name of the file, under a line of column names."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(
        [getattr(row, name) for name in COLUMNS] for row in sorted(rows, key=lambda row: row.file)
    )
    return text.getvalue()


def rows_of(text: str) -> tuple[DayRow, ...]:
    """Read what `csv_of` wrote; raises ValueError where it is something else."""
    lines = list(csv.reader(io.StringIO(text)))
    if not lines or tuple(lines[0]) != COLUMNS:
        raise ValueError(f"its first line is not {','.join(COLUMNS)}")
    return tuple(
        DayRow(file, sha256, int(size), session, name, catalogue, view, own, began_at, int(slices))
        for file, sha256, size, session, name, catalogue, view, own, began_at, slices in lines[1:]
    )


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other writers out of `folder` meanwhile; some file systems on a network have no locks."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
