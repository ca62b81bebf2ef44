"""What focusctl shows a person of the rig and of a plan: the daemon's answers in, lines out."""

import math
from collections.abc import Iterator
from datetime import datetime

from focusd.axis_screens import IN_FORCE, marks_words, position_words, subject_words
from focusd.client import Answer
from focusd.durations import duration_words
from focusd.lengths import length_words
from focusd.rows import known, large, long, part_of, row
from focusd.session_screens import same_specimen_words, session_words
from focusd.terminal import Terminal
from focusd.watch import SHOOTING

_NEEDS = {
    "known": "a known position",
    "assumed": "a position known or assumed",
    "unknown": "no position: it counts from here",
}
_AFTER = {
    "start": "back to the first slice",
    "stay": "stays at the last slice",
    "park": "parks away from the subject",
}


def status_screen(status: Answer, terminal: Terminal) -> Iterator[str]:
    """Say how the rig is: what it does, where it is and how sure that is, what it has to work with."""
    axis, camera, disk = (status.get(part) or {} for part in ("axis", "camera", "disk"))
    simulated = terminal.faint(" (simulated)") if status.get("simulated") else ""
    yield row("rig", _job_words(status.get("job")) + simulated, terminal)
    if rests := (status.get("job") or {}).get("rests"):
        yield row("rests", terminal.warning(str(rests)), terminal)
    if axis.get("emergency_stop"):
        yield row("STOPPED", terminal.alarm(IN_FORCE), terminal)
    if paused := status.get("paused"):
        yield row("paused", terminal.warning(str(paused.get("words"))), terminal)
    last = status.get("last_session")
    if (failed := status.get("last_error")) and failed != (last or {}).get("reason"):
        yield row("failed", terminal.warning(str(failed)), terminal)
    yield row("position", position_words(axis, terminal), terminal)
    yield row("marks", marks_words(status.get("marks") or {}), terminal)
    yield row("camera", _camera_words(camera, terminal), terminal)
    if (status.get("light") or {}).get("on"):
        yield row("light", "on", terminal)
    yield row("disk", _disk_words(disk, terminal), terminal)
    if board := _board_words(status.get("board") or {}, terminal):
        yield row("pi", board, terminal)
    yield row("last stack", session_words(last) if last else "none yet", terminal)
    if series := status.get("timelapse"):
        yield from _series_rows(series, terminal)
    if (delivery := status.get("delivery") or {}).get("waiting"):
        yield row("delivery", _delivery_words(delivery, terminal), terminal)
    if merge := status.get("merge"):
        rests = terminal.warning(f", rests for {merge['rests']}") if merge.get("rests") else ""
        merged = f"{merge.get('session')}: {part_of(merge.get('merged'), merge.get('saved'))}"
        if left_s := merge.get("seconds_left"):
            merged += f", {duration_words(left_s)} left"
        if waiting := merge.get("waiting"):
            merged += f"; {waiting} more to come"
        yield row("merge", merged + rests, terminal)


def _series_rows(series: Answer, terminal: Terminal) -> Iterator[str]:
    of = f" of {series['count']}" if series.get("count") else ""
    words = f"{series.get('series')}, {series.get('phase')}, {series.get('done')}{of} done"
    if at := series.get("next_at"):
        words += f"; next at {datetime.fromisoformat(at).astimezone():%Y-%m-%d %H:%M:%S}"
    yield row("series", words, terminal)
    if attention := series.get("attention"):
        yield row("note", terminal.warning(str(attention)), terminal)


def plan_screen(plan: Answer, terminal: Terminal) -> Iterator[str]:
    """Say what a stack would be, before anything moves."""
    unit, asked_u = plan.get("unit", "um"), plan.get("asked_pitch_u")
    asked = f" (asked for at most {length_words(asked_u, unit)})" if asked_u is not None else ""
    yield row("slices", known(plan.get("slices")), terminal)
    yield row("pitch", long(plan.get("pitch_u"), unit) + asked, terminal)
    if plan.get("dof_u") is not None:
        yield row("sharp", f"{long(plan['dof_u'], unit)} deep in each slice", terminal)
    ends = f"{long(plan.get('near_u'), unit)} to {long(plan.get('far_u'), unit)}"
    yield row("from", ends + subject_words(plan.get("subject_mm") or ()), terminal)
    seconds = plan.get("seconds")
    yield row("time", "unknown" if seconds is None else f"about {duration_words(seconds)}", terminal)
    weighs = plan.get("bytes")
    takes = "not known before the camera is opened;" if weighs is None else f"{large(weighs)} of"
    yield row("disk", f"{takes} {large(plan.get('free_bytes'))} free", terminal)
    if plan.get("after"):
        yield row("then", _AFTER.get(plan["after"], str(plan["after"])), terminal)
    if needed := _NEEDS.get(str(plan.get("needs"))):
        homes = "; homes the axis first" if plan.get("homes_first") else ""
        yield row("needs", f"{needed}{homes}", terminal)
    if plan.get("rehearse"):
        yield row("note", "a rehearsal: it moves and photographs nothing", terminal)
    if (plan.get("pitch_u") or 0) > (plan.get("dof_u") or math.inf):
        bands = "the slices are farther apart than each is sharp: expect unsharp bands between them"
        yield row("note", terminal.warning(bands), terminal)
    if doubt := plan.get("doubt"):
        yield row("note", terminal.warning(str(doubt)), terminal)
    if again := same_specimen_words(plan):
        yield row("note", terminal.warning(again), terminal)


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
    if job.get("slices") and job.get("index") is not None:
        parts.append(f"slice {job['index']} of {job['slices']}")
    if job.get("seconds_left") is not None:
        parts.append(f"{duration_words(job['seconds_left'])} left")
    return ", ".join(parts)


def _delivery_words(delivery: Answer, terminal: Terminal) -> str:
    waiting = delivery["waiting"]
    words = f"{waiting} {'stack' if waiting == 1 else 'stacks'} on the way"
    return words + (f"; {terminal.warning(delivery['problem'])}" if delivery.get("problem") else "")


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
    words = f"{large(free)} free"
    if reserve is not None:
        words += f" of which {large(reserve)} are kept free"
    short = free is not None and reserve is not None and free <= reserve
    return (terminal.alarm(words) if short else words) + (f"  {disk['folder']}" if disk.get("folder") else "")
