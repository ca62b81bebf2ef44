"""Where focusctl writes: a person's terminal, or a file or pipe that gets nothing but plain lines."""

import os
from collections.abc import Mapping
from typing import TextIO


class Terminal:
    """One output stream and what it can show."""

    def __init__(self, stream: TextIO, environment: Mapping[str, str] = os.environ) -> None:
        self.stream = stream
        self.live = stream.isatty() and environment.get("TERM") != "dumb"
        self._coloured = self.live and not environment.get("NO_COLOR")

    @property
    def columns(self) -> int:
        """The width as it is now, 80 where there is none."""
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or 80
        except (OSError, ValueError):
            return 80

    def line(self, text: str) -> None:
        """Write a line, and see that it leaves at once."""
        self.stream.write(text + "\n")
        self.stream.flush()

    def over(self, text: str) -> None:
        """Write `text`, cut to the width, over the line that the cursor is on."""
        self.stream.write("\r\x1b[K" + shortened(text, self.columns - 1))
        self.stream.flush()

    def strong(self, text: str) -> str:
        """Give `text` bold."""
        return self._styled(text, "1")

    def faint(self, text: str) -> str:
        """Give `text` dimmed."""
        return self._styled(text, "2")

    def warning(self, text: str) -> str:
        """Give `text` yellow."""
        return self._styled(text, "33")

    def alarm(self, text: str) -> str:
        """Give `text` red and bold."""
        return self._styled(text, "1;31")

    def _styled(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self._coloured else text


def shortened(text: str, columns: int) -> str:
    """Give `text` in at most `columns` characters, with a sign that something is missing."""
    if len(text) <= columns:
        return text
    return text[: columns - 1] + "…" if columns > 0 else ""
