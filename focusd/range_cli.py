"""`focusctl range`: find where the subject begins and ends, and mark that, or make it a plan."""

from collections.abc import Mapping

from focusd.axis_screens import marks_words
from focusd.calibrate_cli import agreed, measured, propose
from focusd.call import Call
from focusd.client import Answer
from focusd.exits import Exit
from focusd.lengths import in_units

_FIELDS: Mapping[str, str] = {
    "near": "near_u",
    "far": "far_u",
    "around": "around_u",
    "pitch": "pitch_u",
    "plan": "plan",
    "save_plan": "save_as",
}
"""An option's name -> its field in the request."""


def range_(call: Call) -> Exit:
    """Look for the subject; then mark it, or write a plan."""
    given = {field: getattr(call.typed, option) for option, field in _FIELDS.items()}
    body = in_units({field: value for field, value in given.items() if value is not None})
    return measured(call, "/range", body, _kept)


def _kept(call: Call, found: Answer) -> Exit:
    """Keep the ends, unless the subject goes on beyond them."""
    if ends := found["figures"]["open_ends"]:
        words = f"the subject goes on beyond the {' and the '.join(ends)} end: nothing was marked or written"
        return call.problem("Not the whole subject", words, Exit.FAILED)
    return propose(call, found) if call.typed.save_plan else _marked(call, found)


def _marked(call: Call, found: Answer) -> Exit:
    if not call.typed.yes and not agreed(call, "Mark these ends?"):
        return call.result({**found, "marks": None}, ["nothing was marked; --yes says yes beforehand"])
    figures = found["figures"]
    call.daemon.drop("/marks")  # those of an earlier subject would change places with these
    for end in ("near", "far"):
        marks = call.daemon.tell("/mark", end=end, position_u=figures[f"{end}_u"], unit=figures["unit"])
    return call.result({**found, "marks": marks}, [f"marks: {marks_words(marks)}"])
