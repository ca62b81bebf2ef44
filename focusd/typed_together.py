"""Options that were typed together and cannot all be meant, told as they were typed.

The daemon judges requests alike, in its own names; what it alone can know is left to it.
"""

from argparse import Namespace
from collections.abc import Iterator, Sequence

_WHERE = (("near", "far"), ("length",), ("around",))
_HOW_CLOSELY = (("pitch",), ("count",), ("overlap",))
_HOW_BRIGHT = (("stops",), ("clipped",))
_HOW_LONG = (("until",), ("lasting",))

_TYPED = {"lasting": "for"}
"""What an option is called that the program knows by another name."""


def contradictions(typed: Namespace) -> Iterator[str]:
    """Give a sentence for each."""
    match typed.command:
        case "plan" | "shoot":
            yield from _only_one(typed, _WHERE)
            yield from _both(typed, "near", "far")
            yield from _only_one(typed, _HOW_CLOSELY)
            yield from _only_one(typed, _HOW_BRIGHT)
            for (how,) in _HOW_BRIGHT:
                if _given(typed, how) and _given(typed, "exposure"):
                    yield f"{_option(how)} says how bright a metered picture is, and --exposure meters none"
        case "range":
            yield from _only_one(typed, (("near", "far"), ("around",)))
            yield from _both(typed, "near", "far")
        case "calibrate" if typed.action == "scale":
            yield from _both(typed, "length", "ends")
        case "timelapse" if typed.what == "start":
            yield from _only_one(typed, _HOW_LONG)
            if _given(typed, "ramp_stops") and typed.exposure != "ramp":
                yield "--ramp-stops is of a ramp: give --exposure ramp too"


def _only_one(typed: Namespace, ways: Sequence[Sequence[str]]) -> Iterator[str]:
    given = [way for way in ways if any(_given(typed, name) for name in way)]
    if len(given) > 1:
        yield f"give only one of {', '.join(' and '.join(map(_option, way)) for way in given)}"


def _both(typed: Namespace, one: str, other: str) -> Iterator[str]:
    if _given(typed, one) != _given(typed, other):
        yield f"{_option(one)} and {_option(other)} belong together: give both"


def _given(typed: Namespace, name: str) -> bool:
    return getattr(typed, name) is not None


def _option(name: str) -> str:
    return f"--{_TYPED.get(name, name).replace('_', '-')}"
