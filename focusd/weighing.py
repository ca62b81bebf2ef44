"""What the next stack of a series will take on the disk."""

from contextlib import suppress
from functools import reduce

from focusd.errors import FocusdError
from focusd.stacks import Stacks
from stack.errors import PlanRefused, SessionError
from stack.retention import Weight, weighed
from stack.sessions import Sessions
from stack.timelapse import Series, SeriesState, SlotEnd


class Weighing:
    """Estimates it, and remembers it until another slot has ended."""

    def __init__(self, sessions: Sessions, stacks: Stacks) -> None:
        self._sessions = sessions
        self._stacks = stacks
        self._last: tuple[str, int, Weight | None] | None = None

    def weight(self, series: Series, state: SeriesState) -> Weight | None:
        """Give it as estimated, or as the last stack weighs if that is more; None where it cannot be told."""
        ended = sum(state.counts.values()) - state.count(SlotEnd.BEGUN)
        if self._last is None or self._last[:2] != (series.id, ended) or self._last[2] is None:
            self._last = series.id, ended, self._estimated(series, state)
        return self._last[2]

    def _estimated(self, series: Series, state: SeriesState) -> Weight | None:
        known: list[Weight] = []
        with suppress(FocusdError, PlanRefused):
            plan, _ = self._stacks.make(series.request)
            known.append(self._stacks.weight(plan))
        for slot in state.done[-1:]:
            with suppress(SessionError, OSError):
                known.append(weighed(self._sessions.open(slot.session or "")))
        return reduce(Weight.heavier, known) if known else None
