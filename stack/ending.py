"""How a stack ended, and what an error means for that."""

from dataclasses import dataclass
from enum import StrEnum

from camera.errors import CaptureCancelled
from rail.errors import Stopped
from stack.durable import out_of_room
from stack.errors import DiskFull, PowerLow, StopAsked
from stack.stop import StopKind, StopSignal


class EndingKind(StrEnum):
    """How a stack ended."""

    DONE = "done"
    PAUSED = "paused"
    ABORTED = "aborted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a stack or a rehearsal.

    Attributes
    ----------
    kind
        How.
    reason
        In words; None when done.
    error
        What raised, where it was not somebody's wish.
    saved
        Slices saved in the whole session.
    trouble
        What else went wrong on the way out, in words; the ending stands nevertheless.
    """

    kind: EndingKind
    reason: str | None = None
    error: Exception | None = None
    saved: int = 0
    trouble: tuple[str, ...] = ()

    @property
    def wished(self) -> bool:
        """Whether somebody asked for it."""
        return self.error is None and self.kind in (EndingKind.PAUSED, EndingKind.ABORTED)

    @property
    def lacks_room(self) -> bool:
        """Whether it was paused for want of room on a disk, and may go on once there is."""
        paused = self.kind is EndingKind.PAUSED
        return paused and (isinstance(self.error, DiskFull) or out_of_room(self.error))


def ending_of(error: Exception, stop: StopSignal) -> Ending:
    """Say how a stack ends that was cut short by `error`. Pure."""
    if isinstance(error, StopAsked | Stopped | CaptureCancelled):
        kind = EndingKind.ABORTED if stop.kind is StopKind.ABORT else EndingKind.PAUSED
        return Ending(kind, stop.reason or str(error))
    if isinstance(error, DiskFull | PowerLow) or out_of_room(error):
        return Ending(EndingKind.PAUSED, str(error), error)
    return Ending(EndingKind.FAILED, str(error) or type(error).__name__, error)
