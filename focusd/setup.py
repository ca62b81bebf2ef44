"""The walk from a wired rig to a right configuration: questions and answers, as a pure state machine.

A person looks, touches and measures; the rig moves a little and reads its switches. All moves are those of
the daemon that runs, by the settings that it runs with, however wrong they are: that is what is found out.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from focusd.switches import Switches
from focusd.walk import UNSEEN, Heard, NotUnderstood, Question, Step, Walk
from focusd.walk_measuring import MEASURING
from focusd.walk_travel import RAIL, RING
from focusd.walk_wiring import DRIVER, E_STOP, LIMITS

_STEPS: Final[Mapping[str, Mapping[str, Step]]] = {
    "rail": {**DRIVER, **LIMITS, **E_STOP, **RAIL, **MEASURING},
    "ring": {**DRIVER, **E_STOP, **RING, **MEASURING},
    "lens": MEASURING,
}
"""By the kind of axis, what is asked, in order."""

_END: Final = "end"


def question(walk: Walk) -> Question | None:
    """Give the next question; None at the end."""
    return _next(walk)[1]


def answered(walk: Walk, answer: str, before: Switches = UNSEEN, now: Switches = UNSEEN) -> Walk:
    """Take an answer, and for a question that looks, what the switches read before it and at it.

    Raises `NotUnderstood`; the same question is then asked again.
    """
    step, asked = _next(walk)
    if asked is None:
        raise NotUnderstood("there is nothing more to answer")
    typed = (answer.strip() or asked.default or "").lower()
    if not typed:
        raise NotUnderstood("an answer is needed here")
    steps = _STEPS[walk.running["axis.kind"]]
    told = steps[step][1](walk, Heard(typed, before, now))
    names = [*steps, _END]
    return walk.took(told, names[names.index(step) + 1])


def notes_of(walk: Walk, config: str) -> dict[str, Any]:
    """Give what is to be noted of a walk that is left: `config` is the file that it leads to."""
    return {"config": config, "found": dict(walk.found), "step": walk.step}


def taken_up(running: Mapping[str, Any], kept: Mapping[str, Any], config: str) -> Walk:
    """Go on with an earlier walk where it was, by what `notes_of` gave.

    One that has no such settings or step, or led to another file, that of another rig, is begun again.
    """
    if kept.get("config") != config:
        return Walk(running)
    found, step = kept.get("found", {}), kept.get("step", "")
    if step not in (*_STEPS[running["axis.kind"]], _END) or not found.keys() <= running.keys():
        return Walk(running)
    return Walk(running, found, step)


def named(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a walk knows of the settings, those of axis and panel, by dotted names."""
    return {name: value for group in ("axis", "panel") for name, value in _leaves(group, settings[group])}


def _leaves(at: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(f"{at}.{name}", inner)
    else:
        yield at, value


def _next(walk: Walk) -> tuple[str, Question | None]:
    """Give the first step from where the walk is that there is something to ask for."""
    steps = _STEPS[walk.running["axis.kind"]]
    names = list(steps)
    begin = names.index(walk.step) if walk.step in steps else 0 if not walk.step else len(names)
    for name in names[begin:]:
        if (asked := steps[name][0](walk)) is not None:
            return name, asked
    return _END, None
