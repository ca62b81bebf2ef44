"""The machine that focusd runs on, as far as a stack depends on it: its disks and its clock."""

import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

PROBE_BYTES = 8_000_000
"""So much is written to see how fast a disk is: about a slice."""

SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
CLOCK_CHIPS = Path("/sys/class/rtc")


@dataclass(frozen=True, slots=True)
class Mount:
    """What lies under a folder: the device, its file system, and whether it may be written."""

    device: str
    kind: str
    writable: bool


def mount_of(folder: Path, mountinfo: str) -> Mount | None:
    """Give what `folder`, an absolute path, lies on; `mountinfo` is as in proc(5). Pure."""
    best: tuple[int, Mount] | None = None
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        place, options = left.split()[4:6]
        kind, device, of_device = right.split()[:3]
        point = Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), place))
        depth = len(point.parts)
        if folder.is_relative_to(point) and (best is None or depth >= best[0]):
            writable = "ro" not in options.split(",") and "ro" not in of_device.split(",")
            best = depth, Mount(device, kind, writable)
    return None if best is None else best[1]


def read_mount(folder: Path) -> Mount | None:
    """Give what `folder` lies on; None where the system does not say."""
    try:
        return mount_of(folder.resolve(), Path("/proc/self/mountinfo").read_text())
    except (OSError, ValueError):
        return None


def write_speed(folder: Path) -> float | None:
    """Give how many bytes a second get safely to the disk of `folder`; None where nothing can be written."""
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            began_s = time.monotonic()
            file.write(os.urandom(PROBE_BYTES))
            os.fsync(file.fileno())
            return PROBE_BYTES / max(time.monotonic() - began_s, 1e-6)
    except OSError:
        return None


def clock_set() -> bool:
    """Say whether the network has set the clock since the start, or a clock chip has kept it."""
    return SYNCHRONISED.exists() or (CLOCK_CHIPS.is_dir() and any(CLOCK_CHIPS.iterdir()))
