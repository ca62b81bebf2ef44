"""What is told of the rig's work: events to whoever listens, how far it is to whoever looks."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from focusd.events import EventHub
from focusd.heartbeat import Heartbeat
from focusd.instruments import Instruments
from focusd.now import Progress

SILENT_FRAMES: Final = 60
"""Frames that may go by between two signs of life: some are in flight, one that differs is taken again."""


class Bulletin:
    """Tells of the running job; for any thread, as the writer's tells of slices that the operator's shot.

    Parameters
    ----------
    instruments
        What places are counted in, and how long a frame takes.
    hub
        Where everything is told.
    heartbeat
        Beats whenever something is.
    merged
        Gives how many slices of a session are in its picture by now.
    """

    def __init__(
        self,
        instruments: Instruments,
        hub: EventHub,
        heartbeat: Heartbeat,
        merged: Callable[[str], int],
    ) -> None:
        self._axis = instruments.axis
        self._eye = instruments.eye
        self._hub = hub
        self._heartbeat = heartbeat
        self._merged = merged
        self._lock = threading.Lock()
        self.progress = Progress()

    def turn_over(self) -> None:
        """Let the progress of one job not be taken for the next one's."""
        with self._lock:
            self.progress = Progress()

    def show(self, **shown: Any) -> None:
        """Show more, or something else, of how far the job is."""
        with self._lock:
            self.progress = replace(self.progress, **shown)

    def say(self, event: str, **facts: Any) -> None:
        """Tell whoever listens."""
        self._hub.publish(event, **facts)

    def observe(self, event: Mapping[str, object]) -> None:
        """Pass an event of a stack or a survey on, and show what it means for the job's progress."""
        self._heartbeat.beat(SILENT_FRAMES * self._eye.facts.frame_ns / 1e9)
        facts: dict[str, Any] = dict(event)
        name = str(facts.pop("event"))
        if name in ("stack_started", "stack_resumed"):
            self.show(session=facts["session"])  # before its merge has begun and shows it too
        if name in ("rest_began", "rest_ended"):
            self.show(rests=facts.get("reason"))
        if name == "measuring":
            self.show(phase="measuring", index=facts["done"] - 1, slices=facts["of"])
        if name == "progress":
            shown = {key: facts.get(key) for key in ("phase", "session", "index", "slices", "seconds_left")}
            self.show(**shown)
            facts["merged"] = self._merged(str(facts.get("session")))
            facts["unit"] = self._axis.scale.unit
        self.say(name, **facts)
