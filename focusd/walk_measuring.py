"""What the rig then measures by its camera."""

from collections.abc import Callable, Mapping
from typing import Final

from focusd.walk import Errand, Heard, NotUnderstood, Question, Step, Told, Walk, read_number, started_again

_HOME: Final = (
    "The rig is going to look for its home switch. See that nothing is in its way; then Enter. [yes/skip]"
)
_SETTLE: Final = (
    "How long does the rig shake after a move? Put something with fine detail before the lens, a coin or a "
    "printed page, and have it sharp (`focusctl preview` and `focusctl jog`, in another terminal); then "
    "Enter: it is measured by small moves here. [yes/skip]"
)
_BACKLASH: Final = (
    "How much play is there when it turns round? By the same picture, moving to and fro about here: Enter. "
    "[yes/skip]"
)
_SCALE: Final = (
    "How large is what a pixel sees? Put a ruler before the lens, its lines upright and sharp, and type how "
    "many micrometres they are apart. [such as 100/skip]"
)
_FLAT: Final = (
    "Shading and dust, for plans with `corrected: true`: put a white sheet before the lens, evenly lit and "
    "out of focus, and type yes. [yes/skip]"
)
_DARK: Final = "Hot pixels, for the same plans: put the cap on the lens, and type yes. [yes/skip]"


def _errand(words: str, path: str, default: str, wanted: Callable[[Walk], bool] = lambda _: True) -> Step:
    """Offer an errand, which any answer but `skip` agrees to that is the default or `yes`."""

    def ask(walk: Walk) -> Question | None:
        return Question(words, default=default) if wanted(walk) else None

    def take(_walk: Walk, heard: Heard) -> Told:
        if heard.typed in ("skip", "no"):
            return Told()
        if heard.typed not in ("yes", "y", default):
            raise NotUnderstood("answer yes or skip")
        return Told(errand=Errand(path))

    return ask, take


def _ask_scale(_walk: Walk) -> Question:
    return Question(_SCALE, default="skip")


def _take_scale(_walk: Walk, heard: Heard) -> Told:
    if heard.typed in ("skip", "no"):
        return Told()
    return Told(
        errand=Errand("/calibrate/scale", {"division_um": read_number(heard.typed, 1, 100_000, "um")})
    )


def _homes(walk: Walk) -> bool:
    return walk.running["axis.kind"] == "rail" and bool(walk.running["axis.home_allowed"])


def _has_play(walk: Walk) -> bool:
    return bool(walk.running["axis.kind"] != "lens")


MEASURING: Final[Mapping[str, Step]] = {
    "set": started_again(),
    "homed": _errand(_HOME, "/home", "yes", _homes),
    "settle": _errand(_SETTLE, "/calibrate/settle", "yes"),
    "backlash": _errand(_BACKLASH, "/calibrate/backlash", "yes", _has_play),
    "scale": (_ask_scale, _take_scale),
    "flat": _errand(_FLAT, "/calibrate/flat", "skip"),
    "dark": _errand(_DARK, "/calibrate/dark", "skip"),
}
