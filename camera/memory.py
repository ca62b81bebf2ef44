"""The memory that frames are read into: what a board has of it, and how many buffers fit.

Up to the Pi 4, buffers come from a part of memory that the kernel keeps contiguous (CMA); on a Pi 5 from all
of it. Pages of that part are lent to others meanwhile and moved away when a camera wants them, so `CmaFree`
may be far less than a camera can have, and only `CmaTotal` says what can never fit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from camera.streams import BGR_DEEP, YUV, Stream

FRUGAL_BELOW_BYTES: Final = 700_000_000
"""A board of 512 MB shows less than this; the next larger has 1 GB."""

OTHERS_BYTES: Final = 16_000_000
"""What a screen and the rest of the system hold of the contiguous part."""

ROW_ALIGN: Final = 64
"""Rows are padded to multiples of this many bytes."""

BUFFERS: Final = 2
"""One is filled while the other is looked at."""

MEMINFO: Final = Path("/proc/meminfo")


@dataclass(frozen=True, slots=True)
class Memory:
    """How much memory there is, in bytes; the contiguous part is None where there is none."""

    total_bytes: int
    cma_total_bytes: int | None
    cma_free_bytes: int | None

    @property
    def frugal(self) -> bool:
        """Whether this is a board of 512 MB."""
        return self.total_bytes < FRUGAL_BELOW_BYTES


ReadMemory = Callable[[], Memory]


def read_memory(path: Path = MEMINFO) -> Memory:
    """Read what the kernel says of the memory."""
    lines = (line.split() for line in path.read_text().splitlines())
    figures = {words[0].rstrip(":"): 1024 * int(words[1]) for words in lines if len(words) > 1}
    return Memory(figures["MemTotal"], figures.get("CmaTotal") or None, figures.get("CmaFree"))


def stream_bytes(stream: Stream) -> int:
    """Estimate what one frame of a stream takes; more where the driver pads more."""
    width, height = map(int, stream["size"])
    if stream["format"] == YUV:
        return -(-width // ROW_ALIGN) * ROW_ALIGN * height * 3 // 2
    bytes_a_pixel = {BGR_DEEP: 6, "RGB888": 3}.get(stream["format"], 2)
    return -(-width * bytes_a_pixel // ROW_ALIGN) * ROW_ALIGN * height


def buffers_that_fit(config: Mapping[str, Any], memory: Memory) -> int:
    """Give how many buffers of each stream the contiguous part holds, `BUFFERS` at the most; 0 for none."""
    if memory.cma_total_bytes is None:
        return BUFFERS
    return min(BUFFERS, (memory.cma_total_bytes - OTHERS_BYTES) // _set_bytes(config))


def shortage(config: Mapping[str, Any], memory: Memory) -> str:
    """Say in figures what one set of buffers takes, what there is, and how to have more."""
    needed = _set_bytes(config) + OTHERS_BYTES
    total, free = memory.cma_total_bytes or 0, memory.cma_free_bytes or 0
    return (
        f"One frame takes {needed / 1e6:.0f} MB of contiguous memory, and this board sets "
        f"{total / 1e6:.0f} MB aside ({free / 1e6:.0f} MB of it free now): write "
        "dtoverlay=vc4-kms-v3d,cma-256 into /boot/firmware/config.txt and reboot, or lower camera.size_px."
    )


def refused(config: Mapping[str, Any], memory: Memory, error: OSError) -> str:
    """Say that the kernel gave no memory for one set of buffers though there should be, and what to do."""
    needed, total = _set_bytes(config), memory.cma_total_bytes
    part = f"{total / 1e6:.0f} MB of contiguous memory" if total else "memory"
    return (
        f"One frame takes {needed / 1e6:.0f} MB of this board's {part}, and the kernel has not as much of it "
        f"free in one piece now ({error}): end what else uses camera or screen, or reboot; if that does not "
        "help, lower camera.size_px."
    )


def _set_bytes(config: Mapping[str, Any]) -> int:
    streams = (config["main"], config.get("raw"))
    return sum(stream_bytes(stream) for stream in streams if stream is not None)
