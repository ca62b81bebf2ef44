"""What becomes of a session's events: each is told, and what is to last is journaled first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rail.screw import Scale
from stack.journal import Journal
from stack.progress import progress
from stack.session import Session

Observe = Callable[[Mapping[str, object]], None]
"""Takes every event: what the journal says, with "session", and "progress". Must neither block nor raise."""


@dataclass(frozen=True, slots=True)
class Telling:
    """Tells an observer what happens to a session. Safe from the shooting and the writing thread."""

    session: Session
    journal: Journal
    scale: Scale
    observe: Observe

    def record(self, event: str, **facts: object) -> None:
        """Journal an event; once it is synced, tell the observer."""
        self.journal.append(event, **facts)
        self.tell({"event": event, **facts})

    def progress(self, phase: str, index: int | None = None, seconds_left: float | None = None) -> None:
        """Tell what goes on, and at which slice."""
        layout, position_u = self.session.layout, None
        if index is not None:
            position_u = self.scale.length_u(layout.positions_steps[index])
        self.tell(progress(phase, layout, index, position_u, seconds_left))

    def tell(self, event: Mapping[str, object]) -> None:
        """Tell an event and not journal it."""
        self.observe({**event, "session": self.session.id})
