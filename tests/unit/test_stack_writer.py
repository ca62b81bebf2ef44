"""The writer that saves while the axis moves on."""

import contextlib
import gc
import threading
import weakref
from collections.abc import Iterator

import pytest

from stack.writer import FRAMES_IN_FLIGHT, ThreadedWriter


@pytest.fixture
def writer() -> Iterator[ThreadedWriter]:
    with ThreadedWriter() as writer:
        yield writer


def raises(error: Exception) -> None:
    raise error


def test_jobs_run_in_order_in_another_thread(writer: ThreadedWriter) -> None:
    ran: list[tuple[int, int]] = []
    for number in range(20):
        writer.submit(lambda number=number: ran.append((number, threading.get_ident())))
    writer.drain()
    assert [number for number, _ in ran] == list(range(20))
    assert {thread for _, thread in ran} & {threading.get_ident()} == set()


def test_no_more_frames_are_held_than_promised(writer: ThreadedWriter) -> None:
    taken = 0
    all_taken = threading.Event()
    taken_while_saving = []

    def slow() -> None:
        all_taken.wait(0.2)
        taken_while_saving.append(taken)

    writer.submit(slow)
    for _ in range(9):
        taken += 1
        writer.submit(lambda: None)
    all_taken.set()
    writer.drain()
    assert taken_while_saving[0] <= FRAMES_IN_FLIGHT


def test_a_failure_surfaces_at_a_later_slice_and_that_slice_is_saved_too(writer: ThreadedWriter) -> None:
    first, ran = ValueError("first"), []
    failed = threading.Event()
    writer.submit(lambda: raises(first))
    with contextlib.suppress(ValueError):
        writer.submit(failed.set)
    assert failed.wait(5)
    with pytest.raises(ValueError, match="first"):
        writer.submit(lambda: ran.append("saved"))
    with pytest.raises(ValueError, match="first"):
        writer.drain()
    assert ran == ["saved"]


def test_the_first_failure_is_the_one_told_and_told_once(writer: ThreadedWriter) -> None:
    gate = threading.Event()
    writer.submit(lambda: raises(ValueError("first")) if gate.wait(5) else None)
    writer.submit(lambda: raises(OSError("second")))
    gate.set()
    with pytest.raises(ValueError, match="first"):
        writer.drain()
    writer.drain()
    writer.submit(lambda: None)


def test_closing_runs_what_was_taken() -> None:
    ran = []
    with ThreadedWriter() as writer:
        for number in range(5):
            writer.submit(lambda number=number: ran.append(number))
    assert ran == list(range(5))


def test_a_job_is_let_go_of_when_it_has_run(writer: ThreadedWriter) -> None:
    class Pixels:
        pass

    def submit() -> weakref.ref[Pixels]:
        pixels = Pixels()
        writer.submit(lambda: repr(pixels) and None)
        return weakref.ref(pixels)

    seen = submit()
    writer.drain()
    gc.collect()
    assert seen() is None
