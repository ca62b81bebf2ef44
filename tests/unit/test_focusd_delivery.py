"""Finished stacks arrive, once; what does not is tried again, later and later, also by the next daemon."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from delivery_bench import NAS, STICK, Bench, PaperCarrier, S

from focusd.delivery import (
    AT_WORK_PAUSE_S,
    LOOKED_FOR_PAUSE_S,
    Backlog,
    Deliveries,
    files_of,
    outstanding,
)
from focusd.errands import Destination, Errands
from stack.journal import Journal
from stack.session import Session


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_finished_stack_arrives_once_and_says_so(bench: Bench) -> None:
    session = bench.session()
    assert bench.deliveries.backlog().waiting == 1
    bench.deliveries.deliver_due(0)
    bench.deliveries.consider(session)
    bench.deliveries.deliver_due(10**18)
    assert bench.carrier.carried == [(session.id, ["journal.jsonl", "session.json", "slices/0000.jpg"])]
    assert list(session.state().delivered) == [STICK]
    assert (bench.told(), bench.deliveries.backlog().waiting) == (["delivered"], 0)


def test_what_is_not_done_or_was_not_meant_to_go_stays(bench: Bench) -> None:
    bench.session(ending="stack_paused")
    bench.session(to=None)
    bench.session(to="/media/another")
    bench.deliveries.deliver_due(10**18)
    assert bench.carrier.carried == []


def test_a_stack_waits_for_its_merge(bench: Bench) -> None:
    session = bench.session()
    bench.merging.add(session.id)
    bench.deliveries.deliver_due(0)
    bench.merging.clear()
    bench.deliveries.deliver_due(AT_WORK_PAUSE_S * S - 1)
    assert bench.carrier.carried == []
    bench.deliveries.deliver_due(AT_WORK_PAUSE_S * S)
    assert len(bench.carrier.carried) == 1


def test_a_stack_that_waited_for_its_merge_goes_at_once_when_it_is_at_work_no_more(bench: Bench) -> None:
    session = bench.session()
    bench.merging.add(session.id)
    bench.deliveries.deliver_due(0)
    bench.merging.clear()
    bench.deliveries.consider(session)
    bench.deliveries.deliver_due(1)
    assert bench.carrier.carried != []


def test_nothing_arrives_while_it_is_looked_for_what_is_still_to_be_merged(bench: Bench) -> None:
    """The picture of a merge that a power cut ended would never have arrived."""
    session = bench.session()
    looking, asked, told = (threading.Event() for _ in range(3))
    looking.set()

    def held_up() -> bool:
        answer = looking.is_set()
        asked.set()
        return answer

    bench.deliveries.start(bench.sessions, held_up)
    assert asked.wait(30)
    assert bench.carrier.carried == []
    looking.clear()
    with bench.hub.listening(told.set):
        bench.deliveries.consider(session)
        assert told.wait(30)
    bench.deliveries.close()
    assert set(bench.told()) == {"delivered"}


def test_what_is_held_up_goes_soon_after_the_look_has_ended(bench: Bench) -> None:
    bench.session()
    bench.deliveries.held_up = lambda: True
    bench.deliveries.deliver_due(0)
    assert (bench.deliveries.rest_s(0), bench.carrier.carried) == (LOOKED_FOR_PAUSE_S, [])


def test_work_that_ends_while_it_is_asked_for_is_not_waited_for(bench: Bench) -> None:
    session = bench.session()

    def at_work(session: Session) -> bool:
        if session.id not in bench.merging:
            return False
        bench.merging.clear()
        bench.deliveries.consider(session)
        return True

    bench.merging.add(session.id)
    bench.deliveries._at_work = at_work
    bench.deliveries.deliver_due(0)
    bench.deliveries.deliver_due(1)
    assert len(bench.carrier.carried) == 1


def test_a_stack_that_failed_to_arrive_is_not_tried_sooner_for_being_considered_again(bench: Bench) -> None:
    session = bench.session()
    bench.carrier.failing = "no route to host"
    bench.deliveries.deliver_due(0)
    bench.deliveries.consider(session)
    bench.deliveries.deliver_due(1)
    assert bench.told() == ["delivery_failed"]


def test_what_did_not_arrive_is_tried_again_later_and_said(bench: Bench) -> None:
    session = bench.session()
    bench.carrier.failing = "no route to host"
    now_ns, tries = 0, []
    for _ in range(4):
        bench.deliveries.deliver_due(now_ns)
        tries.append(bench.hub.after(0).events[-1]["again_in_s"])
        bench.deliveries.deliver_due(now_ns + tries[-1] * S - 1)
        now_ns += tries[-1] * S
    assert tries == [30, 60, 120, 240] and bench.told() == ["delivery_failed"] * 4
    assert bench.deliveries.backlog().problem == "no route to host"
    bench.carrier.failing = ""
    bench.deliveries.deliver_due(now_ns)
    assert (bench.deliveries.backlog().problem, list(session.state().delivered)) == (None, [STICK])


def test_one_that_stumbles_over_what_nobody_foresaw_is_tried_again_and_holds_up_no_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    stumbling, sound = bench.session(), bench.session()
    carry = bench.carrier.carry

    def stumbles(folder: Path, files: Sequence[str]) -> None:
        if folder == stumbling.path:
            raise KeyError("unforeseen")
        carry(folder, files)

    with monkeypatch.context() as patched:
        patched.setattr(bench.carrier, "carry", stumbles)
        bench.deliveries.deliver_due(0)
    assert [name for name, _ in bench.carrier.carried] == [sound.id]
    assert bench.deliveries.backlog() == Backlog(1, "KeyError: 'unforeseen'")
    bench.deliveries.deliver_due(30 * S)
    assert bench.deliveries.backlog().waiting == 0


def test_a_session_that_makes_no_sense_keeps_no_other_from_being_delivered(bench: Bench) -> None:
    """Its configuration names a delivery that goes nowhere."""
    bench.session(entry={"what": "all"})
    sound = bench.session()
    bench.restart()
    bench.deliveries.deliver_due(0)
    assert [name for name, _ in bench.carrier.carried] == [sound.id]


def test_it_rests_until_the_first_of_several_is_due(bench: Bench) -> None:
    bench.carriers[NAS] = PaperCarrier()
    bench.restart()
    assert bench.deliveries.rest_s(0) is None
    for to, now_ns in ((STICK, 0), (NAS, 10 * S)):
        bench.carriers[to].failing = "no route to host"
        bench.session(to=to)
        bench.deliveries.deliver_due(now_ns)
    rests = [bench.deliveries.rest_s(seconds * S) for seconds in (10, 29, 30, 31)]
    assert rests == [20.0, 1.0, 0.0, 0.0]


def test_the_next_daemon_goes_on_where_this_one_ended(bench: Bench) -> None:
    arrived = bench.session()
    bench.deliveries.deliver_due(0)
    waiting = bench.session()
    bench.restart()
    bench.deliveries.deliver_due(0)
    assert [name for name, _ in bench.carrier.carried] == [arrived.id, waiting.id]


def test_the_next_daemon_finds_by_itself_what_has_not_arrived(bench: Bench) -> None:
    unreadable, waiting = bench.session(), bench.session()
    (unreadable.path / "session.json").write_bytes(b"torn")
    destinations = {STICK: Destination(STICK, bench.carrier, whole=True)}
    later = Deliveries(destinations, bench.journals, bench.hub.publish, lambda session: False)
    told = threading.Event()
    with bench.hub.listening(told.set):
        later.start(bench.sessions)
        assert told.wait(30)
    later.close()
    assert [name for name, _ in bench.carrier.carried] == [waiting.id]


def merged(bench: Bench, session: Session) -> None:
    with bench.journals.writing(session) as journal:
        journal.append("merge_started")
        journal.append("merge_done", files=["merges/1/merged.jpg"], slices=1, seconds=1.0)


def test_a_picture_made_after_the_delivery_is_still_to_arrive(bench: Bench) -> None:
    """Its merge had failed; with its picture at home alone it could be removed as one that had arrived."""
    session = bench.session()
    bench.deliveries.deliver_due(0)
    merged(bench, session)
    assert outstanding(session, session.state()) == (STICK,)
    bench.deliveries.consider(session)
    bench.deliveries.deliver_due(1)
    assert len(bench.carrier.carried) == 2
    assert outstanding(session, session.state()) == ()


def test_a_picture_made_while_its_stack_is_copied_is_copied_too(bench: Bench) -> None:
    session = bench.session()

    def carry(folder: Path, files: Sequence[str]) -> None:
        if not bench.carrier.carried:
            merged(bench, session)
            bench.deliveries.consider(session)
        bench.carrier.carried.append((folder.name, list(files)))

    bench.carrier.carry = carry  # type: ignore[method-assign]
    bench.deliveries.deliver_due(0)
    assert (outstanding(session, session.state()), bench.told()) == ((STICK,), [])
    bench.deliveries.deliver_due(10**18)
    assert (len(bench.carrier.carried), bench.told()) == (2, ["delivered"])


@pytest.mark.parametrize("moment", ["before its line", "before it is forgotten"])
def test_a_picture_made_as_its_arrival_is_written_down_is_still_to_arrive(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The journal said that it had arrived; its slices could have gone, and the new one never went."""
    session, writing = bench.session(), bench.journals.writing

    @contextmanager
    def as_a_merge_ends(one: Session) -> Iterator[Journal]:
        monkeypatch.undo()
        early = moment == "before its line"
        if early:
            merged(bench, session)
        with writing(one) as journal:
            yield journal
        if not early:
            merged(bench, session)
        bench.deliveries.consider(session)

    monkeypatch.setattr(bench.journals, "writing", as_a_merge_ends)
    bench.deliveries.deliver_due(0)
    assert outstanding(session, session.state()) == (STICK,)
    bench.deliveries.deliver_due(1)
    assert outstanding(session, session.state()) == ()
    assert (len(bench.carrier.carried), bench.deliveries.backlog().waiting) == (2, 0)


def test_a_stack_that_was_removed_meanwhile_is_forgotten(bench: Bench) -> None:
    session = bench.session()
    bench.carrier.failing = "not mounted"
    bench.deliveries.deliver_due(0)
    bench.sessions.remove(session)
    bench.deliveries.deliver_due(10**18)
    assert bench.deliveries.backlog().waiting == 0 and not session.path.exists()


def test_the_thread_delivers_what_it_is_told_of_and_ends(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, deliver_to = [], bench.deliveries._deliver_to

    def looked(errands: Errands, now_ns: int) -> None:
        looks.append(now_ns)
        deliver_to(errands, now_ns)

    monkeypatch.setattr(bench.deliveries, "_deliver_to", looked)
    bench.deliveries.start(bench.sessions)
    told = threading.Event()
    with bench.hub.listening(told.set):
        bench.session()
        assert told.wait(30)
    bench.deliveries.close()
    assert bench.told() == ["delivered"] and bench.carrier.failing == "given up"
    assert caplog.text == "", "it was not seen to end"
    assert len(looks) <= 4, "it looked without rest"


def test_pictures_alone_leave_the_slices_at_home(bench: Bench) -> None:
    session = bench.session()
    (session.path / "merges/1").mkdir()
    (session.path / "merges/1/merged.jpg").write_bytes(b"")
    (session.path / "merged.jpg").symlink_to("merges/1/merged.jpg")
    (session.path / ".merged.jpg.00.part").touch()
    assert files_of(session, whole=False) == ("merged.jpg", "session.json")
    assert ".merged.jpg.00.part" not in files_of(session, whole=True)


def test_a_disk_that_goes_as_a_stack_ends_is_no_failure_of_whoever_ends_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It was about to tell why the stack failed; what is to be delivered, the next start finds."""
    session = bench.session()
    bench.restart()

    def pulled_out(_: Session) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Session, "state", pulled_out)
        bench.deliveries.consider(session)
    assert [record.getMessage() for record in caplog.records] == [
        f"where {session.id} is to be delivered to is not known: [Errno 5] Input/output error"
    ]
