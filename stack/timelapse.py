"""A time-lapse of stacks: its folder, and how far it has come, folded from its journal."""

import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any, Final

from rail.clock import Clock
from stack.durable import LEFTOVER_SUFFIX, sync_folder, way_out, write_durably
from stack.errors import SeriesNotMade, SeriesUnreadable
from stack.journal import FOREIGN, Entry, Journal, entries_in, foreign_words
from stack.manner import AS_USUAL, Manner, manner_of, manner_record
from stack.number import is_number
from stack.schedule import Schedule, Window
from stack.seal import sealed, unsealed
from stack.sessions import slug

_log = logging.getLogger(__name__)

SCHEMA: Final = 1
JOURNAL: Final = "journal.jsonl"
FACTS: Final = "series.json"

LATEST_SLOTS: Final = 500
"""Slots that are kept in mind one by one: one left out a second makes millions in a month."""

LATEST_DONE: Final = 20
"""Finished slots that are kept in mind beside the first: what the next stack is fitted to."""


class SeriesPhase(StrEnum):
    """How a series stands."""

    RUNNING = "running"
    STOPPED = "stopped"
    """Somebody stopped it; it may be resumed, and slots that pass meanwhile are left out."""
    DONE = "done"
    ABORTED = "aborted"


class SlotEnd(StrEnum):
    """What became of a slot."""

    BEGUN = "begun"
    """Its stack is being shot, or was cut short."""
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a series' time stands: within the boot `boot`, slot 0 was due at `origin_ns` of its clock."""

    boot: str
    origin_ns: int
    start: datetime
    """The same in UTC, for the next boot."""
    believed: bool = True
    """Whether the clock that said so had been set by another that is right."""
    said: bool = False
    """Whether a person said when slot 0 is due, and no clock did."""


@dataclass(frozen=True, slots=True)
class SlotState:
    """A slot: what became of it, of which session, and why.

    `before` is the newest session there was when it was begun, empty where there was none; None: not noted.
    """

    number: int
    end: SlotEnd
    session: str | None = None
    reason: str | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class SeriesState:
    """The fold of a series' journal.

    Attributes
    ----------
    slots
        The latest that were begun or left out, by number.
    done
        The first that was done, and the latest, by number.
    counts
        How many slots ended how.
    anchor
        Where its time stands; None until it was set.
    reason
        Why it was stopped, aborted or ended.
    ended
        The latest slot whose stack ended, well or not, however many were left out since.
    """

    phase: SeriesPhase = SeriesPhase.RUNNING
    slots: Mapping[int, SlotState] = field(default_factory=dict)
    done: tuple[SlotState, ...] = ()
    counts: Mapping[SlotEnd, int] = field(default_factory=dict)
    anchor: Anchor | None = None
    reason: str | None = None
    ended: SlotState | None = None

    @property
    def last(self) -> int | None:
        """The latest slot that was begun or left out."""
        return max(self.slots, default=None)

    @property
    def begun(self) -> int:
        """How many stacks were begun."""
        return sum(number for end, number in self.counts.items() if end is not SlotEnd.SKIPPED)

    def count(self, end: SlotEnd) -> int:
        """Give how many slots ended so."""
        return self.counts.get(end, 0)


@dataclass(frozen=True, slots=True)
class Series:
    """A series' folder.

    Attributes
    ----------
    request
        What is shot, as the plan was asked for: plain JSON values.
    start
        When slot 0 was meant to be due, UTC.
    manner
        How its stacks are exposed, where they reach, and what is kept of them.
    simulated
        Whether it was begun on a simulated rig; None where that was not recorded.
    grid
        What its places count, as `rail.axis.Axis.grid` names it; None where that was not recorded.
    """

    path: Path
    schedule: Schedule
    start: datetime
    request: Mapping[str, Any]
    manner: Manner = AS_USUAL
    simulated: bool | None = None
    grid: str | None = None

    @property
    def id(self) -> str:
        """Its name."""
        return self.path.name

    @property
    def name(self) -> str:
        """What its owner called it."""
        return self.id.partition("-")[2]

    @property
    def number(self) -> int:
        """Its number, by which it may be called."""
        return _number(self.path)

    @property
    def until(self) -> datetime | None:
        """When it ends, by the clock as it stood at the start; None: at no time."""
        length_s = self.schedule.for_s
        return self.schedule.until if length_s is None else self.start + timedelta(seconds=length_s)

    @property
    def terms(self) -> dict[str, Any]:
        """When its stacks come and how it goes about them, as plain JSON values."""
        window = self.schedule.window
        return {
            "every_s": self.schedule.every_s,
            "count": self.schedule.count,
            "until": self.until and self.until.isoformat(),
            "window": window and [f"{edge:%H:%M}" for edge in (window.opens, window.closes)],
            "manner": manner_record(self.manner),
        }

    def journal(self, clock: Clock) -> Journal:
        """Open its journal for writing; one writer at a time, or `stack.errors.JournalBusy`."""
        return Journal(self.path / JOURNAL, clock, remembered=0)

    def state(self) -> SeriesState:
        """Read how it stands; raises as `entries`."""
        return fold(_familiar(self.entries()))

    def done(self) -> Iterator[SlotState]:
        """Read which slots are done, the oldest first, holding one at a time."""
        said = map(_slot, _familiar(self.entries()))
        return (slot for slot in said if slot is not None and slot.end is SlotEnd.DONE)

    def entries(self) -> Iterator[Entry]:
        """Read the good lines of its journal, one after another; raises `SeriesUnreadable`."""
        try:
            yield from entries_in(self.path / JOURNAL)
        except OSError as error:
            raise SeriesUnreadable(f"{self.id} cannot be read: {error}") from error


def create(
    root: Path,
    schedule: Schedule,
    start: datetime,
    request: Mapping[str, Any],
    name: str,
    manner: Manner = AS_USUAL,
    *,
    simulated: bool | None = None,
    grid: str | None = None,
) -> Series:
    """Make a new series below `root`, numbered on from those there are: whole, or not at all.

    Raises `SeriesNotMade`.
    """
    number = max(map(_number, _folders(root)), default=0) + 1
    path = root / f"{number:04d}-{slug(name)}"
    series = Series(path, schedule, start, dict(request), manner, simulated, grid)
    made = part = root / f".{path.name}{LEFTOVER_SUFFIX}"
    try:
        part.mkdir(parents=True, exist_ok=True)  # a power cut may have left one
        write_durably(part / FACTS, sealed(_facts(series)))
        made = part.rename(path)
        sync_folder(root)
    except OSError as error:
        shutil.rmtree(made, ignore_errors=True)
        raise not_made(root, error) from error
    return series


def not_made(root: Path, error: OSError) -> SeriesNotMade:
    """Say in words that no series can be written down below `root`."""
    return SeriesNotMade(
        f"the folder of the series cannot be made in {root}: {error.strerror or error}. "
        f"{way_out(error)}; then start it again"
    )


def every_series(root: Path) -> list[Series]:
    """Give the series below `root`, by number; what cannot be read is left out."""
    found = []
    for path in _folders(root):
        try:
            found.append(open_series(path))
        except SeriesUnreadable:
            continue
    return sorted(found, key=lambda series: series.number)


def read_series(root: Path) -> tuple[list[tuple[Series, SeriesState]], list[str]]:
    """Give the series below `root` and how they stand, by number; of others say why they cannot be read."""
    read, unreadable = [], []
    for path in sorted(_folders(root), key=_number):
        try:
            series = open_series(path)
            read.append((series, series.state()))
        except SeriesUnreadable as error:
            unreadable.append(str(error))
    return read, unreadable


def why_newest_is_unreadable(root: Path) -> str | None:
    """Say why the newest series cannot be read; None where it can, or where there is none."""
    newest = max(_folders(root), key=_number, default=None)
    try:
        if newest is not None:
            open_series(newest)
    except SeriesUnreadable as error:
        return str(error)
    return None


def open_series(path: Path) -> Series:
    """Open a series; raises `SeriesUnreadable`."""
    try:
        facts = unsealed((path / FACTS).read_bytes())
        if facts["schema"] != SCHEMA:
            raise ValueError(f"it is of schema {facts['schema']}, and this version reads {SCHEMA}")
        schedule = facts["schedule"]
        window = schedule.pop("window")
        until = schedule.pop("until")
        with suppress(FileNotFoundError), (path / JOURNAL).open("rb") as journal:
            journal.read(1)  # a series that cannot say how far it is cannot go on
        return Series(
            path,
            Schedule(
                **schedule,
                window=window and Window(*(time.fromisoformat(edge) for edge in window)),
                until=until and datetime.fromisoformat(until),
            ),
            datetime.fromisoformat(facts["start"]),
            facts["request"],
            manner_of(facts.get("manner", {})),
            facts.get("simulated"),
            facts.get("grid"),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SeriesUnreadable(f"{path.name} cannot be read: {error}") from error


def fold(entries: Iterable[Entry]) -> SeriesState:
    """Give the state that a journal's entries add up to."""
    return _after(SeriesState(), entries)


def _familiar(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Give the entries that are as this version writes them; one from before a rollback may not be."""
    for entry in entries:
        try:
            slot = _slot(entry)
            _turned(SeriesState(), entry) if slot is None else _since(entry, slot)
        except FOREIGN:
            _log.warning("a series' journal, %s: it is passed over", foreign_words(entry))
        else:
            yield entry


def after(state: SeriesState, entry: Entry) -> SeriesState:
    """Give the state once one more entry is written."""
    return _after(state, (entry,))


def _after(state: SeriesState, entries: Iterable[Entry]) -> SeriesState:
    runs = {number: (number, slot) for number, slot in state.slots.items()}
    counts, done, ended = dict(state.counts), state.done, state.ended
    for entry in entries:
        slot = _slot(entry)
        if slot is None:
            state = _turned(state, entry)
            continue
        if before := runs.pop(slot.number, None):
            counts[before[1].end] -= 1
        since = _since(entry, slot)
        runs[slot.number] = since, slot
        counts[slot.end] = counts.get(slot.end, 0) + slot.number - since + 1
        if len(runs) > LATEST_SLOTS:
            del runs[next(iter(runs))]
        if slot.end in (SlotEnd.DONE, SlotEnd.FAILED):
            ended = slot
        if slot.end is SlotEnd.DONE:
            done = (*done[:1], *done[1:][1 - LATEST_DONE :], slot)
    return replace(state, slots=_one_by_one(list(runs.values())), counts=counts, done=done, ended=ended)


def _one_by_one(runs: Sequence[tuple[int, SlotState]]) -> dict[int, SlotState]:
    """Give the latest slots of runs, each the first of them and the last."""
    kept: list[SlotState] = []
    for since, slot in reversed(runs):
        numbers = islice(range(slot.number, since - 1, -1), LATEST_SLOTS - len(kept))
        kept += [slot if number == slot.number else replace(slot, number=number) for number in numbers]
    return {slot.number: slot for slot in reversed(kept)}


def _turned(state: SeriesState, entry: Entry) -> SeriesState:
    """Give the state once an entry is written that speaks of no slot."""
    facts: Mapping[str, Any] = entry.facts
    match entry.event:
        case "series_anchored":
            start = datetime.fromisoformat(facts["start"])
            believed, said = facts.get("believed", True), facts.get("said", False)
            anchor = Anchor(facts["boot"], facts["origin_ns"], start, believed, said)
            return replace(state, anchor=anchor)
        case "series_stopped":
            return replace(state, phase=SeriesPhase.STOPPED, reason=facts.get("reason"))
        case "series_resumed":
            return replace(state, phase=SeriesPhase.RUNNING, reason=None)
        case "series_aborted":
            return replace(state, phase=SeriesPhase.ABORTED, reason=facts.get("reason"))
        case "series_done":
            return replace(state, phase=SeriesPhase.DONE)
    return state


def _slot(entry: Entry) -> SlotState | None:
    """Give what an entry says of a slot; None where it speaks of something else."""
    facts: Mapping[str, Any] = entry.facts
    match entry.event:
        case "slot_begun" | "slot_done" | "slot_failed" | "slot_skipped":
            end = SlotEnd(entry.event.removeprefix("slot_"))
            said = (facts.get(name) for name in ("session", "reason", "before"))
            return SlotState(int(facts["slot"]), end, *said)
    return None


def _since(entry: Entry, slot: SlotState) -> int:
    """Give the first of the slots that an entry speaks of together."""
    facts: Mapping[str, Any] = entry.facts
    return int(facts.get("since", slot.number))


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return [
        path for path in root.iterdir() if is_number(path.name.partition("-")[0]) and _may_be_folder(path)
    ]


def _may_be_folder(path: Path) -> bool:
    """Say whether it is a folder, or cannot be looked at: then its number is taken all the same."""
    try:
        return path.is_dir()
    except OSError:
        return True


def _number(path: Path) -> int:
    return int(path.name.partition("-")[0])


def _facts(series: Series) -> dict[str, Any]:
    schedule = series.schedule
    window = schedule.window and [
        f"{edge:%H:%M:%S}" for edge in (schedule.window.opens, schedule.window.closes)
    ]
    until = schedule.until and schedule.until.astimezone(UTC).isoformat()
    return {
        "schema": SCHEMA,
        "series": series.id,
        "start": series.start.isoformat(),
        "schedule": {**asdict(schedule), "window": window, "until": until},
        "request": dict(series.request),
        "manner": manner_record(series.manner),
        "simulated": series.simulated,
        "grid": series.grid,
    }
