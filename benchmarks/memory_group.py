"""A control group of the kernel's that holds processes to so much memory, and ends the first to die beyond.

Needs root, and a kernel that lets groups be made: of version 1 or 2.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

TOP = Path("/sys/fs/cgroup")

JOIN = """
import os, sys
if "simulator.laboratory" in getattr(sys, "orig_argv", ()):
    with open({place!r}, "w") as file:
        file.write(str(os.getpid()))
"""
"""What Python runs first of all: whoever draws the simulator's pictures is no part of the rig."""


class NoGroups(Exception):
    """No group can be made on this machine."""


@dataclass(frozen=True, slots=True)
class MemoryGroup:
    """A group, the one that this process was in before, and the names of a group's files.

    Attributes
    ----------
    environment
        For processes that are started inside: what they start to draw pictures leaves the group at once.
    """

    folder: Path
    outside: Path
    most_file: str
    environment: dict[str, str]

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let what is started meanwhile belong to the group."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))
        try:
            yield
        finally:
            (self.outside / "cgroup.procs").write_text(str(os.getpid()))

    def most_mb(self) -> float:
        """Give the most that the group ever held, file cache and all."""
        return int((self.folder / self.most_file).read_text()) / 1e6

    def killed(self) -> int:
        """Give how many of its processes the kernel has ended."""
        counts: dict[str, str] = {}
        for name in ("memory.oom_control", "memory.events"):
            with suppress(OSError):
                counts |= dict(line.split() for line in (self.folder / name).read_text().splitlines())
        return int(counts.get("oom_kill", 0))


@contextmanager
def memory_group(limit_mb: float) -> Iterator[MemoryGroup]:
    """Make a group that may hold so much; raises `NoGroups`."""
    outside, limit_file, most_file = _here()
    folder = outside / f"focusrail-{os.getpid()}"
    try:
        folder.mkdir()
        (folder / limit_file).write_text(str(round(limit_mb * 1e6)))
    except OSError as error:
        with suppress(OSError):
            folder.rmdir()
        raise NoGroups(f"no memory group can be made here: {error}") from error
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "sitecustomize.py").write_text(JOIN.format(place=str(outside / "cgroup.procs")))
        try:
            yield MemoryGroup(folder, outside, most_file, {"PYTHONPATH": place})
        finally:
            with suppress(OSError):
                folder.rmdir()


def _here() -> tuple[Path, str, str]:
    """Give the group that this process is in, and the files of a limit and of the most that was held."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, place = line.split(":", 2)
        if controllers == "memory":
            folder = TOP / "memory" / place.lstrip("/")
            return folder, "memory.limit_in_bytes", "memory.max_usage_in_bytes"
        if not controllers and (TOP / "cgroup.controllers").exists():
            return TOP / place.lstrip("/"), "memory.max", "memory.peak"
    raise NoGroups("this kernel has no memory groups")
