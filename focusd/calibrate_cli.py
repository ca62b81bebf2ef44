"""`focusctl calibrate`: have the rig measured, see the evidence, and put what was found into config.yaml."""

import difflib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from focusd.call import Call
from focusd.chart import chart
from focusd.client import Answer
from focusd.exits import Exit
from focusd.lengths import in_units
from focusd.terminal import Terminal

_REQUESTS: Mapping[str, Mapping[str, str]] = {
    "settle": {"plan": "plan", "move": "move_u", "rounds": "rounds", "watch": "watch_s"},
    "backlash": {"plan": "plan", "span": "span_u", "pitch": "pitch_u"},
    "flat": {"plan": "plan", "frames": "frames"},
    "dark": {"plan": "plan", "frames": "frames"},
    "scale": {
        "plan": "plan",
        "division": "division_um",
        "travel": "travel_u",
        "length": "length_um",
        "ends": "ends_px",
    },
}
"""For each kind, an option's name -> its field in the request."""


Then = Callable[[Call, Answer], Exit]
"""What is done with what was found, once it was shown."""


class NotWritten(Exception):
    """The configuration was not changed, and why."""


def calibrate(call: Call) -> Exit:
    """Measure; show what was found; write it where somebody says yes."""
    kind = call.typed.action
    given = {field: getattr(call.typed, option) for option, field in _REQUESTS[kind].items()}
    body = in_units({field: value for field, value in given.items() if value is not None})
    return measured(call, f"/calibrate/{kind}", body, propose)


def measured(call: Call, path: str, body: Mapping[str, object], then: Then) -> Exit:
    """Ask for a survey, wait for its end, show what was found, and go on with it."""
    from stack.merge.interrupts import ended_as_interrupted

    begun = call.daemon.tell(path, **body)
    try:
        with ended_as_interrupted():
            ended, name = _awaited(call, begun)
    except KeyboardInterrupt:
        call.daemon.tell("/stop")
        ended, name = _awaited(call, begun)
    if name is None or ended["ending"] != "done":
        words = str(ended.get("reason") or "it ended without a result")
        return call.problem(_TITLES.get(ended["ending"], "Failed"), words, Exit(ended.get("exit_code", 1)))
    found = call.daemon.ask(f"/calibrations/{name}")
    if not call.json:
        for line in _finding_screen(found, call.out):
            call.out.line(line)
    return then(call, found)


_TITLES = {"stopped": "Stopped", "refused": "Refused", "failed": "Not measured"}


def _awaited(call: Call, begun: Answer) -> tuple[Answer, str | None]:
    """Follow a survey to its end; give how it ended and the name of what was found."""
    name = None
    for event in call.daemon.events(begun["since"]):
        match event.get("event"):
            case "measuring" if call.err.live and not call.json:
                call.err.over(f"{event['kind']}: {event['done']} of {event['of']}")
            case "measured":
                name = event["calibration"]
            case "job_ended" if event["job"] == begun["job"]:
                if call.err.live and not call.json:
                    call.err.over("")
                return event, name
    raise AssertionError("a stream of events does not end")


def _finding_screen(found: Answer, terminal: Terminal) -> Iterator[str]:
    first, *rest = found["words"]
    yield terminal.strong(first)
    yield from rest
    if found["plot"]:
        yield ""
        yield from chart(found["plot"], terminal.columns)
        yield ""
    yield from (f"evidence: {Path(found['folder']) / file}" for file in found["files"])


def propose(call: Call, found: Answer) -> Exit:
    """Show what would change in the configuration, and change it if somebody says yes."""
    keeps = found.get("keeps", False)
    if not found["proposals"] and not keeps:
        return _result(call, found, written=None, words=["there is nothing to write"])
    news = [one for one in found["proposals"] if one["value"] != one["now"]]
    try:
        path = config_path(call, found)
        before, after = edited(path, news)
    except NotWritten as error:
        return _result(call, found, written=None, words=[str(error)])
    if before == after and not keeps:
        return _result(
            call, found, written=None, words=["nothing changes: the configuration says so already"]
        )
    if not call.json:
        for line in difference(path, before, after):
            call.out.line(line)
    question = "Keep this and go by it from now on?" if keeps else "Write this?"
    if not call.typed.yes and not agreed(call, question):
        return _result(call, found, written=None, words=["nothing was written; --yes says yes beforehand"])
    if keeps:
        call.daemon.tell(f"/calibrations/{found['calibration']}/keep")
    if before == after:
        return _result(call, found, written=None, words=["kept; the configuration goes by it already"])
    try:
        write(path, before, after)
    except NotWritten as error:
        return call.problem("Not written", str(error), Exit.FAILED)
    return _result(call, found, written=path, words=[f"written: {path}; restart focusd to go by it"])


def _result(call: Call, found: Answer, *, written: Path | None, words: Sequence[str]) -> Exit:
    return call.result({**found, "written": str(written) if written else None}, words)


def config_path(call: Call, found: Answer) -> Path:
    """Give the file to change: the one named, else the one that the daemon read; raises `NotWritten`."""
    named = call.typed.config or found["config_file"]
    if named is None:
        raise NotWritten(
            "nothing was written: the daemon goes by its built-in defaults. Name the file to write with "
            "--config FILE"
        )
    return Path(named)


def edited(path: Path, proposals: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Give a configuration's text as it is and as it would be; raises `NotWritten` where it cannot be."""
    from focusd.config import checked
    from focusd.errors import ConfigInvalid
    from focusd.yaml_edit import EditFailed, with_value
    from focusd.yaml_text import parse_yaml

    try:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        after = before
        for one in proposals:
            after = with_value(after, one["keys"], one["value"], one["group"])
        checked(parse_yaml(after) or {}, str(path))
    except (OSError, UnicodeDecodeError, EditFailed, ConfigInvalid) as error:
        raise NotWritten(f"{path} was not changed: {error}") from error
    return before, after


def write(path: Path, before: str, after: str) -> None:
    """Replace a configuration durably, whoever owns it still owning it; raises `NotWritten`.

    Not if it has changed since it was read.
    """
    from stack.durable import write_durably

    path = path.resolve()
    try:
        owned = path.stat() if path.exists() else None
        if (path.read_text(encoding="utf-8") if owned else "") != before:
            raise NotWritten(f"{path} was changed meanwhile, and is as it was: run this again")
        write_durably(path, after.encode())
        if owned is not None:
            path.chmod(owned.st_mode)
            if (owned.st_uid, owned.st_gid) != (os.geteuid(), os.getegid()):
                os.chown(path, owned.st_uid, owned.st_gid)
    except OSError as error:
        raise NotWritten(f"{path}: {error.strerror or error}; it may need sudo") from error


def difference(path: Path, before: str, after: str) -> Iterator[str]:
    """Give the lines that say what would change in a configuration."""
    lines = before.splitlines(), after.splitlines()
    yield from difflib.unified_diff(*lines, str(path), f"{path} (proposed)", lineterm="", n=1)


def agreed(call: Call, question: str) -> bool:
    """Ask whoever sits there; where nobody does, the answer is no."""
    if call.json or not (sys.stdin.isatty() and call.err.live):
        return False
    call.err.line(f"{question} [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
