"""A real `focusd --simulate` with all its processes, on a short, quick rail, and what a client sees of it."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Answer = dict[str, Any]

PATIENCE_S = 30.0

QUICK = (
    "axis.screw.lead_mm=8",
    "axis.speed={start_mm_s: 2.5, max_mm_s: 6.0, acceleration_mm_s2: 60.0}",
    "axis.homing={fast_mm_s: 5.0, slow_mm_s: 2.5, back_off_mm: 0.2}",
    "axis.home_allowed=true",
    "simulation={scene: ruler, size_px: [320, 240], start_mm: 0.3, subject_mm: 1.5, subject_depth_um: 600.0}",
    "plans.default={optics: macro-2x, settle_ms: 20, exposure: "
    "{time_us: 13000, gain: 1.0, colour_gains: [2.1, 1.7]}}",
    "storage.reserve_mb=1",
    "panel.light_warm_up_s=0.02",
)
"""A coarse screw and small frames, of a ruler: seconds instead of a minute."""

INSECT = "simulation.scene=insect"
"""For pictures that somebody looks at: to draw the fly takes a second of processor for each daemon."""


class Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("focusd", timeout=PATIENCE_S)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(str(self.path))


class Daemon:
    """One daemon process. `wait_for` follows its events, from the first one on."""

    def __init__(self, folder: Path, *settings: str, config: Path | None = None, **environment: str) -> None:
        self.folder = folder
        self.socket = folder / "s"
        self.state = folder / "state"
        command = [sys.executable, "-m", "focusd.daemon", "--simulate"]
        command += ["--state-dir", str(self.state), "--socket", str(self.socket)]
        command += ["--config", str(config)] if config else []
        for setting in settings if config else (*QUICK, *settings):
            command += ["--set", setting]
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self.log, text=True, env={**os.environ, **environment}
        )
        self.events: list[Answer] = []
        self._news = threading.Condition()

    def await_ready(self) -> "Daemon":
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line == f"focusd ready unix:{self.socket}\n", line + self.said()
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def said(self) -> str:
        self.log.flush()
        return Path(self.log.name).read_text()

    def call(self, method: str, path: str, **body: object) -> tuple[int, Answer]:
        connection = Connection(self.socket)
        try:
            connection.request(method, path, json.dumps(body) if body else None)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def ask(self, path: str) -> Answer:
        status, answer = self.call("GET", path)
        assert status == 200, answer
        return answer

    def tell(self, path: str, **body: object) -> Answer:
        status, answer = self.call("POST", path, **body)
        assert status < 300, answer
        return answer

    def wait_for(self, event: str, which: Callable[[Answer], bool] = lambda event: True) -> Answer:
        """Give the first event of that name that `which` accepts, waiting for it."""
        found: list[Answer] = []

        def seen() -> bool:
            found.extend(told for told in self.events if told["event"] == event and which(told))
            return bool(found)

        with self._news:
            assert self._news.wait_for(seen, PATIENCE_S), (event, self.events[-5:], self.said())
        return found[0]

    def home_and_mark(self) -> None:
        self.tell("/home")
        self.tell("/mark", end="near", position_u=1200.0)
        self.tell("/mark", end="far", position_u=1800.0)

    def children(self, module: str = "") -> list[int]:
        """Give its children; with `module`, only those that run it."""
        return [pid for pid in children_of(self.process.pid) if module in command_of(pid)]

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def hear(self, event: Answer) -> None:
        with self._news:
            self.events.append(event)
            self._news.notify_all()

    def _listen(self) -> None:
        connection = Connection(self.socket)
        try:
            connection.request("GET", "/events?since=0")
            for line in connection.getresponse():
                if line.strip():
                    self.hear(json.loads(line))
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
            with self._news:
                self._news.notify_all()


@contextmanager
def daemon(folder: Path, *settings: str, config: Path | None = None, **environment: str) -> Iterator[Daemon]:
    """Run a daemon, on a quick rail unless it has a `config`; whatever happens, nothing of it is left."""
    running = Daemon(folder, *settings, config=config, **environment)
    try:
        yield running.await_ready()
    finally:
        family = [running.process.pid, *running.children()]
        if running.process.poll() is None:
            running.end()
        for pid in family:
            with contextlib.suppress(ProcessLookupError):  # it may end as it is looked at
                if alive(pid):
                    os.kill(pid, signal.SIGKILL)
        assert running.process.stdout is not None
        running.process.stdout.close()
        running.log.close()


def children_of(pid: int) -> list[int]:
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread may end meanwhile
            children += map(int, (task / "children").read_text().split())
    return children


def command_of(pid: int) -> str:
    """Give what a process runs; nothing of one that has ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


def alive(pid: int) -> bool:
    """Say whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def await_death(pids: list[int]) -> None:
    """Wait until none of `pids` runs."""
    for pid in pids:
        try:
            watch = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        poll = __import__("select").poll()
        poll.register(watch, 1)
        died = bool(poll.poll(PATIENCE_S * 1000))
        os.close(watch)
        assert died or not alive(pid), f"process {pid} is still there"
