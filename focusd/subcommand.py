"""A command below another: told in the list of its kin and in its own help alike."""

import argparse
from typing import Any


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
