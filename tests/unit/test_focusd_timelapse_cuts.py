"""A series cut short by the power or the daemon's end: what goes on, what is given up, what is left alone."""

import errno
import io
import os
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import pytest
from bad_sectors import put_in_bad_sectors
from series_machine import (
    HALF_HOUR_S,
    SCALE,
    STACK_S,
    Machine,
    asked,
)

from focusd.errors import Busy, Refused
from focusd.jobs import Job, Resume
from focusd.paused import DAEMON_ENDED
from focusd.running import RunningSeries
from stack.errors import PlanRefused
from stack.journal import replay
from stack.manner import Exposing, Manner
from stack.plan import AroundHere
from stack.retention import Keep, has_slices
from stack.session_state import Phase
from stack.timelapse import (
    Series,
)


def failing(*_):
    raise PlanRefused("no camera")


def test_a_series_that_cannot_be_read_after_a_cut_is_told_of(machine):
    series = machine.timelapse.start(asked()).series
    facts = series.path / "series.json"
    facts.write_bytes(facts.read_bytes().replace(b"1800", b"1801"))
    machine.cut(60)
    machine.let(60)
    assert machine.timelapse.current() is None
    told = machine.timelapse.attention
    assert told.startswith("series 0001-week cannot be read: its checksum does not fit")
    assert "begun anew" in told
    assert machine.timelapse.start(asked()).series.number == 2
    assert machine.timelapse.attention is None


def test_a_series_whose_journal_cannot_be_opened_keeps_focusd_from_nothing(machine):
    """As one that root had copied, or one in a bad sector."""
    series = machine.timelapse.start(asked()).series
    journal = series.path / "journal.jsonl"
    journal.unlink()
    journal.mkdir()
    machine.cut(60)
    assert machine.timelapse.current() is None
    assert machine.timelapse.attention.startswith(
        "series 0001-week cannot be read: [Errno 21] Is a directory"
    )
    assert machine.timelapse.all() == []


def test_a_stack_that_is_done_and_cannot_be_read_after_a_cut_costs_its_series_nothing(machine):
    machine.timelapse.start(asked())
    machine.let(0.5 * HALF_HOUR_S)
    assert machine.slots == {0: "done"}
    journal = machine.operator.sessions.open(1).journal_path
    journal.unlink()
    journal.mkdir()
    machine.cut(60)
    machine.let(HALF_HOUR_S)
    assert machine.slots == {0: "done", 1: "done"}


@pytest.mark.parametrize("lost", ["", "slices", "merges", "session.json", "journal.jsonl"])
@pytest.mark.parametrize("number", [1, 2])
def test_a_done_stack_in_a_bad_sector_costs_its_series_no_other(machine, monkeypatch, number, lost):
    """What it weighs, how it was exposed and what it showed were asked for; no slot began any more."""
    machine.timelapse.start(asked(manner=Manner(exposure=Exposing.LOCK_FIRST, follow=True)))
    machine.let(1.5 * HALF_HOUR_S)
    put_in_bad_sectors(monkeypatch, machine.operator.sessions.open(number).path / lost)
    machine.cut(60)
    machine.let(HALF_HOUR_S)
    assert machine.slots == dict.fromkeys(range(3), "done")


@pytest.mark.parametrize("lost", ["", "the rest of its journal", "the right to write its journal"])
def test_a_series_that_cannot_be_taken_up_is_told_of_and_keeps_focusd_from_nothing(
    machine, monkeypatch, lost
):
    machine.timelapse.start(asked())
    machine.timelapse.abort()
    series = machine.timelapse.start(asked()).series
    machine.let(100)
    machine.timelapse.close()
    journal = series.path / "journal.jsonl"
    if not lost:
        put_in_bad_sectors(monkeypatch, series.path)
    elif "rest" in lost:
        monkeypatch.setattr(io, "open", partial(opened_to_the_first_byte, io.open, journal))
    with series.journal(machine.clock) if "right" in lost else nullcontext():
        machine.switch_on()
    assert machine.timelapse.current() is None
    assert machine.timelapse.attention.startswith("series ")
    assert series.id in machine.timelapse.attention
    assert "does not go on" in machine.timelapse.attention
    assert [shown.series.number for shown in machine.timelapse.all()] == ([1, 2] if "right" in lost else [1])
    assert [series.id in why for why in machine.timelapse.told()[1]] == ([] if "right" in lost else [True])
    assert machine.timelapse.start(asked()).series.number == 3
    assert machine.timelapse.attention is None


def opened_to_the_first_byte(really, journal, path, *how):
    file = really(path, *how)
    if path != journal:
        return file
    with file:
        return FirstByte(file.read(1))


class FirstByte(io.BytesIO):
    def __next__(self):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_after_a_cut_between_stacks_it_goes_on_in_its_rhythm_and_makes_up_for_nothing(machine):
    machine.timelapse.start(asked())
    machine.let(1.5 * HALF_HOUR_S)
    machine.cut(2 * HALF_HOUR_S)
    machine.let(HALF_HOUR_S)
    assert machine.slots == {0: "done", 1: "done", 2: "skipped", 3: "skipped", 4: "done"}
    assert machine.timelapse.current() is not None


@pytest.mark.parametrize("before", [True, False])
def test_a_series_of_the_other_kind_of_rig_is_left_alone_until_that_is_back(tmp_path, before):
    machine = Machine(tmp_path, simulated=before)
    machine.timelapse.start(asked())
    machine.let(100)
    machine.simulated = not before
    machine.cut(200)
    machine.let(HALF_HOUR_S)
    assert machine.timelapse.current() is None
    assert len(machine.operator.sessions.all()) == 1
    other = machine.timelapse.start(asked(count=1)).series
    machine.let(HALF_HOUR_S)
    machine.simulated = before
    machine.cut(200)
    machine.let(HALF_HOUR_S)
    assert (other.number, machine.timelapse.current().series.number) == (2, 1)
    assert machine.slots[0] == "failed"  # its stack was cut short, and is long overdue


def test_a_series_moves_nowhere_by_places_that_the_axis_counts_otherwise_by_now(machine):
    machine.timelapse.start(asked())
    machine.let(HALF_HOUR_S - 100)
    machine.grid += ", inverted"
    machine.cut(20)
    machine.let(200)
    assert machine.slots == {0: "done", 1: "failed"}
    assert "counted as `5/16 um`, and the axis counts as `5/16 um, inverted` now" in (
        machine.timelapse.attention
    )
    machine.grid = SCALE.exact
    machine.cut(20)
    machine.let(HALF_HOUR_S + 200)
    assert machine.slots == {0: "done", 1: "failed", 2: "done"}


def test_nothing_is_counted_from_elsewhere_while_a_series_goes_by_places(machine):
    machine.timelapse.check_zero()
    machine.timelapse.start(asked())
    with pytest.raises(Refused, match="goes by places"):
        machine.timelapse.check_zero()
    machine.timelapse.stop()
    machine.timelapse.check_zero()
    machine.timelapse.resume()
    machine.operator.plan = replace(machine.operator.plan, range=AroundHere(100))
    machine.timelapse.check_zero()


def test_a_series_that_counts_from_where_it_stands_goes_on_however_the_axis_counts(machine):
    machine.timelapse.start(asked())
    machine.let(HALF_HOUR_S - 100)
    machine.grid += ", inverted"
    machine.cut(20)
    machine.operator.plan = replace(machine.operator.plan, range=AroundHere(100))
    machine.let(HALF_HOUR_S - 100)
    assert machine.slots == {0: "done", 1: "done"}


@pytest.mark.parametrize(
    ("until_s", "slots"), [(200, {0: "failed", 1: "done"}), (HALF_HOUR_S - 20, {0: "done", 1: "done"})]
)
def test_a_stack_whose_journal_cannot_be_opened_costs_no_later_one(machine, until_s, slots):
    machine.timelapse.start(asked())
    machine.let(until_s)
    (session,) = machine.operator.sessions.all()
    machine.cut(0)
    session.journal_path.unlink()
    session.journal_path.mkdir()
    machine.let(2 * HALF_HOUR_S - until_s - 20)
    assert machine.slots == slots


def test_as_the_daemon_ends_no_slot_begins_and_no_slices_go(tmp_path):
    machine = Machine(tmp_path, disk_bytes=20_000)
    machine.timelapse.start(asked(manner=Manner(keep=Keep.named("merged"))))
    machine.let(4.9 * HALF_HOUR_S)
    have = [has_slices(session) for session in machine.operator.sessions.all()]
    machine.timelapse.end()
    machine.let(5 * HALF_HOUR_S)
    assert [has_slices(session) for session in machine.operator.sessions.all()] == have
    assert machine.slots == dict.fromkeys(range(5), "done")


def test_a_stack_that_is_paused_because_the_daemon_ends_is_no_failure(machine):
    machine.timelapse.start(asked())
    machine.let(100)
    machine.operator.shooting = lambda: paused_as_the_daemon_ends(machine)
    machine.timelapse.tick()
    machine.timelapse.tick()
    assert machine.slots == {0: "begun"}


def paused_as_the_daemon_ends(machine):
    session, machine.operator.session = machine.operator.session, None
    machine.timelapse.end()
    machine.operator._write(machine.operator.sessions.open(session), "stack_paused", reason=DAEMON_ENDED)


@pytest.mark.parametrize(
    ("off_s", "end", "phase"), [(20, "done", Phase.DONE), (HALF_HOUR_S, "failed", Phase.ABORTED)]
)
def test_a_stack_that_was_paused_as_the_daemon_ended_goes_on_with_the_next_while_its_slot_lasts(
    machine, off_s, end, phase
):
    machine.timelapse.start(asked())
    machine.let(100)
    paused_as_the_daemon_ends(machine)
    machine.cut(off_s)
    machine.let(STACK_S + 60)
    assert machine.slots[0] == end
    assert machine.operator.sessions.open(1).state().phase is phase


@pytest.mark.parametrize("event", ["stack_paused", "stack_aborted", "stack_failed"])
def test_a_stack_that_somebody_stopped_or_that_failed_is_not_taken_up_by_its_series(machine, event):
    machine.timelapse.start(asked())
    machine.let(100)
    session, machine.operator.session = machine.operator.session, None
    reason = {"error" if event == "stack_failed" else "reason": "the button was pressed"}
    machine.operator._write(machine.operator.sessions.open(session), event, **reason)
    machine.let(600)
    assert machine.slots == {0: "failed"}
    assert machine.timelapse.attention == "the button was pressed"
    lines = replay(machine.operator.sessions.open(session).path / "journal.jsonl").entries
    assert [line.event for line in lines] == ["stack_started", event]


def test_a_stack_that_cannot_be_taken_up_is_tried_once(machine):
    machine.timelapse.start(asked())
    machine.let(100)
    machine.cut(20)
    orders, with_rig = [], machine.operator.order

    def refusing(order):
        orders.append(order)
        raise Refused("the camera is being measured")

    machine.operator.order = refusing
    machine.let(600)
    assert orders == [Resume(machine.operator.sessions.open(1).id)]
    assert machine.slots == {0: "failed"}
    machine.operator.order = with_rig
    machine.let(HALF_HOUR_S)
    assert machine.slots == {0: "failed", 1: "done"}


def test_made_up_for_once_it_is_one_stack_however_long_it_was_off(machine):
    machine.timelapse.start(asked(missed="once"))
    machine.let(1.5 * HALF_HOUR_S)
    machine.cut(5 * HALF_HOUR_S)
    machine.let(400)
    assert machine.slots[6] == "done"
    assert list(machine.slots.values()).count("done") == 3


def test_a_stack_cut_short_is_resumed_while_its_slot_lasts_and_else_given_up(machine):
    machine.timelapse.start(asked())
    machine.let(100)
    machine.cut(200)
    machine.let(900)
    assert machine.slots == {0: "done"}
    machine.let(HALF_HOUR_S - 1150)
    machine.cut(HALF_HOUR_S - 40)
    machine.let(600)
    phases = [session.state().phase for session in machine.operator.sessions.all()]
    assert machine.slots == {0: "done", 1: "failed", 2: "done"}
    assert phases == [Phase.DONE, Phase.ABORTED, Phase.DONE]


def test_a_stack_cut_short_goes_on_once_the_rig_is_free(machine, monkeypatch):
    machine.timelapse.start(asked())
    machine.let(100)
    machine.cut(200)
    asked_for = []

    def busy(order):
        asked_for.append(order)
        raise Busy("goto")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(machine.operator, "order", busy)
        machine.let(60)
    machine.let(900)
    assert [type(order) for order in asked_for] == [Resume] * 3
    assert machine.slots == {0: "done"}


def test_a_series_that_cannot_be_read_leaves_its_journal_to_the_next_try(machine, monkeypatch):
    series = machine.timelapse.start(asked()).series
    machine.timelapse.close()
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Series, "state", failing)
        with pytest.raises(PlanRefused):
            RunningSeries(series, machine.clock, machine.hub.publish)
    RunningSeries(series, machine.clock, machine.hub.publish).close()


def test_a_stack_that_the_daemon_itself_takes_up_after_a_cut_is_no_failure_however_late_it_is(machine):
    machine.timelapse.start(asked())
    machine.let(100)
    machine.cut(1.5 * HALF_HOUR_S)
    (session,) = machine.operator.sessions.all()
    machine.operator.order(Resume(session.id))
    machine.operator.session = "its order is given, and what it is of not yet told"
    machine.timelapse.tick()
    machine.operator.session = session.id
    machine.let(STACK_S + 100)
    assert machine.slots[0] == "done"


def test_a_stack_that_was_cut_short_and_removed_does_not_hold_up_the_series(machine):
    machine.timelapse.start(asked())
    machine.let(HALF_HOUR_S + 60)
    machine.cut(60)
    machine.operator.sessions.remove(machine.operator.sessions.open(2))
    machine.let(HALF_HOUR_S + 400)
    assert machine.slots == {0: "done", 1: "failed", 2: "done"}
    assert "no session is called" in machine.timelapse.shown().state.slots[1].reason


def test_a_stack_that_a_cut_took_before_it_was_noted_goes_on_as_its_slots(machine):
    """It was told as failed, and its session lay about, of no series."""
    machine.timelapse.start(asked())
    machine.let(20)
    assert machine.timelapse.current().state.slots[0].session is None
    machine.cut(20)
    machine.let(STACK_S + 60)
    assert machine.timelapse.current().state.slots[0].session == machine.operator.sessions.ids()[0]
    assert (machine.slots, len(machine.operator.sessions.ids())) == ({0: "done"}, 1)


def test_a_slot_that_was_cut_short_before_its_stack_takes_no_other_for_it(machine):
    machine.timelapse.start(asked())
    machine.let(HALF_HOUR_S - 20)
    order, machine.operator.order = machine.operator.order, lambda _order: Job(Resume(None), 0)
    machine.let(60)
    assert machine.slots == {0: "done", 1: "begun"}
    machine.cut(HALF_HOUR_S)
    assert machine.operator.order != order
    machine.let(60)
    assert machine.slots == {0: "done", 1: "failed"}
    assert machine.timelapse.shown().state.slots[1].session is None


@pytest.mark.parametrize("when", ["as it is ordered", "before it begins"])
@pytest.mark.parametrize(("off_s", "end"), [(20, "done"), (HALF_HOUR_S, "failed")])
def test_a_slot_due_as_the_daemon_ends_is_shot_by_the_next_while_it_lasts(machine, when, off_s, end):
    """It was told as failed, "focusd is ending and takes no more orders", and never tried again."""
    machine.timelapse.start(asked())
    machine.let(HALF_HOUR_S - 20)

    def ending(order):
        machine.timelapse.end()
        refusal = Refused("focusd is ending and takes no more orders")
        if "ordered" in when:
            raise refusal
        job = Job(order, 0)
        job.accepted.set_exception(refusal)
        return job

    machine.operator.order = ending
    machine.let(60)
    assert machine.slots == {0: "done", 1: "begun"}
    machine.cut(off_s)
    machine.let(STACK_S + 60)
    assert machine.slots[1] == end


def test_a_stack_that_a_cut_took_before_its_first_word_goes_on_as_its_slots(machine):
    machine.timelapse.start(asked())
    machine.let(20)
    (session,) = machine.operator.sessions.all()
    session.journal_path.write_bytes(b"")
    machine.cut(20)
    machine.let(STACK_S + 60)
    assert (machine.slots, len(machine.operator.sessions.ids())) == ({0: "done"}, 1)
