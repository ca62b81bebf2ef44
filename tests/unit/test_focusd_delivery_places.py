"""Places that stacks go to: away, hanging, back again; none holds up another."""

import threading
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from bad_sectors import put_in_bad_sectors
from delivery_bench import NAS, STICK, Bench, PaperCarrier, S

from focusd import delivery
from focusd.carriers import FolderCarrier, NotDelivered
from focusd.delivery import (
    Backlog,
)
from focusd.errands import LONGEST_PAUSE_S, Destination, Errands, pause_after


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_of_a_place_that_is_away_one_stack_at_a_time_finds_out_whether_it_is_back(bench: Bench) -> None:
    """Each of hundreds was tried every hour, and each waited for an answer."""
    waiting = [bench.session().id for _ in range(20)]
    bench.carrier.failing, now_ns = "no route to host", 0
    while now_ns < 24 * 3600 * S:
        bench.deliveries.deliver_due(now_ns)
        rest_s = bench.deliveries.rest_s(now_ns)
        assert rest_s
        now_ns += round(rest_s * S)
    assert len(bench.told()) < 2 + 8 + 24
    assert bench.hub.after(0).events[-1]["again_in_s"] == rest_s == LONGEST_PAUSE_S
    bench.carrier.failing = ""
    bench.deliveries.deliver_due(now_ns)
    bench.deliveries.deliver_due(now_ns + LONGEST_PAUSE_S * S)
    assert sorted(name for name, _ in bench.carrier.carried) == waiting


def test_a_stack_that_never_arrives_is_no_sign_that_its_place_is_away(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, carry = bench.session(), bench.carrier.carry

    def refuses(folder: Path, files: Sequence[str]) -> None:
        if folder == refused.path:
            raise NotDelivered("its name is too long there")
        carry(folder, files)

    monkeypatch.setattr(bench.carrier, "carry", refuses)
    for hour in range(5):
        bench.deliveries.deliver_due(hour * 3600 * S)
    sound = bench.session()
    bench.deliveries.deliver_due(hour * 3600 * S + 1)
    assert [name for name, _ in bench.carrier.carried] == [sound.id]


def test_stacks_that_cannot_be_sent_for_their_own_sake_hold_up_no_other(bench: Bench, tmp_path: Path) -> None:
    """Two of them were taken for a place that is away, and each later stack waited an hour."""
    place = tmp_path / "stick"
    bench.carriers = {STICK: FolderCarrier(place, same_disk=True)}  # type: ignore[dict-item]
    bench.restart()
    taken, unreadable = bench.session(), bench.session()
    (place / taken.id).mkdir(parents=True)
    (place / taken.id / "session.json").write_bytes(b"another")
    (unreadable.path / "slices/0000.jpg").unlink()
    (unreadable.path / "slices/0000.jpg").symlink_to("/proc/self/mem")  # whose first byte is an error to read
    for hour in range(5):
        bench.deliveries.deliver_due(hour * 3600 * S)
    problems = {errand.problem for errand in bench.deliveries._to[STICK].waiting.values()}
    sound = bench.session()
    bench.deliveries.deliver_due(hour * 3600 * S + 1)
    assert list(sound.state().delivered) == [STICK]
    assert problems == {
        f"{place / taken.id} holds another session of the same name, which is left alone: deliver to another "
        "folder",
        f"{unreadable.path}/slices/0000.jpg cannot be read: Input/output error",
    }


def test_two_stacks_that_miss_a_place_say_that_it_is_away_and_one_that_arrives_says_it_is_back(
    tmp_path: Path,
) -> None:
    """What fails for the stack's own sake is no sign; nor is, of a place that is back, what was before."""
    errands = Errands(Destination(NAS, PaperCarrier(), whole=True))
    stacks = [tmp_path / name for name in "abc"]
    for stack in stacks:
        stack.mkdir()
        errands.note(stack)
    a, b, c = errands.due(0)

    def missed(*there: bool) -> list[bool]:
        found = []
        for errand, well in zip((a, b), there, strict=False):
            errands.failed(errand, "why", 0, there=well)
            found.append(errands.away(0))
        return found

    assert missed(True, True) == [False, False]
    assert missed(False, False) == [False, True]
    assert [errands.away(seconds * S) for seconds in (29, 30)] == [True, False]
    errands.failed(a, "why", 0, there=False)
    assert errands.away(59 * S)
    assert errands.due(3600 * S) == [c, b, a], "of one that always fails, the others would wait for ever"
    errands.arrived(c)
    assert not errands.away(0)
    assert missed(False, False) == [False, True]
    assert not errands.away(30 * S)


def test_a_share_that_hangs_is_told_of_and_holds_up_no_other_place(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "SLOW_S", 0)
    hanging, begun, answers, told = PaperCarrier(), *(threading.Event() for _ in range(3))

    def hang(folder: Path, files: Sequence[str]) -> None:
        begun.set()
        answers.wait()

    hanging.carry = hang  # type: ignore[method-assign]
    bench.carriers = {NAS: hanging, **bench.carriers}
    bench.restart()
    bench.deliveries.start(bench.sessions)
    session = bench.session(entry={"to": NAS})
    with bench.hub.listening(told.set):
        bench.session()
        arrived = told.wait(30) and begun.wait(30)
    problem = bench.deliveries.backlog().problem or ""
    answers.set()
    bench.deliveries.close()
    assert arrived
    assert problem.startswith(f"{session.id} has been on its way to {NAS} for ")


def test_what_waits_is_touched_by_one_thread_at_a_time(bench: Bench) -> None:
    """One that stumbles over what another changes just then has ended: its place gets nothing any more."""
    news, alone = bench.deliveries._news, []

    def watched(name: str) -> Callable[..., object]:
        def touch(waiting: dict[str, object], *given: object) -> object:
            alone.append(news._is_owned())  # type: ignore[attr-defined]
            return getattr(dict, name)(waiting, *given)

        return touch

    ways = {name: watched(name) for name in ("__iter__", "values", "setdefault", "__delitem__")}
    bench.deliveries._to[STICK].waiting = type("Waiting", (dict,), ways)()
    bench.session()
    for bench.carrier.failing, now_ns in (("no route to host", 0), ("", 30 * S)):
        bench.deliveries.deliver_due(now_ns)
        bench.deliveries.rest_s(now_ns)
        bench.deliveries.backlog()
    assert bench.told() == ["delivery_failed", "delivered"]
    assert set(alone) == {True}


def test_a_copy_that_is_under_way_is_no_trouble(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    monkeypatch.setattr(bench.carrier, "carry", lambda *_: told.append(bench.deliveries.backlog().problem))
    bench.session()
    bench.deliveries.deliver_due(0)
    assert told == [None]


def test_what_one_place_lacks_is_told_though_another_has_it(bench: Bench) -> None:
    away = PaperCarrier()
    away.failing = f"no disk is mounted at {NAS}"
    bench.carriers = {NAS: away, **bench.carriers}
    bench.restart()
    bench.session(to=NAS)
    bench.session()
    bench.deliveries.deliver_due(0)
    assert bench.deliveries.backlog() == Backlog(1, f"no disk is mounted at {NAS}")


def test_the_daemon_ends_though_a_share_hangs(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "CLOSING_S", 0)
    reached, answers = threading.Event(), threading.Event()

    def carry(folder: Path, files: Sequence[str]) -> None:
        reached.set()
        answers.wait()

    bench.carrier.carry = carry  # type: ignore[method-assign]
    bench.deliveries.start(bench.sessions)
    bench.session()
    assert reached.wait(30)
    closing = threading.Thread(target=bench.deliveries.close, daemon=True)
    closing.start()
    closing.join(30)
    hung = closing.is_alive()
    answers.set()
    assert not hung


@pytest.mark.parametrize("mounted_there", [True, False])
def test_a_stack_whose_disk_is_gone_waits_until_it_is_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, mounted_there: bool
) -> None:
    """It was forgotten as one that was removed; where the disk gave no answer at all, its thread ended."""
    session, unplugged = bench.session(), bench.sessions.root.with_name("unplugged")
    with monkeypatch.context() as patched:
        put_in_bad_sectors(patched, session.path)
        bench.deliveries.deliver_due(0)
    bench.sessions.root.rename(unplugged)
    if mounted_there:
        bench.sessions.root.mkdir()
    bench.deliveries.deliver_due(30 * S)
    assert bench.deliveries.backlog().waiting == 1
    unplugged.rename(bench.sessions.root)
    bench.deliveries.deliver_due(30 * S + 60 * S)
    assert (bench.told(), bench.deliveries.backlog().waiting) == (["delivery_failed"] * 2 + ["delivered"], 0)


def test_pauses_grow_up_to_an_hour() -> None:
    pauses = [pause_after(failures) for failures in range(100)]
    assert all(earlier <= later for earlier, later in pairwise(pauses))
    assert (pauses[0], pauses[-1]) == (30, LONGEST_PAUSE_S)
