"""A series' folder: made whole, read back as it was meant, and folded from its journal."""

import os
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from simulator.clock import VirtualClock
from stack.errors import JournalBusy, SeriesNotMade, SeriesUnreadable
from stack.journal import Entry
from stack.manner import AS_USUAL, Exposing, Manner, WhenHot
from stack.retention import Keep
from stack.schedule import Schedule, Window
from stack.seal import sealed, unsealed
from stack.timelapse import (
    LATEST_SLOTS,
    Anchor,
    Series,
    SeriesPhase,
    SeriesState,
    SlotEnd,
    SlotState,
    after,
    create,
    every_series,
    fold,
    open_series,
    read_series,
    why_newest_is_unreadable,
)

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
HALF_HOURLY = Schedule(1800.0)
BERLIN = timezone(timedelta(hours=1))


def made(root: Path, name: str = "moss", schedule: Schedule = HALF_HOURLY, **facts: Any) -> Series:
    return create(root, schedule, NOON, {"plan": "default"}, name, **facts)


@pytest.mark.parametrize(
    ("schedule", "manner", "simulated"),
    [
        (HALF_HOURLY, AS_USUAL, None),
        (
            Schedule(
                60.0,
                9,
                datetime(2026, 12, 1, 8, tzinfo=UTC),
                Window(time(22, 30), time(6, 0, 5)),
                "once",
                3600.0,
            ),
            Manner(Exposing.RAMP, 0.5, True, Keep.named("every:10"), WhenHot.SKIP, True),
            True,
        ),
    ],
)
def test_a_series_is_read_as_it_was_made(
    tmp_path: Path, schedule: Schedule, manner: Manner, simulated: bool | None
) -> None:
    series = made(tmp_path / "timelapse", schedule=schedule, manner=manner, simulated=simulated)
    assert open_series(series.path) == series
    assert (series.id, series.number, series.name) == ("0001-moss", 1, "moss")
    assert series.state() == SeriesState()


def test_an_end_by_a_local_clock_is_kept_in_utc(tmp_path: Path) -> None:
    until = datetime(2026, 12, 1, 9, tzinfo=BERLIN)
    series = made(tmp_path, schedule=replace(HALF_HOURLY, until=until))
    read = open_series(series.path).schedule.until
    assert (read, read and read.tzinfo) == (until, UTC)


@pytest.mark.parametrize(
    ("schedule", "until"),
    [
        (HALF_HOURLY, None),
        (replace(HALF_HOURLY, until=NOON + timedelta(days=2)), NOON + timedelta(days=2)),
        (replace(HALF_HOURLY, for_s=86_400.0), NOON + timedelta(days=1)),
    ],
)
def test_when_it_ends_is_said_or_follows_from_its_length(
    tmp_path: Path, schedule: Schedule, until: datetime | None
) -> None:
    assert made(tmp_path, schedule=schedule).until == until


def test_numbers_go_on_and_count_as_numbers(tmp_path: Path) -> None:
    assert (every_series(tmp_path / "none yet"), why_newest_is_unreadable(tmp_path)) == ([], None)
    (tmp_path / "9999-moss").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "12000-file").touch()
    ten_thousand = made(tmp_path, "Moss, at dusk")
    assert ten_thousand.id == "10000-Moss-at-dusk"
    assert why_newest_is_unreadable(tmp_path) is None, "9999 is older"
    assert made(tmp_path).id == "10001-moss"
    (tmp_path / "0002-old").mkdir()
    (tmp_path / "0002-old" / "series.json").write_bytes((ten_thousand.path / "series.json").read_bytes())
    assert [series.number for series in every_series(tmp_path)] == [2, 10_000, 10_001]


def test_a_series_is_there_whole_after_a_power_cut_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    series = made(tmp_path)
    assert synced[-1] == tmp_path, "its name, too"

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SeriesNotMade, match="No space"):
        made(tmp_path)
    assert every_series(tmp_path) == [series]
    assert why_newest_is_unreadable(tmp_path) is None
    monkeypatch.setattr(os, "fsync", fsync)
    assert made(tmp_path).number == 2


def test_a_folder_that_comes_into_the_way_of_a_new_series_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "0001-moss" / "film"
    monkeypatch.setattr("stack.timelapse.write_durably", lambda path, data: kept.mkdir(parents=True))
    with pytest.raises(SeriesNotMade, match="not empty"):
        made(tmp_path)
    assert (list(tmp_path.iterdir()), kept.is_dir()) == ([kept.parent], True)


def rewritten(series: Series, **changes: Any) -> None:
    facts = series.path / "series.json"
    content = unsealed(facts.read_bytes())
    del content["schema"]
    facts.write_bytes(sealed({"schema": 1, **content, **changes}))


def test_what_an_older_version_did_not_record_is_as_usual(tmp_path: Path) -> None:
    series = made(tmp_path, manner=Manner(hot=WhenHot.SKIP), simulated=False)
    rewritten(series)
    assert open_series(series.path) == series
    content = unsealed((series.path / "series.json").read_bytes())
    del content["manner"], content["simulated"]
    (series.path / "series.json").write_bytes(sealed(content))
    assert open_series(series.path) == replace(series, manner=AS_USUAL, simulated=None)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"schema": 2}, "it is of schema 2, and this version reads 1"),
        ({"start": "noon"}, "Invalid isoformat string: 'noon'"),
        ({"manner": {"keep": "nothing"}}, "keep"),
        ({"schedule": {"every_s": 60.0}}, "'window'"),
    ],
)
def test_what_this_version_does_not_understand_is_not_guessed_at(
    tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    first, series = made(tmp_path), made(tmp_path)
    rewritten(series, **changes)
    with pytest.raises(SeriesUnreadable, match=f"^0002-moss cannot be read: .*{why}"):
        open_series(series.path)
    assert every_series(tmp_path) == [first]
    told = why_newest_is_unreadable(tmp_path)
    assert told is not None
    assert told.startswith("0002-moss cannot be read: ")
    made(tmp_path)
    assert read_series(tmp_path)[1] == [told]
    assert why_newest_is_unreadable(tmp_path) is None, "one that came after it can be"


def test_its_journal_has_one_writer_and_says_how_it_stands(tmp_path: Path) -> None:
    series, clock = made(tmp_path), VirtualClock()
    with series.journal(clock) as journal:
        with pytest.raises(JournalBusy):
            series.journal(clock)
        journal.append("slot_begun", slot=0, session="0001-moss")
    slots = {0: SlotState(0, SlotEnd.BEGUN, "0001-moss")}
    assert series.state() == SeriesState(slots=slots, counts={SlotEnd.BEGUN: 1})


def test_how_the_last_stack_ended_is_known_however_many_slots_were_left_out_since() -> None:
    """A series every ten seconds, and two hours without power."""
    since = told(("slot_skipped", {"slot": 3 + 2 * LATEST_SLOTS, "since": 3, "reason": "it passed"}))
    state = fold((*HISTORY[:6], *since))
    assert (len(state.slots), state.slots.get(2)) == (LATEST_SLOTS, None)
    assert state.ended == SlotState(2, SlotEnd.FAILED, "0002", "no camera")


def told(*lines: tuple[str, dict[str, object]]) -> list[Entry]:
    return [Entry(seq, NOON.isoformat(), seq, event, facts) for seq, (event, facts) in enumerate(lines, 1)]


HISTORY = told(
    ("series_anchored", {"boot": "a", "origin_ns": 5, "start": NOON.isoformat(), "believed": False}),
    ("slot_begun", {"slot": 0, "session": "0001"}),
    ("slot_done", {"slot": 0, "session": "0001"}),
    ("slot_skipped", {"slot": 1, "reason": "it passed"}),
    ("slot_begun", {"slot": 2, "session": "0002"}),
    ("slot_failed", {"slot": 2, "session": "0002", "reason": "no camera"}),
    ("slot_begun", {"slot": 10, "session": "0003"}),
    ("series_stopped", {"reason": "asked to stop"}),
    ("something_newer", {"slot": 11}),
)


def test_a_journal_adds_up_to_how_the_series_stands() -> None:
    state = fold(HISTORY)
    assert state == SeriesState(
        SeriesPhase.STOPPED,
        {
            0: SlotState(0, SlotEnd.DONE, "0001"),
            1: SlotState(1, SlotEnd.SKIPPED, None, "it passed"),
            2: SlotState(2, SlotEnd.FAILED, "0002", "no camera"),
            10: SlotState(10, SlotEnd.BEGUN, "0003"),
        },
        (SlotState(0, SlotEnd.DONE, "0001"),),
        dict.fromkeys(SlotEnd, 1),
        Anchor("a", 5, NOON, believed=False),
        "asked to stop",
        SlotState(2, SlotEnd.FAILED, "0002", "no camera"),
    )
    assert (state.last, state.begun) == (10, 3)
    assert {end: state.count(end) for end in SlotEnd} == dict.fromkeys(SlotEnd, 1)
    assert (SeriesState().last, SeriesState().begun) == (None, 0)


def test_line_by_line_it_adds_up_to_the_same() -> None:
    state = SeriesState()
    for entry in HISTORY:
        state = after(state, entry)
    assert state == fold(HISTORY)


@pytest.mark.parametrize(
    ("line", "phase", "reason"),
    [
        (("series_resumed", {}), SeriesPhase.RUNNING, None),
        (("series_aborted", {"reason": "enough"}), SeriesPhase.ABORTED, "enough"),
        (("series_done", {}), SeriesPhase.DONE, "asked to stop"),
    ],
)
def test_how_it_goes_on_after_a_stop(
    line: tuple[str, dict[str, object]], phase: SeriesPhase, reason: str | None
) -> None:
    stopped = fold(HISTORY)
    assert after(stopped, *told(line)) == replace(stopped, phase=phase, reason=reason)


def test_a_clock_of_which_nothing_was_recorded_was_believed() -> None:
    (anchored,) = told(("series_anchored", {"boot": "a", "origin_ns": 5, "start": NOON.isoformat()}))
    assert after(SeriesState(), anchored).anchor == Anchor("a", 5, NOON, believed=True)


def test_lines_of_another_shape_are_passed_over_one_by_one(tmp_path: Path) -> None:
    series = made(tmp_path)
    with series.journal(VirtualClock()) as journal:
        for line in HISTORY[:3]:
            journal.append(line.event, **line.facts)
        for event in ("series_anchored", "slot_begun", "slot_done"):
            journal.append(event, shape="newer")
        journal.append("series_stopped", by="somebody")
    assert series.state() == replace(fold(HISTORY[:3]), phase=SeriesPhase.STOPPED)
    assert [slot.number for slot in series.done()] == [0]
