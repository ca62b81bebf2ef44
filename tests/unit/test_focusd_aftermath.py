"""A stack is delivered when its merge has ended, and then at once."""

import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from bad_sectors import put_in_bad_sectors
from stack_rig import MICRON, PLAN

from focusd.aftermath import Aftermath, aftermath
from focusd.errands import Destination
from focusd.events import EventHub
from focusd.journals import Journals
from focusd.reports import Reports
from rail.axis import Position, Trust
from rail.clock import MonotonicClock
from stack.layout import lay_out
from stack.plan import Marks
from stack.session import Facts, Session
from stack.sessions import Sessions

STICK = "/media/stick"
CHILD = (sys.executable, "-I", "-c", "import sys; sys.stdin.read(); sys.exit('no picture')")
"""A merge that waits for its slices, and fails: its stack is delivered all the same."""


class PaperCarrier:
    def __init__(self) -> None:
        self.carried: list[str] = []

    def carry(self, folder: Path, files: Sequence[str]) -> None:
        self.carried.append(folder.name)

    def give_up(self) -> None: ...


class Bench:
    def __init__(self, folder: Path) -> None:
        self.sessions = Sessions(folder)
        self.journals = Journals(MonotonicClock())
        self.hub = EventHub()
        self.carrier = PaperCarrier()
        self.after: Aftermath = aftermath(
            CHILD,
            {STICK: Destination(STICK, self.carrier, whole=True)},
            self.journals,
            self.hub.publish,
            strained=lambda before: None,
            has_room=lambda session: True,
            crowded=lambda session: False,
        )

    def shot(self) -> Session:
        """Give a session that is done, and is to go to the stick."""
        layout = lay_out(PLAN, MICRON, Position(0, Trust.KNOWN), Marks())
        facts = Facts({"delivery": [{"to": STICK, "what": "all"}]})
        session = self.sessions.create(PLAN, layout, MICRON, facts)
        with self.journals.writing(session) as journal:
            journal.append("stack_started", slices=6)
            journal.append("stack_done", slices=6)
        return session


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.after.merges.close()


def test_what_waited_for_its_merge_is_due_when_that_has_ended(bench: Bench) -> None:
    ended = threading.Event()
    session = bench.shot()
    feed = bench.after.merges.follow(session)
    bench.after.finish(session)
    bench.after.deliveries.deliver_due(0)
    assert bench.carrier.carried == []
    with bench.hub.listening(lambda: ended.set() if "merge_failed" in told(bench) else None):
        feed.end()
        assert ended.wait(30)
    bench.after.deliveries.deliver_due(1)
    assert bench.carrier.carried == [session.id]
    assert (session.path / "report.html").exists()


def test_what_is_not_to_be_merged_is_due_at_once_its_report_with_it(bench: Bench) -> None:
    session = bench.shot()
    bench.after.finish(session)
    assert (session.path / "report.html").exists()
    bench.after.deliveries.deliver_due(0)
    assert bench.carrier.carried == [session.id]


def test_of_a_stack_that_was_removed_meanwhile_nothing_is_said(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    session = bench.shot()
    bench.sessions.remove(session)
    bench.after.finish(session)
    assert caplog.text == ""
    bench.after.deliveries.deliver_due(0)
    assert bench.carrier.carried == []


def test_a_stack_in_a_bad_sector_has_no_report_and_ends_as_it_did(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = bench.shot()
    put_in_bad_sectors(monkeypatch, session.path)
    Reports().write(session)
    (said,) = caplog.messages
    assert said.startswith(f"the report of {session.id} could not be written: [Errno 5] Input/output error")


def told(bench: Bench) -> list[str]:
    return [str(event["event"]) for event in bench.hub.after(0).events]
