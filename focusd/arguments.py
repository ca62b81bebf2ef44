"""What can be typed after `focusctl`, and what each word means to the daemon."""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, time
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from focusd.durations import duration_s, duration_us
from focusd.film_arguments import add_showing
from focusd.lengths import Length, length

Value = TypeVar("Value")

_PLAN_FIELDS = {
    "plan": "plan",
    "name": "name",
    "near": "near_u",
    "far": "far_u",
    "length": "length_u",
    "around": "around_u",
    "pitch": "pitch_u",
    "count": "count",
    "overlap": "overlap",
    "rehearse": "rehearse",
    "recheck": "recheck",
    "corrected": "corrected",
    "needs": "needs",
    "after": "after",
    "delay": "delay_s",
    "exposure": "exposure",
    "stops": "stops",
    "clipped": "clipped_percent",
    "frames": "frames",
    "recycle": "recycle_s",
    "fields": "fields",
}
"""An option's name here -> its field in the body of /plan and /shoot."""

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
    if arguments.command == "merge":
        arguments.rest = list(typed[typed.index("merge") + 1 :])
    elif unknown:
        parser.error(
            f"unrecognized arguments: {' '.join(unknown)} (see: focusctl {arguments.command} --help)"
        )
    elif len(_units_in(arguments)) > 1:
        parser.error("lengths are given in more than one unit: an axis has millimetres, degrees or dioptres")
    elif arguments.command == "mark" and arguments.end == "clear" and arguments.position is not None:
        parser.error("mark clear forgets both marks; it takes no position")
    return arguments


def plan_request(arguments: argparse.Namespace) -> dict[str, Any]:
    """Give the body for /plan and /shoot: only what was typed, so that the named plan decides the rest."""
    given = {field: getattr(arguments, option) for option, field in _PLAN_FIELDS.items()}
    return in_units(
        {field: value for field, value in given.items() if value is not None and value is not False}
    )


def in_units(given: Mapping[str, Any]) -> dict[str, Any]:
    """Give a request's body with its lengths as numbers, and the unit they were typed in beside them."""
    lengths = {field: value for field, value in given.items() if isinstance(value, Length)}
    units = sorted({value.unit for value in lengths.values() if value.unit is not None})
    numbers = {field: value.value_u for field, value in lengths.items()}
    return {**given, **numbers, **({"unit": units[0]} if units else {})}


def exposure(typed: str) -> dict[str, Any]:
    """Read `TIME,GAIN,RED,BLUE`, as `focusctl sessions show` writes it."""
    try:
        time, *gains = typed.split(",")
        gain, red, blue = (float(number) for number in gains)
    except ValueError:
        raise ValueError(
            f'"{typed}" is not an exposure: write time, gain and the two colour gains, as in 8ms,1,2.1,1.7'
        ) from None
    return {"time_us": duration_us(time), "gain": gain, "colour_gains": [red, blue]}


def ends(typed: str) -> list[list[float]]:
    """Read `X,Y,X,Y`: two pixels."""
    try:
        x, y, to_x, to_y = (float(number) for number in typed.split(","))
    except ValueError:
        raise ValueError(f'"{typed}" is not two pixels: write both, as in 120,800,3200,815') from None
    return [[x, y], [to_x, to_y]]


def specimen_field(typed: str) -> dict[str, str]:
    """Read `NAME=VALUE`."""
    name, equals, value = typed.partition("=")
    if not equals:
        raise ValueError(f'"{typed}" is not a field: write its name, = and what it says, as in sex=female')
    return {name.strip(): value.strip()}


def _units_in(arguments: argparse.Namespace) -> set[str]:
    typed = [value for value in vars(arguments).values() if isinstance(value, Length)]
    return {length.unit for length in typed if length.unit is not None}


def _guarded(word: str) -> str:
    """Keep argparse from taking a negative length for an option, by writing its minus as typographers do."""
    return re.sub(r"^-(?=[.\d])", "−", word)


def focusctl_parser() -> argparse.ArgumentParser:
    """Give what knows every command and its options."""
    everywhere = _everywhere()
    parser = argparse.ArgumentParser(
        prog="focusctl",
        description="Drive a focus-stacking rig: see where it is, move it, shoot stacks.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[everywhere],
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, says: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=says,
            description=f"{says[0].upper()}{says[1:]}.",
            parents=[everywhere],
            allow_abbrev=False,
        )

    command("status", "say how the rig is, on one screen")
    _add_plan_options(command("plan", "show what a stack would be, moving nothing"))
    shoot = command("shoot", "shoot a stack")
    _add_plan_options(shoot)
    _add_wait(shoot)
    command("watch", "follow the stack that is being shot, or the next one")
    command("stop", "stop whatever moves; a stack is paused and can be resumed")
    resume = command("resume", "shoot what is missing of a stopped stack")
    resume.add_argument(
        "id", nargs="?", metavar="ID", help="number or name of the session (default: the latest)"
    )
    _add_wait(resume)
    command("abort", "stop, and end the stack for good; what is saved stays")
    home = command("home", "find the reference, so that positions are known")
    home.add_argument("--allow", action="store_true", help="say that this rig may home itself; remembered")
    jog = command("jog", "move by a length from here; negative is nearer (on a lens, more dioptres are)")
    jog.add_argument(
        "length", metavar="LENGTH", type=_typed(length), help="for example 4mm, -250um, 10deg, 0.5d"
    )
    goto = command("goto", "move to a position, counted from home")
    goto.add_argument(
        "position", metavar="POSITION", type=_typed(length), help="for example 20.5mm, 90deg, 4d"
    )
    zero = command("zero", "declare where the axis stands, moving nothing; it is held there")
    zero.add_argument(
        "position",
        nargs="?",
        metavar="POSITION",
        type=_typed(length),
        help="counted from home (default: at the home reference)",
    )
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
    command("acknowledge", "say that the rig is safe again after an emergency stop")
    _add_mark(command("mark", "remember where the subject begins or ends, or forget both"))
    _add_sessions(
        command("sessions", "list, show, check, remove or hand out the stacks on the disk"), everywhere
    )
    commands.add_parser(
        "merge", help="merge pictures here, without a daemon (see: focusctl merge --help)", add_help=False
    )
    _add_calibrate(
        command("calibrate", "measure the rig by its camera, and put what is found into config.yaml"),
        everywhere,
    )
    _add_range(command("range", "find where the subject begins and ends to be sharp, and mark it"))
    _add_preview(command("preview", "look through the camera: save what it sees, say how sharp that is"))
    _add_timelapse(command("timelapse", "shoot a series of stacks, unattended"), everywhere)
    _add_sim(command("sim", "reach into a simulated rig (focusd --simulate)"), everywhere)
    return parser


def _add_timelapse(parser: argparse.ArgumentParser, everywhere: argparse.ArgumentParser) -> None:
    whats = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    says = {
        "start": "begin a series",
        "status": "say how the series goes, and when it goes on",
        "stop": "let no further stack begin; the series can be resumed",
        "resume": "go on with a stopped series",
        "abort": "end the series for good; its stacks stay",
        "list": "list every series there is",
    }
    parsers = {
        what: whats.add_parser(what, help=words, parents=[everywhere], allow_abbrev=False)
        for what, words in says.items()
    }
    add_showing(whats, everywhere)
    start = parsers["start"]
    start.add_argument("plan", nargs="?", metavar="PLAN", help="a plan of config.yaml (default: default)")
    start.add_argument("--name", help="what to call the series and its sessions")
    when = start.add_argument_group("when")
    when.add_argument(
        "--every", metavar="TIME", type=_typed(duration_s), required=True, help="from stack to stack: 30min"
    )
    when.add_argument("--count", metavar="N", type=int, help="so many, then it is done")
    when.add_argument("--until", metavar="TIME", type=_typed(moment), help="such as 2026-12-01T08:00")
    when.add_argument("--for", metavar="TIME", type=_typed(duration_s), dest="lasting", help="such as 7d")
    when.add_argument("--start-at", metavar="TIME", type=_typed(moment), help="(default: now)")
    when.add_argument(
        "--window", metavar="FROM-TO", type=_typed(window), help="only in these hours: 06:00-20:00"
    )
    when.add_argument(
        "--missed", choices=("skip", "once"), help="slots that passed while the Pi was off (default: skip)"
    )
    when.add_argument(
        "--overlaps", action="store_true", help="leave slots out that a stack still being shot covers"
    )
    how = start.add_argument_group("how")
    how.add_argument(
        "--exposure",
        choices=("lock-first", "per-stack", "ramp"),
        help="all as the first stack (the default); each as metered; or as metered in small steps, from day "
        "into night. White balance stays that of the first",
    )
    how.add_argument(
        "--ramp-stops", metavar="STOPS", type=float, help="largest change of a ramp a stack (default: 0.33)"
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


def moment(typed: str) -> str:
    """Read a date and time of day; local where no zone is said. Raises `ValueError`."""
    try:
        return datetime.fromisoformat(typed).isoformat()
    except ValueError:
        raise ValueError(f'"{typed}" is not a time: write 2026-12-01T08:00') from None


def window(typed: str) -> list[str]:
    """Read `FROM-TO`, two times of a day. Raises `ValueError`."""
    try:
        opens, closes = (time.fromisoformat(edge).isoformat() for edge in typed.split("-"))
    except ValueError:
        raise ValueError(f'"{typed}" is no window: write 06:00-20:00') from None
    return [opens, closes]


def _everywhere() -> argparse.ArgumentParser:
    """Options that may stand before or after the command."""
    options = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    options.add_argument(
        "--socket", metavar="PATH", type=Path, help="where focusd listens (or FOCUSRAIL_SOCKET)"
    )
    options.add_argument("--json", action="store_true", help="write JSON, for programs")
    return options


def _add_plan_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plan", nargs="?", metavar="PLAN", help="a plan of config.yaml (default: default)")
    parser.add_argument("--name", help="what to call the session")
    where = parser.add_argument_group("where (default: as the plan says, else between the marks)")
    length_ = _typed(length)
    where.add_argument("--near", metavar="POSITION", type=length_, help="near end, counted from home")
    where.add_argument("--far", metavar="POSITION", type=length_, help="far end, counted from home")
    where.add_argument(
        "--length", metavar="LENGTH", type=length_, help="this far from here; negative is nearer"
    )
    where.add_argument("--around", metavar="LENGTH", type=length_, help="half of it on each side of here")
    how = parser.add_argument_group("how closely (default: as the plan says)")
    how.add_argument("--pitch", metavar="LENGTH", type=length_, help="at most this far apart")
    how.add_argument("--count", metavar="N", type=int, help="this many slices")
    how.add_argument(
        "--overlap", metavar="PART", type=float, help="pitch as a part of the depth of field: 0.75"
    )
    rest = parser.add_argument_group("the rest")
    rest.add_argument("--rehearse", action="store_true", help="move, but photograph nothing")
    rest.add_argument(
        "--recheck", action="store_true", help="home again at the end, to see whether steps were lost"
    )
    rest.add_argument(
        "--needs", choices=("known", "assumed"), help="how sure the position must be for places named by it"
    )
    rest.add_argument(
        "--corrected", action="store_true", help="take out shading, dust and hot pixels, as measured"
    )
    rest.add_argument("--after", choices=("park", "start", "stay"), help="where to go at the end")
    rest.add_argument("--delay", metavar="TIME", type=_typed(duration_s), help="wait before it begins: 3s")
    rest.add_argument(
        "--exposure", metavar="TIME,GAIN,RED,BLUE", type=_typed(exposure), help="do not meter: 8ms,1,2.1,1.7"
    )
    rest.add_argument("--stops", metavar="STOPS", type=float, help="brighter than metered, or darker: 0.5")
    rest.add_argument("--clipped", metavar="PERCENT", type=float, help="as bright as clips no more: 0.5")
    rest.add_argument("--frames", metavar="N", type=int, help="mean of N frames a slice")
    rest.add_argument("--recycle", metavar="TIME", type=_typed(duration_s), help="a flash recharges: 3s")

    specimen = parser.add_argument_group("of the specimen (recorded with the stack)")
    for name, example in (("catalogue", "BM-1042"), ("view", "dorsal")):
        specimen.add_argument(
            f"--{name}",
            dest="fields",
            metavar=example,
            action=_Fields,
            type=_typed(partial(_one_field, name)),
            help=f"its {name}{' number' if name == 'catalogue' else ''}",
        )
    specimen.add_argument(
        "--field",
        dest="fields",
        metavar="NAME=VALUE",
        action=_Fields,
        type=_typed(specimen_field),
        help="anything else, as often as wanted: --field sex=female",
    )


class _Fields(argparse.Action):
    """Gathers fields into one dict, whichever option they came from."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Add what was typed."""
        setattr(namespace, self.dest, {**(getattr(namespace, self.dest) or {}), **values})


def _one_field(name: str, value: str) -> dict[str, str]:
    return {name: value}


def _add_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--wait", action="store_true", help="follow it until the picture is merged")


def _add_mark(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("end", choices=("near", "far", "clear"))
    parser.add_argument(
        "position",
        nargs="?",
        metavar="POSITION",
        type=_typed(length),
        help="counted from home (default: here)",
    )


def _add_sessions(parser: argparse.ArgumentParser, everywhere: argparse.ArgumentParser) -> None:
    parser.set_defaults(action="list")
    actions = parser.add_subparsers(dest="action", metavar="ACTION")

    def action(name: str, says: str) -> argparse.ArgumentParser:
        return actions.add_parser(name, help=says, parents=[everywhere], allow_abbrev=False)

    action("list", "a line for each (the default)")
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


def _add_calibrate(parser: argparse.ArgumentParser, everywhere: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="WHAT", required=True)
    length_ = _typed(length)

    def action(name: str, says: str) -> argparse.ArgumentParser:
        one = actions.add_parser(
            name,
            help=says,
            description=f"{says[0].upper()}{says[1:]}.",
            parents=[everywhere],
            allow_abbrev=False,
        )
        one.add_argument(
            "--plan", metavar="PLAN", help="whose settling time, exposure and optics hold (default: default)"
        )
        _add_writing(one)
        return one

    settle = action("settle", "how long the picture shakes after a move")
    settle.add_argument(
        "--move", metavar="LENGTH", type=length_, help="how long the moves are (as in a stack)"
    )
    settle.add_argument("--rounds", metavar="N", type=int, help="how many moves (8)")
    settle.add_argument("--watch", metavar="TIME", type=_typed(duration_s), help="how long after each (1s)")
    scale = action("scale", "micrometres for a pixel, by a ruler in the picture or a travel across it")
    ways = scale.add_mutually_exclusive_group(required=True)
    ways.add_argument("--division", metavar="LENGTH", type=length_, help="between a ruler's lines: 0.1mm")
    ways.add_argument("--travel", metavar="LENGTH", type=length_, help="of a rail across the picture")
    ways.add_argument("--length", metavar="LENGTH", type=length_, help="of something between two --ends")
    scale.add_argument("--ends", metavar="X,Y,X,Y", type=_typed(ends), help="the two pixels of the frame")
    for name, says in (
        ("flat", "shading and dust, by something evenly white before the lens, out of focus"),
        ("dark", "hot pixels, with the cap on the lens"),
    ):
        field = action(name, says)
        field.add_argument("--frames", metavar="N", type=int, help="mean of so many (16)")
    backlash = action("backlash", "the play of screw or gears, going there and back about here")
    backlash.add_argument(
        "--span", metavar="LENGTH", type=length_, help="how far (four times what is configured)"
    )
    backlash.add_argument("--pitch", metavar="LENGTH", type=length_, help="from picture to picture")


def _add_range(parser: argparse.ArgumentParser) -> None:
    length_ = _typed(length)
    parser.add_argument("--near", metavar="POSITION", type=length_, help="where to begin, counted from home")
    parser.add_argument("--far", metavar="POSITION", type=length_, help="where to end, counted from home")
    parser.add_argument("--around", metavar="LENGTH", type=length_, help="half of it on each side of here")
    parser.add_argument("--pitch", metavar="LENGTH", type=length_, help="from picture to picture")
    parser.add_argument("--plan", metavar="PLAN", help="whose settling time, exposure and optics hold")
    parser.add_argument("--save-plan", metavar="NAME", help="do not mark it, make it a plan of config.yaml")
    _add_writing(parser)


def _add_preview(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="save the picture, a JPEG")
    parser.add_argument("--width", metavar="PX", type=int, help="of the picture (960)")
    parser.add_argument(
        "--crop", metavar="X,Y", help="a part at 1:1 about there, in parts of width and height: 0.5,0.5"
    )
    parser.add_argument("--peaking", action="store_true", help="mark what is sharp, in green")
    parser.add_argument(
        "--clipping", action="store_true", help="mark what is clipped (magenta), or black (blue)"
    )
    parser.add_argument("--watch", action="store_true", help="again and again, until Ctrl-C")


def _add_writing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="mark or write what is found without asking")
    parser.add_argument("--config", metavar="FILE", type=Path, help="the config.yaml to write (focusd's own)")


def _add_sim(parser: argparse.ArgumentParser, everywhere: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    press = actions.add_parser(
        "press", help="press a button of the panel", parents=[everywhere], allow_abbrev=False
    )
    press.add_argument("button", choices=("shoot", "e_stop"))
    press.add_argument("--hold", metavar="TIME", type=_typed(duration_s), help="keep it pressed: 2s")
    actions.add_parser("state", help="show the simulated world", parents=[everywhere], allow_abbrev=False)
    fault = actions.add_parser("fault", help="switch a fault on", parents=[everywhere], allow_abbrev=False)
    fault.add_argument("name", metavar="NAME")
    fault.add_argument("--off", action="store_true", help="switch it off again")


def _typed(read: Callable[[str], Value]) -> Callable[[str], Value]:
    """Let argparse show the words of a `ValueError`, which it otherwise replaces by its own."""

    def reading(typed: str) -> Value:
        try:
            return read(typed)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return reading
