"""What can be typed after `focusctl calibrate` and `focusctl range`: the rig and the subject, measured."""

import argparse
from pathlib import Path

from focusd.durations import duration_s
from focusd.lengths import extent, length
from focusd.subcommand import add_command
from focusd.typed_values import count, ends, worded


def add_calibrate(parser: argparse.ArgumentParser, everywhere: argparse.ArgumentParser) -> None:
    """Add what can be measured of the rig, each with its options."""
    actions = parser.add_subparsers(dest="action", metavar="WHAT", required=True)
    extent_ = worded(extent)

    def action(name: str, says: str) -> argparse.ArgumentParser:
        one = add_command(actions, name, says, everywhere)
        one.add_argument(
            "--plan", metavar="PLAN", help="whose settling time, exposure and optics hold (default: default)"
        )
        _add_writing(one)
        return one

    settle = action("settle", "how long the picture shakes after a move")
    settle.add_argument(
        "--move", metavar="LENGTH", type=extent_, help="how long the moves are (as in a stack)"
    )
    settle.add_argument("--rounds", metavar="N", type=worded(count), help="how many moves (8)")
    settle.add_argument("--watch", metavar="TIME", type=worded(duration_s), help="how long after each (1s)")
    scale = action("scale", "micrometres for a pixel, by a ruler in the picture or a travel across it")
    ways = scale.add_mutually_exclusive_group(required=True)
    ways.add_argument("--division", metavar="LENGTH", type=extent_, help="between a ruler's lines: 0.1mm")
    ways.add_argument("--travel", metavar="LENGTH", type=extent_, help="of a rail across the picture")
    ways.add_argument("--length", metavar="LENGTH", type=extent_, help="of something between two --ends")
    scale.add_argument("--ends", metavar="X,Y,X,Y", type=worded(ends), help="the two pixels of the frame")
    for name, says in (
        ("flat", "shading and dust, by something evenly white before the lens, out of focus"),
        ("dark", "hot pixels, with the cap on the lens"),
    ):
        field = action(name, says)
        field.add_argument("--frames", metavar="N", type=worded(count), help="mean of so many (16)")
    backlash = action(
        "backlash",
        "the play of screw or gears, going there and back about here; measure settle first, "
        "for pictures that still shake show it wrong",
    )
    backlash.add_argument(
        "--span", metavar="LENGTH", type=extent_, help="how far (four times what is configured)"
    )
    backlash.add_argument("--pitch", metavar="LENGTH", type=extent_, help="from picture to picture")


def add_range(parser: argparse.ArgumentParser) -> None:
    """Add where to look for the subject, and what becomes of what is found."""
    extent_, length_ = worded(extent), worded(length)
    parser.add_argument("--near", metavar="POSITION", type=length_, help="where to begin, counted from home")
    parser.add_argument("--far", metavar="POSITION", type=length_, help="where to end, counted from home")
    parser.add_argument("--around", metavar="LENGTH", type=extent_, help="half of it on each side of here")
    parser.add_argument("--pitch", metavar="LENGTH", type=extent_, help="from picture to picture")
    parser.add_argument("--plan", metavar="PLAN", help="whose settling time, exposure and optics hold")
    parser.add_argument("--save-plan", metavar="NAME", help="do not mark it, make it a plan of config.yaml")
    _add_writing(parser)


def _add_writing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="mark or write what is found without asking")
    parser.add_argument("--config", metavar="FILE", type=Path, help="the config.yaml to write (focusd's own)")
