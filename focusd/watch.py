"""A stack as its events tell it, until slices and picture are there or it is clear that they will not be."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from focusd.client import RECONNECTED, Answer, Daemon
from focusd.exits import Exit

SHOT = {"stack_done": "done", "stack_paused": "paused", "stack_aborted": "aborted", "stack_failed": "failed"}
"""The events that end the shooting, and the phase of a session that each leads to."""

SHOOTING = ("shoot", "resume")
"""The kinds of job that shoot a stack."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one stack has come.

    Attributes
    ----------
    session
        Its id; None for a rehearsal, which leaves nothing on the disk.
    job
        The daemon's number for the shooting of it; None while that is not known to run.
    slices, saved, merged
        How many there will be, are safely on the disk, are in the picture.
    place
        Which slice of the plan the rig is at, from 1; 0 before the first.
    phase
        What the rig is doing: homing, moving, metering, shooting, parking; empty when nothing.
    position_u, seconds_left
        Of the axis, and until the last slice; None while unknown.
    unit
        What `position_u` is in, as `rail.screw.Scale` calls it.
    shot
        How shooting ended: done, paused, aborted, failed, or before it had begun stopped, refused; None while
        it goes on.
    merge
        none, waiting, running, done or failed.
    merge_left_s
        How long the merge will take for what is saved so far; None while unknown.
    reason
        Why it was paused, aborted or failed.
    exit_code
        How the daemon reports a job that did not end well; None where it did or does not say.
    """

    session: str | None
    job: int | None = None
    slices: int = 0
    saved: int = 0
    merged: int = 0
    place: int = 0
    phase: str = ""
    position_u: float | None = None
    seconds_left: float | None = None
    unit: str = "um"
    shot: str | None = None
    merge: str = "none"
    merge_left_s: float | None = None
    reason: str = ""
    exit_code: int | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more will come: the rig is at rest, and the merge of a complete stack too."""
        return self.job is None and not (self.shot == "done" and self.merge in ("waiting", "running"))

    @property
    def outcome(self) -> Exit:
        """How a command that waited for this stack ends."""
        if self.shot == "done":
            return Exit.FAILED if self.merge == "failed" else Exit.DONE
        if self.exit_code in set(Exit):
            return Exit(self.exit_code)
        return _OUTCOMES.get(self.shot or "failed", Exit.FAILED)


_OUTCOMES = {
    "paused": Exit.INTERRUPTED,
    "aborted": Exit.INTERRUPTED,
    "stopped": Exit.INTERRUPTED,
    "refused": Exit.REFUSED,
}

Show = Callable[[Answer, Progress], None]
"""Is given each event, and the progress after it."""


def watch(daemon: Daemon, progress: Progress, since: int, show: Show) -> Progress:
    """Follow a stack through its events after number `since` until it is over.

    A lost connection changes nothing on the rig. After one, and when the rig is at rest without word of a
    merge, the daemon is asked how things stand; what happened meanwhile is still shown.
    """
    heard, found, told = since, None, 0
    for event in daemon.events(since):
        if event is RECONNECTED:
            status = daemon.ask("/status")
            found, told = as_stands(progress, status, _session(daemon, progress)), status["seq"]
        else:
            heard = event.get("seq", heard)
            was_at_work = progress.job is not None
            progress = after(progress, event)
            show(event, progress)
            if was_at_work and progress.over and progress.merge == "none":
                progress = replace(progress, merge=_session(daemon, progress).get("merge", "none"))
        if progress.over:
            return progress
        if found is not None and found.over and heard >= told:
            return found
    raise AssertionError("events have no end")


def current_stack(daemon: Daemon, status: Answer) -> Progress | None:
    """Give the progress of the stack that is being shot or merged now, as the daemon's status has it."""
    job = status.get("job") or {}
    # A stack that has only just begun has no session yet; the merge that runs then is an earlier one's.
    running = job if job.get("kind") in SHOOTING else status.get("merge") or {}
    if not running.get("session"):
        return None
    progress = Progress(running["session"])
    return as_stands(progress, status, _session(daemon, progress))


def next_stack(daemon: Daemon, since: int, show: Show) -> tuple[Progress, int]:
    """Wait for the first stack to begin after event `since`; what comes to nothing meanwhile is shown."""
    for event in daemon.events(since):
        if event.get("event") == "refused" or event.get("ending") == "failed":
            show(event, Progress(None))
            continue
        status = daemon.ask("/status")
        if (progress := current_stack(daemon, status)) is not None:
            return progress, status["seq"]
    raise AssertionError("events have no end")


def after(progress: Progress, event: Answer) -> Progress:
    """Give the progress after `event`; what belongs to another stack changes nothing."""
    name = event.get("event")
    if name == "job_ended" and event.get("job") == progress.job:
        return _job_ended(progress, event)
    if event.get("session") != progress.session:
        return progress
    match name:
        case "stack_started":
            return replace(progress, slices=event["slices"])
        case "stack_resumed":
            return replace(progress, shot=None, reason="")
        case "progress":
            return _moved_on(progress, event)
        case "slice_saved":
            return replace(progress, saved=_one_more(progress))
        case "merge_started":
            return replace(progress, merge="running")
        case "merge_progress":
            left_s = event.get("seconds_left")
            return replace(progress, merge="running", merged=event["merged"], merge_left_s=left_s)
        case "merge_done":
            return replace(progress, merge="done", merged=event.get("slices", progress.merged))
        case "merge_failed" if event.get("given_up") and progress.shot != "done":
            # It was given up with its stack, whose own reason stands.
            return replace(progress, merge="failed")
        case "merge_failed":
            return replace(progress, merge="failed", reason=str(event.get("error") or ""))
        case "stack_done" | "stack_paused" | "stack_aborted" | "stack_failed":
            reason = event.get("reason") or event.get("error") or progress.reason
            return replace(progress, shot=SHOT[name], reason=str(reason), phase="", seconds_left=None)
        case _:
            return progress


def as_stands(progress: Progress, status: Answer, session: Answer) -> Progress:
    """Give the progress from how things stand, when events may have been missed."""
    job = status.get("job") or {}
    mine = job.get("session") == progress.session
    phase = session.get("phase")
    return replace(
        progress,
        job=job.get("job") if mine else None,
        slices=session.get("slices", progress.slices),
        saved=session.get("saved", progress.saved),
        merge=session.get("merge", progress.merge),
        shot=phase if phase in SHOT.values() else None,
        reason=session.get("reason") or progress.reason,
    )


def _session(daemon: Daemon, progress: Progress) -> Answer:
    return daemon.session(progress.session) if progress.session else {}


def _one_more(progress: Progress) -> int:
    return min(progress.saved + 1, progress.slices) if progress.slices else progress.saved + 1


def _moved_on(progress: Progress, event: Answer) -> Progress:
    return replace(
        progress,
        place=progress.place if event.get("index") is None else event["index"] + 1,
        phase=event.get("phase") or progress.phase,
        slices=event.get("slices") or progress.slices,
        position_u=event.get("position_u", progress.position_u),
        seconds_left=event.get("seconds_left"),
        unit=event.get("unit", progress.unit),
        merged=max(progress.merged, event.get("merged") or 0),
    )


def _job_ended(progress: Progress, event: Answer) -> Progress:
    shot = progress.shot or event.get("ending") or "failed"
    reason = progress.reason or str(event.get("reason") or "")
    return replace(progress, job=None, shot=shot, reason=reason, phase="", exit_code=event.get("exit_code"))
