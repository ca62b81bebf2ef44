"""How a command ends, for the shell; the daemon and focusctl mean the same by a number."""

from enum import IntEnum


class Exit(IntEnum):
    """An exit code of focusctl, and what a refusal of the daemon asks it to be."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    BUSY = 4
    NO_DAEMON = 5
    INTERRUPTED = 130
