"""A line of a screen, and the words for what may not be known."""

from datetime import datetime

from focusd.lengths import length_words
from focusd.sizes import size_words
from focusd.terminal import Terminal

_LABEL_COLUMNS = 10


def row(label: str, text: str, terminal: Terminal) -> str:
    """Give a line: what it is about, and what there is to say."""
    return terminal.faint(f"{label:<{_LABEL_COLUMNS}}") + " " + text


def part_of(part: object, whole: object) -> str:
    """Say how much of a whole, as far as either is known."""
    return f"{known(part)} of {known(whole)}"


def known(value: object) -> str:
    """Say a value."""
    return "unknown" if value is None else str(value)


def long(value_u: float | None, unit: str = "um") -> str:
    """Say a length."""
    return "unknown" if value_u is None else length_words(value_u, unit)


def large(size_bytes: float | None) -> str:
    """Say what something takes on the disk."""
    return "unknown" if size_bytes is None else size_words(size_bytes)


def moment(at: str) -> str:
    """Say when, of what the daemon gives in UTC."""
    return f"{datetime.fromisoformat(at):%Y-%m-%d %H:%M:%S} UTC"
