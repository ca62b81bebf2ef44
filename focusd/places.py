"""Where daemon and shell meet, and where things are kept when nobody says otherwise."""

import os
from collections.abc import Mapping
from pathlib import Path

LONGEST_SOCKET_BYTES = 107
"""A Unix socket's path may not be longer: sockaddr_un holds 108 bytes with the closing zero."""

SYSTEM_SOCKET = Path("/run/focusrail/focusd.sock")
"""Where systemd's focusd listens."""

SYSTEM_STATE = Path("/var/lib/focusrail")
"""Where systemd's focusd keeps sessions, the stored position and the marks."""

CONFIG_FILES = (Path("/etc/focusrail/config.yaml"), Path("config.yaml"))
"""Looked for in this order; without either, the built-in defaults hold."""


def state_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Give the folder for sessions, the stored position and the marks."""
    states = _absolute(environment.get("XDG_STATE_HOME")) or Path.home() / ".local" / "state"
    return states / "focusrail"


def state_to_look_at(environment: Mapping[str, str] = os.environ) -> Path:
    """Give the state folder of the rig here: that of systemd's focusd if it may be read, else this user's."""
    may_be_read = os.access(SYSTEM_STATE, os.R_OK | os.X_OK)
    return SYSTEM_STATE if may_be_read else state_folder(environment)


def of_rig(state: Path, name: str, *, simulate: bool) -> Path:
    """Give the file or folder for what holds of one rig: an invented one is not the real one."""
    return state / (f"simulated-{name}" if simulate else name)


def own_socket(environment: Mapping[str, str] = os.environ) -> Path:
    """Give the socket that a daemon started by hand listens on.

    It lies in a folder that only this user can write to, so that nobody else can pose as the daemon.
    """
    if named := environment.get("FOCUSRAIL_SOCKET"):
        return Path(named)
    runtime = _absolute(environment.get("XDG_RUNTIME_DIR"))
    return (runtime / "focusrail" if runtime else state_folder(environment)) / "focusd.sock"


def sockets_to_try(environment: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Give the sockets at which a daemon may listen, the likeliest first; one named is the only one."""
    own = own_socket(environment)
    return (own,) if environment.get("FOCUSRAIL_SOCKET") else (own, SYSTEM_SOCKET)


def socket_fits(path: Path) -> bool:
    """Say whether the system takes `path` as the name of a socket."""
    return len(os.fsencode(path)) <= LONGEST_SOCKET_BYTES


def config_file(named: Path | None = None) -> Path | None:
    """Give the configuration to read; None for the built-in defaults. `named` wins, there or not."""
    if named is not None:
        return named
    return next((path for path in CONFIG_FILES if path.is_file()), None)


def _absolute(named: str | None) -> Path | None:
    """Give a folder that the environment names; a relative one counts as none, as XDG has it."""
    return Path(named) if named and Path(named).is_absolute() else None
