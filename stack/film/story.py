"""What became of every slot of a series, and when: its journal, read slot by slot."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from stack.journal import Entry
from stack.timelapse import Series, SeriesState, SlotEnd, open_series

MOST_IN_A_ROW: Final = 20
"""More slots than so many that were left out together are told as one: a stack may cover hundreds."""


@dataclass(frozen=True, slots=True)
class SlotStory:
    """A slot that was begun or left out.

    Attributes
    ----------
    due_at, begun_at, ended_at
        UTC; None where the journal does not say.
    session
        Of its stack; None where none was begun.
    reason
        Why it failed or was left out.
    """

    number: int
    end: SlotEnd
    due_at: datetime
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    session: str | None = None
    reason: str | None = None

    @property
    def seconds(self) -> float | None:
        """How long its stack took; None where that is not known."""
        if self.begun_at is None or self.ended_at is None:
            return None
        return max(0.0, (self.ended_at - self.begun_at).total_seconds())

    @property
    def late_s(self) -> float | None:
        """How long after it was due it began; None where it never did."""
        return None if self.begun_at is None else (self.begun_at - self.due_at).total_seconds()

    @property
    def at(self) -> datetime:
        """UTC: when it began, or should have."""
        return self.begun_at or self.due_at


@dataclass(frozen=True, slots=True)
class Story:
    """A series as it stands, and its slots by number."""

    series: Series
    state: SeriesState
    slots: tuple[SlotStory, ...]


def story_of(folder: Path) -> Story:
    """Read a series' folder, at any moment; raises `stack.errors.SeriesUnreadable`."""
    series = open_series(folder)
    slots = slots_in(series.entries(), series.start, series.schedule.every_s)
    return Story(series, series.state(), tuple(slots))


def slots_in(entries: Iterable[Entry], start: datetime, every_s: float) -> list[SlotStory]:
    """Give the slots of a journal, by number. Pure.

    A slot was due by the series' time as it stood when the slot was written of.
    """
    slots: dict[int, SlotStory] = {}
    for entry in entries:
        facts: Any = entry.facts
        match entry.event:
            case "series_anchored":
                start = datetime.fromisoformat(facts["start"])
            case "slot_begun" | "slot_done" | "slot_failed" | "slot_skipped" if facts["slot"] is not None:
                end = SlotEnd(entry.event.removeprefix("slot_"))
                for number in _numbers(facts):
                    due_at = (start + timedelta(seconds=number * every_s)).astimezone(UTC)
                    slot = slots.get(number, SlotStory(number, end, due_at))
                    slots[number] = _told(slot, end, entry, facts)
    return [slots[number] for number in sorted(slots)]


def _numbers(facts: Any) -> range:
    """Give the slots that an entry speaks of; of very many, the last."""
    last, before = int(facts["slot"]), _before(facts)
    return range(last - before if before < MOST_IN_A_ROW else last, last + 1)


def _before(facts: Any) -> int:
    """Give how many slots an entry speaks of before the one that it names."""
    return int(facts["slot"]) - int(facts.get("since", facts["slot"]))


def _why(facts: Any) -> str | None:
    """Give the reason; of very many slots that are told as one, with how many they are."""
    reason, before = facts.get("reason"), _before(facts)
    return reason if before < MOST_IN_A_ROW else f"{reason}, as did the {before} before it"


def _told(slot: SlotStory, end: SlotEnd, entry: Entry, facts: Any) -> SlotStory:
    """Give the slot once one more entry speaks of it."""
    at = datetime.fromisoformat(entry.at)
    begun_at = slot.begun_at or at if end is SlotEnd.BEGUN else slot.begun_at
    ended_at = None if end is SlotEnd.BEGUN else at
    session = facts.get("session") or slot.session
    return replace(slot, end=end, begun_at=begun_at, ended_at=ended_at, session=session, reason=_why(facts))
