"""Merges whose child is a script, and what was told of them."""

import sys
import threading
from pathlib import Path
from typing import Any

from stack_rig import MICRON, PLAN

from focusd.events import EventHub
from focusd.feed import Feed
from focusd.journals import Journals
from focusd.merges import Merges
from rail.axis import Position, Trust
from rail.clock import MonotonicClock
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
