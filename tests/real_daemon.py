"""The real focusd on a simulated rig, started and ended as a user would, and the real focusctl beside it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]

QUICK = (
    "simulation.size_px=[320,240]",
    "simulation.start_mm=0.5",
    "simulation.subject_mm=2",
    "axis.screw.lead_mm=4",
    "axis.speed={start_mm_s: 1, max_mm_s: 2.5, acceleration_mm_s2: 20}",
    "axis.homing={fast_mm_s: 2, slow_mm_s: 1}",
)
"""Small frames and a coarse screw: seconds instead of minutes."""


class RealDaemon:
    def __init__(self, process: subprocess.Popen, socket: Path, state: Path) -> None:
        self.process = process
        self.socket = socket
        self.state = state

    def focusctl(self, line: str) -> subprocess.CompletedProcess:
        child = self.start(line)
        out, err = child.communicate(timeout=60)
        return subprocess.CompletedProcess(line, child.returncode, out, err)

    def start(self, line: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "focusd.cli", *line.split()],
            cwd=ROOT,
            env={**os.environ, "FOCUSRAIL_SOCKET": str(self.socket)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@contextmanager
def real_daemon(folder: Path, *settings: str) -> Iterator[RealDaemon]:
    """Run a daemon that keeps its state in `folder` until the end of the block; nothing of it is left."""
    socket, state = folder / "s", folder / "state"
    arguments = [word for setting in (*QUICK, *settings) for word in ("--set", setting)]
    with (folder / "focusd.log").open("w+") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "focusd.daemon",
                "--simulate",
                "--state-dir",
                state,
                "--socket",
                socket,
                *arguments,
            ],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        try:
            ready = process.stdout.readline()
            log.seek(0)
            assert ready == f"focusd ready unix:{socket}\n", log.read()
            yield RealDaemon(process, socket, state)
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            finally:
                left_behind = _killed(process.pid)
                process.wait()
                process.stdout.close()
    assert not left_behind, "the daemon ended and left processes behind"


def _killed(group: int) -> bool:
    """Kill what is left of a process group; say whether there was anything."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
