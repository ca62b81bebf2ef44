"""How a rail or a ring moves: which way, how far for a step, and where it must not go."""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

from focusd.axis_settings import FASTEST_STEPS_S, step_rates
from focusd.walk import Heard, NotUnderstood, Question, Step, Told, Walk, number, read_number
from rail.drivers import DRIVERS
from rail.screw import ring_scale

DIRECTION_MM: Final = 0.5
RULER_MM: Final = 2.0
"""How far a rail moves by its own belief: enough to be seen, little enough where the belief is far off."""

DIRECTION_DEG: Final = 5.0
TURN_DEG: Final = 30.0
"""The same of a ring."""

SAME: Final = 0.05
"""A ruler is no better than this part of so little."""

LEAD: Final = "axis.screw.lead_mm"
TURN: Final = "axis.screw.full_steps_a_turn"
STRAP: Final = "axis.screw.microsteps"
TRAVEL: Final = "axis.travel_mm"
KEEP_OUT: Final = "axis.keep_out_mm"
PULLEY: Final = "axis.ring.pulley"
ENDS: Final = "axis.ring.ends_deg"

_LEADS_MM: Final = (0.5, 0.7, 0.8, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0)
"""What screws have: better known than measured."""

_MICROSTEPS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)

_NOTHING_MOVED: Final = Told(
    said="Look at the driver's supply, whether the wires of STEP and DIR are swapped, at the wire of ENABLE "
    "and at axis.pins.enable_active. Then:",
    again=True,
)


def _ask_direction(_walk: Walk) -> Question:
    return Question(
        "The carriage has moved a little, and back. At its first move, did lens and subject come closer "
        "together, move apart, or did nothing move? [closer/apart/nothing]",
        move_u=DIRECTION_MM * 1000,
        returns=True,
    )


def _take_direction(walk: Walk, heard: Heard) -> Told:
    comes = walk.running["axis.subject_side"] == "far"
    return _turned(walk, heard, {"closer": comes, "apart": not comes})


def _turned(walk: Walk, heard: Heard, right: Mapping[str, bool]) -> Told:
    """Take a word for a direction, or its first letter; `right` says of each whether it is as it should."""
    running = bool(walk.running["axis.invert"])
    if heard.typed in ("nothing", "n"):
        return _NOTHING_MOVED
    for word, as_it_should in right.items():
        if heard.typed in (word, word[0]):
            said = "" if as_it_should else "the motor turns the other way: axis.invert changes"
            return Told({"axis.invert": running if as_it_should else not running}, said)
    raise NotUnderstood(f"answer {', '.join(right)} or nothing")


def _ask_ruler(walk: Walk) -> Question:
    away = -1 if walk.running["axis.subject_side"] == "far" else 1
    return Question(
        "Measure with a ruler, or better a calliper, where the carriage was and where it stands now: how "
        "many millimetres has it really gone?",
        move_u=away * RULER_MM * 1000,
    )


def _take_ruler(walk: Walk, heard: Heard) -> Told:
    measured_mm = read_number(heard.typed, RULER_MM / 40, RULER_MM * 40, "mm")
    true_mm = _step_mm(*(walk.running[name] for name in (LEAD, TURN, STRAP))) * measured_mm / RULER_MM
    lead_mm, turn, microsteps = (walk.value(name) for name in (LEAD, TURN, STRAP))
    found, said = _explained(true_mm, lead_mm, turn, microsteps)
    step_mm = _step_mm(found.get(LEAD, lead_mm), turn, found.get(STRAP, microsteps))
    return Told({**found, **_slowed(walk, step_mm)}, said)


def _explained(true_mm: float, lead_mm: float, turn: int, microsteps: int) -> tuple[dict[str, Any], str]:
    """Give what makes a step so long, the likeliest first: what was said, other straps, another screw."""
    if math.isclose(true_mm, _step_mm(lead_mm, turn, microsteps), rel_tol=SAME):
        return {}, "that is as it should be"
    strapped = min(_MICROSTEPS, key=lambda one: abs(math.log(true_mm / _step_mm(lead_mm, turn, one))))
    if math.isclose(true_mm, _step_mm(lead_mm, turn, strapped), rel_tol=SAME):
        said = f"so the driver makes {strapped} microsteps of a full step, not {microsteps}"
        return {STRAP: strapped}, said
    measured_lead_mm = true_mm * turn * microsteps
    likely_mm = min(_LEADS_MM, key=lambda one: abs(math.log(one / measured_lead_mm)))
    alike = math.isclose(likely_mm, measured_lead_mm, rel_tol=SAME)
    lead_mm = likely_mm if alike else round(measured_lead_mm, 4)
    return {LEAD: lead_mm}, f"so one turn moves it by {lead_mm:g} mm"


def _step_mm(lead_mm: float, full_steps_a_turn: int, microsteps: int) -> float:
    return lead_mm / (full_steps_a_turn * microsteps)


def _slowed(walk: Walk, step_mm: float) -> dict[str, float]:
    """Give the speeds that steps so small cannot reach, at what they can."""
    most_mm_s = math.floor(FASTEST_STEPS_S * step_mm * 1000) / 1000
    names = ("speed.start_mm_s", "speed.max_mm_s", "homing.fast_mm_s", "homing.slow_mm_s")
    return {f"axis.{name}": most_mm_s for name in names if walk.value(f"axis.{name}") > most_mm_s >= 0.001}


def _ask_strap(walk: Walk) -> Question:
    return Question(_STRAP, default=str(walk.value(STRAP)))


def _take_strap(_walk: Walk, heard: Heard) -> Told:
    if heard.typed not in map(str, _MICROSTEPS):
        raise NotUnderstood(f"answer one of {', '.join(map(str, _MICROSTEPS))}")
    return Told({STRAP: int(heard.typed)})


def _keep_out() -> Step:
    """Ask for what is kept out of the travel, which must leave something of it."""
    ask, take = number(KEEP_OUT, _KEEP_OUT, 0, 1000, "mm")

    def take_less_than_travel(walk: Walk, heard: Heard) -> Told:
        told, travel_mm = take(walk, heard), walk.value(TRAVEL)
        if told.found[KEEP_OUT] >= travel_mm:
            raise NotUnderstood(f"{told.found[KEEP_OUT]:g} mm leave nothing of a travel of {travel_mm:g} mm")
        return told

    return ask, take_less_than_travel


def _ask_home(_walk: Walk) -> Question:
    return Question(
        "May the rig look for its home switch by itself? Only if nothing can be in its way. [yes/no]",
        default="no",
    )


def _take_home(_walk: Walk, heard: Heard) -> Told:
    if heard.typed not in ("yes", "y", "no", "n"):
        raise NotUnderstood("answer yes or no")
    return Told({"axis.home_allowed": heard.typed.startswith("y")})


def _ask_ring_direction(_walk: Walk) -> Question:
    return Question(
        "The ring has turned a little, and back. At its first turn, did what is sharp move farther from the "
        "lens, nearer to it, or did nothing turn? [farther/nearer/nothing]",
        move_u=DIRECTION_DEG,
        returns=True,
    )


def _take_ring_direction(walk: Walk, heard: Heard) -> Told:
    if heard.typed == "n":
        raise NotUnderstood("answer farther, nearer or nothing in full")
    return _turned(walk, heard, {"farther": True, "nearer": False})


def _ask_turn(_walk: Walk) -> Question:
    return Question(
        "See by the marks engraved on the ring where it was and where it stands now: how many degrees has it "
        "really turned?",
        move_u=TURN_DEG,
    )


def _take_turn(walk: Walk, heard: Heard) -> Told:
    measured_deg = read_number(heard.typed, TURN_DEG / 20, TURN_DEG * 20, "deg")
    if math.isclose(measured_deg, TURN_DEG, rel_tol=SAME):
        return Told(said="that is as it should be")
    top, _, bottom = str(walk.running[PULLEY]).partition("/")
    pulley = float(top) / float(bottom or 1) * TURN_DEG / measured_deg
    halves = round(pulley * 2) / 2
    pulley = halves if halves and math.isclose(halves, pulley, rel_tol=SAME) else round(pulley, 4)
    return Told(
        {PULLEY: f"{pulley:g}", **_ring_slowed(walk, pulley)},
        f"so its pulley turns {pulley:g} times for one turn of the ring",
    )


def _ring_slowed(walk: Walk, pulley: float) -> dict[str, float]:
    """Give the speeds that the motor cannot reach with such a pulley, at what it can."""
    driver, turn, microsteps, gear = (
        walk.value(f"axis.{name}")
        for name in ("driver", "ring.full_steps_a_turn", "ring.microsteps", "ring.gear")
    )
    step_deg = float(ring_scale(turn, microsteps, Fraction(gear) * Fraction(str(pulley))).per_step)
    rates_steps_s = step_rates(DRIVERS.get(driver), microsteps)
    names = ("axis.ring.speed.max_deg_s", "axis.ring.speed.start_deg_s")
    most = {
        name: math.floor(rate * step_deg * 100) / 100 for name, rate in zip(names, rates_steps_s, strict=True)
    }
    return {name: most_deg_s for name, most_deg_s in most.items() if walk.value(name) > most_deg_s >= 0.1}


def _ask_ends(walk: Walk) -> Question:
    ends = walk.value(ENDS)
    return Question(
        "Between which degrees may it turn, counted from the mark where you zero it: the nearer end, a "
        "blank, the farther one, such as -5 270? [none: it has no ends]",
        default="none" if ends is None else f"{ends[0]:g} {ends[1]:g}",
    )


def _take_ends(walk: Walk, heard: Heard) -> Told:
    if heard.typed == "none":
        return Told({ENDS: None})
    words = heard.typed.replace(",", " ").split()
    if len(words) != 2:
        raise NotUnderstood("two numbers are needed, or none")
    ends = [read_number(words[0], -3600, 0, "deg"), read_number(words[1], 0, 3600, "deg")]
    play_deg = sum(walk.value(f"axis.ring.{name}_deg") for name in ("backlash", "run_up"))
    if ends[1] - ends[0] <= play_deg:
        raise NotUnderstood(
            f"{ends[0]:g} to {ends[1]:g} leaves no room for backlash and run-up, {play_deg:g} degrees "
            "together"
        )
    return Told({ENDS: ends})


_TURN = "How many full steps has one turn of the motor? 200 is usual, 400 fine."
_TRAVEL = "How many millimetres can the carriage go from switch to switch?"
_LEAD = "How many millimetres does one turn of the motor move the carriage?"
_STRAP = "How many microsteps of a full step is the driver strapped to?"
_KEEP_OUT = "How many millimetres at the subject's end of its way may it never enter?"

RAIL: Final[Mapping[str, Step]] = {
    "lead": number(LEAD, _LEAD, 0.05, 50, "mm"),
    "turn": number(TURN, _TURN, 4, 1000, whole=True),
    "strap": (_ask_strap, _take_strap),
    "direction": (_ask_direction, _take_direction),
    "ruler": (_ask_ruler, _take_ruler),
    "travel": number(TRAVEL, _TRAVEL, 1, 1000, "mm"),
    "keep_out": _keep_out(),
    "home": (_ask_home, _take_home),
}

RING: Final[Mapping[str, Step]] = {
    "ring_direction": (_ask_ring_direction, _take_ring_direction),
    "ring_turn": (_ask_turn, _take_turn),
    "ends": (_ask_ends, _take_ends),
}
