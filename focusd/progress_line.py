"""A running stack in a line: one that is drawn over on a terminal, one after the other anywhere else."""

import json

from focusd.client import Answer
from focusd.durations import duration_words
from focusd.lengths import length_words
from focusd.terminal import Terminal
from focusd.watch import Progress


def progress_line(progress: Progress) -> str:
    """Say how far a stack has come, what matters most first: narrow terminals show the beginning."""
    if progress.shot == "done" and progress.job is None:
        parts = [_count_words(progress), _merge_words(progress)]
    else:
        parts = [
            _count_words(progress),
            progress.phase,
            length_words(progress.position_u, progress.unit) if progress.position_u is not None else "",
            f"{duration_words(progress.seconds_left)} left" if progress.seconds_left is not None else "",
            _merge_words(progress),
        ]
    return "  ".join(part for part in parts if part)


def _count_words(progress: Progress) -> str:
    if progress.session is None:
        if progress.job is None and progress.shot is None:
            return ""  # nothing has begun yet
        return f"rehearsal {progress.place}/{progress.slices or '?'}"
    if progress.shot == "done" and progress.job is None:
        return f"{progress.slices} slices saved"
    return f"{progress.saved}/{progress.slices or '?'} saved"


def _merge_words(progress: Progress) -> str:
    behind = max(0, progress.saved - progress.merged)
    match progress.merge:
        case "waiting":
            return "merge waits for another"
        case "running":
            finishing = progress.shot == "done" and behind == 0
            if finishing:
                return "merge is finishing"
            left_s = progress.merge_left_s if behind > 1 else None
            return f"merge {behind} behind" + (f", {duration_words(left_s)}" if left_s else "")
        case "done":
            return "merged"
        case "failed":
            return "merge failed"
        case _:
            return ""


class LiveLine:
    """One line of a terminal that always shows the latest."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def show(self, event: Answer, progress: Progress) -> None:
        """Draw the line anew; what a person should not miss is left standing above it."""
        if note := _note(event, progress):
            self._terminal.over("")
            self._terminal.line(note)
        self._terminal.over(progress_line(progress))

    def end(self) -> None:
        """Take the line away."""
        self._terminal.over("")


class PlainLines:
    """A line for each slice, first saved, then merged, for files, pipes and logs."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._said: tuple[object, ...] = ()

    def show(self, event: Answer, progress: Progress) -> None:
        """Write a line if there is news."""
        if note := _note(event, progress):
            self._terminal.line(note)
        resting = progress.phase in ("homing", "metering", "parking")
        merged = progress.merged if progress.shot == "done" else None
        count = progress.saved if progress.session else progress.place
        news = (count, resting, progress.merge, merged)
        if news != self._said:
            self._said = news
            if line := progress_line(progress):
                self._terminal.line(line)

    def end(self) -> None:
        """Leave everything as it stands."""


class JsonLines:
    """Every event as it comes, a JSON object a line, for programs."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def show(self, event: Answer, progress: Progress) -> None:
        """Write the event, and see that it leaves at once."""
        self._terminal.line(json.dumps(event, ensure_ascii=False))

    def end(self) -> None:
        """Write nothing: the last event said it."""


_MERGE_RESTS_UNTIL = {"room": "there is room on the disk", "memory": "the stack is shot"}


def _note(event: Answer, progress: Progress) -> str:
    """Give the words for an event that a person should not miss; most have none."""
    match event.get("event"):
        case "slice_retaken" if event.get("session") == progress.session:
            return f"slice {event.get('index')} is taken again: {event.get('why')}"
        case "homed" if event.get("session") == progress.session:
            return " ".join(event.get("doubts") or ())
        case "rest_began" if event.get("session") == progress.session:
            return f"resting: {event.get('reason')}"
        case "merge_rests" if event.get("session") == progress.session:
            until = _MERGE_RESTS_UNTIL.get(str(event.get("why")), "the Pi is better")
            return f"the merge rests for {event.get('why')} until {until}"
        case "merge_killed" if event.get("session") == progress.session:
            return f"the merge begins again: {event.get('error')}"
        case "refused":
            return f"refused: {event.get('reason')}"
        case "job_ended" if progress.session is None and event.get("ending") == "failed":
            return f"failed: {event.get('reason')}"
        case _:
            return ""
