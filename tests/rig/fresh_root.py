"""A fresh Debian of either release, arm64 as on a Pi, into which focusrail is installed."""

import os
import shutil
import subprocess
from pathlib import Path

_HERE = Path(__file__).resolve().parent
REPOSITORY = _HERE.parent.parent

_PASSING = ("archive", "dev", "focusrail", "proc", "root", "run", "sys", "tmp")
_KEPT = ("var/cache", "var/lib/apt", "var/log")
"""What changes by itself, and what the test brings."""
_NOTES = ("-", "-old", ".lock", ".pyc", "ld.so.cache", "__pycache__", "var/lib/dpkg/status", "triggers/File")
"""How the names of package manager's and system's own notes end."""


class FreshRoot:
    """A root file system in `folder`; removed by whoever made the folder."""

    def __init__(self, release: str, folder: Path, architecture: str = "arm64") -> None:
        self.path = folder / release
        subprocess.run([_HERE / "fresh" / "make", release, architecture, self.path], check=True)
        self.source = folder / "source"
        rooms = ("rail", "camera", "stack", "focusd", "simulator", "systemd")
        for room in rooms:
            shutil.copytree(
                REPOSITORY / room, self.source / room, ignore=shutil.ignore_patterns("__pycache__")
            )
        for name in ("pyproject.toml", "README.md", "LICENSE", "config.yaml"):
            shutil.copy(REPOSITORY / name, self.source)

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in there, with the source in /focusrail."""
        return subprocess.run(
            [_HERE / "fresh" / "enter", self.path, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env={**os.environ, "FOCUSRAIL": str(self.source), **environment},
        )

    def install(self, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the installer."""
        return self.run("/focusrail/systemd/install", *options, **environment)

    def traces(self) -> set[str]:
        """Name all that is there, links with where they lead, and accounts by their lines."""
        found = set()
        for path in self.path.rglob("*"):
            name = str(path.relative_to(self.path))
            if (
                not name.startswith(_PASSING + _KEPT)
                and not name.endswith(_NOTES)
                and "__pycache__" not in name
            ):
                found.add(f"{name} -> {path.readlink()}" if path.is_symlink() else name)
        for accounts in ("passwd", "group"):
            found |= set((self.path / "etc" / accounts).read_text().splitlines())
        return found
