"""What the operator can be asked to do, and one such request on its way from acceptance to its end."""

import itertools
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum

from focusd.errors import Refused
from focusd.surveys import Survey
from rail.axis import Position
from stack.plan import StackPlan
from stack.specimen import Fields
from stack.stop import StopSignal


@dataclass(frozen=True, slots=True)
class Home:
    """Find the reference; `allow`: the owner says here and now that the way is free."""

    allow: bool = False


@dataclass(frozen=True, slots=True)
class Jog:
    """Move by a distance in the axis's unit."""

    distance_u: float


@dataclass(frozen=True, slots=True)
class Goto:
    """Move to a place in the axis's unit."""

    position_u: float


@dataclass(frozen=True, slots=True)
class Zero:
    """Declare where the axis stands, in its unit; None: at the reference."""

    position_u: float | None = None


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Say that the rig is safe again after an emergency stop."""


@dataclass(frozen=True, slots=True)
class Shoot:
    """Shoot a stack, or go through the motions of one; `fields` are what its owner says of the specimen."""

    plan: StackPlan
    fields: Fields = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resume:
    """Shoot what a session lacks; None: the latest that lacks something."""

    session: str | None


@dataclass(frozen=True, slots=True)
class Abandon:
    """End a paused session for good."""

    session: str
    reason: str


@dataclass(frozen=True, slots=True)
class Measure:
    """Measure the rig by its camera."""

    survey: Survey


Order = Home | Jog | Goto | Zero | Acknowledge | Shoot | Resume | Abandon | Measure


def kind_of(order: Order) -> str:
    """Give the word for an order."""
    if isinstance(order, Shoot) and order.plan.rehearse:
        return "rehearse"
    if isinstance(order, Measure):
        return order.survey.kind
    return type(order).__name__.lower()


class JobEnding(StrEnum):
    """How a job ended."""

    DONE = "done"
    STOPPED = "stopped"
    PAUSED = "paused"
    ABORTED = "aborted"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a stack will be, said before its first motion.

    Attributes
    ----------
    session, folder
        Its id and where it is on disk; None for a rehearsal.
    slices, saved, seconds
        How many, how many of them there are already, and about how long the rest will take.
    same_specimen
        The ids of earlier stacks of the same view of the same specimen.
    """

    session: str | None
    folder: str | None
    slices: int
    saved: int
    seconds: float
    same_specimen: tuple[str, ...] = ()


_numbers = itertools.count(1)


class Job:
    """One order being carried out.

    Attributes
    ----------
    number, kind, order
        Counted from 1 since the daemon started; the word for it; what was asked.
    stop
        The wish to end it, never forgotten once made.
    since
        The number of the last event before it.
    accepted
        For a stack: what it will be, or why it was refused.
    ended
        Where the axis came to rest, or what went wrong; after that another job may start.
    missed_u
        After homing: how far off its reference the axis had been; None where nobody had known its place.
    marks_lapsed
        Why the marks are forgotten since; None where they are not.
    """

    def __init__(self, order: Order, since: int, stop: StopSignal | None = None) -> None:
        self.number = next(_numbers)
        self.kind = kind_of(order)
        self.order = order
        self.since = since
        self.stop = stop or StopSignal()
        self.missed_u: float | None = None
        self.marks_lapsed: str | None = None
        self.accepted: Future[Accepted] = Future()
        self.ended: Future[Position] = Future()
        for future in (self.accepted, self.ended):
            future.set_running_or_notify_cancel()  # from here on nobody who waits can cancel it

    @property
    def session(self) -> str | None:
        """The session of its stack; None where it has none, or was not accepted."""
        accepted = self.accepted
        return accepted.result().session if accepted.done() and not accepted.exception() else None

    def settle(self, position: Position, error: Exception | None) -> None:
        """Tell whoever waits that it is over: where the axis came to rest, or what went wrong."""
        if error is None:
            self.ended.set_result(position)
        else:
            self.ended.set_exception(error)
        if not self.accepted.done():
            self.accepted.set_exception(error or Refused("it was ended before it had begun"))
