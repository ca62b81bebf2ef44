"""A Linux machine without hardware, whose kernel has a GPIO chip labelled like a Pi's."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
LIMIT_S = 300
"""How long a machine may be on."""
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "focusrail", "rig")


class Machine:
    """Boots for every act and is switched off after it: no act sees another's traces."""

    @staticmethod
    def missing() -> str | None:
        """Say why there is no machine; None where there is one."""
        absent = [name for name in ("linux.from", "root.from", "system.from") if not (CACHE / name).exists()]
        return f"`make rig` has not made {' and '.join(absent)} in {CACHE}" if absent else None

    def supervise(self, act: str, *, gravity: bool = False) -> dict[str, Any]:
        """Run `guest/service.py`'s ACT under systemd; give its report."""
        return self._report("init-system", "system", f"ACT={act}", f"GRAVITY={gravity}")

    def play(self, play: str, act: str) -> dict[str, Any]:
        """Run `guest/PLAY.py`'s ACT in the machine; give its report."""
        spec = find_spec("gpiozero")
        assert spec is not None
        assert spec.origin is not None
        site = Path(spec.origin).parent.parent
        return self._report("init", "root", f"SITE={site}", f"PLAY={play}", f"ACT={act}")

    def _report(self, init: str, root: str, *environment: str) -> dict[str, Any]:
        console = subprocess.run(
            [_HERE / "boot", _HERE / "guest" / init, f"FOCUSRAIL={_HERE.parent.parent}", *environment],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "ROOT": root, "LIMIT_S": str(LIMIT_S)},
        ).stdout
        reports = [line for line in console.splitlines() if line.startswith("{")]
        assert len(reports) == 1, f"{environment} gave no report; the machine's console:\n{console}"
        report: dict[str, Any] = json.loads(reports[0])
        return report

    @contextmanager
    def running(self, play: str, act: str, disk: Path) -> "Iterator[Running]":
        """Let `guest/PLAY.py ACT` run on this machine's own system, read only, with a disk at /mnt."""
        boot = [_HERE / "boot-here", _HERE / "guest" / "init-here", disk]
        boot += [f"FOCUSRAIL={_HERE.parent.parent}", f"PYTHON={sys.executable}", f"PLAY={play}", f"ACT={act}"]
        running = Running(boot)
        try:
            yield running
        finally:
            running.close()


class Running:
    """A machine that is on; killed, it is as if its power had failed."""

    def __init__(self, boot: list[str | Path]) -> None:
        self._process = subprocess.Popen(boot, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self._limit = threading.Timer(LIMIT_S, self.kill)
        self._limit.start()
        self._console: list[str] = []

    def lines(self) -> Iterator[dict[str, Any]]:
        """Give each whole line of JSON as the machine says it, until it is off, all of it."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._console.append(line)
            if line.startswith("{") and line.endswith("}\n"):
                yield json.loads(line)

    def console(self) -> str:
        """Give all that was said."""
        return "".join(self._console)

    def kill(self) -> None:
        """Cut the power."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Cut the power if it is on, and see that nothing is left."""
        self._limit.cancel()
        self.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
