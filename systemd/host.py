"""The machine that is installed on: its packages, links and services, and whether it may be touched now."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HOME = Path("/opt/focusrail")
CURRENT, PREVIOUS = HOME / "current", HOME / "previous"
UNIT = Path("/usr/local/lib/systemd/system/focusd.service")
SOCKET = "/run/focusrail/focusd.sock"

RELEASES_OF_DEBIAN = ("bookworm", "trixie")


class Failed(Exception):
    """What could not be done, what that means, and what to do."""


class Refused(Failed):
    """Asked for at the wrong time; nothing was begun."""


def unfit(system: dict[str, str], bits: int, user: int) -> str | None:
    """Say why this machine cannot have focusrail; None where it can."""
    if user != 0:
        return "the system's folders belong to root: run sudo ./systemd/install"
    if bits != 64:
        return "this system is a 32-bit one, which numpy and OpenCV are not built for: take the 64-bit one"
    if system.get("VERSION_CODENAME") not in RELEASES_OF_DEBIAN:
        name = system.get("PRETTY_NAME", "an unknown system")
        return f"this is {name}; focusrail is for Raspberry Pi OS {' and '.join(RELEASES_OF_DEBIAN)}"
    return None


def run(*command: str, **environment: str) -> str:
    """Run a command and give what it says; raises `Failed` with its last words."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", **environment},
    )
    if done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()[-8:]
        raise Failed("\n  ".join([f"`{' '.join(command[:6])}` ended with {done.returncode}:", *words]))
    return done.stdout


def install_packages(*names: str) -> None:
    """Install Debian packages; lists that lie here may name what the archive no longer has."""
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", "-q")
    run("apt-get", "install", "-y", "-q", "--no-install-recommends", *names, **environment)


def point(link: Path, target: Path | str) -> None:
    """Let `link` lead to `target`, from one instant to the next."""
    new = link.with_name(link.name + ".new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)


def leads_to(link: Path) -> Path | None:
    """Give where a link leads; None where none is there."""
    return link.readlink() if link.is_symlink() else None


def supervised() -> bool:
    """Say whether systemd runs this machine; in a chroot it does not."""
    return Path("/run/systemd/system").is_dir()


def active() -> bool:
    """Say whether the daemon runs."""
    return (
        supervised()
        and subprocess.run(["systemctl", "-q", "is-active", "focusd"], check=False).returncode == 0
    )


def busy() -> str | None:
    """Say what the daemon is doing that must not be cut short; None where nothing is."""
    focusctl = CURRENT / "bin" / "focusctl"
    if not active() or not focusctl.exists():
        return None
    said = subprocess.run(
        [focusctl, "--socket", SOCKET, "status", "--json"], capture_output=True, text=True, check=False
    )
    try:
        return under_way(json.loads(said.stdout))
    except ValueError:
        return None  # a daemon that does not answer is not in the middle of anything that it could go on with


def under_way(status: Mapping[str, Any]) -> str | None:
    """Say what goes on by a daemon's `/status`, and how it is stopped; None where nothing does."""
    job, series = status.get("job"), status.get("timelapse")
    if series and series["phase"] == "running":
        return f"the time-lapse {series['series']} is running: wait for its end, or focusctl timelapse stop"
    return f"{job['kind']} is running: wait for its end, or focusctl stop" if job else None


def installed() -> set[str]:
    """Give the names of the packages that are installed."""
    lines = run("dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n").splitlines()
    return {name for status, name in (line.split() for line in lines) if status == "installed"}


def purge(names: set[str]) -> None:
    """Remove packages and their settings."""
    if names:
        run("apt-get", "purge", "-y", "-q", *sorted(names), DEBIAN_FRONTEND="noninteractive")


def remove_empty(folder: Path) -> None:
    """Remove a folder if nothing is in it."""
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def place_unit(source: Path) -> None:
    """Let systemd find a release's unit."""
    UNIT.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, UNIT)


def remove_unit() -> None:
    """Remove it, and folders that held nothing else."""
    UNIT.unlink(missing_ok=True)
    for folder in (UNIT.parent, UNIT.parent.parent):
        remove_empty(folder)


def refresh(*, restart: bool) -> None:
    """Let systemd and udev read what changed, and start the daemon again if it ran; raises `Failed`."""
    if supervised():
        run("systemctl", "daemon-reload")
        run("udevadm", "control", "--reload")
        run("udevadm", "trigger", "--subsystem-match=gpio", "--subsystem-match=dma_heap")
        if restart:
            run("systemctl", "restart", "focusd")


def refuse_while_busy(verb: str) -> None:
    """Raise `Refused` while a stack or a series runs."""
    if doing := busy():
        raise Refused(f"nothing is {verb}, for {doing}")


def os_release() -> dict[str, str]:
    """Give what the system says it is."""
    lines = Path("/etc/os-release").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {name: value.strip('"') for name, _, value in pairs}
