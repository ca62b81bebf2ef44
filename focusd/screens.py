"""What focusctl shows a person: the daemon's answers in, lines out."""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime

from focusd.client import Answer
from focusd.durations import duration_words
from focusd.lengths import length_words
from focusd.sizes import size_words
from focusd.terminal import Terminal
from focusd.watch import SHOOTING

_LABEL_COLUMNS = 10


def status_screen(status: Answer, terminal: Terminal) -> Iterator[str]:
    """Say how the rig is: what it does, where it is and how sure that is, what it has to work with."""
    axis, camera, disk = (status.get(part) or {} for part in ("axis", "camera", "disk"))
    simulated = terminal.faint(" (simulated)") if status.get("simulated") else ""
    yield _row("rig", _job_words(status.get("job")) + simulated, terminal)
    if axis.get("emergency_stop"):
        yield _row("STOPPED", terminal.alarm(_IN_FORCE), terminal)
    if paused := status.get("paused"):
        yield _row("paused", terminal.warning(str(paused.get("words"))), terminal)
    yield _row("position", _position_words(axis, terminal), terminal)
    yield _row("marks", marks_words(status.get("marks") or {}), terminal)
    yield _row("camera", _camera_words(camera, terminal), terminal)
    if (status.get("light") or {}).get("on"):
        yield _row("light", "on", terminal)
    yield _row("disk", _disk_words(disk, terminal), terminal)
    if board := _board_words(status.get("board") or {}, terminal):
        yield _row("pi", board, terminal)
    last = status.get("last_session")
    yield _row("last stack", session_words(last) if last else "none yet", terminal)
    if series := status.get("timelapse"):
        yield from _series_rows(series, terminal)
    if (delivery := status.get("delivery") or {}).get("waiting"):
        yield _row("delivery", _delivery_words(delivery, terminal), terminal)
    if merge := status.get("merge"):
        rests = terminal.warning(f", rests for {merge['rests']}") if merge.get("rests") else ""
        merged = f"{merge.get('session')}: {_of(merge.get('merged'), merge.get('saved'))}"
        if left_s := merge.get("seconds_left"):
            merged += f", {duration_words(left_s)} left"
        yield _row("merge", merged + rests, terminal)


def _series_rows(series: Answer, terminal: Terminal) -> Iterator[str]:
    of = f" of {series['count']}" if series.get("count") else ""
    words = f"{series.get('series')}, {series.get('phase')}, {series.get('done')}{of} done"
    if at := series.get("next_at"):
        words += f"; next at {datetime.fromisoformat(at).astimezone():%H:%M:%S}"
    yield _row("series", words, terminal)
    if attention := series.get("attention"):
        yield _row("note", terminal.warning(str(attention)), terminal)


def axis_screen(axis: Answer, terminal: Terminal) -> Iterator[str]:
    """Say all about the axis: where it is, how far it goes, what its switches say, how fast it is."""
    if axis.get("lens"):
        yield from _lens_rows(axis, terminal)
        return
    emergency, speed, motion = (axis.get(part) or {} for part in ("emergency_stop", "speed", "motion"))
    if emergency.get("in_force"):
        yield _row("STOPPED", terminal.alarm(_IN_FORCE), terminal)
    yield _row("position", _position_words(axis, terminal), terminal)
    yield _row("travel", _travel_words(axis), terminal)
    switches = [f"{end} {_switch(state)}" for end, state in (axis.get("switches") or {}).items()]
    age_s = axis.get("looked_s_ago") or 0
    age = f" ({duration_words(age_s)} ago)" if age_s >= 1 else ""
    emergency_words = f"emergency stop {_switch(emergency.get('pressed'))}"
    yield _row("switches", ", ".join([*switches, emergency_words]) + age, terminal)
    yield _row("motor", _motor_words(axis), terminal)
    yield _row("speed", _speed_words(axis, speed), terminal)
    step = _length(axis.get("step_u"), axis.get("unit", "um"))
    late = f"{_known(motion.get('late_steps'))} late so far, the latest by"
    yield _row("steps", f"{step} each; {late} {motion.get('max_late_ms') or 0:.1f} ms", terminal)
    for complaint in motion.get("complaints") or ():
        yield _row("note", terminal.warning(str(complaint)), terminal)


def _lens_rows(axis: Answer, terminal: Terminal) -> Iterator[str]:
    unit, lens = axis.get("unit", "d"), axis["lens"]
    yield _row("position", _position_words(axis, terminal), terminal)
    yield _row("lens", "the camera's own; it counts from infinity, and more dioptres are nearer", terminal)
    yield _row("steps", f"{_length(axis.get('step_u'), unit)} each", terminal)
    yield _row(
        "moves",
        f"by {_length(lens.get('stride_u'), unit)} at most, each reported by a frame; from near over "
        f"{_length(lens.get('run_up_u'), unit)}; then {lens.get('settle_ms') or 0:g} ms of rest",
        terminal,
    )


def plan_screen(plan: Answer, terminal: Terminal) -> Iterator[str]:
    """Say what a stack would be, before anything moves."""
    unit, asked_u = plan.get("unit", "um"), plan.get("asked_pitch_u")
    asked = f" (asked for at most {length_words(asked_u, unit)})" if asked_u is not None else ""
    yield _row("slices", _known(plan.get("slices")), terminal)
    yield _row("pitch", _length(plan.get("pitch_u"), unit) + asked, terminal)
    if plan.get("dof_u") is not None:
        yield _row("sharp", f"{_length(plan['dof_u'], unit)} deep in each slice", terminal)
    ends = f"{_length(plan.get('near_u'), unit)} to {_length(plan.get('far_u'), unit)}"
    yield _row("from", ends + _subject_words(plan.get("subject_mm") or ()), terminal)
    seconds = plan.get("seconds")
    yield _row("time", "unknown" if seconds is None else f"about {duration_words(seconds)}", terminal)
    yield _row(
        "disk", f"{_megabytes(plan.get('bytes'))} of {_megabytes(plan.get('free_bytes'))} free", terminal
    )
    if plan.get("after"):
        yield _row("then", _AFTER.get(plan["after"], str(plan["after"])), terminal)
    if needed := _NEEDS.get(str(plan.get("needs"))):
        homes = "; homes the axis first" if plan.get("homes_first") else ""
        yield _row("needs", f"{needed}{homes}", terminal)
    if plan.get("rehearse"):
        yield _row("note", "a rehearsal: it moves and photographs nothing", terminal)
    if (plan.get("pitch_u") or 0) > (plan.get("dof_u") or math.inf):
        bands = "the slices are farther apart than each is sharp: expect unsharp bands between them"
        yield _row("note", terminal.warning(bands), terminal)
    if again := same_specimen_words(plan):
        yield _row("note", terminal.warning(again), terminal)


def same_specimen_words(stack: Answer) -> str:
    """Say that this view of this specimen has been shot before; nothing where it has not."""
    earlier = stack.get("same_specimen") or ()
    return f"the same view of the same specimen was shot before, as {', '.join(earlier)}" if earlier else ""


def session_screen(session: Answer, terminal: Terminal) -> Iterator[str]:
    """Show one stack."""
    yield _row("session", _known(session.get("session")), terminal)
    yield _row("state", _session_state(session), terminal)
    if session.get("began_at"):
        yield _row("began", session["began_at"], terminal)
    if exposure := session.get("exposure"):
        yield _row("exposure", exposure_words(exposure), terminal)
    for name, value in (session.get("fields") or {}).items():
        yield _row(name, str(value), terminal)
    yield _row("merge", _known(session.get("merge")) + _chosen_words(session), terminal)
    if session.get("missed_u") is not None:
        yield _row("recheck", f"{_length(abs(session['missed_u']))} off home after the last slice", terminal)
    for to, at in (session.get("delivered") or {}).items():
        yield _row("delivered", f"to {to}, {at}", terminal)
    for to in session.get("undelivered") or ():
        yield _row("delivered", terminal.warning(f"not yet to {to}"), terminal)
    yield from findings(session, terminal)
    yield from results(session, terminal)


def sessions_screen(sessions: list[Answer]) -> Iterator[str]:
    """List stacks, a line each."""
    if not sessions:
        yield "no stacks yet"
    yield from map(session_words, sessions)


def checks_screen(checks: Sequence[Answer], terminal: Terminal) -> Iterator[str]:
    """Say of each stack what is intact, and what is not."""
    if not checks:
        yield "no stacks yet"
    for check in checks:
        sound = "sound" if not check["problems"] else terminal.alarm("damaged")
        yield f"{check['session']}  {sound}: {', '.join(_check_parts(check))}"
        yield from (f"  {problem}" for problem in check["problems"])
        unproven = [one["why"] for one in check["slices"] if one["verdict"] == "unproven"]
        yield from (terminal.faint(f"  {why}") for why in unproven)


def findings(session: Answer, terminal: Terminal) -> Iterator[str]:
    """Say how the slices cover the subject, what may have cost quality, what went wrong on the way."""
    for words in session.get("coverage") or ():
        yield _row("coverage", words, terminal)
    for words in session.get("warnings") or ():
        yield _row("note", terminal.warning(words), terminal)
    for fault in session.get("faults") or ():
        yield _row("on the way", f"{str(fault.get('at'))[11:19]} {fault.get('words')}", terminal)


def results(session: Answer, terminal: Terminal) -> Iterator[str]:
    """Name what a stack left on the disk: the picture, the depth map, the folder."""
    files = session.get("files") or {}
    for name, file in (("picture", "merged"), ("depth map", "depth")):
        if files.get(file):
            yield _row(name, files[file], terminal)
    if session.get("folder"):
        yield _row("folder", session["folder"], terminal)


def waiting_words(job: Answer | None) -> str:
    """Say what there is to wait for where no stack can be followed yet."""
    kind = (job or {}).get("kind")
    if kind in SHOOTING:
        return "A stack is about to begin. Ctrl-C ends the waiting."
    now = "A plan is being rehearsed, and nothing shot" if kind == "rehearse" else "Nothing is being shot"
    return f"{now}. Waiting for the next stack; Ctrl-C ends the waiting."


def world_screen(world: Answer, group: str = "") -> Iterator[str]:
    """Show the simulated world, a fact a line."""
    for name, value in world.items():
        if isinstance(value, dict):
            yield from world_screen(value, f"{group}{name}.")
        else:
            yield f"{group}{name}: {value}"


def session_words(session: Answer) -> str:
    """Name a stack and its state in a line."""
    return f"{session.get('session')}  {_session_state(session)}"


def place_words(place: Answer) -> str:
    """Say where the axis came to rest."""
    at = _length(place.get("position_u"), place.get("unit", "um"))
    return f"at {at}, {_TRUST.get(str(place.get('trust')), 'trust unknown')}{_missed_words(place)}"


def _missed_words(place: Answer) -> str:
    """Say what homing found of lost steps; nothing where there was nothing to compare with."""
    missed_u = place.get("missed_u")
    if missed_u is None:
        return ""
    off = f"it had been {_length(abs(missed_u), place.get('unit', 'um'))} off" if missed_u else "no step lost"
    return f"; {off} since it was last known"


def marks_words(marks: Answer) -> str:
    """Say which ends are marked."""
    unit = marks.get("unit", "um")
    ends = [
        f"{end} {_length(marks[f'{end}_u'], unit)}"
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


def exposure_words(exposure: Answer) -> str:
    """Write an exposure so that it can be given to --exposure again."""
    red, blue = exposure["colour_gains"]
    return f"{exposure['time_us']}us,{exposure['gain']:g},{red:g},{blue:g}"


_IN_FORCE = "the emergency stop was pressed: release it, then `focusctl acknowledge`"

_NEEDS = {
    "known": "a known position",
    "assumed": "a position known or assumed",
    "unknown": "no position: it counts from here",
}

_TRUST = {
    "known": "position known",
    "assumed": "position assumed (stored before the power went; homing or zeroing makes sure)",
    "unknown": "position unknown (counted from where it woke up; home or zero it to know)",
}

_AFTER = {
    "start": "back to the first slice",
    "stay": "stays at the last slice",
    "park": "parks away from the subject",
}


def _row(label: str, text: str, terminal: Terminal) -> str:
    return terminal.faint(f"{label:<{_LABEL_COLUMNS}}") + " " + text


def _board_words(board: Answer, terminal: Terminal) -> str:
    """Say how the Pi is, as far as it tells; nothing on a machine that tells nothing."""
    parts = [f"{board['temperature_c']:.0f} °C"] if board.get("temperature_c") is not None else []
    if board.get("under_voltage"):
        parts.append(terminal.alarm("its supply is too low"))
    return ", ".join(parts)


def _job_words(job: Answer | None) -> str:
    if not job:
        return "idle"
    parts = [str(job.get("kind"))]
    if job.get("session"):
        parts.append(str(job["session"]))
    if job.get("phase"):
        parts.append(str(job["phase"]))
    if job.get("slices"):
        parts.append(f"slice {_known(job.get('index'))} of {job['slices']}")
    if job.get("seconds_left") is not None:
        parts.append(f"{duration_words(job['seconds_left'])} left")
    return ", ".join(parts)


def _position_words(axis: Answer, terminal: Terminal) -> str:
    unit = axis.get("unit", "um")
    place = _length(axis.get("position_u"), unit)
    trust = str(axis.get("trust"))
    sure = _TRUST.get(trust, "trust unknown").removeprefix("position ")
    moving = ", moving" if axis.get("moving") else ""
    reach = ""
    if axis.get("nearest_u") is not None and axis.get("farthest_u") is not None and trust != "unknown":
        ends = f"{_length(axis['nearest_u'], unit)} to {_length(axis['farthest_u'], unit)}"
        reach = terminal.faint(f"  reach {ends}")
    place += _subject_words((axis.get("subject_mm"),))
    return f"{place}{moving}, {sure if trust == 'known' else terminal.warning(sure)}{reach}"


def _delivery_words(delivery: Answer, terminal: Terminal) -> str:
    waiting = delivery["waiting"]
    words = f"{waiting} {'stack' if waiting == 1 else 'stacks'} on the way"
    return words + (f"; {terminal.warning(delivery['problem'])}" if delivery.get("problem") else "")


def _travel_words(axis: Answer) -> str:
    unit = axis.get("unit", "um")
    if axis.get("counts_from") == "mark":
        ends = (_length(axis.get(f"{end}_end_u"), unit) for end in ("near", "far"))
        return f"{' to '.join(ends)}, counted from its mark"
    return (
        f"{_length(axis.get('travel_u'), unit)}, of which {_length(axis.get('keep_out_u'), unit)} are kept "
        f"out of at the {_known(axis.get('subject_side'))} end, where the subject is"
    )


def _speed_words(axis: Answer, speed: Answer) -> str:
    unit = axis.get("unit", "um")
    start, most, homing, touch = (
        f"{_length(speed.get(f'{name}_u_s'), unit)}/s" for name in ("start", "max", "homing", "touch")
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


def _camera_words(camera: Answer, terminal: Terminal) -> str:
    if problem := camera.get("problem"):
        return terminal.alarm(str(problem))
    if not camera.get("ready", True):
        return terminal.warning("not ready")
    size = camera.get("size_px")
    model = camera.get("model") or "ready"
    return f"{model}, {size[0]} x {size[1]}" if size else str(model)


def _disk_words(disk: Answer, terminal: Terminal) -> str:
    free, reserve = disk.get("free_bytes"), disk.get("reserve_bytes")
    if disk and free is None:
        return terminal.alarm("gone, or failing") + (f"  {disk['folder']}" if disk.get("folder") else "")
    words = f"{_megabytes(free)} free"
    if reserve is not None:
        words += f" of which {_megabytes(reserve)} are kept free"
    short = free is not None and reserve is not None and free <= reserve
    return (terminal.alarm(words) if short else words) + (f"  {disk['folder']}" if disk.get("folder") else "")


def _session_state(session: Answer) -> str:
    reason = f" ({session['reason']})" if session.get("reason") else ""
    merge = session.get("merge")
    merged = {
        "done": ", merged",
        "failed": ", merge failed",
        "running": ", merging",
        "waiting": ", to be merged",
    }
    count = _of(session.get("saved"), session.get("slices"))
    return f"{session.get('phase')}{reason}, {count} slices{merged.get(str(merge), '')}"


def _chosen_words(session: Answer) -> str:
    """Say which of a stack's merges is its picture; nothing where there is none."""
    chosen, there = session.get("merge_chosen"), session.get("merges") or ()
    if chosen is None:
        return ""
    if len(there) < 2:
        return f"; {chosen} is chosen, the only one"
    number = int(str(session.get("session")).partition("-")[0])
    numbers = ", ".join(map(str, there))
    return f"; {chosen} is chosen of {numbers} (another: focusctl merge --choose {number} N)"


def _check_parts(check: Answer) -> Iterator[str]:
    verdicts = [one["verdict"] for one in check["slices"]]
    for verdict in dict.fromkeys(("intact", *verdicts)):
        yield f"{verdicts.count(verdict)} slices {verdict}"
    if check["not_shot"]:
        yield f"{len(check['not_shot'])} not shot yet"
    if check["merges"]:
        intact = sum(one["verdict"] == "intact" for one in check["merges"])
        yield f"{intact} of {len(check['merges'])} merged files intact"
    if check["torn_bytes"]:
        yield "the journal's last line was being written"
    if check["unfinished"]:
        yield f"{len(check['unfinished'])} unfinished files"


def _of(part: object, whole: object) -> str:
    return f"{_known(part)} of {_known(whole)}"


def _known(value: object) -> str:
    return "unknown" if value is None else str(value)


def _length(value_u: float | None, unit: str = "um") -> str:
    return "unknown" if value_u is None else length_words(value_u, unit)


def _subject_words(distances_mm: Sequence[float | None]) -> str:
    """Say at what distances from the lens a ring makes things sharp; nothing where nobody has measured it."""
    known = [f"{distance_mm:.4g} mm" for distance_mm in distances_mm if distance_mm is not None]
    return f" (sharp at {' to '.join(known)})" if known and len(known) == len(distances_mm) else ""


def _megabytes(size_bytes: float | None) -> str:
    return "unknown" if size_bytes is None else size_words(size_bytes)
