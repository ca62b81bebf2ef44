"""What leads where: the driver, the pins, and the switches, which are pressed by hand and seen."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from focusd.walk import Heard, NotUnderstood, Question, Step, Told, Walk, started_again
from rail.drivers import CUSTOM, DRIVERS

HIGHEST_PIN: Final = 27

_KNOWN: Final = {name.lower(): name for name in (*DRIVERS, CUSTOM)}

_MOTOR: Final = {"step": "axis.pins.step", "dir": "axis.pins.dir", "enable": "axis.pins.enable"}
_COILS: Final = "axis.pins.coils"
_LIMITS: Final = {"limit-near": "axis.pins.limit_near", "limit-far": "axis.pins.limit_far"}
_E_STOP: Final = {"e-stop": "axis.pins.e_stop"}
_PANEL: Final = {"shoot": "panel.shoot_pin", "led": "panel.led_pin", "light": "panel.light_pin"}
_LEVELS: Final = {"enable-active": "axis.pins.enable_active", "light-active": "panel.light_active"}
_NEEDED: Final = frozenset((*_MOTOR.values(), _COILS))

_TWO_KINDS: Final = (
    "The two switches are of two kinds: pressed, one of them opens and the other closes. Wire both normally "
    "closed, to ground, and begin again with --anew. Without this one: none"
)


def _ask_driver(walk: Walk) -> Question:
    names = ", ".join(DRIVERS)
    words = f"Which driver turns the motor: {names}, or {CUSTOM} with the times of its data sheet?"
    return Question(words, default=walk.value("axis.driver"))


def _take_driver(walk: Walk, heard: Heard) -> Told:
    name = _KNOWN.get(heard.typed)
    if name is None:
        raise NotUnderstood(f"answer one of {', '.join(_KNOWN.values())}")
    found: dict[str, Any] = {"axis.driver": name}
    of = "ring" if walk.running["axis.kind"] == "ring" else "screw"
    if _four_phase(name) and walk.value(f"axis.{of}.microsteps") > 2:
        found[f"axis.{of}.microsteps"] = 2
    return Told(found)


def _four_phase(driver: str) -> bool:
    return driver in DRIVERS and DRIVERS[driver].four_phase


def _wires(walk: Walk) -> Iterator[Mapping[str, str]]:
    """Give what this rig may have, a line each: the names that are typed, and their settings."""
    four_phase = _four_phase(walk.value("axis.driver"))
    levels = {} if four_phase else {"enable-active": _LEVELS["enable-active"]}
    yield {"coils": _COILS} if four_phase else {**_MOTOR, **levels}
    yield _E_STOP if walk.running["axis.kind"] == "ring" else {**_LIMITS, **_E_STOP}
    yield {**_PANEL, "light-active": _LEVELS["light-active"]}


def _ask_pins(walk: Walk) -> Question:
    lines = [
        "  " + ", ".join(f"{name} {_shown(walk.value(setting))}" for name, setting in wires.items())
        for wires in _wires(walk)
    ]
    words = [
        "What leads to which GPIO? Its number counts, not its place on the header; `none`: nothing does.",
        *lines,
        "Enter where that is so; else type what is otherwise, such as: shoot 17, led none",
    ]
    return Question("\n".join(words), default="so")


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(str(pin) for pin in value)
    return "none" if value is None else str(value)


def _take_pins(walk: Walk, heard: Heard) -> Told:
    if heard.typed == "so":
        return Told()
    settings = {name: setting for wires in _wires(walk) for name, setting in wires.items()}
    words = heard.typed.replace(",", " ").replace("=", " ").split()
    found: dict[str, Any] = {}
    while words:
        name, values = words[0], words[1:]
        if name not in settings:
            raise NotUnderstood(f'"{name}" is none of {", ".join(settings)}')
        many = 4 if name == "coils" else 1
        found[settings[name]] = _read(name, settings[name], values[:many])
        words = values[many:]
    _see_that_none_is_shared({name: found.get(of, walk.value(of)) for name, of in settings.items()})
    return Told(found, again=True)


def _read(name: str, setting: str, typed: list[str]) -> Any:
    if setting in _LEVELS.values():
        if typed not in (["low"], ["high"]):
            raise NotUnderstood(f"{name} is low or high")
        return typed[0]
    if typed == ["none"] and setting not in _NEEDED:
        return None
    pins = [int(word) for word in typed if word.isdecimal() and int(word) <= HIGHEST_PIN]
    if name == "coils":
        if len(pins) != 4:
            raise NotUnderstood(f"coils are four GPIOs from 0 to {HIGHEST_PIN}: IN1, IN2, IN3, IN4")
        return pins
    if not pins:
        allowed = "" if setting in _NEEDED else ", or none"
        raise NotUnderstood(f"{name} is a GPIO from 0 to {HIGHEST_PIN}{allowed}")
    return pins[0]


def _see_that_none_is_shared(wired: Mapping[str, Any]) -> None:
    users: dict[int, str] = {}
    for name, value in wired.items():
        for pin in value if isinstance(value, list | tuple) else [value]:
            if not isinstance(pin, int):
                continue
            if pin in users:
                raise NotUnderstood(
                    f"GPIO {pin} would be {users[pin]} and {name}; name both where they move together"
                )
            users[pin] = name


def _touch(end: str) -> Step:
    """Have a switch pressed by hand, and see which input changes, and how."""
    other = "far" if end == "near" else "near"
    name = f"axis.pins.limit_{end}"

    def ask(walk: Walk) -> Question | None:
        if walk.value(name) is None:
            return None
        apart = "closest together" if end == walk.running["axis.subject_side"] else "farthest apart"
        return Question(
            f"Press the limit switch where lens and subject are {apart}, by hand, and hold it; then Enter. "
            "[none: there is no such switch]",
            looks=True,
            default="pressed",
        )

    def take(walk: Walk, heard: Heard) -> Told:
        if heard.typed == "none":
            return Told({name: None})
        inputs = {walk.running["axis.pins.limit_near"]: (heard.before.near, heard.now.near)}
        inputs[walk.running["axis.pins.limit_far"]] = (heard.before.far, heard.now.far)
        changed = {pin: reads[1] for pin, reads in inputs.items() if pin is not None and reads[0] != reads[1]}
        if len(changed) != 1:
            return Told(said=_not_one(len(changed), end), again=True)
        ((pin, reads_pressed),) = changed.items()
        if end == "far" and pin == walk.found.get("axis.pins.limit_near"):
            return Told(said="That was the other switch, which is known by now. Again, or none:", again=True)
        turned = "axis.pins.limit_active" in walk.found
        if end == "far" and walk.found.get("axis.pins.limit_near") is not None and turned is reads_pressed:
            return Told(said=_TWO_KINDS, again=True)
        found: dict[str, Any] = {name: pin}
        said = "seen"
        if pin != walk.running[name]:
            said = f"seen, at the pin of the {other} one: the two are swapped"
        if not reads_pressed:
            active = "low" if walk.running["axis.pins.limit_active"] == "high" else "high"
            found["axis.pins.limit_active"] = active
            said += "; it reads released when it is pressed: axis.pins.limit_active changes"
        return Told(found, said)

    return ask, take


def _not_one(changed: int, end: str) -> str:
    if changed:
        return "Both inputs changed: their wires touch, or both switches were pressed. Again:"
    return f"No input changed: look at the wire of the {end} switch and at its GPIO. Again, or none:"


def _ask_e_stop(walk: Walk) -> Question | None:
    if walk.value("axis.pins.e_stop") is None:
        return None
    return Question(
        "Press the emergency stop, and leave it pressed; then Enter. [none: there is no such switch]",
        looks=True,
        default="pressed",
    )


def _take_e_stop(_walk: Walk, heard: Heard) -> Told:
    if heard.typed == "none":
        return Told({"axis.pins.e_stop": None})
    if heard.before.e_stop or not heard.now.e_stop:
        words = "It does not change from released to pressed: it must be normally closed, to ground. Again:"
        return Told(said=words, again=True)
    return Told(said="seen")


def _ask_release(walk: Walk) -> Question | None:
    if walk.value("axis.pins.e_stop") is None:
        return None
    return Question("Release it again; then Enter.", looks=True, acknowledges=True, default="released")


def _take_release(_walk: Walk, heard: Heard) -> Told:
    if heard.now.e_stop:
        raise NotUnderstood("it still reads pressed")
    return Told()


DRIVER: Final[Mapping[str, Step]] = {
    "driver": (_ask_driver, _take_driver),
    "pins": (_ask_pins, _take_pins),
    "wired": started_again(),
}

LIMITS: Final[Mapping[str, Step]] = {"near": _touch("near"), "far": _touch("far")}

E_STOP: Final[Mapping[str, Step]] = {
    "e_stop": (_ask_e_stop, _take_e_stop),
    "release": (_ask_release, _take_release),
}
