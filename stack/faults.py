"""What went wrong while a stack was shot and merged, told from its journal. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from stack.journal import Entry
from stack.words import sentence, span_words

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
    told = [(entry.seq, fault) for entry in entries for fault in _told(entry)]
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


def _told(entry: Entry) -> Iterator[Fault]:
    match entry.event, entry.facts:
        case "slice_saved", {"index": int(index)}:
            yield from _at_a_slice(entry, index)
        case "slice_retaken", {"index": int(index), "why": str(why)}:
            yield Fault(entry.at, sentence(f"Slice {index} was shot again: {why}"), index)
        case "rest_began", {"reason": str(reason)}:
            yield Fault(entry.at, sentence(f"Rested: {reason}"))
        case "rest_ended", {"seconds": float(seconds)}:
            yield Fault(entry.at, f"Went on after {span_words(seconds)}.")
        case "stack_paused", {"reason": str(reason)}:
            yield Fault(entry.at, sentence(f"Paused: {reason}"))
        case "stack_failed", {"error": str(error)}:
            yield Fault(entry.at, sentence(f"Shooting failed: {error}"))
        case "recheck_failed", {"error": str(error)}:
            yield Fault(entry.at, sentence(f"Whether the motor lost steps on the way is not known: {error}"))
        case "merge_failed", {"error": str(error), "given_up": True}:
            yield Fault(entry.at, sentence(f"The merge was given up: {error}"))
        case "merge_failed", {"error": str(error)}:
            yield Fault(entry.at, sentence(f"A merge failed: {error}"))
        case "merge_killed", {"error": str(error)}:
            yield Fault(entry.at, sentence(f"A merge was begun again: {error}"))


def _at_a_slice(entry: Entry, index: int) -> Iterator[Fault]:
    match entry.facts:
        case {"metadata": {"retakes": [str(why), *more]}}:
            frames = f"{1 + len(more)} frames were" if more else "a frame was"
            yield Fault(entry.at, f"Slice {index}: {frames} taken again. {why.rstrip('.')}.", index)
    match entry.facts:
        case {"vitals": {"under_voltage": True}}:
            words = "the motor may have lost steps, and the sensor seen noise"
            yield Fault(entry.at, f"The supply of the Pi was too low at slice {index}: {words}.", index)


def _clock_steps(entries: Sequence[Entry]) -> Iterator[tuple[int, Fault]]:
    for earlier, later in pairwise(entries):
        if step_s := clock_step_s(earlier, later):
            way = "forward" if step_s > 0 else "back"
            words = (
                f"The clock of the Pi was set {way} by {span_words(abs(step_s))}: times of day before and "
                "after do not compare; durations and the order of slices do."
            )
            yield later.seq, Fault(later.at, words)
