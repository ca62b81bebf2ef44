"""What goes on in a stack, as an event, and how long it will still take."""

from dataclasses import dataclass, replace

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
    """How fast the slices come: estimated for the first two, measured afterwards.

    It is measured from the first slice on: the way to that one may be long, and says nothing of the rest.
    """

    estimate_ns: int
    slices: int
    first_ns: int | None = None

    def from_first(self, now_ns: int) -> "Pace":
        """Give this pace once a slice is taken: it is measured from the first that was."""
        return self if self.first_ns is not None else replace(self, first_ns=now_ns)

    def seconds_left(self, done: int, now_ns: int) -> float:
        """Give how long the slices take that are not `done`."""
        slice_ns = float(self.estimate_ns)
        if self.first_ns is not None and done > 1:
            slice_ns = (now_ns - self.first_ns) / (done - 1)
        return slice_ns * (self.slices - done) / 1e9
