import errno
import io
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from contention import WatchedLock
from stack_rig import MICRON, PLAN

import focusd.merge_child
import focusd.merges
from focusd.events import EventHub
from focusd.feed import Feed
from focusd.growing import Growth
from focusd.journals import Journals
from focusd.merges import MergeProgress, Merges
from focusd.opening import crowded
from focusd.settings import Config
from rail.axis import Position, Trust
from rail.clock import MonotonicClock
from stack.faults import faults
from stack.layout import lay_out
from stack.plan import Marks
from stack.session import Facts, Session
from stack.sessions import Sessions
from stack.vitals import Strain

BEGIN = """
import hashlib, json, os, signal, sys, time
session = sys.argv[sys.argv.index("--session") + 1]
def say(**line): print(json.dumps(line), flush=True)
def done(slices, *names):
    os.makedirs(session + "/merges/1", exist_ok=True)
    for name in names: open(session + "/merges/1/" + name, "w").write("picture")
    files = {name.split(".")[0]: "merges/1/" + name for name in ("merged.jpg", "depth.png")}
    sha256 = {file: hashlib.sha256(b"picture").hexdigest() for file in files.values()}
    say(done={"merge": 1, "files": files, "sha256": sha256, "slices": slices, "seconds": 0.5})
def slices():
    for line in sys.stdin:
        line = json.loads(line)
        if "end" in line: return
        yield line["slice"]
    sys.exit(1)
"""
MERGE = """
count = 0
for name in slices():
    count += 1
    say(merged=count, slice=name, doubt="", seconds=0.5)
done(count, "merged.jpg", "depth.png")
"""


class Bench:
    """Merges whose child runs the script `does`, and what was told of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hub = EventHub()
        self.sessions = Sessions(folder / "sessions")
        self.finished: list[str] = []
        self.stages: list[str | None] = []
        self.script = folder / "child.py"
        self.does(MERGE)
        command = (sys.executable, "-I", str(self.script))
        journals = Journals(MonotonicClock())
        finish = self.finished
        self.strained: Strain | None = None
        self.has_room = True
        self.merges = Merges(
            command,
            journals,
            self.hub.publish,
            lambda session: finish.append(session.id),
            lambda before: self.strained,
            lambda session: self.has_room,
            settled=lambda session: self.stages.append(self.merges.stage(session)),
        )

    def does(self, script: str) -> None:
        self.script.write_text(BEGIN + script)

    def session(self, **camera: Any) -> Session:
        layout = lay_out(PLAN, MICRON, Position(0, Trust.KNOWN), Marks())
        return self.sessions.create(PLAN, layout, MICRON, Facts(camera=camera))

    def merge(self, slices: int = 2) -> Session:
        """Feed a merge to its end."""
        session = self.session()
        feed = self.merges.follow(session)
        for index in range(slices):
            feed.add(session.slice_name(index))
        feed.end()
        return session

    def outcome(self, session: Session) -> dict[str, Any]:
        """Wait for how a merge ended, and find the journal of the same mind."""
        event = self.await_event(session, "merge_done", "merge_failed")
        state = session.state()
        assert state.merges[-1].ended
        assert (state.merges[-1].error or "") == event.get("error", "")
        return event

    def await_death_of_the_child(self, feed: Feed) -> None:
        """Wait until the child of `feed` was waited for."""
        while feed._child is None or feed._child.returncode is None:
            assert self.merges._thread.is_alive()

    def await_event(self, session: Session, *names: str) -> dict[str, Any]:
        news = threading.Event()
        with self.hub.listening(news.set):
            while True:
                news.clear()
                for event in self.hub.after(0).events:
                    if event["event"] in names and event["session"] == session.id:
                        return dict(event)
                assert news.wait(20), names


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


def test_where_memory_is_short_a_stack_is_merged_when_it_is_shot(bench: Bench) -> None:
    bench.merges._crowded = lambda session: True
    session = bench.session()
    feed = bench.merges.follow(session)
    feed.add("slices/0000.jpg")
    assert bench.await_event(session, "merge_rests")["why"] == "memory"
    feed.add("slices/0001.jpg")
    assert feed._child is None, "too early"
    feed.end()
    assert bench.outcome(session)["slices"] == 2
    told = [event["event"] for event in bench.hub.after(0).events]
    begun = ["merge_started", "merge_rests", "merge_goes_on"]
    assert told == [*begun, *["merge_progress"] * 2, "merge_done"]
    assert bench.outcome(bench.merge())["event"] == "merge_done"


@pytest.mark.parametrize(
    ("free_mb", "camera", "merge", "expected"),
    [
        (200, {}, {}, True),
        (270, {}, {}, True),
        (320, {}, {}, False),
        (None, {}, {}, False),
        (320, {"format": "png"}, {}, True),
        (450, {"format": "png"}, {}, False),
        (450, {"format": "tiff16"}, {}, True),
        (500, {}, {"method": "pyramid"}, True),
        (520, {}, {"method": "pyramid"}, False),
    ],
)
def test_memory_is_short_where_the_frames_and_the_merge_of_the_board_do_not_fit(
    bench: Bench, free_mb: int | None, camera: dict[str, Any], merge: dict[str, Any], expected: bool
) -> None:
    config = Config.model_validate({"camera": camera, "merge": merge})
    session = bench.session(size_px=[4056, 3040])
    free_bytes = None if free_mb is None else free_mb * 1_000_000
    assert crowded(config, session, lambda: free_bytes) is expected
    assert not crowded(config, bench.session(), lambda: 2_000_000_000), "frames of a size nobody knows"


def test_one_that_waits_for_its_stack_can_be_given_up(bench: Bench) -> None:
    bench.merges._crowded = lambda session: True
    session = bench.session()
    feed = bench.merges.follow(session)
    bench.await_event(session, "merge_rests")
    feed.drop("the stack is paused")
    outcome = bench.outcome(session)
    assert (outcome["error"], outcome["given_up"]) == ("the stack is paused", True)


FULL_AT_FIRST = """
list(slices())
if not os.path.exists(session + "/tried"):
    open(session + "/tried", "w")
    say(error="merges cannot be written: No space left on device", full=True)
    sys.exit(1)
done(2, "merged.jpg", "depth.png")
"""


def test_a_merge_that_found_the_disk_full_waits_for_room_and_is_done_then(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(focusd.merges, "LOOK_AGAIN_S", 0.01)
    bench.does(FULL_AT_FIRST)
    asked = [False, False, True]
    bench.merges._has_room = lambda session: asked.pop(0)
    session = bench.merge()
    assert bench.outcome(session)["event"] == "merge_done"
    assert asked == []
    told = [event["event"] for event in bench.hub.after(0).events]
    assert told == ["merge_started", "merge_rests", "merge_goes_on", "merge_done"]


def test_a_merge_that_waits_for_room_can_be_given_up(bench: Bench) -> None:
    bench.does(FULL_AT_FIRST)
    bench.has_room = False
    session = bench.merge()
    bench.await_event(session, "merge_rests")
    bench.merges.close()
    assert "focusd was stopped" in bench.outcome(session)["error"]
    assert bench.merges.problem is None


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


def test_a_merge_rests_while_the_pi_is_strained_and_says_so(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(focusd.merges, "LOOK_AGAIN_S", 0.01)
    bench.strained = Strain.HEAT
    session = bench.merge()
    assert bench.await_event(session, "merge_rests")["why"] == "heat"
    progress = bench.merges.progress()
    assert progress is not None and (progress.merged, progress.rests) == (0, Strain.HEAT)
    bench.strained = None
    assert bench.outcome(session)["event"] == "merge_done"
    told = [event["event"] for event in bench.hub.after(0).events]
    assert told.index("merge_rests") < told.index("merge_goes_on") < told.index("merge_progress")


def test_a_merge_that_rests_can_be_given_up(bench: Bench) -> None:
    bench.strained = Strain.POWER
    session = bench.merge()
    bench.await_event(session, "merge_rests")
    bench.merges.close()
    assert "focusd was stopped" in bench.outcome(session)["error"]


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


def test_a_rest_that_ends_as_a_slice_is_told_is_over(bench: Bench) -> None:
    """One thread feeds the child and rests, another hears it: neither may write over what the other says."""
    feed, left = Feed(bench.session()), threading.Event()
    bench.strained = Strain.HEAT
    bench.merges._progress = MergeProgress(feed.session.id, 0, 2)
    rest = threading.Thread(target=bench.merges._rest, args=(feed, left))
    rest.start()
    while rests_of(bench.merges) is None:
        assert rest.is_alive()

    class Ending(dict[str, Any]):
        def get(self, name: str, default: object = None) -> Any:
            left.set()
            rest.join()
            return super().get(name, default)

    bench.merges._note(feed, Ending(merged=1, seconds=0.5))
    assert rests_of(bench.merges) is None
    assert bench.merges.merged(feed.session.id) == 1


def rests_of(merges: Merges) -> Strain | None:
    progress = merges.progress()
    assert progress is not None
    return progress.rests
