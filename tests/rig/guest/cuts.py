"""On a disk whose power was cut: see that every promise was kept; then go on shooting until it is cut again.

`cuts.py ACKED`: ACKED is the host's file of what an observer outside has been told, a JSON object a line. A
line `{"checked": ...}` says what was found; then a line `{"acked": ...}` for every saved slice.
"""

import json
import sys
from pathlib import Path

from daemon_process import Answer, Daemon
from promises import Observed, broken

FOLDER = Path("/mnt/rig")
SLICES = 8


class Told(Observed):
    """A daemon whose acknowledgements leave the machine at once."""

    def note(self, acked: Answer) -> None:
        say(acked=acked)


def main() -> None:
    """Check, then shoot for ever."""
    acked = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    say(checked={"broken": list(broken(FOLDER / "state" / "sessions", acked)), "acked": len(acked)})
    # The carriage is where it is, whatever happens to a disk; here it is a file on it.
    (FOLDER / "state" / "world").unlink(missing_ok=True)
    FOLDER.mkdir(exist_ok=True)
    shoot(Told(FOLDER, "resume=auto").await_ready())


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
