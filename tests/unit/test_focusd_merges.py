"""Merges follow their stacks, one by one; what becomes of each is told and recorded."""

import errno
import io
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from contention import WatchedLock
from merging_bench import MERGE, Bench

import focusd.merge_child
import focusd.merges
from focusd.feed import Feed
from focusd.growing import Growth
from stack.faults import faults


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.merges.close()


def test_a_merge_is_told_step_by_step_and_taken_over(bench: Bench) -> None:
    session = bench.merge(slices=3)
    event = bench.outcome(session)
    assert (event["event"], event["slices"], event["merge"]) == ("merge_done", 3, 1)
    told = [(event["event"], event.get("merged")) for event in bench.hub.after(0).events]
    steps = [("merge_progress", 1), ("merge_progress", 2), ("merge_progress", 3)]
    assert told == [("merge_started", None), *steps, ("merge_done", None)]
    left_s = [event["seconds_left"] for event in bench.hub.after(0).events if "seconds_left" in event]
    assert left_s == [1.0, 0.5, 0.0]
    assert (session.path / "merged.jpg").read_text() == "picture"
    assert (session.path / "depth.png").readlink() == Path("merges/1/depth.png")
    assert bench.finished == [session.id]
    assert bench.stages == [None], "it is at work no more when that is told"


GROWING = """
shown = 0
for line in sys.stdin:
    line = json.loads(line)
    if "slice" in line:
        shown += 1
        say(merged=shown, slice=line["slice"], doubt="", seconds=0.5)
    elif "look" in line and shown == 2:
        sys.exit(1)
    elif "look" in line:
        say(growing="/9j/" if shown else None, slices=shown)
"""


def test_who_looks_sees_the_picture_grow_and_waits_for_no_child_that_has_ended(bench: Bench) -> None:
    assert bench.merges.growing(0) is None
    bench.does(GROWING)
    session = bench.session()
    feed = bench.merges.follow(session)
    bench.await_event(session, "merge_started")
    while bench.merges._running is None:
        assert bench.merges._thread.is_alive()
    assert bench.merges.growing(20) is None, "it has no slice yet"
    feed.add(session.slice_name(0))
    bench.await_event(session, "merge_progress")
    assert bench.merges.growing(20) == Growth(session.id, 1, b"\xff\xd8\xff")
    feed.add(session.slice_name(1))
    while bench.merges.merged(session.id) < 2:
        assert bench.merges._thread.is_alive()
    assert bench.merges.growing(3600) is None
    bench.await_event(session, "merge_failed")
    assert bench.merges.growing(3600) is None


def test_a_look_tears_no_line_that_tells_of_a_slice(bench: Bench) -> None:
    """A child that hears half a line takes its parent for dead, and the merge is lost."""
    feed, heard = Feed(bench.session()), [""]
    feed._speaking = lock = WatchedLock()  # type: ignore[assignment]

    class Pipe(io.StringIO):
        def write(self, text: str) -> int:
            heard[0] += text[:5]
            if "slice" in text:
                lock.meanwhile(feed.look)
            heard[0] += text[5:]
            return len(text)

    child: Any = SimpleNamespace(stdin=Pipe())
    feed.attach(child)
    feed.add("slices/0000.jpg")
    feed.leave()
    feed.pour(child, lambda left: None)
    lock.join()
    assert heard[0].splitlines() == ['{"slice": "slices/0000.jpg"}', '{"look": true}']


def test_a_name_that_the_merge_before_had_and_this_one_has_not_goes(bench: Bench) -> None:
    session = bench.session()
    (session.path / "merged.tif").symlink_to("merges/0/merged.tif")
    feed = bench.merges.follow(session)
    feed.end()
    assert bench.outcome(session)["event"] == "merge_done"
    assert not (session.path / "merged.tif").is_symlink()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (
            "say(error='the slices show different subjects'); sys.exit(1)",
            "the slices show different subjects",
        ),
        ("os.kill(os.getpid(), signal.SIGKILL)", "memory ran out"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "ended by SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGALRM)", "stuck at one slice for longer than merge.timeout_s"),
        ("print('no JSON'); print('[1]'); sys.exit(3)", "status 3"),
        ("done(2, 'merged.jpg')", "depth.png, and it is not there"),
    ],
)
def test_a_merge_that_gives_no_picture_says_why_and_the_next_one_runs(
    bench: Bench, script: str, words: str
) -> None:
    bench.does(script)
    session = bench.merge()
    failed = bench.outcome(session)
    assert failed["event"] == "merge_failed"
    assert words in failed["error"]
    assert bench.merges.problem == f"the merge of {session.id} failed: {failed['error']}"
    bench.does(MERGE)
    assert bench.outcome(bench.merge())["event"] == "merge_done"
    assert bench.merges.problem is None


def test_a_picture_that_shows_nothing_sharp_is_a_problem_until_one_does(bench: Bench) -> None:
    said = "json.dump({'coverage': {'judged': False}}, open(session + '/merges/1/merge.json', 'w'))\n"
    bench.does(MERGE.replace("done(", "os.makedirs(session + '/merges/1')\n" + said + "done("))
    session = bench.merge()
    assert bench.outcome(session)["event"] == "merge_done"
    assert str(bench.merges.problem).startswith(f"the picture of {session.id} shows next to nothing sharp")
    bench.does(MERGE)
    bench.outcome(bench.merge())
    assert bench.merges.problem is None


def test_a_merge_that_was_killed_is_begun_once_more_when_the_stack_is_shot(bench: Bench) -> None:
    bench.does(
        "tried = session + '/tried'\n"
        "if not os.path.exists(tried):\n"
        "    open(tried, 'w').close()\n"
        "    next(slices())\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n" + MERGE
    )
    session = bench.session()
    feed = bench.merges.follow(session)
    feed.add("slices/0000.jpg")
    bench.await_death_of_the_child(feed)
    assert "merge_killed" not in [event["event"] for event in bench.hub.after(0).events], "too early"
    feed.add("slices/0001.jpg")
    feed.end()
    done = bench.outcome(session)
    assert (done["event"], done["slices"]) == ("merge_done", 2)
    told = [event["event"] for event in bench.hub.after(0).events]
    assert told == ["merge_started", "merge_killed", *["merge_progress"] * 2, "merge_done"]
    (fault,) = faults(session.entries())
    assert "A merge was begun again" in fault.words and "memory ran out" in fault.words


def test_a_merge_that_is_killed_twice_fails(bench: Bench) -> None:
    bench.does("open(session + '/tries', 'a').write('x'); os.kill(os.getpid(), signal.SIGKILL)")
    session = bench.merge()
    assert "memory ran out" in bench.outcome(session)["error"]
    assert (session.path / "tries").read_text() == "xx"


def test_a_killed_merge_of_a_stack_that_is_given_up_is_not_begun_again(bench: Bench) -> None:
    bench.does("open(session + '/tries', 'a').write('x'); os.kill(os.getpid(), signal.SIGKILL)")
    session = bench.session()
    feed = bench.merges.follow(session)
    bench.await_death_of_the_child(feed)
    feed.drop("the stack is paused")
    assert bench.outcome(session)["error"] == "the stack is paused"
    assert (session.path / "tries").read_text() == "x"


@pytest.mark.parametrize("full_from", ["the start", "merge_started"])
def test_a_merge_that_cannot_be_recorded_is_told_and_the_next_one_runs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, full_from: str
) -> None:
    written = os.pwrite

    def pwrite(file: int, data: bytes, place: int) -> int:
        told = [event["event"] for event in bench.hub.after(0).events]
        if full_from in (*told, "the start"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return written(file, data, place)

    monkeypatch.setattr(os, "pwrite", pwrite)
    session = bench.merge()
    event = bench.await_event(session, "merge_done", "merge_failed")
    assert event["event"] == "merge_failed"
    assert "No space left on device. Put that right, and `focusctl merge 1` does it" in event["error"]
    assert bench.merges.problem == f"the merge of {session.id} failed: {event['error']}"
    assert bench.stages == [None]
    monkeypatch.undo()
    assert bench.outcome(bench.merge())["event"] == "merge_done"
    assert bench.merges.problem is None


def test_that_a_session_was_removed_before_its_merge_is_said_and_no_problem(bench: Bench) -> None:
    """It was one for good: what became of it could not be recorded, as no such file was there."""
    session = bench.session()
    bench.sessions.remove(session)
    bench.merges.follow(session)
    assert bench.await_event(session, "merge_failed")["error"] == "its session was removed"
    assert bench.merges.problem is None


def test_a_child_that_cannot_be_started_is_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.merges._command = (str(tmp_path / "nothing"),)
    assert "could not be started" in bench.outcome(bench.merge())["error"]
    bench.merges.close()


def test_a_second_merge_waits_for_the_first(bench: Bench) -> None:
    first, second = bench.session(), bench.session()
    feed = bench.merges.follow(first)
    late = bench.merges.follow(second)
    bench.merges.follow(bench.session()).drop("the stack is paused")
    feed.add("slices/0000.jpg")
    bench.await_event(first, "merge_progress")
    assert (bench.merges.stage(first), bench.merges.stage(second)) == ("running", "waiting")
    progress = bench.merges.progress()
    assert progress is not None
    assert progress.waiting == 1
    late.add("slices/0000.jpg")
    late.end()
    assert bench.merges.merged(second.id) == 0
    feed.end()
    assert bench.outcome(first)["event"] == "merge_done"
    assert bench.outcome(second)["event"] == "merge_done"


def test_a_session_that_is_to_be_merged_twice_is_at_work_until_the_second_has_ended(bench: Bench) -> None:
    session = bench.session()
    feed, again = bench.merges.follow(session), bench.merges.follow(session)
    feed.add("slices/0000.jpg")
    feed.end()
    bench.await_event(session, "merge_done")
    assert bench.stages == ["waiting"]
    again.drop("nobody wants it any more")


def test_feeding_never_waits_for_a_child_that_does_not_read(bench: Bench) -> None:
    bench.does("time.sleep(60)")
    session = bench.session()
    feed = bench.merges.follow(session)
    bench.await_event(session, "merge_started")
    for _ in range(20_000):
        feed.add("slices/0000.jpg")
    feed.drop("it was too slow")
    assert bench.outcome(session)["error"] == "it was too slow"


def test_a_merge_dropped_before_its_turn_leaves_no_trace(bench: Bench) -> None:
    first, second = bench.session(), bench.session()
    feed = bench.merges.follow(first)
    bench.merges.follow(second).drop("the stack is paused")
    assert bench.merges.stage(second) is None
    feed.end()
    bench.outcome(first)
    third = bench.merge()
    bench.outcome(third)
    assert second.state().merges == ()


def test_a_child_that_will_not_end_is_killed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(focusd.merge_child, "END_S", 0.05)
    bench.does("signal.signal(signal.SIGTERM, signal.SIG_IGN); say(merged=0); os.close(1); time.sleep(60)")
    session = bench.session()
    bench.merges.follow(session)
    bench.await_event(session, "merge_progress")
    bench.merges.close()
    assert "focusd was stopped" in bench.outcome(session)["error"]


def test_a_child_that_hears_nothing_any_more_is_killed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(focusd.merge_child, "END_S", 0.05)
    bench.does("signal.signal(signal.SIGTERM, signal.SIG_IGN); say(merged=0); time.sleep(60)")
    session = bench.session()
    feed = bench.merges.follow(session)
    bench.await_event(session, "merge_progress")
    feed.drop("the stack is paused")
    assert bench.outcome(session)["error"] == "the stack is paused"


def test_what_a_terminal_says_to_the_daemon_its_merge_does_not_hear(bench: Bench) -> None:
    """Ctrl-C ended it first: as one that had failed by itself it was not made up for."""
    bench.does("say(merged=os.getpgid(0))")
    session = bench.session()
    bench.merges.follow(session)
    assert bench.await_event(session, "merge_progress")["merged"] != os.getpgrp()


def test_a_merge_that_is_asked_for_as_the_daemon_ends_is_not_waited_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.does("list(slices())")
    first, second = bench.session(), bench.session()
    feed = bench.merges.follow(first)
    bench.await_event(first, "merge_started")
    monkeypatch.setattr(feed, "drop", lambda why: (bench.merges.follow(second).end(), Feed.drop(feed, why)))
    bench.merges.close()
    assert [one.id for one in (first, second) if one.state().merges] == [first.id]
