"""The slices of a stack on their way to the child that merges them."""

import contextlib
import json
import queue
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import Final

from focusd.merge_child import call_off
from stack.session import Session

_LOOK: Final = json.dumps({"look": True}) + "\n"


class Feed:
    """Keeps every line that was told, for a merge begun again. Any thread may feed; that never blocks."""

    def __init__(self, session: Session, options: Sequence[str] = ()) -> None:
        self.session = session
        self.options = tuple(options)
        self.saved = 0
        self.dropped: str | None = None
        self._told: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._left = threading.Event()
        self._whole = threading.Event()
        self._given_up = threading.Event()
        self._lock = threading.Lock()
        self._speaking = threading.Lock()
        self._child: subprocess.Popen[str] | None = None

    def add(self, file: str) -> None:
        """Hand on a slice, `file` relative to the session's folder."""
        self.saved += 1
        self._tell(json.dumps({"slice": file}))

    def end(self) -> None:
        """Say that there are no more slices, so that the picture can be finished."""
        self._tell(json.dumps({"end": True}))
        self._lines.put(None)
        self._whole.set()

    def drop(self, why: str) -> None:
        """Give the merge up, whether it runs or waits."""
        with self._lock:
            self.dropped = self.dropped or why
            child = self._child
        self.leave()
        self._whole.set()
        self._given_up.set()
        if child is not None:
            call_off(child)

    def leave(self) -> None:
        """Let `pour` end: there is nobody left to feed."""
        self._left.set()
        self._lines.put(None)

    def begin_again(self) -> bool:
        """Wait until every slice is told, and be ready to pour them all anew; False when it was given up."""
        self._whole.wait()
        with self._lock:
            if self.dropped:
                return False
            self._lines, self._left, self._child = queue.SimpleQueue(), threading.Event(), None
            for line in (*self._told, None):
                self._lines.put(line)
        return True

    @property
    def whole(self) -> bool:
        """Whether every slice is told."""
        return self._whole.is_set()

    def given_up(self, within_s: float) -> bool:
        """Say whether it is given up, or will be within so long."""
        return self._given_up.wait(within_s)

    def attach(self, child: "subprocess.Popen[str]") -> None:
        """Take over a child to feed."""
        with self._lock:
            self._child = child
            dropped = self.dropped
        if dropped:
            call_off(child)

    def look(self) -> bool:
        """Ask the child to show its picture as it is by now; False where none can be asked."""
        with self._lock:
            child = self._child
        if child is None or child.stdin is None:
            return False
        try:
            with self._speaking:
                child.stdin.write(_LOOK)
                child.stdin.flush()
        except (OSError, ValueError):  # it has ended, or has been told the end
            return False
        return True

    def pour(self, child: "subprocess.Popen[str]", rest: Callable[[threading.Event], None]) -> None:
        """Write every line to the child until the end; one that died takes no more.

        `rest` is called before each and may wait, until the event that it is given says that nobody is left.
        """
        assert child.stdin is not None
        with contextlib.suppress(OSError), child.stdin as stdin:
            while (line := self._lines.get()) is not None:
                rest(self._left)
                with self._speaking:
                    stdin.write(line + "\n")
                    stdin.flush()

    def _tell(self, line: str) -> None:
        self._told.append(line)
        self._lines.put(line)
