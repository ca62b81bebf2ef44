"""The one table from what went wrong to what a client is told: an exit code, an HTTP status, a title."""

from dataclasses import dataclass

import camera.errors
import rail.errors
import stack.errors
from focusd.errors import Busy, ConfigInvalid, Refused, RequestInvalid, StartFailed, Unknown
from focusd.exits import Exit


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one request ended."""

    exit_code: Exit
    http_status: int
    title: str


DONE = Outcome(Exit.DONE, 200, "Done")
FAILED = Outcome(Exit.FAILED, 500, "Failed")
USAGE = Outcome(Exit.USAGE, 422, "Not understood")

_TABLE: tuple[tuple[type[Exception], Outcome], ...] = (
    (Busy, Outcome(Exit.BUSY, 409, "Busy")),
    (Unknown, Outcome(Exit.REFUSED, 404, "Not found")),
    (Refused, Outcome(Exit.REFUSED, 409, "Refused")),
    (ConfigInvalid, Outcome(Exit.REFUSED, 409, "Configuration refused")),
    (RequestInvalid, USAGE),
    (StartFailed, Outcome(Exit.FAILED, 500, "Cannot start")),
    (stack.errors.PlanRefused, Outcome(Exit.REFUSED, 409, "Plan refused")),
    (stack.errors.NoSuchSession, Outcome(Exit.REFUSED, 404, "No such session")),
    (stack.errors.AmbiguousSession, Outcome(Exit.REFUSED, 409, "Which session?")),
    (stack.errors.NotResumable, Outcome(Exit.REFUSED, 409, "Cannot be resumed")),
    (stack.errors.RemovalRefused, Outcome(Exit.REFUSED, 409, "Not removed")),
    (stack.errors.SeriesNotMade, Outcome(Exit.REFUSED, 409, "Series not made")),
    (stack.errors.DiskFull, Outcome(Exit.REFUSED, 409, "Disk full")),
    (stack.errors.DiskNotMounted, Outcome(Exit.REFUSED, 409, "Disk not mounted")),
    (stack.errors.DiskGone, Outcome(Exit.REFUSED, 409, "Disk gone")),
    (rail.errors.EmergencyStopInForce, Outcome(Exit.REFUSED, 409, "Emergency stop")),
    (rail.errors.MoveRefused, Outcome(Exit.REFUSED, 409, "Move refused")),
    (stack.errors.StopAsked, Outcome(Exit.INTERRUPTED, 409, "Stopped")),
    (rail.errors.Stopped, Outcome(Exit.INTERRUPTED, 409, "Stopped")),
    (camera.errors.CaptureCancelled, Outcome(Exit.INTERRUPTED, 409, "Stopped")),
    (rail.errors.HomingFailed, Outcome(Exit.FAILED, 500, "Homing failed")),
    (rail.errors.Halted, Outcome(Exit.FAILED, 500, "Motion halted")),
    (rail.errors.RailError, Outcome(Exit.FAILED, 500, "Rail failed")),
    (camera.errors.CameraError, Outcome(Exit.FAILED, 500, "Camera failed")),
    (stack.errors.NotMeasured, Outcome(Exit.FAILED, 500, "Not measured")),
    (stack.errors.StackError, Outcome(Exit.FAILED, 500, "Stack failed")),
)
"""Searched from the top: what is particular stands before what it is a kind of."""


def outcome_of(error: BaseException) -> Outcome:
    """Give how a request that ended in `error` is reported."""
    for kind, outcome in _TABLE:
        if isinstance(error, kind):
            return outcome
    return FAILED


def words_of(error: BaseException) -> str:
    """Give what happened in words; an error that is none of ours is named by its kind, or by its file."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    ours = any(isinstance(error, kind) for kind, _ in _TABLE)
    return str(error) if ours and str(error) else f"{type(error).__name__}: {error}"
