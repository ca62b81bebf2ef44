"""The button and the lamp at the bench: what a finger asks for and what the lamp says, decided purely."""

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from rail.clock import Clock

_log = logging.getLogger(__name__)

SHORTEST_PRESS_NS = 30_000_000
"""No finger is off the button sooner: that was a spark on its wire, told when the button is quiet again."""


class Request(StrEnum):
    """What a finger asks for."""

    SHOOT = "shoot"
    STOP = "stop"
    ABORT = "abort"
    STOP_FOR_GOOD = "stop for good"
    """What the same press has stopped is not to go on."""


@dataclass(frozen=True, slots=True)
class Finger:
    """What is known of the finger on the button.

    Attributes
    ----------
    since_ns
        When it came down; None while it is off.
    used
        The present press has asked for something, so that letting go asks for nothing more.
    aborted
        It has been down long enough, and that was said.
    """

    since_ns: int | None = None
    used: bool = False
    aborted: bool = False


def press(finger: Finger, now_ns: int, *, moving: bool) -> tuple[Finger, Request | None]:
    """Decide what the button going down means: whatever moves must stop now, not when it is let go."""
    return Finger(now_ns, used=moving), Request.STOP if moving else None


def release(finger: Finger, now_ns: int) -> tuple[Finger, Request | None]:
    """Decide what the button coming up means: a short press on a resting rig shoots, a spark does not."""
    pressed = finger.since_ns is not None and now_ns - finger.since_ns >= SHORTEST_PRESS_NS
    unused = pressed and not finger.used and not finger.aborted
    return Finger(), Request.SHOOT if unused else None


def keep(finger: Finger, now_ns: int, long_press_ns: int) -> tuple[Finger, Request | None]:
    """Decide what it means that the button is still down: held long enough, it aborts, once."""
    if finger.since_ns is None or finger.aborted or now_ns - finger.since_ns < long_press_ns:
        return finger, None
    return replace(finger, aborted=True), Request.STOP_FOR_GOOD if finger.used else Request.ABORT


class Mood(StrEnum):
    """What the lamp tells: a rhythm for each."""

    EMERGENCY = "emergency"
    READY = "ready"
    MOVING = "moving"
    SHOOTING = "shooting"
    RESTING = "resting"
    PAUSED = "paused"
    MERGING = "merging"
    REFUSED = "refused"
    FAILED = "failed"


RHYTHMS_MS: dict[Mood, tuple[int, ...]] = {
    Mood.EMERGENCY: (100, 100, 100, 100, 100, 500),
    Mood.READY: (60, 1940),
    Mood.MOVING: (250, 250),
    Mood.SHOOTING: (1000, 0),
    Mood.RESTING: (1500, 300, 100, 300),
    Mood.PAUSED: (800, 800),
    Mood.MERGING: (100, 150, 100, 1150),
    Mood.REFUSED: (80, 80),
    Mood.FAILED: (500, 100, 100, 100),
}
"""Milliseconds on, off, on, off ... and again."""

REFUSAL_NS = 2_000_000_000
"""How long the lamp shows that a press was refused."""


def mood(
    *,
    job: str | None,
    phase: str | None,
    merging: bool,
    failed: bool,
    emergency: bool,
    paused: bool,
    refused_ns: int | None,
    now_ns: int,
) -> Mood:
    """Give what the lamp should tell; what needs a person goes before what goes by itself."""
    if emergency:
        return Mood.EMERGENCY
    if refused_ns is not None and now_ns - refused_ns < REFUSAL_NS:
        return Mood.REFUSED
    if phase == "resting":
        return Mood.RESTING
    if job in ("shoot", "resume") and phase not in ("homing", "moving", "parking"):
        return Mood.SHOOTING
    if job is not None:
        return Mood.MOVING
    if failed:
        return Mood.FAILED
    if paused:
        return Mood.PAUSED
    return Mood.MERGING if merging else Mood.READY


def lit(shown: Mood, now_ns: int) -> bool:
    """Say whether the lamp is lit at `now_ns`."""
    rhythm = RHYTHMS_MS[shown]
    place_ms = now_ns // 1_000_000 % sum(rhythm)
    for part, length_ms in enumerate(rhythm):
        if place_ms < length_ms:
            return part % 2 == 0
        place_ms -= length_ms
    return False


class Panel:
    """One thread that carries edges to `ask` and keeps the lamp's rhythm.

    `edge` may be called from the pins' own thread: it only notes what the button did.

    Parameters
    ----------
    ask
        Takes each request; must not block for longer than a lamp may be late.
    moving
        Whether a press means stop.
    shown
        What the lamp tells at an instant.
    set_lamp
        Lights the lamp, or not.
    long_press_ns
        From here on a press aborts.
    clock
        Stamps edges and keeps the rhythm.
    """

    TICK_S = 0.05

    def __init__(
        self,
        ask: Callable[[Request], None],
        moving: Callable[[], bool],
        shown: Callable[[int], Mood],
        set_lamp: Callable[[bool], None],
        long_press_ns: int,
        clock: Clock,
    ) -> None:
        self._ask = ask
        self._moving = moving
        self._shown = shown
        self._set_lamp = set_lamp
        self._long_press_ns = long_press_ns
        self._clock = clock
        self._edges: queue.SimpleQueue[tuple[bool, int] | None] = queue.SimpleQueue()
        self._finger = Finger()
        self._lit = False
        self._lamp_fails = False
        self._thread = threading.Thread(target=self._run, name="panel", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def edge(self, down: bool) -> None:
        """Note that the button went down, or up."""
        self._edges.put((down, self._clock.monotonic_ns()))

    def close(self) -> None:
        """Listen no more; the lamp goes out."""
        self._edges.put(None)
        if self._thread.is_alive():
            self._thread.join()
        self._switch(False)

    def _run(self) -> None:
        while True:
            try:
                edge = self._edges.get(timeout=self.TICK_S)
            except queue.Empty:
                self._tick(self._clock.monotonic_ns())
                continue
            if edge is None:
                return
            self._tick(edge[1])
            self._take(*edge)

    def _take(self, down: bool, at_ns: int) -> None:
        if down:
            self._finger, request = press(self._finger, at_ns, moving=self._moving())
        else:
            self._finger, request = release(self._finger, at_ns)
        if request:
            self._ask(request)

    def _tick(self, now_ns: int) -> None:
        self._finger, request = keep(self._finger, now_ns, self._long_press_ns)
        if request:
            self._ask(request)
        if (now_lit := lit(self._shown(now_ns), now_ns)) != self._lit:
            self._lit = now_lit
            self._switch(now_lit)

    def _switch(self, on: bool) -> None:
        """Switch the lamp; where it fails that is said once, for the button must be heard all the same."""
        try:
            self._set_lamp(on)
        except Exception as error:  # whatever the GPIO library throws
            if not self._lamp_fails:
                _log.warning("the lamp of the panel cannot be switched: %s", error)
            self._lamp_fails = True
