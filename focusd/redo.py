"""A session merged anew: because somebody asks, or because an earlier daemon was ended before it was done."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from focusd.errors import Refused
from focusd.merges import STOPPED, Merges
from stack.session import Session
from stack.session_state import MergeState, Phase, SessionState
from stack.sessions import Sessions

_log = logging.getLogger(__name__)

TRIES = 2
"""A merge that twice ended with the daemon, or the power, may well be why: it is not begun again unasked."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What one merge is told; None and empty leave it to the configuration.

    Attributes
    ----------
    method
        auto, weighted, depthmap or pyramid.
    slices, exclude
        Ranges of indices, both ends in: only these, and not these.
    memory_bytes
        No more than this is taken.
    quality
        Of the JPEG.
    um_per_slice, um_per_px
        For depth in micrometres and a scale bar.
    """

    method: str | None = None
    front_wins: bool = False
    keep_borders: bool = False
    align: bool = True
    even_light: bool = True
    unveil: bool = True
    skip_bad: bool = False
    slices: Sequence[tuple[int, int]] = ()
    exclude: Sequence[tuple[int, int]] = ()
    memory_bytes: int | None = None
    quality: int | None = None
    um_per_slice: float | None = None
    um_per_px: float | None = None

    @property
    def options(self) -> tuple[str, ...]:
        """The child's options."""
        flags = {
            "--front-wins": self.front_wins,
            "--keep-borders": self.keep_borders,
            "--no-align": not self.align,
            "--no-even-light": not self.even_light,
            "--no-unveil": not self.unveil,
            "--skip-bad": self.skip_bad,
        }
        values = {
            "--method": self.method,
            "--memory": self.memory_bytes,
            "--quality": self.quality,
            "--um-per-slice": self.um_per_slice,
            "--um-per-px": self.um_per_px,
        }
        told = [(name, str(value)) for name, value in values.items() if value]
        return (*chain(*told), *(flag for flag, given in flags.items() if given))

    def wants(self, index: int) -> bool:
        """Say whether a slice is to be merged."""
        asked = not self.slices or _within(self.slices, index)
        return asked and not _within(self.exclude, index)


class Redo:
    """Hands saved slices to a merge once more.

    Parameters
    ----------
    sessions, merges
        Where they are, and who merges.
    shooting
        Gives the session that is being shot, if any.

    What an earlier daemon left undone is looked for in a thread: every journal is read, and after weeks of a
    time-lapse that takes longer than a supervisor waits for a start.
    """

    def __init__(self, sessions: Sessions, merges: Merges, shooting: Callable[[], str | None]) -> None:
        self._sessions = sessions
        self._merges = merges
        self._shooting = shooting
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._recalled = False
        self._thread = threading.Thread(target=self._make_up, name="make-up merges", daemon=True)

    def start(self) -> None:
        """Begin what was left undone, as it is found."""
        self._thread.start()

    @property
    def looking(self) -> bool:
        """Whether it is still being looked for what was left undone: a merge may begin that is none yet."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Look no further."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _make_up(self) -> None:
        try:
            self.make_up()
        except OSError as error:  # the disk is gone, which others tell
            _log.warning("what merges were left undone is not known: %s", error)

    def begin(self, wanted: str, choice: Choice) -> tuple[Session, int]:
        """Begin to merge a session anew; give it and how many slices that takes.

        Raises `Refused`, and as `Sessions.open` does.
        """
        session = self._sessions.open(wanted)
        state = session.state()
        if state.let_go is not None:
            raise Refused(f"the slices of {session.id} are gone: {state.let_go}. Its picture stays as it is")
        if self._shooting() == session.id:
            raise Refused(f"{session.id} is being shot, and merged as it is; wait until it is done")
        count = session.layout.slices
        if beyond := [last for _, last in (*choice.slices, *choice.exclude) if last >= count]:
            raise Refused(f"{session.id} has no slice {beyond[0]}: its slices are numbered 0 to {count - 1}")
        files = [file for index, file in _files(state) if choice.wants(index)]
        if len(files) < 2:
            raise Refused(f"{session.id} has {len(files)} saved slices of those asked for; a merge takes two")
        if stage := self._feed(session, files, choice):
            raise Refused(f"a merge of {session.id} is {stage} already; wait until it is done")
        return session, len(files)

    def make_up(self) -> tuple[str, ...]:
        """Begin what an earlier daemon left undone, the newest first; give the sessions' ids."""
        begun = []
        for session in self._sessions.newest_first():
            if self._ended.is_set():
                break
            try:
                if self._made_up(session):
                    begun.append(session.id)
            except Exception:  # what one session holds must not cost all older ones their picture
                _log.exception("whether the merge of %s was left undone is not known", session.id)
        return tuple(begun)

    def _made_up(self, session: Session) -> bool:
        """Begin the merge of a session that was left undone; say whether there was any."""
        if self._shooting() == session.id or self._merges.stage(session):
            return False
        state = session.state()
        if not self._recalled and (ended := last_end(state)):
            self._recalled = True  # of the newest that says so: this daemon told nobody of it yet
            self._merges.recall(session, ended.error)
        if not left_undone(session, state):
            return False
        if worn_out(state):
            _log.warning(
                "the merge of %s was cut short %d times and is not begun again by itself; "
                "`focusctl merge %d` does it",
                session.id,
                TRIES,
                session.number,
            )
            return False
        _log.warning("the merge of %s was left undone and is done now", session.id)
        return self._feed(session, [file for _, file in _files(state)], Choice()) is None

    def _feed(self, session: Session, files: list[str], choice: Choice) -> str | None:
        """Hand the files to a merge, unless the session has one: then say how that stands."""
        with self._lock:  # of two who ask at once, one is the second
            if stage := self._merges.stage(session):
                return stage
            feed = self._merges.follow(session, choice.options)
        for file in files:
            feed.add(file)
        feed.end()
        return None


def left_undone(session: Session, state: SessionState) -> bool:
    """Say whether a session has all its slices and should have a picture, but its merge was cut short."""
    if state.phase is not Phase.DONE or state.let_go is not None:
        return False
    if not state.merges:
        return bool(session.facts.configuration.get("merge", {}).get("follow", False))
    return _cut_short(state, -1)


def last_end(state: SessionState) -> MergeState | None:
    """Give the last merge of a stack that has all its slices; None where one is to be made up for."""
    if state.phase is not Phase.DONE or not state.merges:
        return None
    if worn_out(state):
        why = f"it was cut short {TRIES} times and is not begun again by itself"
        return MergeState(error=why, ended=True)
    return None if _cut_short(state, -1) else state.merges[-1]


def worn_out(state: SessionState) -> bool:
    """Say whether the last merges were cut short so often that another is not begun unasked."""
    return len(state.merges) >= TRIES and all(_cut_short(state, -back) for back in range(1, TRIES + 1))


def _cut_short(state: SessionState, at: int) -> bool:
    merge = state.merges[at]
    return not merge.ended or merge.error == STOPPED


def _files(state: SessionState) -> Iterator[tuple[int, str]]:
    return ((index, state.saved[index].file) for index in sorted(state.saved))


def _within(ranges: Sequence[tuple[int, int]], index: int) -> bool:
    return any(first <= index <= last for first, last in ranges)
