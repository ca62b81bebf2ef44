"""How much memory a merge takes, how much there is, and which of its working sets is taken for that.

What a merge holds depends on the size of slices, not on their number: it is known before it begins.
"""

import contextlib
import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from stack.merge.errors import MemoryRefused
from stack.merge.resolution import deciding_factor
from stack.merge.settings import Kind, Method

MEGABYTE: Final = 1_000_000
BASE_BYTES: Final = 88 * MEGABYTE
"""Python with numpy and OpenCV, and alignment, which sees slices of any size reduced to one."""
M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
M_MMAP_MAX: Final = -4
M_ARENA_MAX: Final = -8
"""As the GNU C library's malloc.h numbers them."""
MOST_MAPPED: Final = 65536
"""Arrays that may come straight from the system, unless it is said otherwise."""


class WorkingSet(StrEnum):
    """What a merge holds in memory."""

    FULL = "full"
    """All that makes the picture as good as it gets."""
    SMALL = "small"
    """Colours at half the size, sharpness judged at half the usual resolution, finest detail as it comes:
    up to .5 dB for two fifths."""


LARGEST_KEPT_BYTES: Final = {WorkingSet.FULL: 4 * MEGABYTE, WorkingSet.SMALL: 1 * MEGABYTE}
"""Arrays above this go back to the system when done with, which takes time; others are used again."""
MOST_KEPT_BYTES: Final = 64 * MEGABYTE
"""Of arrays of any size, where they are used again."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be merged, and how: pixels of a slice, 8 or 16 bits, as its slices are usually taken.

    `written` says how many bytes a pixel it takes to write the result, beside the result.
    """

    pixels: int
    bits: int
    kind: Kind
    method: Method = Method.WEIGHTED
    written: float = 0.0


FULL_BYTES_A_PIXEL: Final = {(Kind.LAYERS, 8): 9.8, (Kind.WHOLE, 8): 15.0, (Kind.WHOLE, 16): 22.0}
FULL_BYTES_JUDGED: Final = 53.0
"""For each pixel of the resolution at which sharpness is judged, beside those of the picture.

Beside depth the picture is put together by another thread: where the highest of both meet, as happens on a
busy machine, it is five more than usual."""
FULL_BYTES_LEAST: Final = {(Kind.LAYERS, 8): 13.5, (Kind.WHOLE, 8): 17.0, (Kind.WHOLE, 16): 27.4}
"""Above 26 megapixels, which are judged at a quarter, it takes more to read a slice than to judge it."""
PYRAMID_BYTES: Final = 15 * MEGABYTE
"""Whatever the picture's size, beside `BASE_BYTES`."""
PYRAMID_BYTES_A_PIXEL: Final = {8: 17.0, 16: 29.0}
PYRAMID_BYTES_JUDGED: Final = 28.0
SMALL_BYTES_A_PIXEL: Final = {(Kind.LAYERS, 8): 8.4, (Kind.WHOLE, 8): 15.5, (Kind.WHOLE, 16): 28.5}
SECOND_LOOK_BYTES_A_PIXEL: Final = {(Kind.LAYERS, 8): 17.0, (Kind.WHOLE, 8): 20.0, (Kind.WHOLE, 16): 33.7}
"""Measured at 3 megapixels, which are judged as they are, at 5 to 24, at half, and at 33 to 60, at a quarter,
with 20 slices as with three; rounded up, by more than the hundredth or two by which one run differs from the
next where others have the processors."""

LEAST_BYTES: Final = {WorkingSet.FULL: 141 * MEGABYTE, WorkingSet.SMALL: 128 * MEGABYTE}
"""However small slices are: the C library keeps what it has had."""
WRITTEN_BYTES_A_PIXEL: Final = {"deeper": 2.8, "preview": 1.6}
"""To write a picture of 16 bits from slices of 8, or a depth map in colours; else it is written a strip at a
time."""
RESULT_BYTES_A_PIXEL: Final = {WorkingSet.FULL: 20.0, WorkingSet.SMALL: 7.6}
"""What is held of slices of 8 bits when their result is written."""

SHOOTING_BYTES_A_PIXEL: Final = 9
"""Three frames: one that is taken, one that is encoded, one that waits."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which working set was taken, and why, in words; what it takes, what was free and what was allowed."""

    working_set: WorkingSet
    needed_bytes: int
    free_bytes: int | None
    limit_bytes: int | None
    why: str

    def as_facts(self) -> dict[str, Any]:
        """Give it as merge.json has it."""
        return {
            "working_set": str(self.working_set),
            "needed_mb": _rounded(self.needed_bytes),
            "free_mb": _rounded(self.free_bytes),
            "limit_mb": _rounded(self.limit_bytes),
            "why": self.why,
        }


def needed_bytes(job: Job, working_set: WorkingSet) -> int:
    """Give what a merge takes at most, the program included; the pyramid has but one working set."""
    judged = 1 / deciding_factor(job.pixels) ** 2
    if job.method is Method.PYRAMID:
        each = PYRAMID_BYTES_A_PIXEL[job.bits] + judged * PYRAMID_BYTES_JUDGED
        each = max(each, _writing(job, WorkingSet.FULL))
        return BASE_BYTES + PYRAMID_BYTES + round(each * job.pixels)
    each = FULL_BYTES_A_PIXEL[job.kind, job.bits] + judged * FULL_BYTES_JUDGED
    each = max(each, FULL_BYTES_LEAST[job.kind, job.bits])
    if working_set is WorkingSet.SMALL:
        each = min(each, SMALL_BYTES_A_PIXEL[job.kind, job.bits])
    if job.method is Method.DEPTHMAP:
        each = max(each, SECOND_LOOK_BYTES_A_PIXEL[job.kind, job.bits])
    each = max(each, _writing(job, working_set))
    return max(LEAST_BYTES[working_set], BASE_BYTES + round(each * job.pixels))


def _writing(job: Job, working_set: WorkingSet) -> float:
    """Give the bytes a pixel that it takes to write the result; slices of 16 bits took more before that."""
    return RESULT_BYTES_A_PIXEL[working_set] + job.written if job.bits == 8 and job.written else 0.0


def chosen(job: Job, free_bytes: int | None, limit_bytes: int | None, weighted: Job | None = None) -> Choice:
    """Take the full working set where it fits into what is free and allowed, else the small one.

    What the user allows is never exceeded. Where less is free than the small one takes, that is told, and
    tried. Raises `MemoryRefused`, which names the weighted method where that would fit: `weighted` is the
    same job by it.
    """
    room = min((given for given in (free_bytes, limit_bytes) if given is not None), default=None)
    full, small = (needed_bytes(job, each) for each in (WorkingSet.FULL, WorkingSet.SMALL))
    if limit_bytes is not None and limit_bytes < small:
        instead = None if weighted is None else needed_bytes(weighted, WorkingSet.SMALL)
        raise MemoryRefused(limit_bytes, small, instead)
    found = _room(free_bytes, limit_bytes)
    if room is None or room >= full:
        return Choice(WorkingSet.FULL, full, free_bytes, limit_bytes, f"it takes {_mb(full)}, and {found}")
    why = f"the full working set takes {_mb(full)}, this one {_mb(small)}, and {found}"
    if room < small:
        why += ": it may be slow, or end for want of memory"
    taken = WorkingSet.FULL if job.method is Method.PYRAMID else WorkingSet.SMALL
    return Choice(taken, small, free_bytes, limit_bytes, why)


def fits_beside_shooting(job: Job, free_bytes: int | None) -> bool:
    """Say whether a merge can go on while its stack is shot, or is better begun when that is over."""
    if free_bytes is None:
        return True
    return free_bytes >= needed_bytes(job, WorkingSet.SMALL) + SHOOTING_BYTES_A_PIXEL * job.pixels


def read_bytes(text: str) -> int:
    """Read `250M`, `1.5G` or a number of bytes. Raises `ValueError`."""
    unit = {"K": 10**3, "M": 10**6, "G": 10**9}.get(text[-1:].upper(), 1)
    value = float(text[:-1] if unit > 1 else text) * unit
    if not 1 <= value < 10**15:
        raise ValueError(text)
    return int(value)


def free_now(root: Path = Path("/")) -> int | None:
    """Give the bytes that can be had without swapping: by the kernel's guess, and within control groups.

    None where neither is known.
    """
    return min((*_available(root), *_left_in_groups(root)), default=None)


def give_back_what_is_freed(working_set: WorkingSet) -> None:
    """Let large arrays go back to the system; else the C library keeps them to use them again."""
    with contextlib.suppress(OSError, AttributeError):  # another C library has no such setting
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT_BYTES[working_set])
        library.mallopt(M_TRIM_THRESHOLD, 4 * LARGEST_KEPT_BYTES[working_set])
        library.mallopt(M_MMAP_MAX, MOST_MAPPED)
        library.mallopt(M_ARENA_MAX, 1)


def use_again_what_is_freed() -> None:
    """Keep large arrays for the next slice: to have the system clear new ones takes an eighth of its time."""
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_MAX, 0)
        library.mallopt(M_ARENA_MAX, 1)  # else every thread keeps for itself what only it can use again
        library.mallopt(M_TRIM_THRESHOLD, MOST_KEPT_BYTES)


def give_back() -> None:
    """Let go of what the C library has kept so far."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _available(root: Path) -> Iterator[int]:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in (root / "proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                yield int(line.split()[1]) * 1024


def _left_in_groups(root: Path) -> Iterator[int]:
    """Give what is left in the process's control group and in each above it, of either version."""
    top = root / "sys/fs/cgroup"
    with contextlib.suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, place = line.split(":", 2)
            if controllers not in _LIMITS:
                continue
            hierarchy = top / controllers
            group = hierarchy / place.lstrip("/")
            for folder in (group, *group.parents):
                if folder.is_relative_to(hierarchy):
                    yield from _left_in(folder, *_LIMITS[controllers])


_LIMITS: Final = {
    "": ("memory.max", "memory.current", "inactive_file"),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""Of a hierarchy, by the controllers that /proc/self/cgroup names: of version 2, and of 1."""


def _left_in(group: Path, most: str, now: str, idle: str) -> Iterator[int]:
    """Give what is left in one group; file cache that nobody uses counts as free."""
    with contextlib.suppress(OSError, ValueError):
        limit, used = (int((group / name).read_text()) for name in (most, now))
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        yield max(0, limit - used + int(stat.get(idle, 0)))


def _room(free_bytes: int | None, limit_bytes: int | None) -> str:
    parts = [] if free_bytes is None else [f"{_mb(free_bytes)} is free"]
    parts += [] if limit_bytes is None else [f"{_mb(limit_bytes)} is allowed"]
    return " and ".join(parts) or "how much is free is not known"


def _mb(count: int) -> str:
    return f"{count / MEGABYTE:.0f} MB"


def _rounded(count: int | None) -> int | None:
    return None if count is None else round(count / MEGABYTE)
