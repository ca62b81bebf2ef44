"""The plan of a series' next stack, fitted to what its earlier stacks found."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from camera.camera import Exposure
from focusd.reports import chosen_merge
from focusd.stacks import Stacks
from stack.errors import PlanRefused, SessionError
from stack.following import IDLE_AGREE, OPEN_AGREE, followed, seen_in
from stack.manner import exposed, moved
from stack.plan import StackPlan
from stack.session import Session
from stack.sessions import Sessions
from stack.timelapse import Series, SeriesState

LOOKED_AT = 2 * max(IDLE_AGREE, OPEN_AGREE)
"""How many of the last stacks are looked at: as many as must agree, and some whose merge is not done yet."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A plan and what is said of the specimen; `words` say what changed of its range, empty: nothing did."""

    plan: StackPlan
    fields: Mapping[str, str]
    words: str = ""


class Fitting:
    """Fits plans to the series they belong to."""

    def __init__(self, sessions: Sessions, stacks: Stacks) -> None:
        self._sessions = sessions
        self._stacks = stacks

    def fitted(self, series: Series, state: SeriesState) -> Fitted:
        """Give the plan of the next stack; raises as for a single stack."""
        plan, fields = self._stacks.make(series.request)
        if not plan.relative:
            self._check_grid(series)
        first, last = self._exposures(state)
        plan = exposed(plan, series.manner, first, last)
        return self._followed(series, state, plan, fields) if series.manner.follow else Fitted(plan, fields)

    def _check_grid(self, series: Series) -> None:
        """Refuse to go by places that are counted in other steps, from elsewhere or backwards by now."""
        if series.grid not in (None, self._stacks.grid):
            raise PlanRefused(
                f"the places of series {series.id} are counted as `{series.grid}`, and the axis counts as "
                f"`{self._stacks.grid}` now, so that they mean others: set the axis back in config.yaml to "
                "go on with it, or end it by `focusctl timelapse abort` and begin another"
            )

    def _followed(
        self, series: Series, state: SeriesState, plan: StackPlan, fields: Mapping[str, str]
    ) -> Fitted:
        latest = islice(self._done(state, newest=True), LOOKED_AT)
        done = [one for one in latest if not one.layout.adrift and one.scale == self._stacks.scale]
        if not done:
            return Fitted(plan, fields)
        seen = [seen_in(session.layout, chosen_merge(session)) for session in reversed(done)]
        before = moved(plan, self._stacks.scale, seen[-1])
        found = followed(seen, self._stacks.reach())
        if not found.words:
            return Fitted(before, fields)
        after = moved(plan, self._stacks.scale, found.seen)
        if refused := self._refused(series, after, fields):
            return Fitted(before, fields, f"{found.words}; but near and far stay as they are: {refused}")
        return Fitted(after, fields, found.words)

    def _refused(self, series: Series, plan: StackPlan, fields: Mapping[str, str]) -> str | None:
        """Say why a plan whose range has changed cannot be shot in this series."""
        try:
            seconds = self._stacks.seconds(plan, fields)
        except PlanRefused as error:
            return str(error)
        if seconds > series.schedule.every_s and not series.manner.overlaps:
            return f"a stack would take {seconds:.0f} s, and one is due every {series.schedule.every_s:g} s"
        return None

    def _exposures(self, state: SeriesState) -> tuple[Exposure | None, Exposure | None]:
        """Give how the first and the last stack that are there were exposed, with the sensor there is.

        What makes white white by one tints what another sees: after that the first with the new one counts.
        """
        return self._exposure(state, newest=False), self._exposure(state, newest=True)

    def _exposure(self, state: SeriesState, *, newest: bool) -> Exposure | None:
        sensor = self._stacks.sensor()
        for session in self._done(state, newest=newest):
            if sensor and session.facts.camera.get("sensor") not in (None, sensor):
                continue
            with suppress(OSError):  # what is wrong with one journal must not cost all later stacks
                return session.state().exposure
        return None

    def _done(self, state: SeriesState, *, newest: bool) -> Iterator[Session]:
        """Give the first and the latest finished stacks in order; those that were removed are left out."""
        for slot in reversed(state.done) if newest else state.done:
            if slot.session is not None:
                try:
                    yield self._sessions.open(slot.session)
                except SessionError:
                    continue
