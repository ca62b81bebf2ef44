"""The child that merges a session while it is shot: `python -m stack.merge follow --session DIR`.

It reads JSON lines on stdin, `{"slice": "slices/0000.jpg"}` for every slice in the order shot, then
`{"end": true}`; and before that `{"look": true}` whenever somebody would see the picture. It writes JSON
lines on stdout:

- `{"merged": 3, "slice": "slices/0002.jpg", "doubt": "", "seconds": 0.31}` after each slice; `doubt` says why
  not to trust where it was laid, if there is a reason, `seconds` how long it took
- `{"growing": "/9j/4AAQ...", "slices": 3}` after `look`, at the latest when the slice at hand is merged: the
  picture so far, a JPEG of at most 800 px in base64; null before there is one
- `{"done": {"merge": 1, "files": {"merged": "merges/1/merged.jpg", "depth": "merges/1/depth.png", ...},
  "sha256": {"merges/1/merged.jpg": "9f2c...", ...}, "slices": 40, "seconds": 12.3}}` at the end, on one
  line, or
- `{"error": "..."}`, with `"full": true` for want of room on the disk

and ends with 0 after `done`, 1 after `error`. Paths are relative to the session. The result is a folder
`merges/N`, N the next free number, which appears whole or not at all; beside those files it holds
`merge.json` and, of 16-bit slices, `merged.tif`. If stdin closes before `end` the parent is gone: the child
ends with 1 and leaves nothing; on SIGTERM or SIGINT likewise, with 143 or 130.
"""

import argparse
import base64
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import IO, Any, Final, NoReturn

import cv2

from stack.durable import out_of_room
from stack.merge.arguments import add_settings, scales, settings_of
from stack.merge.errors import AlignmentFailed, MergeError, PhotoUnreadable, SliceBlank
from stack.merge.merging import Merging, Photo, Skipped
from stack.merge.products import Maps, save_version
from stack.merge.record import describe
from stack.number import is_number

FIRST_TO_DIE: Final = 900
"""Of -1000 to 1000, when memory runs out: the merge can be done again, the stack cannot."""


class Ended(BaseException):
    """A signal asked for the end; not an `Exception`, so that nothing in between swallows it."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.exit_code = 128 + signal_number


class ParentGone(Exception):
    """Stdin closed before the stack's end was told."""


class Feed:
    """The lines of stdin, read by a thread so that the parent's end is seen while a slice is being merged."""

    def __init__(self, stream: IO[str]) -> None:
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._gone = threading.Event()
        self._looked = threading.Event()
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def slices(self, show: Callable[[], None]) -> Iterator[str]:
        """Give each slice's path as it is told, until the end. Raises `ParentGone`.

        `show` is called between them where somebody looks, also before slices that were told earlier.
        """
        while True:
            line = self._lines.get()
            if self._gone.is_set() or line is None:
                raise ParentGone
            if self._looked.is_set():
                self._looked.clear()
                show()
            if line.get("end"):
                return
            if "slice" in line:
                yield str(line["slice"])

    def _read(self, stream: IO[str]) -> None:
        ended = False
        try:
            for text in stream:
                line = json.loads(text)
                ended = ended or bool(line.get("end"))
                if line.get("look"):
                    self._looked.set()
                self._lines.put(line)
        except ValueError:  # a line torn in two is what a parent leaves that was killed
            ended = False
        finally:
            if not ended:
                self._gone.set()
            self._lines.put(None)


def main(argv: Sequence[str]) -> int:
    """Follow a session; give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m stack.merge follow")
    parser.add_argument("--session", type=Path, required=True)
    parser.add_argument("--nice", type=int, default=10)
    parser.add_argument(
        "--timeout", type=int, default=0, metavar="S", help="end if stuck for so long; 0: never"
    )
    add_settings(parser)
    asked = parser.parse_args(argv)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    _step_back(asked.nice)
    try:
        _follow(asked.session, asked)
    except (PhotoUnreadable, AlignmentFailed, SliceBlank) as e:
        without = f"`focusctl merge {asked.session.name} --skip-bad` makes a picture without that slice"
        _say(error=f"{e}; {without}")
        return 1
    except MergeError as e:
        _say(error=str(e), **({"full": True} if out_of_room(e) else {}))
        return 1
    except (ParentGone, BrokenPipeError):
        return 1
    except Ended as e:
        return e.exit_code
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):  # it ends already: a traceback would be no news
            signal.signal(number, signal.SIG_IGN)
    return 0


def _follow(session: Path, asked: argparse.Namespace) -> None:
    feed = Feed(sys.stdin)
    merging = Merging(settings_of(asked), skip_bad=asked.skip_bad, limit_bytes=asked.memory)
    began_s = time.monotonic()
    for told, name in enumerate(feed.slices(partial(_show, merging)), start=1):
        _allow(asked.timeout)
        taken_s = time.monotonic()
        placed = merging.add(Photo(_index(name, told - 1), session / name, name))
        doubt = f"left out: {placed.reason}" if isinstance(placed, Skipped) else placed.doubt
        _say(merged=told, slice=name, doubt=doubt, seconds=round(time.monotonic() - taken_s, 3))
        _allow(0)
    _allow(asked.timeout)
    um_per_slice, um_per_px = scales(asked, session)
    maps = Maps(um_per_slice, um_per_px)
    merged = merging.finish(again=lambda _: _allow(asked.timeout), settled=maps.pack)
    facts = describe(
        merged,
        merging.settings,
        [photo.name for photo in merging.photos],
        time.monotonic() - began_s,
        merging.skipped,
        um_per_slice,
        memory=merging.memory,
    )
    reference = merging.photos[0].path
    version = save_version(session, merged, facts, reference, asked.quality, maps)
    _say(
        done={
            "merge": version.number,
            "files": version.files,
            "sha256": version.sha256,
            "slices": len(merging.photos),
            "seconds": round(time.monotonic() - began_s, 3),
        }
    )


def _show(merging: Merging) -> None:
    """Say what the picture looks like by now."""
    picture = merging.preview()
    jpeg = None if picture is None else cv2.imencode(".jpg", picture)[1].tobytes()
    _say(growing=jpeg and base64.b64encode(jpeg).decode("ascii"), slices=len(merging.photos))


def _index(name: str, position: int) -> int:
    """Give a slice's index in the stack: the number its file is named by, else its place in line."""
    stem = Path(name).stem
    return int(stem) if is_number(stem) else position


def _step_back(nice: int) -> None:
    """Leave the processor, and in need the memory, to the rig."""
    os.setpriority(os.PRIO_PROCESS, 0, max(nice, os.getpriority(os.PRIO_PROCESS, 0)))
    cv2.setNumThreads(max(1, (os.cpu_count() or 2) - 1))
    try:
        Path("/proc/self/oom_score_adj").write_text(str(FIRST_TO_DIE))
    except OSError:
        return  # not Linux, or not allowed; then the kernel chooses as it does for everybody


def _allow(seconds: int) -> None:
    """Let the system end this process unless it comes back here in time; 0: never.

    No handler is set: one of Python's would wait until the very call returns in which we are stuck.
    """
    signal.alarm(seconds)


def _say(**line: Any) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _end(signal_number: int, frame: FrameType | None) -> NoReturn:
    raise Ended(signal_number)
