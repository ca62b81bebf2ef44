"""What can be typed after `focusctl`."""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from focusd.calibrate_arguments import add_calibrate, add_range
from focusd.durations import duration_s
from focusd.lengths import Length, length
from focusd.plan_arguments import add_plan_options
from focusd.sessions_arguments import add_sessions
from focusd.subcommand import Parser, add_command
from focusd.timelapse_arguments import add_timelapse
from focusd.typed_together import contradictions
from focusd.typed_values import count, worded

Command = Callable[[str, str], argparse.ArgumentParser]
"""Adds a command by its name and what it does."""

_EPILOG = """\
lengths need their unit: 4mm, 250um, -0.5mm; on a focus ring 12.5deg, on a lens 0.5d
exit codes: 0 done, 1 failed, 2 usage, 3 refused, 4 busy, 5 no daemon, 130 interrupted
a first stack: home --allow; goto 19mm; mark near; goto 21mm; mark far; plan; shoot --wait"""


def parse(typed: Sequence[str]) -> argparse.Namespace:
    """Read what was typed; ends the program with code 2 and a word of help where it makes no sense.

    `command` names the command; the arguments of `merge` are left to the merge, in `rest`.
    """
    parser = focusctl_parser()
    arguments, unknown = parser.parse_known_args([_guarded(word) for word in typed])
    parser.prog = f"focusctl {' '.join(_said(arguments))}"  # whose help an error points to
    if arguments.command == "merge":
        arguments.rest = _for_the_merge(typed, arguments)
    elif unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    elif len(_units_in(arguments)) > 1:
        parser.error("lengths are given in more than one unit: an axis has millimetres, degrees or dioptres")
    elif arguments.command == "mark" and arguments.end == "clear" and arguments.position is not None:
        parser.error("mark clear forgets both marks; it takes no position")
    elif contradictory := "; ".join(contradictions(arguments)):
        parser.error(contradictory)
    return arguments


def _said(arguments: argparse.Namespace) -> list[str]:
    """Give the command's words: `calibrate scale`."""
    below = (getattr(arguments, name, None) for name in ("action", "what"))
    return [arguments.command, *(word for word in below if word)]


def _for_the_merge(typed: Sequence[str], arguments: argparse.Namespace) -> list[str]:
    """Give the words after `merge`; what may stand anywhere is read off them, into `arguments`."""
    _, (_merge, *rest) = _everywhere().parse_known_args(typed, arguments)
    return ["--json", *rest] if getattr(arguments, "json", False) else rest


def _units_in(arguments: argparse.Namespace) -> set[str]:
    typed = [value for value in vars(arguments).values() if isinstance(value, Length)]
    return {length.unit for length in typed if length.unit is not None}


def _guarded(word: str) -> str:
    """Keep argparse from taking a negative length for an option, by writing its minus as typographers do."""
    return re.sub(r"^-(?=[.\d])", "−", word)


def focusctl_parser() -> argparse.ArgumentParser:
    """Give what knows every command and its options."""
    everywhere = _everywhere()
    parser = Parser(
        prog="focusctl",
        description="Drive a focus-stacking rig: see where it is, move it, shoot stacks.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[everywhere],
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version",
        action=_Version,
        nargs=0,
        dest=argparse.SUPPRESS,
        help="say which version this is, and end",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, says: str) -> argparse.ArgumentParser:
        return add_command(commands, name, says, everywhere)

    _add_stacks(command)
    _add_moves(command)
    _add_examinations(command)
    command("acknowledge", "say that the rig is safe again after an emergency stop")
    _add_mark(command("mark", "remember where the subject begins or ends, or forget both"))
    add_sessions(
        command("sessions", "list, show, check, remove or hand out the stacks on the disk"), everywhere
    )
    commands.add_parser(
        "merge", help="merge pictures here, without a daemon (see: focusctl merge --help)", add_help=False
    )
    add_calibrate(
        command("calibrate", "measure the rig by its camera, and put what is found into config.yaml"),
        everywhere,
    )
    add_range(command("range", "find where the subject begins and ends to be sharp, and mark it"))
    _add_preview(command("preview", "look through the camera: save what it sees, say how sharp that is"))
    add_timelapse(command("timelapse", "shoot a series of stacks, unattended"), everywhere)
    _add_sim(command("sim", "reach into a simulated rig (focusd --simulate)"), everywhere)
    return parser


def _add_stacks(command: Command) -> None:
    command("status", "say how the rig is, on one screen")
    add_plan_options(command("plan", "show what a stack would be, moving nothing"))
    shoot = command("shoot", "shoot a stack")
    add_plan_options(shoot)
    _add_wait(shoot)
    command("watch", "follow the stack that is being shot, or the next one")
    command("stop", "stop whatever moves; a stack is paused and can be resumed")
    resume = command("resume", "shoot what is missing of a stopped stack")
    resume.add_argument(
        "id", nargs="?", metavar="ID", help="number or name of the session (default: the latest)"
    )
    _add_wait(resume)
    command("abort", "stop, and end the stack for good; what is saved stays")


def _add_moves(command: Command) -> None:
    home = command("home", "find the reference, so that positions are known")
    home.add_argument("--allow", action="store_true", help="say that this rig may home itself; remembered")
    jog = command("jog", "move by a length from here; negative is nearer (on a lens, more dioptres are)")
    jog.add_argument(
        "length", metavar="LENGTH", type=worded(length), help="for example 4mm, -250um, 10deg, 0.5d"
    )
    goto = command("goto", "move to a position, counted from home")
    goto.add_argument(
        "position", metavar="POSITION", type=worded(length), help="for example 20.5mm, 90deg, 4d"
    )
    zero = command("zero", "declare where the axis stands, moving nothing; it is held there")
    zero.add_argument(
        "position",
        nargs="?",
        metavar="POSITION",
        type=worded(length),
        help="counted from home (default: at the home reference)",
    )


def _add_examinations(command: Command) -> None:
    command("axis", "show all about the axis: position, reach, switches, speeds")
    doctor = command("doctor", "look the rig over, moving nothing, and say what to do about what is wrong")
    doctor.add_argument(
        "--config", metavar="FILE", type=Path, help="where no daemon runs: the settings to check"
    )
    doctor.add_argument(
        "--state-dir", metavar="DIR", type=Path, help="where no daemon runs: where the position is stored"
    )
    support = command("support", "pack logs, settings (no secrets) and the last stack's report into one file")
    support.add_argument(
        "file", nargs="?", metavar="FILE", type=Path, help="default: focusrail-support.tar.gz"
    )
    support.add_argument("--config", metavar="FILE", type=Path, help="the settings to pack")
    support.add_argument("--state-dir", metavar="DIR", type=Path, help="where sessions are kept")
    setup = command("setup", "find out by questions and small moves how a rig is wired, and write it down")
    setup.add_argument("--config", metavar="FILE", type=Path, help="the settings to change")
    setup.add_argument("--anew", action="store_true", help="forget an earlier walk that was left")
    setup.add_argument("--yes", action="store_true", help="write what was found without asking")


class _Version(argparse.Action):
    """Says the version; looked up only then, for that takes longer than reading a command."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        _namespace: argparse.Namespace,
        _values: object,
        _option_string: str | None = None,
    ) -> None:
        """Say it, and end the program."""
        from importlib.metadata import version

        sys.stdout.write(f"{parser.prog} {version('focusrail')}\n")
        parser.exit()


def _everywhere() -> argparse.ArgumentParser:
    """Options that may stand before or after the command."""
    options = argparse.ArgumentParser(
        prog="focusctl", add_help=False, argument_default=argparse.SUPPRESS, allow_abbrev=False
    )
    options.add_argument(
        "--socket", metavar="PATH", type=Path, help="where focusd listens (or FOCUSRAIL_SOCKET)"
    )
    options.add_argument("--json", action="store_true", help="write JSON, for programs")
    return options


def _add_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--wait", action="store_true", help="follow it until the picture is merged")


def _add_mark(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("end", metavar="near|far|clear", choices=("near", "far", "clear"))
    parser.add_argument(
        "position",
        nargs="?",
        metavar="POSITION",
        type=worded(length),
        help="counted from home (default: here)",
    )


def _add_preview(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="save the picture, a JPEG")
    parser.add_argument("--width", metavar="PX", type=worded(count), help="of the picture (960)")
    parser.add_argument(
        "--crop", metavar="X,Y", help="a part at 1:1 about there, in parts of width and height: 0.5,0.5"
    )
    parser.add_argument("--peaking", action="store_true", help="mark what is sharp, in green")
    parser.add_argument(
        "--clipping", action="store_true", help="mark what is clipped (magenta), or black (blue)"
    )
    parser.add_argument(
        "--growing",
        action="store_true",
        help="show the picture that is being merged, as it is by now",
    )
    parser.add_argument("--watch", action="store_true", help="again and again, until Ctrl-C")


def _add_sim(parser: argparse.ArgumentParser, everywhere: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    press = add_command(actions, "press", "press a button of the panel", everywhere)
    press.add_argument("button", metavar="BUTTON", help="shoot, e_stop, limit_near or limit_far")
    press.add_argument("--hold", metavar="TIME", type=worded(duration_s), help="keep it pressed: 2s")
    add_command(actions, "state", "show the simulated world", everywhere)
    fault = add_command(actions, "fault", "switch a fault on", everywhere)
    fault.add_argument("name", metavar="NAME")
    fault.add_argument("--off", action="store_true", help="switch it off again")
