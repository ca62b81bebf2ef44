"""What can be typed after `focusctl timelapse`."""

import argparse

from focusd.durations import duration_s
from focusd.film_arguments import add_showing
from focusd.subcommand import add_command
from focusd.typed_values import count, moment, number, window, worded


def add_timelapse(parser: argparse.ArgumentParser, everywhere: argparse.ArgumentParser) -> None:
    """Add what can be done with a series, each with its options."""
    whats = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    says = {
        "start": "begin a series",
        "status": "say how the series goes, and when it goes on",
        "stop": "let no further stack begin; the series can be resumed",
        "resume": "go on with a stopped series",
        "abort": "end the series for good; its stacks stay",
        "list": "list every series there is",
    }
    parsers = {what: add_command(whats, what, words, everywhere) for what, words in says.items()}
    add_showing(whats, everywhere)
    start = parsers["start"]
    start.add_argument("plan", nargs="?", metavar="PLAN", help="a plan of config.yaml (default: default)")
    start.add_argument("--name", help="what to call the series and its sessions")
    _add_when(start)
    _add_how(start)


def _add_when(start: argparse.ArgumentParser) -> None:
    when = start.add_argument_group("when")
    when.add_argument(
        "--every", metavar="TIME", type=worded(duration_s), required=True, help="from stack to stack: 30min"
    )
    when.add_argument("--count", metavar="N", type=worded(count), help="so many, then it is done")
    when.add_argument("--until", metavar="TIME", type=worded(moment), help="such as 2026-12-01T08:00")
    when.add_argument("--for", metavar="TIME", type=worded(duration_s), dest="lasting", help="such as 7d")
    when.add_argument("--start-at", metavar="TIME", type=worded(moment), help="(default: now)")
    when.add_argument(
        "--window", metavar="FROM-TO", type=worded(window), help="only in these hours: 06:00-20:00"
    )
    when.add_argument(
        "--missed", choices=("skip", "once"), help="slots that passed while the Pi was off (default: skip)"
    )
    when.add_argument(
        "--overlaps", action="store_true", help="leave slots out that a stack still being shot covers"
    )


def _add_how(start: argparse.ArgumentParser) -> None:
    how = start.add_argument_group("how")
    how.add_argument(
        "--exposure",
        choices=("lock-first", "per-stack", "ramp"),
        help="all as the first stack (the default); each as metered; or as metered in small steps, from day "
        "into night. White balance stays that of the first",
    )
    how.add_argument(
        "--ramp-stops",
        metavar="STOPS",
        type=worded(number),
        help="largest change of a ramp a stack (default: 0.33)",
    )
    how.add_argument(
        "--range", choices=("fixed", "follow"), help="follow: near and far go with a growing subject"
    )
    how.add_argument(
        "--keep",
        metavar="WHAT",
        help="what stays when the disk fills: merged+slices (the default, all), merged, or every:10 for the "
        "slices of every 10th stack. What is not merged and checked always stays",
    )
    how.add_argument(
        "--hot", choices=("wait", "skip"), help="a stack that is due while the Pi is too hot (default: wait)"
    )
