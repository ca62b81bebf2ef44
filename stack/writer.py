"""Saving that overlaps the next move: jobs run one after another, in order, with a bound on what waits."""

import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

FRAMES_IN_FLIGHT = 2
"""Frames the writer may hold, the one being saved included: what bounds the memory of a stack."""


class SliceWriter(Protocol):
    """Runs the jobs that save slices, one after another in the order given."""

    def submit(self, job: Callable[[], None]) -> None:
        """Take a job, waiting while too many frames are held; then raise what an earlier job failed with."""
        ...

    def drain(self) -> None:
        """Wait until every job was run; then raise the first failure, and forget it."""
        ...

    def close(self) -> None:
        """Run what is left and end."""
        ...


class ThreadedWriter:
    """Saves in a thread of its own while the axis moves on, holding at most `FRAMES_IN_FLIGHT` frames."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(FRAMES_IN_FLIGHT)
        self._changed = threading.Condition()
        self._waiting = 0
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._work, name="slice writer")
        self._thread.start()

    def submit(self, job: Callable[[], None]) -> None:
        """Take a job, waiting while too many frames are held; then raise what an earlier job failed with."""
        self._room.acquire()
        with self._changed:
            self._waiting += 1
        self._jobs.put(job)
        failure = self._failure
        if failure is not None:
            raise failure

    def drain(self) -> None:
        """Wait until every job was run; then raise the first failure, and forget it."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting == 0)
            failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Run what is left and end the thread."""
        self._jobs.put(None)
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            failure = failure_of(job)
            del job  # and with it the frame, before the next one is let in
            with self._changed:
                self._failure = self._failure or failure
                self._waiting -= 1
                self._changed.notify_all()
            self._room.release()


def failure_of(action: Callable[[], object]) -> Exception | None:
    """Do `action`; give what it raised instead of raising."""
    try:
        action()
    except Exception as error:
        return error
    return None
