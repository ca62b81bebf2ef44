"""A command below another: told in the list of its kin and in its own help alike."""

import argparse
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """Says what is wrong in a line; argparse would write every option before it."""

    def error(self, message: str) -> NoReturn:
        """End with code 2."""
        self.exit(2, f"{self.prog}: error: {message} (see: {self.prog} --help)\n")


def add_command(
    commands: Any, name: str, says: str, everywhere: argparse.ArgumentParser
) -> argparse.ArgumentParser:
    """Add a command that does what it `says`, with the options that may stand everywhere."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=says,
        description=f"{says[0].upper()}{says[1:]}.",
        parents=[everywhere],
        allow_abbrev=False,
    )
    return parser
