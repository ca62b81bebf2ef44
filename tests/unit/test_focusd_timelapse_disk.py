"""A series and its disks: full, gone, or filling up while it runs."""

import errno
import os
from pathlib import Path

import pytest
from bad_sectors import put_in_bad_sectors
from series_machine import (
    HALF_HOUR_S,
    PICTURE_BYTES,
    RESERVE_BYTES,
    SLICE_BYTES,
    STACK_S,
    WEIGHT,
    Machine,
    asked,
    gone,
)

from focusd.errors import Refused
from focusd.exits import Exit
from focusd.outcomes import outcome_of
from stack.errors import JournalFailed, SeriesNotMade
from stack.manner import Manner
from stack.retention import Keep, has_slices
from stack.timelapse import Series


def no_room(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_where_no_series_can_be_written_none_is_begun_and_nothing_of_it_is_left(machine, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", no_room)
        with pytest.raises(SeriesNotMade, match=r"No space left on device\. Make room there"):
            machine.timelapse.start(asked())
    assert list((machine.folder / "series").iterdir()) == []

    with monkeypatch.context() as patched:
        patched.setattr(Series, "journal", lambda series, clock: no_room(series))
        with pytest.raises(SeriesNotMade, match=r"No space left on device\. Make room there"):
            machine.timelapse.start(asked())
    assert list((machine.folder / "series").iterdir()) == []
    assert outcome_of(SeriesNotMade("no room")).exit_code is Exit.REFUSED
    assert machine.timelapse.start(asked()).series.number == 1


def test_on_a_disk_that_became_read_only_nobody_is_told_to_make_room(machine, monkeypatch):
    def read_only(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", read_only)
        with pytest.raises(SeriesNotMade, match=r"Read-only file system\. See dmesg"):
            machine.timelapse.start(asked())
    machine.timelapse.start(asked())
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", read_only)
        attention = str(machine.timelapse.abort().attention)
    assert "See dmesg" in attention
    assert "Make room" not in attention


def test_how_many_stacks_fit_is_not_known_before_a_camera_said_how_large_they_are(machine):
    def unknown(plan):
        raise Refused("how large a slice is, is known once a camera was opened")

    weigh, machine.weigh = machine.weigh, unknown
    machine.timelapse.start(asked())
    assert machine.timelapse.shown().fits is None
    machine.weigh = weigh
    assert machine.timelapse.shown().fits == (10**9 - RESERVE_BYTES) // WEIGHT.bytes
    machine.weigh = unknown
    machine.let(STACK_S + 60)
    stack_bytes = 10**9 // machine.timelapse.shown().fits
    assert 3 * SLICE_BYTES < stack_bytes < 100 * SLICE_BYTES, "by the last one"


def test_on_a_full_disk_a_series_can_be_ended_all_the_same_and_is_written_as_over_once_there_is_room(
    machine, monkeypatch
):
    machine.timelapse.start(asked())
    machine.let(STACK_S + 40)
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", no_room)
        shown = machine.timelapse.abort()
        assert (shown.state.phase, shown.next_at) == ("aborted", None)
        assert "No space left on device. Make room there" in shown.attention
        with pytest.raises(Refused, match="no series runs"):
            machine.timelapse.abort()
        with pytest.raises(JournalFailed):
            machine.let(20)
        assert machine.timelapse.attention == machine.timelapse.shown().attention == shown.attention
    machine.let(2 * HALF_HOUR_S)
    assert (machine.timelapse.current(), machine.timelapse.attention) == (None, None)
    machine.cut(60)
    assert (machine.timelapse.current(), machine.slots) == (None, {0: "done"})


def test_on_a_full_disk_a_series_can_be_stopped_and_stays_so_after_a_cut(machine, monkeypatch):
    machine.timelapse.start(asked())
    machine.let(STACK_S + 40)
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", no_room)
        for order in (machine.timelapse.stop, machine.timelapse.resume, machine.timelapse.stop):
            order()
    machine.let(2 * HALF_HOUR_S)
    machine.cut(60)
    assert (machine.timelapse.shown().state.phase, machine.timelapse.attention) == ("stopped", None)
    assert machine.slots == {0: "done"}


def test_a_series_whose_first_line_cannot_be_written_does_not_run(machine, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", no_room)
        with pytest.raises(JournalFailed, match="No space left on device"):
            machine.timelapse.start(asked())
    machine.cut(60)
    machine.let(HALF_HOUR_S)
    assert machine.timelapse.current() is None
    assert machine.operator.sessions.all() == ()


def test_a_disk_that_is_gone_is_told_once_and_in_words(machine, caplog):
    machine.timelapse.start(asked(manner=Manner(keep=Keep.named("merged"))))
    machine.let(100)
    machine.timelapse._card._free_bytes = gone
    for _ in range(3):
        machine.timelapse.tick()
    assert "no disk is mounted" in machine.timelapse.attention
    assert [(record.levelname, record.exc_info) for record in caplog.records] == [("WARNING", None)]


def test_where_the_disk_fills_the_oldest_slices_go_and_every_stack_is_shot(tmp_path):
    machine = Machine(tmp_path, disk_bytes=40_000)
    machine.timelapse.start(asked(manner=Manner(keep=Keep.named("every:4"))))
    fits = machine.timelapse.shown().fits
    machine.let(30 * HALF_HOUR_S)
    done = [number for number, end in machine.slots.items() if end == "done"]
    sessions = machine.operator.sessions.all()
    have = [number for number, session in enumerate(sessions) if has_slices(session)]
    assert done == list(range(len(sessions)))
    assert (fits, len(done)) == (18, 21)  # the forecast leaves room for two stacks that are not merged yet
    gone = [number for number in done if number not in have]
    assert gone == [number for number in done if number % 4]
    assert all((session.path / "merged.jpg").read_bytes() for session in sessions)
    assert machine.disk.free_bytes() >= RESERVE_BYTES
    assert machine.disk.used_bytes == sum(
        SLICE_BYTES * 3 * has_slices(one) + PICTURE_BYTES for one in sessions
    )


def test_the_oldest_go_first_and_what_is_merged_anew_meanwhile_stays(tmp_path):
    machine = Machine(tmp_path, disk_bytes=40_000)
    machine.timelapse.start(asked(manner=Manner(keep=Keep.named("merged"))))
    machine.let(2.5 * HALF_HOUR_S)
    first = machine.operator.sessions.open(1)
    machine.operator.merging[first.id] = 10**18
    machine.let(10 * HALF_HOUR_S)
    have = [session.number for session in machine.operator.sessions.all() if has_slices(session)]
    assert have[:2] == [1, have[-1] - len(have) + 2]
    assert set(machine.slots.values()) == {"done"}


@pytest.mark.parametrize("lost", ["", "slices", "journal.jsonl"])
def test_where_the_disk_fills_a_stack_in_a_bad_sector_keeps_no_other_from_making_room(
    tmp_path, monkeypatch, lost
):
    machine = Machine(tmp_path, disk_bytes=20_000)
    machine.timelapse.start(asked(manner=Manner(keep=Keep.named("merged"))))
    machine.let(2.5 * HALF_HOUR_S)
    put_in_bad_sectors(monkeypatch, machine.operator.sessions.open(1).path / lost)
    machine.let(8 * HALF_HOUR_S)
    assert machine.slots == dict.fromkeys(range(11), "done")
    assert machine.timelapse.attention is None


def test_what_is_kept_stays_when_the_disk_is_full_and_the_rest_is_told(tmp_path):
    machine = Machine(tmp_path, disk_bytes=20_000)
    machine.timelapse.start(asked(count=6))
    assert (machine.timelapse.shown().fits, machine.timelapse.shown().left) == (3, 6)
    machine.let(6 * HALF_HOUR_S)
    assert list(machine.slots.values()) == ["done"] * 3 + ["failed"] * 3
    assert all(has_slices(session) for session in machine.operator.sessions.all())


def test_what_is_not_merged_never_goes(tmp_path):
    machine = Machine(tmp_path, disk_bytes=20_000)
    machine.operator._merge = lambda session: None
    machine.timelapse.start(asked(manner=Manner(keep=Keep.named("merged"))))
    machine.let(6 * HALF_HOUR_S)
    assert list(machine.slots.values())[:3] == ["done"] * 3
    assert "done" not in list(machine.slots.values())[5:]
    assert all(has_slices(session) for session in machine.operator.sessions.all() if session.state().saved)


def test_on_a_full_disk_whose_last_stack_is_being_merged_nobody_is_called(tmp_path, caplog):
    """Room for the next stack comes with its picture: so it goes in every slot, for as long as the series."""
    machine = Machine(tmp_path, disk_bytes=14_000)
    machine.timelapse.start(asked(manner=Manner(keep=Keep.named("merged"))))
    told = set()
    for _ in range(5 * 18 - 2):
        machine.let(HALF_HOUR_S / 18)
        told.add(machine.timelapse.attention)
    assert (told, caplog.records) == ({None}, [])
    assert set(machine.slots.values()) == {"done"}
    assert not any(has_slices(session) for session in machine.operator.sessions.all()[:-2])


def test_why_no_slices_may_go_is_under_attention_and_logged_once(machine, caplog):
    """Each stack that had to stay was a line in the log, every minute: 90,000 a day."""
    caplog.set_level("INFO", "focusd.card")
    machine.disk.size_bytes = RESERVE_BYTES + 3 * machine.weight.bytes
    machine.operator._merge = lambda session: None
    machine.timelapse.start(asked(manner=Manner(keep=Keep.named("merged"))))
    machine.let(4 * HALF_HOUR_S)
    told = machine.timelapse.attention
    machine.let(HALF_HOUR_S)
    assert machine.timelapse.attention == told
    assert told.startswith("the disk has no room for the next stack, and no more slices may go: of 0001-")
    assert told.endswith(", its slices are not merged: there would be no picture of it left")
    assert [record.getMessage() for record in caplog.records if "slices" in record.getMessage()] == [told]
    machine.disk.size_bytes *= 4
    machine.let(2 * HALF_HOUR_S)
    assert machine.timelapse.attention is None
