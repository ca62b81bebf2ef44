"""`make demo`: a whole stack on a rig that is not there, by the commands that a user would type."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from focusd.client import Answer, ClientError, Daemon
from focusd.exits import Exit
from focusd.lengths import length_words
from focusd.progress_line import LiveLine, PlainLines
from focusd.terminal import Terminal
from focusd.watch import Progress, next_stack, watch

CLONE = Path(__file__).resolve().parents[1]

STATE = "demo"
"""The folder in the clone that keeps the demo's sessions, one more with each run."""

SETTINGS = ("simulation.start_mm=0.5", "simulation.subject_mm=2")
"""The rig of the demo: rail and subject near home, so that little time goes by on the way."""

PATIENCE_S = 180
"""A demo that takes longer hangs; it is ended."""

END_WITHIN_S = 30
"""The daemon brings motion and files to rest before it ends."""

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
"""What may end the demo at any moment."""

Child = subprocess.Popen[str]


class DemoFailed(Exception):
    """The demo cannot go on; the message is the one line that says why."""


def main() -> int:
    """Run the demo and give its exit code."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _interrupted)
    signal.signal(signal.SIGALRM, _hangs)
    signal.alarm(PATIENCE_S)
    try:
        with tempfile.TemporaryDirectory(prefix="focusrail-") as folder:
            session = _stack(Path(folder) / "focusd.sock")
    except (DemoFailed, ClientError, OSError) as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return int(Exit.FAILED)
    except KeyboardInterrupt:
        print("\ndemo: interrupted; nothing was left running", file=sys.stderr)
        return int(Exit.INTERRUPTED)
    print(f"\nThe daemon has ended. Look at the pictures; make demo adds another stack to {STATE}/.\n")
    for name, path in session.items():
        print(f"{name:<14} {path}")
    return int(Exit.DONE)


def _stack(socket: Path) -> dict[str, Path]:
    """Start a daemon, shoot a stack on it, and give what the stack left behind once the daemon has ended."""
    print(f"$ export FOCUSRAIL_SOCKET={socket}")
    os.environ["FOCUSRAIL_SOCKET"] = str(socket)
    daemon = Daemon([socket])
    with _running_daemon(socket):
        _mark_subject(daemon)
        _focusctl("status")
        _focusctl("plan")
        progress = _shoot_by_button(daemon)
        session = daemon.session(str(progress.session))
    left = {
        "merged picture": session["files"].get("merged"),
        "depth map": session["files"].get("depth"),
        "session folder": session["folder"],
    }
    for name, path in left.items():
        if path is None or not Path(path).exists():
            raise DemoFailed(f"the stack was shot, but its {name} is missing; see {STATE}/focusd.log")
    return {name: _seen_from_here(Path(path)) for name, path in left.items()}


@contextlib.contextmanager
def _running_daemon(socket: Path) -> Iterator[None]:
    """Run focusd on a simulated rig, in a session of its own: Ctrl-C reaches it through the demo alone."""
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    arguments = ["--simulate", "--state-dir", STATE, "--socket", str(socket), *settings]
    print(f"$ focusd {shlex.join(arguments)} &", flush=True)
    (CLONE / STATE).mkdir(exist_ok=True)
    command = [sys.executable, "-m", "focusd.daemon", *arguments]
    with (
        (CLONE / STATE / "focusd.log").open("w+", encoding="utf-8") as log,
        _child(
            _end,
            lambda: subprocess.Popen(
                command,
                cwd=CLONE,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            ),
        ) as child,
    ):
        assert child.stdout is not None
        if not child.stdout.readline().startswith("focusd ready"):
            log.seek(0)
            said = log.read().strip().splitlines()
            raise DemoFailed(said[-1] if said else "the daemon ended at once and did not say why")
        yield


@contextlib.contextmanager
def _child(end: Callable[[Child], None], start: Callable[[], Child]) -> Iterator[Child]:
    """Run what `start` starts, and `end` it: no interrupt falls between, which would leave it running."""
    with contextlib.ExitStack() as stack:
        with _held_back():
            child = stack.enter_context(start())
            stack.callback(end, child)
        yield child


def _end(daemon: Child) -> None:
    """Ask the daemon to end; what does not end in time is killed, and its merge ends by itself."""
    with _undisturbed():
        daemon.terminate()
        try:
            daemon.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(daemon.pid, signal.SIGKILL)
            daemon.wait()


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let an impatient second Ctrl-C wait until everything is put away."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _held_back() -> Iterator[None]:
    """Let an interrupt wait until what is begun here can be ended; then it comes."""
    came: list[int] = []
    before = {number: signal.signal(number, lambda which, _: came.append(which)) for number in ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def _mark_subject(daemon: Daemon) -> None:
    """Home, then drive to both ends of the subject and mark them, as one would by eye."""
    subject = daemon.ask("/sim/state")["subject"]
    _focusctl("home --allow")
    for end in ("near", "far"):
        _focusctl(f"goto {length_words(subject[f'{end}_u']).replace(' ', '')}")
        _focusctl(f"mark {end}")


def _shoot_by_button(daemon: Daemon) -> Progress:
    """Press the button, follow the stack until its picture is merged, and give how it ended."""
    terminal = Terminal(sys.stdout)
    shower = LiveLine(terminal) if terminal.live else PlainLines(terminal)
    since = daemon.ask("/status")["seq"]
    _focusctl("sim press shoot")
    print("\n$ focusctl watch", flush=True)
    begun, since = next_stack(daemon, since, _came_to_nothing)
    progress = watch(daemon, begun, since, shower.show)
    shower.end()
    if progress.outcome is not Exit.DONE:
        raise DemoFailed(f"the stack ended {progress.shot}, its merge {progress.merge}: {progress.reason}")
    return progress


def _came_to_nothing(event: Answer, _progress: Progress) -> NoReturn:
    raise DemoFailed(f"the button began no stack: {event.get('reason')}")


def _focusctl(line: str) -> None:
    """Run one command of focusctl, shown as it would be typed."""
    print(f"\n$ focusctl {line}", flush=True)
    command = [sys.executable, "-m", "focusd.cli", *line.split()]
    with _child(subprocess.Popen.kill, lambda: subprocess.Popen(command, text=True)) as child:
        code = child.wait()
    if code != Exit.DONE:
        raise DemoFailed(f"focusctl {line} ended with exit code {code}")


def _seen_from_here(path: Path) -> Path:
    """Give `path` as it is typed in the folder where the demo was started."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _interrupted(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _hangs(_signal: int, _frame: object) -> NoReturn:
    raise DemoFailed(f"nothing came of it within {PATIENCE_S} s; see {STATE}/focusd.log")


if __name__ == "__main__":
    sys.exit(main())
