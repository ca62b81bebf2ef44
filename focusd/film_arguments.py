"""What can be typed after `focusctl timelapse film`, `sheet` and `report`."""

import argparse
from fractions import Fraction
from pathlib import Path
from typing import Any

from focusd.subcommand import add_command

MOST_FPS = 120


def add_showing(whats: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the three commands that show a series to those of `focusctl timelapse`."""

    def command(name: str, says: str, output: str) -> argparse.ArgumentParser:
        parser = add_command(whats, name, says, everywhere)
        parser.add_argument(
            "id", metavar="ID", help="number or name of the series; or its folder, which needs no daemon"
        )
        parser.add_argument(
            "-o", "--output", metavar="FILE", type=Path, help=f"(default: {output} in the series' folder)"
        )
        parser.add_argument(
            "--sessions", metavar="FOLDER", type=Path, help="of a copied series: where its sessions are"
        )
        return parser

    film = command("film", "make a film of the series", "film.mp4")
    film.add_argument("--fps", metavar="N", type=_fps, default=Fraction(25), help="frames a second (25)")
    film.add_argument(
        "--size",
        default="1080p",
        metavar="SIZE",
        help="720p, 1080p, 2160p, full, or 1920x1080 exactly (1080p)",
    )
    film.add_argument("--quality", choices=("small", "good", "best"), default="good", help="(default: good)")
    film.add_argument("--no-deflicker", action="store_true", help="leave the light of every picture as it is")
    film.add_argument("--no-steady", action="store_true", help="leave every picture where it is")
    film.add_argument(
        "--mask",
        metavar="FILE",
        type=Path,
        help="a picture as large as the first: white is where nothing moves",
    )
    sheet = command("sheet", "put every slot of the series on one picture", "sheet.jpg")
    sheet.add_argument("--columns", metavar="N", type=_columns, help="fields in a row (as many as look well)")
    command("report", "write the page of the series", "report.html")


def _fps(typed: str) -> Fraction:
    try:
        fps = Fraction(typed).limit_denominator(1001)
    except (ValueError, ZeroDivisionError):
        fps = Fraction(0)
    if not 1 <= fps <= MOST_FPS:
        raise argparse.ArgumentTypeError(f'"{typed}" is no rate of frames: write 1 to {MOST_FPS}')
    return fps


def _columns(typed: str) -> int:
    if not typed.isdecimal() or not 1 <= int(typed) <= 100:
        raise argparse.ArgumentTypeError(f'"{typed}" is no number of columns: write 1 to 100')
    return int(typed)
