"""What the daemon logs, and where: to systemd's journal with fields to search by, else to standard error.

`journalctl -u focusd FOCUSRAIL_SESSION=0042-...` shows what was said of one stack; FOCUSRAIL_JOB and
FOCUSRAIL_SLICE are there too, as far as something was under way. The protocol is systemd's own
(https://systemd.io/JOURNAL_NATIVE_PROTOCOL) in a few lines; python-systemd has no wheels.
"""

import logging
import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from focusd.now import Glance

JOURNAL = Path("/run/systemd/journal/socket")

_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG = 7

Look = Callable[[], "Glance"]
"""Gives what is under way."""


class Journal(logging.Handler):
    """Sends records to systemd's journal. One that it does not take goes to standard error.

    Attributes
    ----------
    look
        What says what is under way, once somebody can; None before.
    """

    def __init__(self, path: Path = JOURNAL) -> None:
        super().__init__()
        self.look: Look | None = None
        self._path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        fields = fields_of(record, self.format(record), self.look() if self.look else None)
        try:
            self._socket.sendto(datagram(fields), self._path)
        except OSError:
            sys.stderr.write(fields["MESSAGE"] + "\n")

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()
        super().close()


def fields_of(record: logging.LogRecord, message: str, glance: "Glance | None") -> dict[str, str]:
    """Give a record's fields in the journal. Pure."""
    fields = {
        "MESSAGE": message,
        "PRIORITY": str(next((word for level, word in _PRIORITIES if record.levelno >= level), _DEBUG)),
        "LOGGER": record.name,
        "SYSLOG_IDENTIFIER": "focusd",
    }
    if glance is not None and glance.job is not None:
        fields["FOCUSRAIL_JOB"] = glance.job
        if glance.progress.session is not None:
            fields["FOCUSRAIL_SESSION"] = glance.progress.session
        if glance.progress.index is not None:
            fields["FOCUSRAIL_SLICE"] = str(glance.progress.index)
    return fields


def datagram(fields: Mapping[str, str]) -> bytes:
    """Write fields as the journal reads them: a text of several lines goes with its length. Pure."""
    parts = []
    for name, text in fields.items():
        content = text.encode()
        if b"\n" in content:
            parts.append(name.encode() + b"\n" + len(content).to_bytes(8, "little") + content + b"\n")
        else:
            parts.append(name.encode() + b"=" + content + b"\n")
    return b"".join(parts)


def to_journal(environment: Mapping[str, str], stream_fd: int) -> bool:
    """Say whether standard error leads to the journal, by what systemd put into the environment."""
    try:
        found = os.fstat(stream_fd)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def begin_log() -> Journal | None:
    """Begin to log; give the journal where that is where things go."""
    if to_journal(os.environ, 2):
        journal = Journal()
        logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[journal])
        return journal
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    return None
