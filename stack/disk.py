"""The disk of the sessions: whether it is there and what room it has."""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from stack.errors import DiskGone, DiskNotMounted

FOR_DISKS = (Path("/media"), Path("/run/media"), Path("/mnt"))
"""Where Linux mounts what is plugged in: a plain folder there means that it is not."""


def mount_points() -> frozenset[Path]:
    """Give every place where something is mounted now."""
    return frozenset(places_in(Path("/proc/self/mounts")))


def places_in_fstab() -> frozenset[Path]:
    """Give every place where the system wants something mounted."""
    return frozenset(places_in(Path("/etc/fstab"))) - {Path("/")}


def expected_below(root: Path, places: Iterable[Path]) -> Path | None:
    """Give the innermost folder from which down to `root` something must be mounted; None: nothing need be.

    `places` are where the system wants something mounted; below /media and the like it is taken for granted.
    """
    above = (root, *root.parents)
    return next((place for place in above if place in {*places, *FOR_DISKS}), None)


@dataclass(frozen=True, slots=True)
class Disk:
    """Where sessions go.

    Attributes
    ----------
    root
        The folder that holds them.
    below
        The folder from which down to `root` something must be mounted; None: nothing need be.
    mounted
        Gives every place where something is mounted now.
    """

    root: Path
    below: Path | None = None
    mounted: Callable[[], frozenset[Path]] = mount_points

    def check(self) -> None:
        """Raise `DiskNotMounted` where what is written would go to the disk below instead."""
        if self.below is None or self._mount() is not None:
            return
        raise DiskNotMounted(
            f"sessions go to {self.root}, and no disk is mounted at {self.below} or below it: what is "
            "written would land on the system's own card. Connect the disk and mount it; or set "
            "storage.sessions to another folder, or storage.mount to none where this folder is meant",
            root=self.root,
        )

    def held(self) -> "Disk":
        """Give the same disk, of which what is mounted now must stay mounted."""
        mount = self._mount() if self.below is None else self.below
        return self if mount in (None, Path("/")) else Disk(self.root, mount, self.mounted)

    def free_bytes(self) -> int:
        """Give the room on it; raises `DiskGone`."""
        self.check()
        try:
            disk = os.statvfs(self.root)
        except OSError as error:
            raise DiskGone(error) from error
        return disk.f_bavail * disk.f_frsize

    def _mount(self) -> Path | None:
        """Give the place at which what holds `root` is mounted, at `below` or under it."""
        mounted = self.mounted()
        for place in (self.root, *self.root.parents):
            if place in mounted:
                return place
            if place == self.below:
                return None
        return None


def places_in(table: Path) -> Iterable[Path]:
    """Read the second column of a table of mounts."""
    try:
        lines = table.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        words = line.split()
        if len(words) > 1 and not words[0].startswith("#") and words[1].startswith("/"):
            yield Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), words[1]))
