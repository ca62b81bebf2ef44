"""Telling systemd how the daemon is, over the socket it names; silent where there is none."""

import contextlib
import os
import socket
from collections.abc import Mapping


class Notifier:
    """Sends sd_notify(3) datagrams.

    A supervisor that is slow or gone never holds up the daemon: a datagram it does not take is dropped.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        self.watchdog_s = _watchdog_s(environment)

    def ready(self) -> None:
        """Say that requests are answered from now on."""
        self._send("READY=1")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._send("STOPPING=1")

    def status(self, line: str) -> None:
        """Show `line` in `systemctl status`."""
        self._send("STATUS=" + line.replace("\n", " "))

    def alive(self) -> None:
        """Hold the watchdog off for another `watchdog_s`."""
        self._send("WATCHDOG=1")

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def _send(self, message: str) -> None:
        if self._address:
            with contextlib.suppress(OSError):
                self._socket.sendto(message.encode(), self._address)


def supervised(environment: Mapping[str, str] = os.environ) -> bool:
    """Say whether this process is a service's own: systemd names it, and what it starts inherits the name."""
    return environment.get("SYSTEMD_EXEC_PID") == str(os.getpid())


def _address(named: str) -> str:
    """Give the address to send to: `@` in the name stands for the zero byte of an abstract socket."""
    return "\0" + named[1:] if named.startswith("@") else named


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """Give how long systemd waits for a sign of life; None when it does not watch this process."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        return int(environment["WATCHDOG_USEC"]) / 1e6
    except (KeyError, ValueError):
        return None
