"""One merge at a time where two would undo each other's work."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold a folder against other merges, once it is free; whatever ends this process lets go of it.

    On a disk that knows no such locks nothing is held. Raises `OSError` where there is no such folder.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
