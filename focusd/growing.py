"""The picture of the merge that runs, as it is by now: asked of the child, for whoever looks."""

import threading
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Growth:
    """A picture that is not whole yet.

    Attributes
    ----------
    session
        Whose it is.
    slices
        How many are in it.
    jpeg
        At most 800 px a side.
    """

    session: str
    slices: int
    jpeg: bytes


class Growing:
    """Waits for what the child shows when it is asked. Any thread may look."""

    def __init__(self) -> None:
        self._heard = threading.Condition()
        self._count = 0
        self._latest: Growth | None = None

    def hear(self, session: str, said: Mapping[str, Any]) -> None:
        """Take in what a child showed: `growing`, a JPEG as base64 or null, and `slices`."""
        with self._heard:
            self._count += 1
            jpeg = said["growing"]
            self._latest = Growth(session, said["slices"], b64decode(jpeg)) if jpeg else None
            self._heard.notify_all()

    def seen(self, ask: Callable[[], bool], within_s: float) -> Growth | None:
        """Give what is shown once `ask` has asked for it; None where nobody can be asked or has anything."""
        with self._heard:
            before = self._count
        if not ask():
            return None
        with self._heard:
            came = self._heard.wait_for(lambda: self._count > before, within_s)
            return self._latest if came else None
