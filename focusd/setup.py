"""The walk from a wired rail to a right configuration: questions and answers, as a pure state machine.

A person looks, touches and measures; the rig moves a little and reads its switches. All moves are those of
the daemon that runs, by the settings that it runs with, however wrong they are: that is what is found out.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

DIRECTION_MM: Final = 0.5
RULER_MM: Final = 2.0
"""How far the rig moves by its own belief: enough to be seen, little enough where the belief is far off."""

SAME: Final = 0.05
"""A ruler is no better than this part of so little."""

_LEADS_MM = (0.5, 0.7, 0.8, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0)
"""What screws have: better known than measured."""

_MICROSTEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class NotUnderstood(ValueError):
    """An answer that cannot be; its words say what can."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the switches read, by the settings that the daemon runs with; None where none is configured."""

    near: bool | None = None
    far: bool | None = None
    e_stop: bool | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What to do and to ask.

    Attributes
    ----------
    words
        For the person.
    move_mm
        What the rig does before, by its own belief, positive towards far; 0: nothing.
    looks
        Whether the answer is to be compared with what the switches read released, and what they read now.
    acknowledges
        Whether the answer says that the rig is safe again after an emergency stop.
    default
        What an empty answer means; None where it means nothing.
    """

    words: str
    move_mm: float = 0.0
    looks: bool = False
    acknowledges: bool = False
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Walk:
    """Where the walk is. Written down it can be left, and taken up again.

    Attributes
    ----------
    running
        The settings that the daemon runs with, by their dotted names.
    found
        What is known to be different.
    step
        The name of the next question; `end` when there is none.
    said
        What the last answer led to, in words.
    """

    running: Mapping[str, Any]
    found: Mapping[str, Any] = field(default_factory=dict)
    step: str = "near"
    said: str = ""

    def value(self, name: str) -> Any:
        """Give a setting as it is known by now."""
        return self.found.get(name, self.running[name])

    def changes(self) -> dict[str, Any]:
        """Give the settings that will be others."""
        return {name: value for name, value in self.found.items() if value != self.running[name]}

    @property
    def fit_to_move(self) -> bool:
        """Whether the rig may move by the settings that it runs with: none of its switches is misread."""
        return not any(name.startswith("axis.pins.") for name in self.changes())

    def on(self, step: str, said: str = "", **found: Any) -> "Walk":
        """Go on to `step`; settings are named with `__` for their dots."""
        named = {name.replace("__", "."): value for name, value in found.items()}
        return replace(self, found={**self.found, **named}, step=step, said=said)


SETTINGS: Final = (
    "axis.screw.lead_mm",
    "axis.screw.full_steps_a_turn",
    "axis.screw.microsteps",
    "axis.invert",
    "axis.travel_mm",
    "axis.keep_out_mm",
    "axis.home_allowed",
    "axis.pins.limit_near",
    "axis.pins.limit_far",
    "axis.pins.limit_active",
    "axis.pins.e_stop",
)
"""What the walk asks about."""


def question(walk: Walk) -> Question | None:
    """Give the next question; None at the end."""
    step = _STEPS.get(walk.step)
    return None if step is None else step[0](walk)


def answered(walk: Walk, answer: str, before: Sight = Sight(), now: Sight = Sight()) -> Walk:
    """Take an answer, and for a question that looks, what the switches read before it and at it.

    Raises `NotUnderstood`; the same question is then asked again.
    """
    asked = question(walk)
    if asked is None:
        raise NotUnderstood("there is nothing more to answer")
    typed = answer.strip().lower() or asked.default
    if typed is None:
        raise NotUnderstood("an answer is needed here")
    return _STEPS[walk.step][1](walk, typed, before, now)


Ask = Callable[[Walk], Question]
Take = Callable[[Walk, str, Sight, Sight], Walk]


def _number(
    name: str, words: str, then: str, least: float, most: float, *, whole: bool = False
) -> tuple[Ask, Take]:
    """Ask for a number that a person knows, as it is now unless another is given."""

    def ask(walk: Walk) -> Question:
        return Question(words, default=f"{walk.value(name):g}")

    def take(walk: Walk, typed: str, _before: Sight, _now: Sight) -> Walk:
        value = _read(typed, least, most)
        if whole and value != int(value):
            raise NotUnderstood(f"{typed} is no whole number")
        return replace(walk, found={**walk.found, name: int(value) if whole else value}, step=then, said="")

    return ask, take


def _read(typed: str, least: float, most: float) -> float:
    try:
        value = float(typed.removesuffix("mm"))
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise NotUnderstood(f'"{typed}" is no number from {least:g} to {most:g}')
    return value


def _ask_direction(walk: Walk) -> Question:
    return Question(
        "The carriage has moved a little, and back. At its first move, did lens and subject come closer "
        "together, move apart, or did nothing move? [closer/apart/nothing]",
        move_mm=DIRECTION_MM,
    )


def _take_direction(walk: Walk, typed: str, _before: Sight, _now: Sight) -> Walk:
    running = bool(walk.running["axis.invert"])
    match typed:
        case "closer" | "c":
            return walk.on("ruler", axis__invert=running)
        case "apart" | "a":
            said = "the motor turns the other way: axis.invert changes"
            return walk.on("ruler", said, axis__invert=not running)
        case "nothing" | "n":
            return walk.on(
                "direction",
                "Look at the driver's supply, whether the wires of STEP and DIR are swapped, at the wire of "
                "ENABLE and at axis.pins.enable_active. Then:",
            )
    raise NotUnderstood("answer closer, apart or nothing")


def _ask_ruler(walk: Walk) -> Question:
    return Question(
        "Measure with a ruler, or better a calliper, where the carriage was and where it stands now: how "
        "many millimetres has it really gone?",
        move_mm=-RULER_MM,
    )


def _take_ruler(walk: Walk, typed: str, _before: Sight, _now: Sight) -> Walk:
    measured_mm = _read(typed, RULER_MM / 40, RULER_MM * 40)
    running_mm = _step_mm(*(walk.running[name] for name in SETTINGS[:3]))
    lead_mm, turn, microsteps = (walk.value(name) for name in SETTINGS[:3])
    true_mm = running_mm * measured_mm / RULER_MM
    if math.isclose(true_mm, _step_mm(lead_mm, turn, microsteps), rel_tol=SAME):
        return walk.on("travel", "that is as it should be")
    strapped = min(_MICROSTEPS, key=lambda one: abs(math.log(true_mm / _step_mm(lead_mm, turn, one))))
    if math.isclose(true_mm, _step_mm(lead_mm, turn, strapped), rel_tol=SAME):
        said = f"so the driver makes {strapped} microsteps of a full step, not {microsteps}"
        return walk.on("travel", said, axis__screw__microsteps=strapped)
    measured_lead_mm = true_mm * turn * microsteps
    likely_mm = min(_LEADS_MM, key=lambda one: abs(math.log(one / measured_lead_mm)))
    alike = math.isclose(likely_mm, measured_lead_mm, rel_tol=SAME)
    lead_mm = likely_mm if alike else round(measured_lead_mm, 4)
    return walk.on("travel", f"so one turn moves it by {lead_mm:g} mm", axis__screw__lead_mm=lead_mm)


def _step_mm(lead_mm: float, full_steps_a_turn: int, microsteps: int) -> float:
    return lead_mm / (full_steps_a_turn * microsteps)


def _touch(end: str, where: str, then: str) -> tuple[Ask, Take]:
    """Have a switch pressed by hand, and see which input changes, and how."""
    other = "far" if end == "near" else "near"

    def ask(walk: Walk) -> Question:
        return Question(
            f"Press the limit switch where lens and subject are {where}, by hand, and hold it; then Enter. "
            "[none: there is no such switch]",
            looks=True,
            default="pressed",
        )

    def take(walk: Walk, typed: str, before: Sight, now: Sight) -> Walk:
        name = f"axis.pins.limit_{end}"
        if typed == "none":
            return replace(walk, found={**walk.found, name: None}, step=then, said="")
        inputs = {walk.running["axis.pins.limit_near"]: (before.near, now.near)}
        inputs[walk.running["axis.pins.limit_far"]] = (before.far, now.far)
        changed = {pin: reads[1] for pin, reads in inputs.items() if pin is not None and reads[0] != reads[1]}
        if len(changed) != 1:
            return replace(walk, said=_not_one(len(changed), end))
        ((pin, reads_pressed),) = changed.items()
        found: dict[str, Any] = {name: pin}
        said = "seen"
        if pin != walk.running[name]:
            said = f"seen, at the pin of the {other} one: the two are swapped"
        if not reads_pressed:
            found["axis.pins.limit_active"] = (
                "low" if walk.running["axis.pins.limit_active"] == "high" else "high"
            )
            said += "; it reads released when it is pressed: axis.pins.limit_active changes"
        return replace(walk, found={**walk.found, **found}, step=then, said=said)

    return ask, take


def _not_one(changed: int, end: str) -> str:
    if changed:
        return "Both inputs changed: their wires touch, or both switches were pressed. Again:"
    return f"No input changed: look at the wire of the {end} switch and at axis.pins. Again, or none:"


def _ask_e_stop(walk: Walk) -> Question:
    return Question(
        "Press the emergency stop, and leave it pressed; then Enter. [none: there is no such switch]",
        looks=True,
        default="none" if walk.running["axis.pins.e_stop"] is None else "pressed",
    )


def _take_e_stop(walk: Walk, typed: str, before: Sight, now: Sight) -> Walk:
    if typed == "none":
        return walk.on("lead", axis__pins__e_stop=None)
    if now.e_stop is None:
        return walk.on("e_stop", "none is configured: set axis.pins.e_stop, start focusd again, then setup.")
    if before.e_stop or not now.e_stop:
        words = "It does not change from released to pressed: it must be normally closed, to ground. Again:"
        return walk.on("e_stop", words)
    return walk.on("release", "seen")


def _ask_release(walk: Walk) -> Question:
    return Question("Release it again; then Enter.", looks=True, acknowledges=True, default="released")


def _take_release(walk: Walk, typed: str, _before: Sight, now: Sight) -> Walk:
    if now.e_stop:
        raise NotUnderstood("it still reads pressed")
    return walk.on("lead")


def _ask_home(walk: Walk) -> Question:
    return Question(
        "May the rig look for its home switch by itself? Only if nothing can be in its way. [yes/no]",
        default="no",
    )


def _take_home(walk: Walk, typed: str, _before: Sight, _now: Sight) -> Walk:
    if typed not in ("yes", "y", "no", "n"):
        raise NotUnderstood("answer yes or no")
    return walk.on("end", axis__home_allowed=typed.startswith("y"))


_TURN = "How many full steps has one turn of the motor? 200 is usual, 400 fine."
_TRAVEL = "How many millimetres can the carriage go from switch to switch?"
_LEAD = "How many millimetres does one turn of the motor move the carriage?"
_STRAP = "How many microsteps of a full step is the driver strapped to?"
_KEEP_OUT = "How many millimetres at the subject's end of its way may it never enter?"

_STEPS: Final[Mapping[str, tuple[Ask, Take]]] = {
    "near": _touch("near", "farthest apart", "far"),
    "far": _touch("far", "closest together", "e_stop"),
    "e_stop": (_ask_e_stop, _take_e_stop),
    "release": (_ask_release, _take_release),
    "lead": _number(SETTINGS[0], _LEAD, "turn", 0.05, 100),
    "turn": _number(SETTINGS[1], _TURN, "strap", 4, 1000, whole=True),
    "strap": _number(SETTINGS[2], _STRAP, "direction", 1, 256, whole=True),
    "direction": (_ask_direction, _take_direction),
    "ruler": (_ask_ruler, _take_ruler),
    "travel": _number(SETTINGS[4], _TRAVEL, "keep_out", 1, 2000),
    "keep_out": _number(SETTINGS[5], _KEEP_OUT, "home", 0, 1000),
    "home": (_ask_home, _take_home),
}
