"""Merges wait: for memory, for room on the disk, for a Pi that is strained."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from merging_bench import Bench

import focusd.merge_child
import focusd.merges
from focusd.feed import Feed
from focusd.merges import MergeProgress, Merges
from focusd.opening import crowded
from focusd.settings import Config
from stack.vitals import Strain


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.merges.close()


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


def test_what_a_stack_took_is_free_again_before_a_merge_that_waited_for_memory_begins(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The C library keeps it, for the stack after; the child looks at what is free as it begins."""
    done, start = [], bench.merges._start
    monkeypatch.setattr(focusd.merges, "give_back", lambda: done.append("given back"))
    monkeypatch.setattr(bench.merges, "_start", lambda feed: (done.append("begun"), start(feed))[1])
    bench.merges._crowded = lambda session: True
    session = bench.session()
    feed = bench.merges.follow(session)
    bench.await_event(session, "merge_rests")
    feed.add("slices/0000.jpg")
    feed.end()
    assert bench.outcome(session)["event"] == "merge_done"
    assert done == ["given back", "begun"]


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
