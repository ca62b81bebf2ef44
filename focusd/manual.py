"""The manual page focusctl(1): `python -m focusd.manual` writes it, from what focusctl itself understands."""

import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version

from focusd.arguments import focusctl_parser
from focusd.commands import Command, Option, commands_of

_FILES = {
    "/etc/focusrail/config.yaml": "settings of the rig; what is not in it is as built in",
    "/var/lib/focusrail": "sessions, the stored position, marks",
    "/run/focusrail/focusd.sock": "where the daemon listens, for the group focusrail",
}


def manual(commands: Sequence[Command], release: str, epilog: str) -> str:
    """Write the page in roff."""
    top, *below = commands
    return "\n".join(
        [
            f'.TH FOCUSCTL 1 "" "focusrail {release}" "focusrail"',
            ".SH NAME",
            "focusctl \\- drive a focus-stacking rig",
            ".SH SYNOPSIS",
            ".B focusctl",
            "[options] COMMAND ...",
            ".SH DESCRIPTION",
            _plain(top.says),
            *_options(top.options),
            ".SH COMMANDS",
            *(line for command in below for line in _command(command, {o.names for o in top.options})),
            ".SH NOTES",
            *(line for note in epilog.splitlines() for line in (_plain(note), ".br")),
            ".SH FILES",
            *(f".TP\n.I {_plain(place)}\n{_plain(says)}" for place, says in _FILES.items()),
            "",
        ]
    )


def _command(command: Command, everywhere: set[tuple[str, ...]]) -> Iterator[str]:
    yield f".SS {_plain(' '.join(command.words))}"
    yield _plain(command.says[:1].upper() + command.says[1:] + ".")
    yield ".br"
    yield f".B {_plain(command.usage)}"
    yield from _options([option for option in command.options if option.names not in everywhere])


def _options(options: Sequence[Option]) -> Iterator[str]:
    for option in options:
        yield ".TP"
        value = f"{{{','.join(option.choices)}}}" if option.choices else option.value
        yield f".B {_plain(' '.join((', '.join(option.names), value)).strip())}"
        yield _plain(option.says or "as it says")


def _plain(words: str) -> str:
    """Keep roff from taking a sign of ours for one of its own."""
    escaped = words.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + escaped if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    parser = focusctl_parser()
    sys.stdout.write(manual(list(commands_of(parser)), version("focusrail"), parser.epilog or ""))
