"""What the rig's owner told the daemon and expects it to remember: the marks, and that homing is safe.

Kept in the state folder, each in a file of its own, written durably.
"""

import json
from pathlib import Path

from stack.durable import write_durably
from stack.plan import Marks


class MarkStore:
    """The near and far marks, across restarts."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Marks:
        """Give the marks; none when there is no file, or what it holds cannot be read."""
        try:
            stored = json.loads(self._path.read_bytes())
            return Marks(near_u=_place(stored["near_u"]), far_u=_place(stored["far_u"]))
        except (OSError, ValueError, KeyError, TypeError):
            return Marks(near_u=None, far_u=None)

    def save(self, marks: Marks) -> None:
        """Keep `marks`, in the axis's unit."""
        write_durably(self._path, json.dumps({"near_u": marks.near_u, "far_u": marks.far_u}).encode())


class HomingConsent:
    """The owner's word that the rig may drive itself to its limit switch, given once."""

    def __init__(self, path: Path, *, configured: bool) -> None:
        self._path = path
        self._configured = configured

    def given(self) -> bool:
        """Say whether homing is allowed, by the configuration or by an earlier word."""
        return self._configured or self._path.exists()

    def give(self) -> None:
        """Remember that it is."""
        write_durably(self._path, b"homing is allowed\n")


def _place(value: object) -> float | None:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise ValueError(f"{value!r} is not a place")
