"""Merging while a stack is shot: one child process at a time, fed with slices, behind everything else.

A merge may fail, be killed for want of memory or come late; the session is as good without it, and
`focusctl merge` does it again. One that was killed is begun once more by itself when the stack is shot. The
child reads the slices' names from its standard input and ends when that closes, so it outlives this process
by no more than the slice it is at.
"""

import logging
import queue
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from focusd.events import Publish
from focusd.feed import Feed
from focusd.growing import Growing, Growth
from focusd.journals import Journals
from focusd.merge_child import MergeFailed, MergeKilled, MergeLacksRoom, end_of, failure, message
from focusd.reports import unsharp
from stack.errors import StackError
from stack.journal import Journal
from stack.merge.errors import MergeError
from stack.merge.memory import give_back
from stack.merge.versions import choose
from stack.session import Session, was_removed
from stack.vitals import Strain

_log = logging.getLogger(__name__)

STOPPED = "focusd was stopped before the merge was done; it is done when focusd starts again"
"""What a merge ends with that ends with the daemon."""

LOOK_AGAIN_S = 1.0
"""How often a merge that rests looks whether it need not any more."""

ROOM_TRIES = 3
"""A disk that says so often that it has room, and has none, is not asked again."""

_TOLD = ("merge", "slices", "seconds", "sha256")
"""What a child says of its picture that the journal keeps beside the files' names."""


@dataclass(frozen=True, slots=True)
class MergeProgress:
    """How far the running merge is.

    Attributes
    ----------
    merged, saved
        Slices in the picture, and slices on the disk so far.
    rests
        Why it waits before the next slice.
    slice_s
        What a slice takes, as a mean over the last few; None before the first.
    waiting
        Merges that come after it.
    """

    session: str
    merged: int
    saved: int
    rests: Strain | None = None
    slice_s: float | None = None
    waiting: int = 0

    @property
    def seconds_left(self) -> float | None:
        """How long the slices that are saved so far will still take; None while that is not known."""
        return None if self.slice_s is None else max(0, self.saved - self.merged) * self.slice_s


class Merges:
    """Runs the merges one after another, each in a child.

    Parameters
    ----------
    command
        The child's command; `--session DIR` is appended.
    journals, publish
        Where it is said what became of them.
    finish
        Called for a session after its merge, while it still counts as merged; must not raise.
    has_room
        Says whether the disk has room for the picture of a session.
    crowded
        Says whether memory is too short to merge a session while it is shot.
    settled
        Called when a session no longer counts as merged, before that is told; must not raise.
    strained
        Says why merging should rest, None where it need not; is given why it rests already.
    """

    def __init__(
        self,
        command: Sequence[str],
        journals: Journals,
        publish: Publish,
        finish: Callable[[Session], None],
        strained: Callable[[Strain | None], Strain | None] = lambda before: None,
        has_room: Callable[[Session], bool] = lambda session: True,
        crowded: Callable[[Session], bool] = lambda session: False,
        settled: Callable[[Session], None] = lambda session: None,
    ) -> None:
        self._has_room = has_room
        self._crowded = crowded
        self._strained = strained
        self._command = tuple(command)
        self._finish = finish
        self._settled = settled
        self._journals = journals
        self._publish = publish
        self._waiting: queue.SimpleQueue[Feed | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._feeds: dict[str, list[Feed]] = {}
        self._progress: MergeProgress | None = None
        self._running: Feed | None = None
        self._growing = Growing()
        self.problem: str | None = None
        """Why the last merge that was not given up has failed, or shows too little; None: all is well."""
        self._any_ended = False
        self._rests: Strain | None = None  # by itself, as another thread says so
        # This thread starts the children and lives as long as they: Linux tells a child of the death of the
        # *thread* that started it.
        self._thread = threading.Thread(target=self._work, name="merges", daemon=True)
        self._thread.start()

    def follow(self, session: Session, options: Sequence[str] = ()) -> Feed:
        """Begin to merge `session` as its slices come, with the child's `options` beside the usual ones.

        Behind a merge that still runs it waits its turn.
        """
        feed = Feed(session, options)
        with self._lock:  # `close` drops it, or it comes behind the end and is never begun
            self._feeds.setdefault(session.id, []).append(feed)
            self._waiting.put(feed)
        return feed

    def progress(self) -> MergeProgress | None:
        """Give how far the running merge is; None when none runs."""
        progress = self._progress
        if progress is None:
            return None
        with self._lock:
            waiting = sum(not feed.dropped for of_one in self._feeds.values() for feed in of_one) - 1
        return replace(progress, rests=self._rests, waiting=max(0, waiting))

    def growing(self, within_s: float) -> Growth | None:
        """Give the picture of the running merge as it is by now; None where there is none to be seen yet."""
        feed = self._running
        return None if feed is None else self._growing.seen(feed.look, within_s)

    def merged(self, session: str) -> int:
        """Say how many slices of `session` are in its picture by now."""
        progress = self._progress
        return progress.merged if progress is not None and progress.session == session else 0

    def stage(self, session: Session) -> str | None:
        """Say whether the merge of `session` is `waiting` or `running`; None when it is neither."""
        with self._lock:
            followed = [feed for feed in self._feeds.get(session.id, ()) if not feed.dropped]
        progress = self._progress
        if progress and progress.session == session.id:
            return "running"
        return "waiting" if followed else None

    def close(self) -> None:
        """Give up every merge and see the children end."""
        with self._lock:
            feeds = [feed for of_one in self._feeds.values() for feed in of_one]
            self._waiting.put(None)
        for feed in feeds:
            feed.drop(STOPPED)
        self._thread.join()

    def _work(self) -> None:
        while (feed := self._waiting.get()) is not None:
            try:
                if feed.dropped is None:
                    self._merge(feed)
            except Exception as error:  # one merge that cannot be recorded must not end all later ones
                self._fail_unrecorded(feed, error)
            finally:
                self._let_go(feed)

    def _merge(self, feed: Feed) -> None:
        """See one merge through and say what became of it."""
        session = feed.session
        with self._journals.writing(session) as journal:
            journal.append("merge_started")
            self._publish("merge_started", session=session.id)
            self._progress = MergeProgress(session.id, 0, feed.saved)
            try:
                event, facts = "merge_done", self._made_as_room_comes(feed, journal)
            except (MergeFailed, MergeError, OSError, StackError) as failure:
                given_up = {"given_up": True} if feed.dropped else {}
                event, facts = "merge_failed", {"error": feed.dropped or str(failure), **given_up}
            journal.append(event, **facts)
        if not feed.dropped:
            with self._lock:
                self._ended(session, facts.get("error"))
        self._progress = None
        self._finish(session)
        self._let_go(feed)
        self._settled(session)
        self._publish(event, session=session.id, **facts)

    def _fail_unrecorded(self, feed: Feed, error: Exception) -> None:
        """Say of a merge that its journal could not be written, as on a disk that is full: somebody waits."""
        session, foreseen = feed.session, isinstance(error, StackError | OSError)
        removed = was_removed(session.path)
        why = (
            "its session was removed"
            if removed
            else f"what became of it could not be recorded: {error}. Put that right, and "
            f"`focusctl merge {session.number}` does it again"
        )
        _log.warning("the merge of %s: %s", session.id, why, exc_info=None if foreseen else error)
        if not feed.dropped and not removed:  # by somebody, who needs not be told
            with self._lock:
                self._ended(session, why)
        self._let_go(feed)
        self._settled(session)
        given_up = {"given_up": True} if feed.dropped else {}
        self._publish("merge_failed", session=session.id, error=feed.dropped or why, **given_up)

    def recall(self, session: Session, error: str | None) -> None:
        """Take over how the last merge of an earlier daemon ended, unless one has ended since."""
        with self._lock:
            if not self._any_ended:
                self._ended(session, error)

    def _ended(self, session: Session, error: str | None) -> None:
        self._any_ended = True
        self.problem = f"the merge of {session.id} failed: {error}" if error else unsharp(session)

    def _let_go(self, feed: Feed) -> None:
        self._progress = self._running = None
        with self._lock:
            of_one = [other for other in self._feeds.pop(feed.session.id, ()) if other is not feed]
            if of_one:
                self._feeds[feed.session.id] = of_one

    def _made_as_room_comes(self, feed: Feed, journal: Journal) -> dict[str, Any]:
        """Make the picture; where the disk is full do it again once there is room. Raises `MergeFailed`."""
        if not feed.whole and self._crowded(feed.session):
            self._wait_for_the_stack(feed)
        for _ in range(ROOM_TRIES):
            try:
                return self._made_at_last(feed, journal)
            except MergeLacksRoom:
                if not self._room_came(feed):
                    raise
        return self._made_at_last(feed, journal)

    def _wait_for_the_stack(self, feed: Feed) -> None:
        """Wait until the camera takes no memory any more. Raises `MergeFailed` when it is given up."""
        self._publish("merge_rests", session=feed.session.id, why="memory")
        if not feed.begin_again():
            raise MergeFailed("it was given up")
        give_back()  # what frames took; the C library would keep it for the next stack's
        self._publish("merge_goes_on", session=feed.session.id)
        self._progress = MergeProgress(feed.session.id, 0, feed.saved)

    def _room_came(self, feed: Feed) -> bool:
        """Wait until the stack is shot and there is room for its picture; False when it was given up."""
        self._publish("merge_rests", session=feed.session.id, why="room")
        if not feed.begin_again():
            return False
        while not self._has_room(feed.session):
            if feed.given_up(LOOK_AGAIN_S):
                return False
        self._publish("merge_goes_on", session=feed.session.id)
        self._progress = MergeProgress(feed.session.id, 0, feed.saved)
        return True

    def _made_at_last(self, feed: Feed, journal: Journal) -> dict[str, Any]:
        """Make the picture; where the child is killed, begin once more when the stack is shot.

        By then the camera works no more, and the slices are read one after the other. Raises `MergeFailed`.
        """
        try:
            return self._made(feed)
        except MergeKilled as killed:
            if not feed.begin_again():
                raise
            journal.append("merge_killed", error=str(killed))
            self._publish("merge_killed", session=feed.session.id, error=str(killed))
            self._progress = MergeProgress(feed.session.id, 0, feed.saved)
            return self._made(feed)

    def _made(self, feed: Feed) -> dict[str, Any]:
        """Run the child to its end; give what it made, taken over by the session. Raises `MergeFailed`."""
        try:
            child = self._start(feed)
        except OSError as error:
            raise MergeFailed(f"the merge could not be started: {error}") from error
        feed.attach(child)
        self._running = feed
        rest = partial(self._rest, feed)
        feeder = threading.Thread(target=feed.pour, args=(child, rest), name="merge feed", daemon=True)
        feeder.start()
        said = self._listen(child, feed)
        status = end_of(child)
        self._growing.hear(feed.session.id, {"growing": None, "slices": 0})  # who looks waits no longer
        feed.leave()
        feeder.join()
        if "done" not in said:
            raise failure(said, status)
        return _taken_over(feed.session, said["done"])

    def _rest(self, feed: Feed, left: threading.Event) -> None:
        """Wait while the Pi is too hot or its supply too low, and say so."""
        found = self._strained(None)
        if found is None:
            return
        self._publish("merge_rests", session=feed.session.id, why=found.value)
        while found is not None:
            self._rests = found
            found = None if left.wait(LOOK_AGAIN_S) else self._strained(found)
        self._rests = None
        self._publish("merge_goes_on", session=feed.session.id)

    def _start(self, feed: Feed) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [*self._command, "--session", str(feed.session.path), *feed.options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            process_group=0,  # Ctrl-C, or a terminal that closes, is for us, who end it and say why
        )

    def _listen(self, child: "subprocess.Popen[str]", feed: Feed) -> dict[str, Any]:
        """Follow what the child says until it ends; give its last word."""
        said: dict[str, Any] = {}
        assert child.stdout is not None
        with child.stdout as lines:
            for line in lines:
                heard = message(line)
                if "growing" in heard:
                    self._growing.hear(feed.session.id, heard)
                    continue
                said = heard or said
                if "merged" in said:
                    self._note(feed, said)
        return said

    def _note(self, feed: Feed, said: Mapping[str, Any]) -> None:
        before = self._progress or MergeProgress(feed.session.id, 0, feed.saved)
        slice_s = _smoothed(before.slice_s, said.get("seconds"))
        now = replace(before, merged=said["merged"], saved=feed.saved, slice_s=slice_s)
        self._progress = now
        self._publish(
            "merge_progress",
            session=feed.session.id,
            merged=said["merged"],
            saved=feed.saved,
            doubt=said.get("doubt", ""),
            seconds_left=now.seconds_left,
        )


def _taken_over(session: Session, done: Mapping[str, Any]) -> dict[str, Any]:
    """Let the session's own names lead to a merge that is done; give what its journal keeps of it."""
    files = list(done["files"].values())
    for file in files:
        if not (session.path / file).is_file():
            raise MergeFailed(f"the merge says that it made {file}, and it is not there")
    choose(session.path, done["merge"])
    return {**{name: done[name] for name in _TOLD}, "files": files}


def _smoothed(mean_s: float | None, latest_s: float | None) -> float | None:
    """Give a mean that goes with the latest: the first slice of a merge takes longer than the rest."""
    if mean_s is None or latest_s is None:
        return latest_s if mean_s is None else mean_s
    return mean_s + 0.3 * (latest_s - mean_s)
