"""Every command of focusctl as a value, read off its parser: for the manual page and for completion."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Option:
    """An option: its spellings, what stands for its value ("" for none), what it may be, what it does."""

    names: tuple[str, ...]
    value: str
    choices: tuple[str, ...]
    says: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command by its words (`("sessions", "show")`), how it is typed, what it does and takes."""

    words: tuple[str, ...]
    usage: str
    says: str
    options: tuple[Option, ...]
    choices: tuple[str, ...]


def commands_of(
    parser: argparse.ArgumentParser, words: tuple[str, ...] = (), says: str = ""
) -> Iterator[Command]:
    """Give a parser's own command, then those below it."""
    actions = parser._actions  # noqa: SLF001 - argparse has no other way to be asked
    below = [action for action in actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001
    plain = [action for action in actions if action not in below]
    placed = [action for action in plain if not action.option_strings]
    yield Command(
        words,
        " ".join(parser.format_usage().removeprefix("usage: ").split()),
        says or parser.description or "",
        tuple(_option(action) for action in plain if action.option_strings),
        tuple(str(choice) for action in placed for choice in action.choices or ()),
    )
    for group in below:
        told = {choice.dest: choice.help or "" for choice in group._choices_actions}  # noqa: SLF001
        for name, child in group.choices.items():
            yield from commands_of(child, (*words, name), told.get(name, ""))


def _option(action: argparse.Action) -> Option:
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    return Option(
        tuple(action.option_strings),
        "" if action.nargs == 0 else metavar,
        tuple(str(choice) for choice in action.choices or ()),
        (action.help or "") % vars(action) if "%(" in (action.help or "") else action.help or "",
    )
