"""A series that is stopped, resumed or ended for good: what still comes, and what needs nobody any more."""

import errno
import os
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta

import pytest
from series_machine import (
    HALF_HOUR_S,
    STACK_S,
    asked,
)

from focusd.errors import Refused
from focusd.timelapse import TICK_S
from focusd.timelapse_api import shown
from focusd.timelapse_cli import _goes_on, _made
from stack.errors import PlanRefused
from stack.manner import Manner
from stack.retention import Keep
from stack.timelapse import (
    SeriesPhase,
    SlotEnd,
)
from stack.vitals import Strain


def test_of_a_series_that_was_aborted_nothing_is_to_come(machine):
    running = machine.timelapse.start(asked(count=4))
    assert running.left == 4
    over = machine.timelapse.abort()
    assert (over.state.phase, over.left, over.fits) == (SeriesPhase.ABORTED, None, None)
    assert _made(shown(over)) == {"report": "make it: focusctl timelapse report 1"}  # a film has no picture


@pytest.mark.parametrize("what", ["stop", "abort"])
def test_who_ends_a_series_hears_of_the_stack_that_goes_on(machine, what):
    machine.timelapse.start(asked())
    machine.let(STACK_S / 2)
    answer = shown(getattr(machine.timelapse, what)())
    note = (
        f"note: {machine.operator.session} is still being shot and goes on to its end; `focusctl abort` ends "
        "it too"
    )
    assert list(_goes_on(what, answer)) == [note]
    assert list(_goes_on("resume", answer)) == []
    machine.let(STACK_S)
    assert list(_goes_on(what, {**answer, "shooting": machine.operator.shooting()})) == []


def test_stopped_it_waits_and_resumed_it_is_in_its_old_rhythm(machine):
    machine.timelapse.start(asked())
    machine.let(2.5 * HALF_HOUR_S)
    machine.timelapse.stop()
    machine.let(3 * HALF_HOUR_S)
    assert machine.timelapse.pause_s() == TICK_S  # a slot that is overdue is no reason to look all the time
    machine.timelapse.resume()
    machine.let(HALF_HOUR_S)
    ends = ["done", "done", "done", "skipped", "skipped", "skipped", "done"]
    assert list(machine.slots.values()) == ends


def test_a_series_that_is_aborted_lets_no_more_slices_go(machine):
    """To look through a stack takes a while, and whoever aborts may want to keep what there is."""
    machine.timelapse.start(asked(manner=Manner(keep=Keep(slices_every=0))))
    machine.let(HALF_HOUR_S)
    asked_for = []

    def make_room(keep, done, weight, ended):
        asked_for.append(ended())
        machine.timelapse.abort()
        asked_for.append(ended())

    machine.timelapse._card.make_room = make_room
    machine.timelapse.tick()
    assert asked_for == [False, True]


def test_nor_does_one_whose_abort_cannot_be_written_down_for_want_of_room(machine, monkeypatch):
    """The disk is full whenever room is made, so that is how most are aborted meanwhile."""
    machine.timelapse.start(asked(manner=Manner(keep=Keep(slices_every=0))))
    machine.let(HALF_HOUR_S)
    asked_for = []

    def full(descriptor, content, offset):
        raise OSError(errno.ENOSPC, "No space left on device")

    def make_room(keep, done, weight, ended):
        asked_for.append(ended())
        with monkeypatch.context() as patched:
            patched.setattr(os, "pwrite", full)
            machine.timelapse.abort()
        asked_for.append(ended())

    machine.timelapse._card.make_room = make_room
    machine.timelapse.tick()
    assert asked_for == [False, True]
    assert machine.timelapse.current() is None


def test_aborted_it_is_over_and_another_may_begin(machine):
    machine.timelapse.start(asked())
    with pytest.raises(Refused, match="is not over"):
        machine.timelapse.start(asked())
    machine.timelapse.abort()
    with pytest.raises(Refused, match="no series runs"):
        machine.timelapse.shown()
    assert machine.timelapse.start(asked()).series.number == 2


def test_a_slot_that_waits_as_its_series_is_aborted_is_none_of_the_next(machine):
    machine.strain = Strain.HEAT
    machine.timelapse.start(asked(count=1))
    machine.let(100)
    machine.timelapse.abort()
    machine.strain = None
    machine.timelapse.start(replace(asked(count=1), start=machine.now() + timedelta(hours=1)))
    machine.let(600)
    assert machine.operator.sessions.all() == ()
    machine.let(3600)
    assert [list(one.state.slots) for one in machine.timelapse.all()] == [[], [0]]


def test_of_a_series_that_was_aborted_nothing_needs_a_person_any_more(machine):
    machine.timelapse.start(asked())
    machine.strain = Strain.HEAT
    machine.let(20)
    assert machine.timelapse.attention == "the Pi was too hot"
    machine.timelapse.abort()
    assert machine.timelapse.attention is None


def test_what_becomes_of_the_stack_of_an_aborted_series_is_no_failure_of_the_next(machine):
    job = Future()
    job.accepted = Future()
    with_rig = machine.operator.order
    machine.operator.order = lambda order: job
    machine.timelapse.start(asked())
    machine.let(20)
    machine.timelapse.abort()
    machine.operator.order = with_rig
    machine.timelapse.start(replace(asked(count=1), start=machine.now() + timedelta(minutes=1)))
    job.accepted.set_exception(PlanRefused("no camera"))
    machine.let(600)
    assert machine.timelapse.attention is None
    ends = [[slot.end for slot in one.state.slots.values()] for one in machine.timelapse.all()]
    assert ends == [[SlotEnd.BEGUN], [SlotEnd.DONE]]
