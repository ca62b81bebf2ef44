"""What focusctl shows of the axis: where it is, how far and how fast it goes, and what is marked."""

from collections.abc import Iterator, Sequence

from focusd.client import Answer
from focusd.durations import duration_words
from focusd.rows import known, long, row
from focusd.terminal import Terminal

IN_FORCE = "the emergency stop was pressed: release it, then `focusctl acknowledge`"
_TRUST = {
    "known": "position known",
    "assumed": "position assumed (as it was when the motor was let go; homing or zeroing makes sure)",
    "unknown": "position unknown (counted from where it woke up; home or zero it to know)",
}
_TRUST_OF = {
    "deg": {
        "assumed": "position assumed (as it was when the motor was let go; zeroing at its mark makes sure)",
        "unknown": "position unknown (counted from where it woke up; zero it at its mark to know)",
    },
    "d": {"unknown": "position unknown (known once its camera is open)"},
}


def axis_screen(axis: Answer, terminal: Terminal) -> Iterator[str]:
    """Say all about the axis: where it is, how far it goes, what its switches say, how fast it is."""
    if axis.get("lens"):
        yield from _lens_rows(axis, terminal)
        return
    emergency, speed, motion = (axis.get(part) or {} for part in ("emergency_stop", "speed", "motion"))
    if emergency.get("in_force"):
        yield row("STOPPED", terminal.alarm(IN_FORCE), terminal)
    yield row("position", position_words(axis, terminal), terminal)
    yield row("travel", _travel_words(axis), terminal)
    switches = [f"{end} {_switch(state)}" for end, state in (axis.get("switches") or {}).items()]
    age_s = axis.get("looked_s_ago") or 0
    age = f" ({duration_words(age_s)} ago)" if age_s >= 1 else ""
    emergency_words = f"emergency stop {_switch(emergency.get('pressed'))}"
    yield row("switches", ", ".join([*switches, emergency_words]) + age, terminal)
    yield row("motor", _motor_words(axis), terminal)
    yield row("speed", _speed_words(axis, speed), terminal)
    step = long(axis.get("step_u"), axis.get("unit", "um"))
    late = f"{known(motion.get('late_steps'))} late so far, the latest by"
    yield row("steps", f"{step} each; {late} {motion.get('max_late_ms') or 0:.1f} ms", terminal)
    for complaint in motion.get("complaints") or ():
        yield row("note", terminal.warning(str(complaint)), terminal)


def _lens_rows(axis: Answer, terminal: Terminal) -> Iterator[str]:
    unit, lens = axis.get("unit", "d"), axis["lens"]
    yield row("position", position_words(axis, terminal), terminal)
    yield row("lens", "the camera's own; it counts from infinity, and more dioptres are nearer", terminal)
    yield row("steps", f"{long(axis.get('step_u'), unit)} each", terminal)
    yield row(
        "moves",
        f"by {long(lens.get('stride_u'), unit)} at most, each reported by a frame; from near over "
        f"{long(lens.get('run_up_u'), unit)}; then {lens.get('settle_ms') or 0:g} ms of rest",
        terminal,
    )


def place_words(place: Answer) -> str:
    """Say where the axis came to rest."""
    at = long(place.get("position_u"), place.get("unit", "um"))
    return f"at {at}, {_trust_words(place)}{_missed_words(place)}"


def _trust_words(place: Answer) -> str:
    """Say how sure a place is, and what makes it surer on an axis of its kind."""
    words = {**_TRUST, **_TRUST_OF.get(str(place.get("unit", "um")), {})}
    return words.get(str(place.get("trust")), "trust unknown")


def marks_words(marks: Answer) -> str:
    """Say which ends are marked."""
    unit = marks.get("unit", "um")
    ends = [
        f"{end} {long(marks[f'{end}_u'], unit)}"
        for end in ("near", "far")
        if marks.get(f"{end}_u") is not None
    ]
    return ", ".join(ends) or "none"


def moved_words(done: str, place: Answer) -> Iterator[str]:
    """Say where the axis came to rest, and that the marks are forgotten if they are."""
    yield f"{done}: {place_words(place)}"
    if lapsed := place.get("marks_lapsed"):
        yield f"marks: forgotten: {lapsed}"


def marked_words(marks: Answer) -> Iterator[str]:
    """Say which ends are marked now, and that they are not as they were given if so."""
    yield f"marks: {marks_words(marks)}"
    if marks.get("changed_places"):
        yield (
            "note: near was marked beyond far, so they changed places; if one of them is of another subject, "
            "`focusctl mark clear` forgets both"
        )


def position_words(axis: Answer, terminal: Terminal) -> str:
    """Say where the axis is, and how sure that is."""
    unit = axis.get("unit", "um")
    place = long(axis.get("position_u"), unit)
    trust = str(axis.get("trust"))
    sure = _trust_words(axis).removeprefix("position ")
    moving = ", moving" if axis.get("moving") else ""
    reach = ""
    if axis.get("nearest_u") is not None and axis.get("farthest_u") is not None and trust != "unknown":
        ends = f"{long(axis['nearest_u'], unit)} to {long(axis['farthest_u'], unit)}"
        reach = terminal.faint(f"  reach {ends}")
    place += subject_words((axis.get("subject_mm"),))
    return f"{place}{moving}, {sure if trust == 'known' else terminal.warning(sure)}{reach}"


def _missed_words(place: Answer) -> str:
    """Say what homing found of lost steps; nothing where there was nothing to compare with."""
    missed_u = place.get("missed_u")
    if missed_u is None:
        return ""
    off = f"it had been {long(abs(missed_u), place.get('unit', 'um'))} off" if missed_u else "no step lost"
    return f"; {off} since it was last known"


def _travel_words(axis: Answer) -> str:
    unit = axis.get("unit", "um")
    if axis.get("counts_from") == "mark":
        ends = (long(axis.get(f"{end}_end_u"), unit) for end in ("near", "far"))
        return f"{' to '.join(ends)}, counted from its mark"
    return (
        f"{long(axis.get('travel_u'), unit)}, of which {long(axis.get('keep_out_u'), unit)} are kept "
        f"out of at the {known(axis.get('subject_side'))} end, where the subject is"
    )


def _speed_words(axis: Answer, speed: Answer) -> str:
    unit = axis.get("unit", "um")
    start, most, homing, touch = (
        f"{long(speed.get(f'{name}_u_s'), unit)}/s" for name in ("start", "max", "homing", "touch")
    )
    words = f"starts at {start}, goes up to {most}"
    return words if axis.get("counts_from") == "mark" else f"{words}; homes at {homing}, touches at {touch}"


def _switch(pressed: bool | None) -> str:
    return "not fitted" if pressed is None else "pressed" if pressed else "open"


def _motor_words(axis: Answer) -> str:
    held = "held" if axis.get("energised") else "released"
    if axis.get("gravity"):
        return f"{held}; this axis is vertical, so it is never released"
    keeps = "keeps its place" if axis.get("self_holding") else "loses its place"
    return f"{held}; without current the axis {keeps}"


def subject_words(distances_mm: Sequence[float | None]) -> str:
    """Say at what distances from the lens a ring makes things sharp; nothing where nobody has measured it."""
    known = [f"{distance_mm:.4g} mm" for distance_mm in distances_mm if distance_mm is not None]
    return f" (sharp at {' to '.join(known)})" if known and len(known) == len(distances_mm) else ""
