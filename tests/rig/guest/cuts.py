"""On a disk whose power was cut: see that every promise was kept; then go on shooting until it is cut again.

`cuts.py ACKED`: ACKED is the host's file of what an observer outside has been told, a JSON object a line. A
line `{"checked": ...}` says what was found; then a line `{"acked": ...}` for every saved slice.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from daemon_process import Answer, Daemon

from stack.check import check
from stack.session import Sessions

FOLDER = Path("/mnt/rig")
SLICES = 8


def main() -> None:
    """Check, then shoot for ever."""
    acked = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    say(checked={"broken": list(broken(FOLDER / "state" / "sessions", acked)), "acked": len(acked)})
    # The carriage is where it is, whatever happens to a disk; here it is a file on it.
    (FOLDER / "state" / "world").unlink(missing_ok=True)
    FOLDER.mkdir(exist_ok=True)
    shoot(Observed(FOLDER, "resume=auto").await_ready())


class Observed(Daemon):
    """A daemon whose every acknowledgement leaves the machine at once."""

    def hear(self, event: Answer) -> None:
        if event["event"] == "slice_saved":
            say(acked={name: event[name] for name in ("session", "index", "sha256")})
        super().hear(event)


def broken(root: Path, acked: list[Answer]) -> Iterator[str]:
    """Name every promise that was not kept."""
    sessions = Sessions(root)
    for session in sessions.ids():
        yield from (f"{session}: {problem}" for problem in check(root / session).problems)
    states = {session.id: session.state() for session in sessions.all()}
    for one in acked:
        state = states.get(one["session"])
        saved = state.saved.get(one["index"]) if state else None
        if saved is None:
            yield f"{one} was acknowledged and is not known any more"
            continue
        content = (root / one["session"] / saved.file).read_bytes()
        if hashlib.sha256(content).hexdigest() != one["sha256"]:
            yield f"{one} was acknowledged and is another now"
    for path in (*root.rglob("*.jpg"), *root.rglob("*.png")):
        if not path.name.startswith(".") and not shown(path):
            yield f"{path} bears a final name and is no whole picture"


def shown(path: Path) -> bool:
    """Say whether a file is a picture to its last byte."""
    content = path.read_bytes()
    end = b"\xff\xd9" if path.suffix == ".jpg" else b"IEND\xaeB`\x82"
    return content.endswith(end) and cv2.imdecode(np.frombuffer(content, np.uint8), -1) is not None


def shoot(focusd: Daemon) -> None:
    """Let one stack follow the other; what was cut short goes on by itself first."""
    if job := focusd.ask("/status")["job"]:
        focusd.wait_for("job_ended", lambda event: event["job"] == job["job"])
    focusd.home_and_mark()
    while True:
        begun = focusd.tell("/shoot", count=SLICES)
        focusd.wait_for("job_ended", lambda event, job=begun["job"]: event["job"] == job)


def say(**what: object) -> None:
    """Write a line that the host reads."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
