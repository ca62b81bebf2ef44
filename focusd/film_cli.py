"""`focusctl timelapse film`, `sheet` and `report`: made here, in this process, from what is on the disk."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from focusd.call import Call
from focusd.client import Answer
from focusd.exits import Exit
from focusd.terminal import Terminal

FACTS = "series.json"
"""What makes a folder that of a series."""


def show(call: Call) -> Exit:
    """Make what was asked for: only these commands load numpy and OpenCV."""
    try:
        from stack.errors import StackError
        from stack.film.errors import FilmError
        from stack.merge.errors import MergeError
    except ImportError as error:
        words = f"{error}. It needs numpy and OpenCV, as all of focusrail but this program does"
        return call.problem("Cannot show it here", words, Exit.FAILED)
    progress = _Progress(call)
    try:
        where = _where(call)
        if isinstance(where, Exit):
            return where
        with _terminated_as_interrupted():
            facts = _made(call, *where, progress)
    except (FilmError, MergeError, StackError) as error:
        progress.end()
        return call.problem("Not made", str(error), Exit.FAILED)
    except KeyboardInterrupt:
        progress.end()
        words = "nothing was written; what was measured of the pictures is kept for the next time"
        return call.problem("Interrupted", words, Exit.INTERRUPTED)
    progress.end()
    return call.result(facts, _lines(call.typed.what, facts))


def _made(call: Call, series: Path, sessions: Path | None, progress: "_Progress") -> Answer:
    from stack.film.command import Ground, make_film, make_page, make_sheet

    typed = call.typed
    ground: Ground = Ground(series, sessions, progress.told, progress.warn, own_notes(os.environ))
    match typed.what:
        case "sheet":
            return make_sheet(ground, typed.output, typed.columns)
        case "report":
            return make_page(ground, typed.output)
        case _:
            return make_film(
                ground,
                typed.output,
                fps=typed.fps,
                size=typed.size,
                quality=typed.quality,
                deflicker=not typed.no_deflicker,
                steady=not typed.no_steady,
                mask=typed.mask,
            )


def _where(call: Call) -> tuple[Path, Path | None] | Exit:
    """Give the series' folder and that of its sessions; only a name or number needs the daemon."""
    wanted: str = call.typed.id
    if (Path(wanted) / FACTS).is_file():
        return Path(wanted), call.typed.sessions
    if "/" in wanted:
        return call.problem(
            "No series", f"{wanted} is not the folder of one: it has no {FACTS}", Exit.REFUSED
        )
    known = call.daemon.ask("/timelapse/all")["series"]
    found = [one for one in known if answers_to(one["series"], wanted)]
    if not found:
        there = f"there are {', '.join(one['series'] for one in known)}" if known else "there are none yet"
        return call.problem("No series", f'none is called "{wanted}"; {there}', Exit.REFUSED)
    sessions = call.typed.sessions or Path(call.daemon.ask("/status")["disk"]["folder"])
    return Path(found[-1]["folder"]), sessions


def own_notes(environment: Mapping[str, str]) -> Path | None:
    """Give the user's own folder for what is measured of series that are not his to write."""
    if cache := environment.get("XDG_CACHE_HOME") or "":
        return Path(cache, "focusrail")
    home = environment.get("HOME")
    return Path(home, ".cache", "focusrail") if home else None


def answers_to(series: str, wanted: str) -> bool:
    """Say whether a series is meant: by its number, its name, or both."""
    number, _, name = series.partition("-")
    return wanted in (series, name) or (wanted.isdecimal() and wanted.lstrip("0") == number.lstrip("0"))


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let whoever ends this process leave no half a file behind either."""

    def interrupt(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Progress:
    """Says on standard error how far it is: a line that is drawn over, or for logs one in a while."""

    def __init__(self, call: Call) -> None:
        self._terminal: Terminal = call.err
        self._quiet = call.json
        self._said = ""

    def told(self, what: str, done: int, of: int) -> None:
        """Tell that one more of many is done."""
        words = f"{what} {done} of {of}"
        if self._quiet:
            return
        if self._terminal.live:
            self._terminal.over(words)
        elif done == of or what != self._said or done % 25 == 0:
            self._terminal.line(words)
        self._said = what

    def warn(self, sentence: str) -> None:
        """Say something that is not the result."""
        if not self._quiet:
            self.end()
            self._terminal.line(f"note: {sentence}")

    def end(self) -> None:
        """Take the line away."""
        if self._terminal.live and self._said and not self._quiet:
            self._terminal.over("")
        self._said = ""


def _lines(what: str, facts: Answer) -> Iterator[str]:
    match what:
        case "film":
            yield (
                f"{facts['file']}: {_counted(facts['frames'], 'frame')}, {facts['seconds']:.1f} s "
                f"at {facts['fps']:g} a second, {facts['width_px']}x{facts['height_px']}, "
                f"{_size(facts['bytes'])}"
            )
            if facts["drift_px"]:
                yield f"drift taken out: up to {facts['drift_px']:.1f} px"
            if facts["slots_without_picture"]:
                without = facts["slots_without_picture"]
                yield f"slots without a picture: {without} (see why: focusctl timelapse sheet)"
        case "sheet":
            pictures, slots = _counted(facts["pictures"], "picture"), _counted(facts["slots"], "slot")
            yield f"{facts['file']}: {pictures}, {slots}"
        case _:
            yield f"{facts['file']}: {_counted(facts['slots'], 'slot')}, {_size(facts['bytes'])}"


def _counted(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"


def _size(count: Any) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"
