"""What a walk of questions and answers is made of, as values; what is asked is in `focusd.setup`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from focusd.lengths import length
from focusd.switches import Switches

Unit = Literal["mm", "um", "deg"]
"""What a number that is asked for may be measured in."""


class NotUnderstood(ValueError):
    """An answer that cannot be; its words say what can."""


UNSEEN: Final = Switches()
"""Nobody looked."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to do and to ask.

    Attributes
    ----------
    words
        For the person.
    default
        What an empty answer means; None where it means nothing.
    move_u
        What the rig does before, by its own belief, positive towards far; 0: nothing.
    returns
        Whether it then goes back to where it was.
    looks
        Whether the answer is to be compared with what the switches read released, and what they read now.
    acknowledges
        Whether the answer says that the rig is safe again after an emergency stop.
    restarts
        Whether the daemon must first be started again, to run by all that was found; nothing else is asked.
    """

    words: str
    default: str | None = None
    move_u: float = 0.0
    returns: bool = False
    looks: bool = False
    acknowledges: bool = False
    restarts: bool = False


@dataclass(frozen=True, slots=True)
class Errand:
    """What the daemon is asked to do: a motion, or a survey that finds something."""

    path: str
    body: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer leads to.

    Attributes
    ----------
    found
        Settings that are known by it, by their dotted names.
    said
        What it means, in words.
    again
        Whether the same is asked again.
    errand
        What the daemon is to do before the next question.
    """

    found: Mapping[str, Any] = field(default_factory=dict)
    said: str = ""
    again: bool = False
    errand: Errand | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer in small letters, and what the switches read before the question and at the answer.

    They are read by the settings that the daemon runs with.
    """

    typed: str
    before: Switches = UNSEEN
    now: Switches = UNSEEN


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a walk is. Written down it can be left, and taken up again.

    Attributes
    ----------
    running
        The settings that the daemon runs with, by their dotted names.
    found
        What is known to be right.
    step
        The name of the next question, or of one before it that there is nothing to ask for; empty: the first.
    told
        What the last answer led to.
    """

    running: Mapping[str, Any]
    found: Mapping[str, Any] = field(default_factory=dict)
    step: str = ""
    told: Told = Told()

    def value(self, name: str) -> Any:
        """Give a setting as it is known by now."""
        return self.found.get(name, self.running[name])

    def changes(self) -> dict[str, Any]:
        """Give the settings that will be others."""
        return {name: value for name, value in self.found.items() if value != self.running[name]}

    def may_ask(self, asked: Question) -> bool:
        """Whether the daemon runs by enough of what was found: no move while its switches are misread."""
        misread = any(name.startswith("axis.pins.") for name in self.changes())
        return not (asked.restarts or (asked.move_u and misread))

    def took(self, told: Told, then: str) -> "Walk":
        """Give the walk after an answer; `then` comes next unless the same is asked again."""
        step = self.step if told.again else then
        return replace(self, found={**self.found, **told.found}, step=step, told=told)


Ask = Callable[[Walk], Question | None]
"""Gives what is to be asked; None where there is nothing."""

Take = Callable[[Walk, Heard], Told]
"""Takes an answer; raises `NotUnderstood`."""

Step = tuple[Ask, Take]


def number(
    name: str, words: str, least: float, most: float, unit: Unit | None = None, *, whole: bool = False
) -> Step:
    """Ask for a number that a person knows, as it is now unless another is given."""

    def ask(walk: Walk) -> Question:
        return Question(words, default=f"{walk.value(name):g}")

    def take(_walk: Walk, heard: Heard) -> Told:
        value = read_number(heard.typed, least, most, unit)
        if whole and value != int(value):
            raise NotUnderstood(f"{heard.typed} is no whole number")
        return Told({name: int(value) if whole else value})

    return ask, take


def started_again() -> Step:
    """Have the daemon started again where anything was found that it does not run by yet."""

    def ask(walk: Walk) -> Question | None:
        return Question("", restarts=True) if walk.changes() else None

    return ask, lambda _walk, _heard: Told()


def read_number(typed: str, least: float, most: float, unit: Unit | None = None) -> float:
    """Give a number within limits, in `unit`, which need not be typed; raises `NotUnderstood`."""
    value = _plain(typed) if unit is None else _measured(typed, unit)
    if value is None or not least <= value <= most:
        raise NotUnderstood(f'"{typed}" is no number from {least:g} to {most:g}{f" {unit}" if unit else ""}')
    return value


def _plain(typed: str) -> float | None:
    try:
        return float(typed)
    except ValueError:
        return None


def _measured(typed: str, unit: Unit) -> float | None:
    """Read a length or a turn in the unit that was asked for, or in another that it can be told in."""
    if (plain := _plain(typed)) is not None:
        return plain
    try:
        said = length(typed)
    except ValueError:
        return None
    if said.unit != ("deg" if unit == "deg" else "um"):
        return None
    return said.value_u / 1000 if unit == "mm" else said.value_u
