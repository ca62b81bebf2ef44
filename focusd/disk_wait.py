"""Waiting for the sessions' disk when the daemon starts: after a boot it may be mounted late."""

import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path

from focusd.errors import StartFailed
from focusd.ground import disk_of
from focusd.notify import Notifier
from focusd.settings import Storage
from stack.errors import DiskNotMounted

_log = logging.getLogger(__name__)

DISK_WAIT_S = 75.0
"""Together with the unit's RestartSec, five starts take longer than its StartLimitIntervalSec: a disk may
come after an hour."""

LOOK_AGAIN_S = 1.0


def await_disk(
    storage: Storage,
    state_dir: Path,
    now_s: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait until the sessions' disk is there; raises `StartFailed` when it does not come."""
    until_s, told = now_s() + DISK_WAIT_S, False
    while True:
        try:
            disk_of(storage, state_dir)
            return
        except DiskNotMounted as error:
            if now_s() >= until_s:
                raise StartFailed(str(error)) from error
            if not told:
                _log.warning("%s. Waiting for it", error)
                with contextlib.closing(Notifier()) as notifier:
                    notifier.status("waiting for the disk of the sessions")
            told = True
            sleep(LOOK_AGAIN_S)
