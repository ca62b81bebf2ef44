"""What a stack shows, in its owner's words: a catalogue number, a view, and what else is recorded. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from stack.line import is_line

CATALOGUE, VIEW = "catalogue", "view"
"""The two fields that together say what a picture is of; all others are free."""

MOST_FIELDS: Final = 40
LONGEST_NAME: Final = 40
LONGEST_VALUE: Final = 500

_NAME = re.compile(r"[a-z][a-z0-9_]*")

Fields = Mapping[str, str]


def field_problems(fields: Fields) -> Iterator[str]:
    """Give a sentence for everything that keeps `fields` from standing in a session."""
    if len(fields) > MOST_FIELDS:
        yield f"{len(fields)} fields are given; {MOST_FIELDS} is the most"
    for name, value in fields.items():
        if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
            yield (
                f'"{name}" cannot name a field: use a small letter and up to {LONGEST_NAME - 1} more small '
                "letters, digits and underscores"
            )
        if len(value) > LONGEST_VALUE or not is_line(value):
            yield f"{name}: give 1 to {LONGEST_VALUE} printable characters on one line"


def same_specimen(fields: Fields, others: Iterable[tuple[str, Fields]]) -> tuple[str, ...]:
    """Give the ids among `others`, pairs of id and fields, that show the same view of the same specimen.

    Without a catalogue number nothing is known to be the same.
    """
    if not (catalogue := _folded(fields, CATALOGUE)):
        return ()
    wanted = (catalogue, _folded(fields, VIEW))
    return tuple(one for one, its in others if (_folded(its, CATALOGUE), _folded(its, VIEW)) == wanted)


def _folded(fields: Fields, name: str) -> str:
    """Give a field as far as it tells specimens apart: "BM 12 " and "bm  12" are one."""
    return " ".join(fields.get(name, "").split()).casefold()
