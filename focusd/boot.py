"""The boot that the machine is in: which it is, and whether its clock is to be believed."""

import ctypes
import time
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

_TIME_ERROR = 5
_NOT_TOLD = -1
_TIMEX_BYTES = 512


class Boot(Protocol):
    """What a time-lapse must know of the machine it runs on."""

    @property
    def id(self) -> str:
        """Another for each boot."""
        ...

    def now(self) -> datetime:
        """Give the time of day, with the zone of this place."""
        ...

    def synchronised(self) -> bool:
        """Say whether the clock has been set by another that is right."""
        ...


def _zone() -> tzinfo | None:
    """Read the zone anew each time, for a traveller may set it; None: the offset of the moment."""
    try:
        with Path("/etc/localtime").open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class ThisBoot:
    """The machine's own."""

    id: str

    @classmethod
    def found(cls) -> "ThisBoot":
        """Ask the kernel which boot this is; without an answer, none is taken for the same."""
        try:
            return cls(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        except OSError:
            return cls(f"unknown {time.time_ns()}")

    def now(self) -> datetime:
        """Give the time of day, with the zone of this place and all it knows of summer."""
        return datetime.now(UTC).astimezone(_zone())

    def synchronised(self) -> bool:
        """Ask the kernel, which every time service tells (`adjtimex(2)`); who may not ask does not know."""
        state = int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
        return state not in (_TIME_ERROR, _NOT_TOLD)
