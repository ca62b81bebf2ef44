"""What a daemon's observer was promised of slices, and whether it was kept."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
from daemon_process import Answer, Daemon

from stack.check import check
from stack.sessions import Sessions


class Observed(Daemon):
    """A daemon whose every acknowledgement is noted where no end of it can reach."""

    def hear(self, event: Answer) -> None:
        if event["event"] == "slice_saved":
            self.note({name: event[name] for name in ("session", "index", "sha256")})
        super().hear(event)

    def note(self, acked: Answer) -> None:
        raise NotImplementedError


def broken(root: Path, acked: Iterable[Answer]) -> Iterator[str]:
    """Name every promise about the sessions below `root` that was not kept; none may be written meanwhile."""
    sessions = Sessions(root)
    for session in sessions.ids():
        yield from (f"{session}: {problem}" for problem in check(root / session).problems)
    states = {session.id: session.state() for session in sessions.all()}
    for one in acked:
        state = states.get(one["session"])
        saved = state.saved.get(one["index"]) if state else None
        if saved is None:
            yield f"{one} was acknowledged and is not known any more"
        elif hashlib.sha256((root / one["session"] / saved.file).read_bytes()).hexdigest() != one["sha256"]:
            yield f"{one} was acknowledged and is another now"
    for path in (*root.rglob("*.jpg"), *root.rglob("*.png")):
        if not path.name.startswith(".") and not shown(path):
            yield f"{path} bears a final name and is no whole picture"


def shown(path: Path) -> bool:
    """Say whether a file is a picture to its last byte."""
    content = path.read_bytes()
    end = b"\xff\xd9" if path.suffix == ".jpg" else b"IEND\xaeB`\x82"
    return content.endswith(end) and cv2.imdecode(np.frombuffer(content, np.uint8), -1) is not None
