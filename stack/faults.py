"""What went wrong while a stack was shot and merged, told from its journal. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from stack.journal import Entry
from stack.words import span_words

CLOCK_STEP_S = 2.0
"""The system's clock and the monotonic one drift apart by less than this between two lines of a journal."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happened at `at` (UTC) and should not have; `index`: of the slice it concerns, if any."""

    at: str
    words: str
    index: int | None = None


def faults(entries: Sequence[Entry]) -> tuple[Fault, ...]:
    """List what went wrong, in the order of a journal's entries."""
    told = [(entry.seq, fault) for entry in entries if (fault := _told(entry)) is not None]
    return tuple(fault for _, fault in sorted([*told, *_clock_steps(entries)], key=lambda one: one[0]))


def clock_step_s(earlier: Entry, later: Entry) -> float:
    """Give by how much the system's clock was set forward between two entries; negative: back.

    Across a restart of the machine, when the monotonic clock begins anew, nothing is known: 0.
    """
    if later.mono_ns < earlier.mono_ns:
        return 0.0
    by_clock_s = (datetime.fromisoformat(later.at) - datetime.fromisoformat(earlier.at)).total_seconds()
    step_s = by_clock_s - (later.mono_ns - earlier.mono_ns) / 1e9
    return step_s if abs(step_s) > CLOCK_STEP_S else 0.0


def _told(entry: Entry) -> Fault | None:
    match entry.event, entry.facts:
        case "slice_retaken", {"index": int(index), "why": str(why)}:
            return Fault(entry.at, f"Slice {index} was shot again: {why}.", index)
        case "slice_saved", {"index": int(index), "vitals": {"under_voltage": True}}:
            words = "the motor may have lost steps, and the sensor seen noise"
            return Fault(entry.at, f"The supply of the Pi was too low at slice {index}: {words}.", index)
        case "rest_began", {"reason": str(reason)}:
            return Fault(entry.at, f"Rested: {reason}.")
        case "rest_ended", {"seconds": float(seconds)}:
            return Fault(entry.at, f"Went on after {span_words(seconds)}.")
        case "stack_paused", {"reason": str(reason)}:
            return Fault(entry.at, f"Paused: {reason}.")
        case "stack_failed", {"error": str(error)}:
            return Fault(entry.at, f"Shooting failed: {error}.")
        case "merge_failed", {"error": str(error)}:
            return Fault(entry.at, f"A merge failed: {error}.")
    return None


def _clock_steps(entries: Sequence[Entry]) -> Iterator[tuple[int, Fault]]:
    for earlier, later in pairwise(entries):
        if step_s := clock_step_s(earlier, later):
            way = "forward" if step_s > 0 else "back"
            words = (
                f"The clock of the Pi was set {way} by {span_words(abs(step_s))}: times of day before and "
                "after do not compare; durations and the order of slices do."
            )
            yield later.seq, Fault(later.at, words)
