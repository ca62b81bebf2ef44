"""Waiting in the guest, where time passes only while everybody waits."""

import time
from collections.abc import Callable

LOOK_S = 0.0005
"""Well below a step at any speed used here."""
_PATIENCE_S = 60.0


def wait_until(true: Callable[[], bool], look_s: float = LOOK_S) -> None:
    """Wait for what must come, looking every `look_s`; fail where it does not come.

    No time passes here while a look takes its time: one that starts a process should be rare.
    """
    deadline_s = time.monotonic() + _PATIENCE_S
    while not true():
        if time.monotonic() > deadline_s:
            raise TimeoutError("what was waited for did not come")
        time.sleep(look_s)
