"""Orders to the axis alone: find the reference, move, say where it stands or that the rig is safe."""

from focusd.bulletin import Bulletin
from focusd.errors import Refused
from focusd.jobs import Job
from focusd.marks import HomingConsent, MarkBook
from rail.axis import OperatedAxis, Trust
from rail.errors import PositionUnknown
from stack.readiness import to_know


class Pilot:
    """Moves the axis from place to place.

    Parameters
    ----------
    axis
        Armed before each order.
    book, consent
        What was marked, and whether the axis may home.
    bulletin
        Hears what phase the order is in.
    """

    def __init__(
        self, axis: OperatedAxis, book: MarkBook, consent: HomingConsent, bulletin: Bulletin
    ) -> None:
        self._axis = axis
        self._book = book
        self._consent = consent
        self._bulletin = bulletin

    def home(self, job: Job, allow: bool) -> None:
        """Find the reference; `allow` is the owner's word that the way there is free."""
        if allow:
            self._consent.give()
            self._axis.allow_homing()
        self._consent.check()
        self._bulletin.show(phase="homing")
        known = self._axis.position().trust is Trust.KNOWN
        missed_steps = self._axis.home().missed_steps
        if known and missed_steps is not None:
            job.missed_u = self._axis.scale.length_u(missed_steps)

    def jog(self, distance_u: float) -> None:
        """Move by a distance, wherever the axis stands."""
        steps = self._axis.scale.nearest_steps(distance_u)
        if steps == 0:
            say = self._axis.scale.say_length
            one_u = self._axis.scale.span_u(1)
            raise Refused(f"{say(distance_u)} is less than one step of this axis, {say(one_u)}")
        self._bulletin.show(phase="moving")
        self._axis.jog(steps)

    def go_to(self, position_u: float) -> None:
        """Move to a place."""
        if self._axis.position().trust is Trust.UNKNOWN:
            raise PositionUnknown(
                f"the position is unknown, so there is no way to a place; {to_know(self._axis.scale.unit)}"
            )
        self._bulletin.show(phase="moving")
        self._axis.move_to(self._axis.scale.nearest_steps(position_u))

    def zero(self, job: Job, position_u: float | None) -> None:
        """Take the axis for where its owner says it stands; None: at the reference."""
        before = self._axis.position()
        now = self._axis.zero(None if position_u is None else self._axis.scale.nearest_steps(position_u))
        if now.steps != before.steps:
            job.marks_lapsed = self._book.forget("positions count from another reference now: mark again")

    def acknowledge(self) -> None:
        """Take the owner's word that the rig is safe again after an emergency stop."""
        self._axis.acknowledge()
        self._bulletin.say("emergency_acknowledged")
