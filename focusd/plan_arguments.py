"""What can be typed about a stack to be planned or shot, and what each word means to the daemon."""

import argparse
from functools import partial
from typing import Any

from focusd.durations import duration_s
from focusd.lengths import extent, in_units, length
from focusd.typed_values import count, exposure, number, specimen_field, worded

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


def add_plan_options(parser: argparse.ArgumentParser) -> None:
    """Add what may differ from the named plan this time."""
    parser.add_argument("plan", nargs="?", metavar="PLAN", help="a plan of config.yaml (default: default)")
    parser.add_argument("--name", help="what to call the session")
    _add_where(parser)
    _add_how_closely(parser)
    _add_the_rest(parser)
    _add_specimen(parser)


def _add_where(parser: argparse.ArgumentParser) -> None:
    where = parser.add_argument_group("where (default: as the plan says, else between the marks)")
    length_ = worded(length)
    where.add_argument("--near", metavar="POSITION", type=length_, help="near end, counted from home")
    where.add_argument("--far", metavar="POSITION", type=length_, help="far end, counted from home")
    where.add_argument(
        "--length", metavar="LENGTH", type=length_, help="this far from here; negative is nearer"
    )
    where.add_argument(
        "--around", metavar="LENGTH", type=worded(extent), help="half of it on each side of here"
    )


def _add_how_closely(parser: argparse.ArgumentParser) -> None:
    how = parser.add_argument_group("how closely (default: as the plan says)")
    how.add_argument("--pitch", metavar="LENGTH", type=worded(extent), help="at most this far apart")
    how.add_argument("--count", metavar="N", type=worded(count), help="this many slices")
    how.add_argument(
        "--overlap", metavar="PART", type=worded(number), help="pitch as a part of the depth of field: 0.75"
    )


def _add_the_rest(parser: argparse.ArgumentParser) -> None:
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
    rest.add_argument("--delay", metavar="TIME", type=worded(duration_s), help="wait before it begins: 3s")
    rest.add_argument(
        "--exposure", metavar="TIME,GAIN,RED,BLUE", type=worded(exposure), help="do not meter: 8ms,1,2.1,1.7"
    )
    rest.add_argument(
        "--stops", metavar="STOPS", type=worded(number), help="brighter than metered: 0.5; darker: -0.5"
    )
    rest.add_argument(
        "--clipped", metavar="PERCENT", type=worded(number), help="as bright as clips no more: 0.5"
    )
    rest.add_argument("--frames", metavar="N", type=worded(count), help="mean of N frames a slice")
    rest.add_argument("--recycle", metavar="TIME", type=worded(duration_s), help="a flash recharges: 3s")


def _add_specimen(parser: argparse.ArgumentParser) -> None:
    specimen = parser.add_argument_group("of the specimen (recorded with the stack)")
    for name, example in (("catalogue", "BM-1042"), ("view", "dorsal")):
        specimen.add_argument(
            f"--{name}",
            dest="fields",
            metavar=example,
            action=_Fields,
            type=worded(partial(_one_field, name)),
            help=f"its {name}{' number' if name == 'catalogue' else ''}",
        )
    specimen.add_argument(
        "--field",
        dest="fields",
        metavar="NAME=VALUE",
        action=_Fields,
        type=worded(specimen_field),
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


def plan_request(arguments: argparse.Namespace) -> dict[str, Any]:
    """Give the body for /plan and /shoot: only what was typed, so that the named plan decides the rest."""
    given = {field: getattr(arguments, option) for option, field in _PLAN_FIELDS.items()}
    return in_units(
        {field: value for field, value in given.items() if value is not None and value is not False}
    )
