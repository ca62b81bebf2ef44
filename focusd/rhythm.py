"""What time it is in a series: where its first slot lies on this boot's clock, however the wall's is set."""

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from focusd.boot import Boot
from rail.clock import Clock
from stack.schedule import Moment
from stack.timelapse import Anchor, Series, SeriesState

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Anchored:
    """Where a series was anchored, and what by."""

    anchor: Anchor
    how: str


class Rhythm:
    """The time of the series that runs, unknown until it is anchored in this boot.

    Parameters
    ----------
    clock_wait_s
        How long after a boot a clock that no time server has set is waited for.
    """

    def __init__(self, boot: Boot, clock: Clock, clock_wait_s: float) -> None:
        self._boot = boot
        self._clock = clock
        self._clock_wait_ns = round(clock_wait_s * 1e9)
        self._began_ns = clock.monotonic_ns()
        self._anchor: Anchor | None = None

    @property
    def known(self) -> bool:
        """Whether the series' time is known."""
        return self._anchor is not None

    def now(self) -> datetime:
        """Give the time of day, right or wrong."""
        return self._boot.now()

    def moment(self) -> Moment:
        """Give how far along the series is; it must be anchored."""
        assert self._anchor is not None
        return Moment((self._clock.monotonic_ns() - self._anchor.origin_ns) / 1e9, self._boot.now())

    def clock_is_settled(self) -> bool:
        """Say whether the clock may be believed, or was waited for long enough."""
        waited_ns = self._clock.monotonic_ns() - self._began_ns
        return self._boot.synchronised() or waited_ns >= self._clock_wait_ns

    def believes_the_clock(self) -> bool:
        """Say whether another clock that is right has set this one."""
        return self._boot.synchronised()

    def started(self, start: datetime, *, said: bool = False) -> Anchored:
        """Anchor a series that begins; `said`: when a person said, and not now, by the clock."""
        return self._at(start, "started", said=said)

    def found(self, series: Series, state: SeriesState) -> Anchored | None:
        """Anchor a series that is taken up; None where that cannot be yet, or was done in this boot."""
        before = state.anchor
        if before is not None and before.boot == self._boot.id:
            self._anchor = before
            return None
        vouched_for = before is None or before.believed or self._is_to_come(before, state)
        if vouched_for and self._boot.synchronised():
            return self._at(series.start if before is None else before.start, "by the clock")
        if not self.clock_is_settled():
            return None
        # The clock is of no use, now or when the series was last seen, so the next slot is now.
        along_s = (0 if state.last is None else state.last + 1) * series.schedule.every_s
        _log.warning("the clock is not, or was not, synchronised: series %s goes on from now", series.id)
        start = datetime.fromtimestamp(self._boot.now().timestamp() - along_s, UTC)
        return self._at(start, "anew: the clock was not synchronised")

    def corrected(self) -> Anchored | None:
        """Anchor by a clock that may be believed at last: no slot moves, and the next boot finds them so."""
        before = self._anchor
        if before is None or before.believed or not self._boot.synchronised():
            return None
        along_ns = self._clock.monotonic_ns() - before.origin_ns
        start = datetime.fromtimestamp(self._boot.now().timestamp() - along_ns / 1e9, UTC)
        self._anchor = replace(before, start=start, believed=True)
        return Anchored(self._anchor, "where it was: the clock was set")

    def forget(self) -> None:
        """Be without a series."""
        self._anchor = None

    def _is_to_come(self, anchor: Anchor, state: SeriesState) -> bool:
        """Say whether a person said when the first slot is due, and it is not due yet by the clock."""
        return anchor.said and state.last is None and anchor.start > self._boot.now()

    def _at(self, start: datetime, how: str, *, said: bool = False) -> Anchored:
        since_s = self._boot.now().timestamp() - start.timestamp()
        origin_ns = self._clock.monotonic_ns() - round(since_s * 1e9)
        self._anchor = Anchor(self._boot.id, origin_ns, start, self._boot.synchronised(), said)
        return Anchored(self._anchor, how)
