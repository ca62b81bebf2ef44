"""What goes on in a stack, as an event, and how long it will still take."""

from dataclasses import dataclass

from stack.layout import Layout


def progress(
    phase: str,
    layout: Layout,
    index: int | None = None,
    position_u: float | None = None,
    seconds_left: float | None = None,
) -> dict[str, object]:
    """Give the event that says what goes on; None for what does not apply."""
    return {
        "event": "progress",
        "phase": phase,
        "index": index,
        "slices": layout.slices,
        "position_u": position_u,
        "seconds_left": seconds_left,
    }


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the slices come: estimated for the first, measured afterwards."""

    began_ns: int
    estimate_ns: int
    slices: int

    def seconds_left(self, done: int, now_ns: int) -> float:
        """Give how long the slices take that are not `done`."""
        slice_ns = (now_ns - self.began_ns) / done if done else self.estimate_ns
        return slice_ns * (self.slices - done) / 1e9
