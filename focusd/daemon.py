"""focusd: opens the rig, serves its faces, and ends in order: motion first, then camera, then the rest."""

import argparse
import asyncio
import contextlib
import faulthandler
import fcntl
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from focusd.errors import StartFailed
from focusd.log import Journal, begin_log
from focusd.notify import Notifier
from focusd.places import config_file, own_socket, socket_fits, state_folder
from stack.merge.interrupts import heard, swallow

if TYPE_CHECKING:
    from focusd.house import House
    from focusd.server import Server

_log = logging.getLogger("focusd")

ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

LOOK_S = 1.0
"""How often the supervisor is told how things are."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the daemon in the foreground until SIGTERM or SIGINT; give the exit code."""
    with heard("focusd"):
        asked = _arguments(argv)
    faulthandler.enable()  # a watchdog ends what hangs by SIGABRT: the log then says where it hung
    journal = begin_log()
    try:
        if asked.check_config:
            return _check_config(asked)
        with _only_daemon(asked.state_dir):
            if asked.make_safe:
                return _make_safe(asked)
            with _listening(asked.socket) as listener:
                return _run(asked, listener, journal)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return _start_failed(error)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="focusd", description="Drives a focus rail and its camera, and answers focusctl."
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings; see config.yaml")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change one setting for this start"
    )
    parser.add_argument("--simulate", action="store_true", help="invent the rig, where there is none")
    parser.add_argument(
        "--state-dir", type=Path, default=None, metavar="DIR", help="where sessions and positions are kept"
    )
    parser.add_argument("--socket", type=Path, default=None, metavar="PATH", help="where to listen")
    parser.add_argument(
        "--make-safe",
        action="store_true",
        help="put the light out, let the motor go (or hold it, as axis.gravity says), and end",
    )
    parser.add_argument(
        "--check-config", action="store_true", help="say whether the settings can be used, and end"
    )
    parser.add_argument("--version", action="version", version=f"focusd {version('focusrail')}")
    asked = parser.parse_args(argv)
    # Absolute, for lgpio changes the working directory when it is imported.
    asked.state_dir = (asked.state_dir or state_folder()).absolute()
    asked.socket = (asked.socket or own_socket()).absolute()
    return asked


def _run(asked: argparse.Namespace, listener: socket.socket, journal: Journal | None) -> int:
    """Open the house and serve it until somebody asks for the end."""
    from focusd.config import load_config
    from focusd.disk_wait import await_disk
    from focusd.opening import open_house

    source = config_file(asked.config)
    config = load_config(source, asked.set)
    await_disk(config.storage, asked.state_dir)
    told_to_end = _noted_endings()
    house = open_house(
        config,
        asked.state_dir,
        asked.socket.parent,
        simulate=asked.simulate,
        config_file=source and source.absolute(),
    )
    if journal is not None:
        journal.look = house.operator.glance
    try:
        from focusd.server import create_server

        server = create_server(house)
    except BaseException:
        house.close()
        raise
    return asyncio.run(_serve(house, server, listener, f"unix:{asked.socket}", told_to_end))


def _noted_endings() -> list[int]:
    """Note from now on who asks for the end, so that what is opened meanwhile is closed in order.

    A stack that was cut short may go on already: killed, the motor would stop dead in mid-move.
    """
    noted: list[int] = []
    for number in ENDINGS:
        signal.signal(number, lambda number, _frame: noted.append(number))
    return noted


def _check_config(asked: argparse.Namespace) -> int:
    """Read the settings as the daemon would, moving nothing."""
    from focusd.config import load_config

    path = config_file(asked.config)
    load_config(path, asked.set)
    _tell(f"{path or 'the built-in defaults'} can be used")
    return 0


def _make_safe(asked: argparse.Namespace) -> int:
    """Bring the outputs to rest, for a service manager whose daemon could not."""
    from focusd.config import load_config
    from focusd.hardware import make_safe

    config = load_config(config_file(asked.config), asked.set)
    asked.socket.parent.mkdir(parents=True, exist_ok=True)
    make_safe(config, asked.state_dir, asked.socket.parent, simulate=asked.simulate)
    return 0


async def _serve(
    house: "House", server: "Server", listener: socket.socket, where: str, told_to_end: Sequence[int]
) -> int:
    """Answer requests until a signal comes, or came before, or the rig is lost; then end in order."""
    notifier = Notifier()
    asked_to_end = asyncio.Event()
    for number in ENDINGS:
        asyncio.get_running_loop().add_signal_handler(number, asked_to_end.set)
    if told_to_end:
        asked_to_end.set()
    async with _answering(server, listener):
        try:
            await server.until_up()
            gc.freeze()  # what is loaded by now stays: no collection looks through it again, nor does the end
            _tell(f"focusd ready {where}")
            notifier.ready()
            lost = await _watch(house, notifier, asked_to_end)
        finally:
            notifier.stopping()
            await _closed(house)
            notifier.close()
    return 1 if lost else 0


def _tell(line: str) -> None:
    """Say something to whoever started us. That nobody listens, or that a log's disk is full, ends no rig."""
    try:
        print(line, flush=True)  # noqa: T201 - for whoever started us
    except OSError:
        swallow(sys.stdout)


async def _closed(house: "House") -> None:
    """Close the house in a thread of its own: those of requests may all hang at a disk that is gone."""
    with ThreadPoolExecutor(1) as own:
        await asyncio.get_running_loop().run_in_executor(own, house.close)


@contextlib.asynccontextmanager
async def _answering(server: "Server", listener: socket.socket) -> AsyncIterator[None]:
    """Answer requests meanwhile; in the end give those that wait their answers first."""
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving


async def _watch(house: "House", notifier: Notifier, asked_to_end: asyncio.Event) -> bool:
    """Tell the supervisor how things are, until the end is asked for; say whether the rig was lost.

    While somebody is silent who should not be, the supervisor's watchdog is no longer held off.
    """
    look_s = min(LOOK_S, (notifier.watchdog_s or LOOK_S) / 2)
    told = ""
    while not asked_to_end.is_set():
        if lost := house.lost():
            _log.error("%s", lost)
            return True
        silent = house.silent()
        if (line := silent or house.line()) != told:
            notifier.status(told := line)
            if silent:
                _log.error("%s", silent)
        if not silent:
            notifier.alive()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asked_to_end.wait(), look_s)
    return False


@contextlib.contextmanager
def _only_daemon(state_dir: Path) -> Iterator[None]:
    """Hold the state folder, so that no second daemon moves the same rig; raises `StartFailed`."""
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        lock = os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StartFailed(f"the state folder {state_dir} cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(lock, 20, 0).decode(errors="replace").strip()
        os.close(lock)
        raise StartFailed(
            f"another focusd (process {holder or 'unknown'}) uses {state_dir}; end it, or give this one "
            "a --state-dir of its own"
        ) from error
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


@contextlib.contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    """Listen on a Unix socket for owner and group; a stale one is replaced, one in use is not."""
    if not socket_fits(path):
        raise StartFailed(f"the socket's path is too long for the system: {path}; give a shorter --socket")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            _remove_stale(path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
        path.chmod(0o660)
        listener.listen(64)
    except OSError as error:
        raise StartFailed(f"cannot listen on {path}: {error.strerror or error}") from error
    try:
        yield listener
    finally:
        listener.close()
        path.unlink(missing_ok=True)


def _remove_stale(path: Path) -> None:
    """Remove a socket that nobody listens on."""
    if not path.is_socket():
        raise StartFailed(f"{path} is there and is no socket; remove it, or give another --socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise StartFailed(f"another daemon listens on {path}; end it, or give this one a --socket of its own")


def _start_failed(error: Exception) -> int:
    """Say in a line why the daemon cannot run; give the exit code."""
    from focusd.outcomes import FAILED, outcome_of, words_of

    outcome = outcome_of(error)
    if outcome is FAILED:
        _log.exception("this should not happen")
    print(f"focusd: {words_of(error)}", file=sys.stderr)  # noqa: T201 - for whoever started us
    return int(outcome.exit_code)


if __name__ == "__main__":
    sys.exit(main())
