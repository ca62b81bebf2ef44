"""What the daemon itself refuses or fails at; the rooms below have trees of their own.

FocusdError
├── ConfigInvalid    the configuration has problems, all of them listed
├── RequestInvalid   a request has problems, all of them listed
├── Refused          asked for something that cannot be done now; nothing moved
│   ├── Busy         another job has the rig
│   └── Unknown      there is no such session, plan or fault
└── StartFailed      the daemon cannot run here
"""

from collections.abc import Sequence


class FocusdError(Exception):
    """Anything the daemon refuses or fails at."""


class ConfigInvalid(FocusdError):
    """The configuration cannot be used; `problems` holds one sentence for each thing wrong with it."""

    def __init__(self, source: str, problems: Sequence[str]) -> None:
        super().__init__("\n".join((f"{source} cannot be used:", *(f"  {problem}" for problem in problems))))
        self.source = source
        self.problems = tuple(problems)


class RequestInvalid(FocusdError):
    """A request cannot be understood; `problems` holds one sentence for each thing wrong with it."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class Refused(FocusdError):
    """The request cannot be met as things stand; nothing moved."""


class Busy(Refused):
    """One job at a time: another has the rig."""

    def __init__(self, running: str) -> None:
        super().__init__(f"the rig is busy: {running} is running; wait for it, or run `focusctl stop`")
        self.running = running


class Unknown(Refused):
    """There is nothing of that name."""


class StartFailed(FocusdError):
    """The daemon cannot run here, and says why in one line."""
