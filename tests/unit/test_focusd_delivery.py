"""Finished stacks arrive, once; what does not is tried again, later and later, also by the next daemon."""

import threading
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from bad_sectors import put_in_bad_sectors
from stack_rig import MICRON, PLAN

from focusd import delivery
from focusd.carriers import FolderCarrier, NotDelivered
from focusd.delivery import (
    AT_WORK_PAUSE_S,
    LOOKED_FOR_PAUSE_S,
    Backlog,
    Deliveries,
    files_of,
    outstanding,
)
from focusd.errands import LONGEST_PAUSE_S, Destination, Errands, pause_after
from focusd.events import EventHub
from focusd.journals import Journals
from rail.axis import Position, Trust
from rail.clock import MonotonicClock
from stack.layout import lay_out
from stack.plan import Marks
from stack.session import Facts, Session
from stack.sessions import Sessions

S = 10**9
STICK, NAS = "/media/stick", "/media/nas"


class PaperCarrier:
    """Notes what it is given, or fails."""

    def __init__(self) -> None:
        self.carried: list[tuple[str, list[str]]] = []
        self.failing = ""

    def carry(self, folder: Path, files: Sequence[str]) -> None:
        if self.failing:
            raise NotDelivered(self.failing)
        self.carried.append((folder.name, list(files)))

    def give_up(self) -> None:
        self.failing = "given up"


class Bench:
    def __init__(self, folder: Path) -> None:
        self.sessions = Sessions(folder / "sessions")
        self.hub = EventHub()
        self.carrier = PaperCarrier()
        self.carriers = {STICK: self.carrier}
        self.journals = Journals(MonotonicClock())
        self.merging: set[str] = set()
        self.restart()

    def restart(self) -> None:
        destinations = {to: Destination(to, one, whole=True) for to, one in self.carriers.items()}
        self.deliveries = Deliveries(
            destinations, self.journals, self.hub.publish, lambda session: session.id in self.merging
        )
        for session in self.sessions.all():
            self.deliveries.consider(session)

    def session(
        self,
        *,
        to: str | None = STICK,
        ending: str = "stack_done",
        entry: Mapping[str, str] | None = None,
    ) -> Session:
        layout = lay_out(PLAN, MICRON, Position(0, Trust.KNOWN), Marks())
        configuration = {"delivery": [entry or {"to": to, "what": "all"}]} if to else {}
        session = self.sessions.create(PLAN, layout, MICRON, Facts(configuration))
        (session.path / "slices/0000.jpg").write_bytes(b"slice")
        with self.journals.writing(session) as journal:
            journal.append("stack_started", slices=6)
            journal.append(ending, slices=6, reason="asked to stop")
        self.deliveries.consider(session)
        return session

    def told(self) -> list[str]:
        return [str(event["event"]) for event in self.hub.after(0).events]


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
