"""Calls into a library that may never come back, waited for in bounds."""

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from camera.errors import CameraTimeout

Result = TypeVar("Result")

MOST_HANGING = 8
"""Calls that may hang at once, each in a thread of its own that nothing can end: then no more are made."""

POLL_S = 0.1
"""How soon whoever waits may end that."""

_hanging: list[threading.Thread] = []


def within(
    seconds: float, action: Callable[[], Result], doing: str, heard: Callable[[], object] = lambda: None
) -> Result:
    """Give what `action` gives, or raise what it raises; after `seconds`, leave it to itself.

    The driver of a camera whose cable is loose may never return from starting, stopping or closing
    (raspberrypi/picamera2 issue 1264), and nothing can interrupt it. `doing` says in the error what hangs, as
    in "has not closed". `heard` is called again and again meanwhile; what it raises ends the wait.

    Raises `CameraTimeout`, at once where `MOST_HANGING` earlier calls have never come back.
    """
    _hanging[:] = [thread for thread in _hanging if thread.is_alive()]
    if len(_hanging) >= MOST_HANGING:
        raise CameraTimeout(
            f"The camera's driver has hung {len(_hanging)} times and is not called any more: restart the "
            "daemon; if that does not help, reboot.",
            waited_s=0.0,
        )
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            outcome["result"] = action()
        except BaseException as error:
            outcome["error"] = error

    thread = threading.Thread(target=run, name=f"camera {doing}", daemon=True)
    thread.start()
    deadline_s = time.monotonic() + seconds
    while thread.is_alive() and (left_s := deadline_s - time.monotonic()) > 0:
        heard()
        thread.join(min(left_s, POLL_S))
    if "error" in outcome:
        raise outcome["error"]
    if "result" not in outcome:
        _hanging.append(thread)
        raise CameraTimeout(
            f"The camera {doing} within {seconds:g} s: its driver hangs, most often on a loose cable. "
            "With the power off, check the ribbon cable at both ends; if that does not help, reboot.",
            waited_s=seconds,
        )
    return cast(Result, outcome["result"])
