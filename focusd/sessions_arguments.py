"""What can be typed after `focusctl sessions`."""

import argparse
from pathlib import Path

from focusd.subcommand import add_command
from focusd.typed_values import count, worded


def add_sessions(parser: argparse.ArgumentParser, everywhere: argparse.ArgumentParser) -> None:
    """Add what can be done with the stacks on the disk."""
    parser.set_defaults(action="list", limit=None, before=None, all=False)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")

    def action(name: str, says: str) -> argparse.ArgumentParser:
        return add_command(actions, name, says, everywhere)

    listing = action("list", "a line for each of the newest (the default)")
    extent = listing.add_mutually_exclusive_group()
    extent.add_argument("--limit", metavar="N", type=worded(count), help="so many, up to 500 (default: 50)")
    extent.add_argument("--all", action="store_true", help="all there are; of thousands it takes a while")
    listing.add_argument("--before", metavar="ID", help="those next before this one: number or name")
    show = action("show", "all about one")
    show.add_argument("id", nargs="?", metavar="ID", help="number or name (default: the latest)")
    check = action("check", "compare every file with what the journal promised; changes nothing")
    check.add_argument(
        "id", nargs="?", metavar="ID", help="number or name, or a folder, without a daemon (default: all)"
    )
    remove = action("rm", "remove stacks from the disk, slices, pictures and all; asks first")
    remove.add_argument("ids", nargs="+", metavar="ID", help="number or name")
    remove.add_argument("--yes", action="store_true", help="do not ask")
    remove.add_argument("--force", action="store_true", help="also what is not merged or not finished")
    export = action("export", "copy a stack's pictures elsewhere, with an XMP and a line in the day's CSV")
    export.add_argument("id", metavar="ID", help="number or name")
    export.add_argument("destination", metavar="DEST", type=Path, help="a folder")
    export.add_argument(
        "--template",
        metavar="NAMES",
        default="{number}-{name}",
        help="how to name the files, by {number} {name} {date} {time} and fields: {catalogue}-{view} "
        "(default: {number}-{name})",
    )
    export.add_argument("--slices", action="store_true", help="the slices too")
