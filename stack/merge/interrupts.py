"""Being ended from outside: whatever signal asks for it, what was begun is cleared away as after Ctrl-C."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TextIO

ENDINGS: Final = (signal.SIGTERM, signal.SIGHUP)
"""What a service manager, a batch queue or a terminal that closes ends a program with."""


@contextmanager
def ended_at_once() -> Iterator[None]:
    """Let Ctrl-C end this process then and there: what is loading can neither be told of it nor clear away.

    Raised in the midst of imports it would be a traceback, or be taken for a library that is missing.
    """
    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heeded:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        if heeded:
            signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def ended_as_interrupted() -> Iterator[None]:
    """Let what ends this process raise `KeyboardInterrupt`."""

    def interrupt(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    with handled(ENDINGS, interrupt):
        yield


@contextmanager
def handled(numbers: Sequence[signal.Signals], handler: Callable[[int, object], None]) -> Iterator[None]:
    """Let `handler` take these signals; what is ignored, as under nohup, stays so."""
    before = {number: signal.getsignal(number) for number in numbers}
    heeded = [number for number, was in before.items() if was is not signal.SIG_IGN]
    for number in heeded:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, before[number])


@contextmanager
def heard(program: str) -> Iterator[None]:
    """See that what this process said has left it; where that cannot be, end it with 1.

    A reader who is gone knows why; a full disk is told in a line. Python would say it in its own words, and
    end with 120.
    """
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:  # closed by a shell: >&-
                sys.stdout.flush()
    except BrokenPipeError:
        swallow(sys.stdout)
        sys.exit(1)
    except OSError as error:
        swallow(sys.stdout)
        sys.exit(f"{program}: {error.filename or 'standard output'}: {error.strerror or error}")


def swallow(stream: TextIO) -> None:
    """Let what is still buffered go nowhere: the reader of `stream` is gone, or the disk full."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
