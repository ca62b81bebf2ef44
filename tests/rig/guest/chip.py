"""The far side of the pins: the hand on a switch and the probe on a wire, through the kernel's own files."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LABEL = "pinctrl-bcm2835"
_ROW = re.compile(rb"(\d+)\.(\d{6}): gpio_(?:value: (\d+) (set) (\d)|direction: (\d+) +(in|out) )")


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a line: a level was `set`, or it was claimed as `in` or `out`."""

    at_us: int
    line: int
    what: str
    level: bool = False


class Chip:
    """The gpio-sim chip that is labelled like a Pi's."""

    def __init__(self) -> None:
        chips = Path("/sys/kernel/debug/gpio").read_text()
        found = re.search(rf"(gpiochip\d+): GPIOs (\d+)-\d+, parent: platform/([^,]+), {_LABEL}", chips)
        if found is None:
            raise LookupError(f"no chip is labelled {_LABEL}:\n{chips}")
        name, first, device = found.groups()
        self._first_line = int(first)
        self._lines = Path("/sys/devices/platform", device, name)
        self._trace_fd = os.open("/sys/kernel/tracing/trace_pipe", os.O_RDONLY | os.O_NONBLOCK)
        self._unread = b""

    def pull(self, line: int, level: bool) -> None:
        """Do to an input what an outside switch does."""
        self._file(line, "pull").write_text("pull-up" if level else "pull-down")

    def level(self, line: int) -> bool:
        """Probe a wire."""
        return self._file(line, "value").read_text().strip() == "1"

    def events(self) -> Iterator[Event]:
        """Give what has happened since the last call, complete and in order."""
        try:
            while received := os.read(self._trace_fd, 65_536):
                self._unread += received
        except BlockingIOError:
            pass
        *rows, self._unread = self._unread.split(b"\n")
        for row in rows:
            if b"LOST" in row:
                raise OverflowError(f"the kernel's trace has a hole: {row.decode()}")
            if found := _ROW.search(row):
                seconds, micros, set_line, was_set, level, claimed, direction = found.groups()
                yield Event(
                    at_us=int(seconds) * 1_000_000 + int(micros),
                    line=int(set_line or claimed) - self._first_line,
                    what=(was_set or direction).decode(),
                    level=level == b"1",
                )

    def _file(self, line: int, name: str) -> Path:
        return self._lines / f"sim_gpio{line}" / name
