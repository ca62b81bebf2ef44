"""What can go wrong with a stack. Each error carries its facts as attributes.

StackError
├── PlanRefused          nothing was begun; every reason is given
├── JournalError
│   ├── JournalBusy      somebody else writes it
│   └── JournalFailed    a line could not be made durable
├── SessionError
│   ├── NoSuchSession
│   ├── AmbiguousSession
│   ├── SessionUnreadable
│   ├── NotResumable     done, aborted, or its positions mean nothing any more
│   ├── RemovalRefused   it is in use, or there would be no picture of it left
│   └── ExportRefused    no picture, a template that does not fit, or a name that is taken
├── SeriesUnreadable     a time-lapse's folder does not say what it should
├── ShootError
│   ├── StopAsked        somebody asked; not a failure
│   ├── FrameUnusable    black or white all over
│   ├── FrameStale       exposed before the axis had settled
│   ├── AxisAstray       the axis came to rest where it was not sent
│   ├── CameraChanged    the camera cannot repeat the frames this session began with
│   ├── DiskFull         the stack is paused, not lost
│   ├── PowerLow         so is this one
│   ├── DiskGone         pulled out, or failing altogether
│   │   └── DiskNotMounted   what is written would go to the disk below
│   └── SliceUnsaved     a slice could not be made durable
└── NotMeasured          the pictures do not show what was to be measured
"""

from pathlib import Path


class StackError(Exception):
    """Anything a stack refuses or fails at."""


class PlanRefused(StackError):
    """The plan cannot be carried out as asked; nothing moved."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class JournalError(StackError):
    """A journal cannot be written."""

    def __init__(self, message: str, *, path: Path) -> None:
        super().__init__(message)
        self.path = path


class JournalBusy(JournalError):
    """Another process, or another part of this one, is writing the journal."""

    def __init__(self, message: str, *, path: Path, holder: str) -> None:
        super().__init__(message, path=path)
        self.holder = holder


class JournalFailed(JournalError):
    """A line could not be written and synced."""


class SessionError(StackError):
    """A session cannot be found, read or resumed."""


class NoSuchSession(SessionError):
    """No session answers to that number, id or prefix."""

    def __init__(self, message: str, *, wanted: str) -> None:
        super().__init__(message)
        self.wanted = wanted


class AmbiguousSession(SessionError):
    """Several sessions begin that way."""

    def __init__(self, message: str, *, wanted: str, candidates: tuple[str, ...]) -> None:
        super().__init__(message)
        self.wanted = wanted
        self.candidates = candidates


class SessionUnreadable(SessionError):
    """The folder's session.json is missing or not what this version writes."""

    def __init__(self, message: str, *, path: Path) -> None:
        super().__init__(message)
        self.path = path


class NotResumable(SessionError):
    """There is nothing to resume, or the positions of the plan no longer mean anything."""

    def __init__(self, message: str, *, session: str) -> None:
        super().__init__(message)
        self.session = session


class RemovalRefused(SessionError):
    """A session is in use, or its slices are all there is of it."""

    def __init__(self, message: str, *, session: str) -> None:
        super().__init__(message)
        self.session = session


class ExportRefused(SessionError):
    """A session cannot be handed out as asked; nothing that was there is replaced."""


class SeriesUnreadable(StackError):
    """A time-lapse's folder does not say what it should."""


class SeriesNotMade(StackError):
    """A time-lapse's folder cannot be made."""


class ShootError(StackError):
    """Shooting cannot go on."""


class StopAsked(ShootError):
    """The end was asked for, and the shooter has seen it."""


class FrameUnusable(ShootError):
    """A frame is black or white all over: lens cap, no light, wrong exposure."""

    def __init__(self, message: str, *, index: int) -> None:
        super().__init__(message)
        self.index = index


class FrameStale(ShootError):
    """A frame's exposure began before the axis had settled."""

    def __init__(self, message: str, *, index: int, early_ns: int) -> None:
        super().__init__(message)
        self.index = index
        self.early_ns = early_ns


class AxisAstray(ShootError):
    """The axis came to rest at another step than the one it was sent to."""

    def __init__(self, message: str, *, wanted_steps: int, reached_steps: int) -> None:
        super().__init__(message)
        self.wanted_steps = wanted_steps
        self.reached_steps = reached_steps


class CameraChanged(ShootError):
    """The camera no longer grants the exposure or the frame size this session began with."""


class DiskFull(ShootError):
    """There is no room for another slice beside the reserve."""

    def __init__(self, message: str, *, free_bytes: int, needed_bytes: int) -> None:
        super().__init__(message)
        self.free_bytes = free_bytes
        self.needed_bytes = needed_bytes


class DiskGone(ShootError):
    """The disk of the sessions does not answer, is not there any more, or may not be written to."""

    def __init__(self, error: OSError) -> None:
        why = error.strerror or error
        if isinstance(error, PermissionError):
            super().__init__(
                f"nothing may be written to {error.filename or 'the folder of the sessions'} ({why}). Give "
                "the folder of the sessions to the user that focusd runs as: sudo chown focusrail: FOLDER"
            )
        else:
            super().__init__(
                f"the disk of the sessions is gone or failing ({why}): nothing that was saved is touched. "
                "Connect it again, or look at its cable and power, then resume"
            )


class DiskNotMounted(DiskGone):
    """The disk that sessions are to go to is not mounted, and nothing is written to the one below."""

    def __init__(self, message: str, *, root: Path) -> None:
        ShootError.__init__(self, message)
        self.root = root


class PowerLow(ShootError):
    """The supply of the Pi has been too low for longer than anybody wants to wait."""


class SliceUnsaved(ShootError):
    """A slice was captured but could not be made durable."""

    def __init__(self, message: str, *, index: int) -> None:
        super().__init__(message)
        self.index = index


class NotMeasured(StackError):
    """The pictures of a calibration do not show what was to be measured; nothing is proposed."""
