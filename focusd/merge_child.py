"""The child that merges: what it says, how it is made to end, and what its end means."""

import contextlib
import json
import logging
import signal
import subprocess
import threading
from collections.abc import Mapping
from typing import Any

from focusd.errors import FocusdError

_log = logging.getLogger(__name__)

END_S = 5.0
"""How long a child that was asked to end may take before it is killed."""


class MergeFailed(FocusdError):
    """A merge gave no picture."""


class MergeKilled(MergeFailed):
    """It was killed, as the kernel does when memory runs out."""


class MergeLacksRoom(MergeFailed):
    """The disk was full."""


def failure(said: Mapping[str, Any], status: int) -> MergeFailed:
    """Say what kind of failure it was that a child gave no picture, by its last word and how it ended."""
    if said.get("full"):
        return MergeLacksRoom(f"{said['error']}; make room, and run `focusctl merge`")
    kind = MergeKilled if status == -signal.SIGKILL and "error" not in said else MergeFailed
    return kind(said.get("error") or _epitaph(status))


def message(line: str) -> dict[str, Any]:
    """Read a line from the child; what is not a JSON object is for the log only."""
    with contextlib.suppress(ValueError):
        message = json.loads(line)
        if isinstance(message, dict):
            return message
    _log.warning("the merge said: %s", line.rstrip())
    return {}


def call_off(child: "subprocess.Popen[str]") -> None:
    """Ask a child to end, and kill one that is stopped or stuck; whoever listens to it hears it end."""
    child.terminate()
    last_word = threading.Timer(END_S, child.kill)
    last_word.daemon = True
    last_word.start()


def end_of(child: "subprocess.Popen[str]") -> int:
    """Wait for a child that has closed its output; kill one that stays."""
    try:
        return child.wait(END_S)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def _epitaph(status: int) -> str:
    """Say how a child ended that did not say so itself."""
    if status == -signal.SIGKILL:
        return (
            "the merge was killed, most likely because memory ran out: end what else runs, choose smaller "
            "slices (camera.size_px) or merge.method weighted, and run `focusctl merge`"
        )
    if status == -signal.SIGALRM:
        return (
            "the merge was stuck at one slice for longer than merge.timeout_s and was given up; "
            "`focusctl merge` does it again"
        )
    if status < 0:
        return f"the merge was ended by {signal.Signals(-status).name}; run `focusctl merge` to do it again"
    return f"the merge ended with status {status} and gave no picture; its last words are in the log"
