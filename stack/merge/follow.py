"""The child that merges a session while it is shot: `python -m stack.merge follow --session DIR`.

It reads JSON lines on stdin, `{"slice": "slices/0000.jpg"}` for every slice in the order shot, then
`{"end": true}`. It writes JSON lines on stdout:

- `{"merged": 3, "slice": "slices/0002.jpg", "doubt": ""}` after each slice; `doubt` says why not to trust
  where it was laid, if there is a reason
- `{"done": {"merge": 1, "files": {"merged": "merges/1/merged.jpg", "depth": "merges/1/depth.png"},
  "slices": 40, "seconds": 12.3}}` at the end, on one line, or
- `{"error": "..."}`

and ends with 0 after `done`, 1 after `error`. Paths are relative to the session. The result is a folder
`merges/N`, N the next free number, which appears whole or not at all; beside those files it holds
`merge.json` and, of 16-bit slices, `merged.tif`. If stdin closes before `end` the parent is gone: the child
ends with 1 and leaves nothing; on SIGTERM or SIGINT likewise, with 143 or 130.
"""

import argparse
import json
import os
import queue
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import IO, Any, Final, NoReturn

import cv2

from stack.durable import sync_folder, write_durably
from stack.merge.errors import MergeError, OutputRefused
from stack.merge.output import encode, merged_exif
from stack.merge.photos import read_exif, read_photo
from stack.merge.record import as_json, describe
from stack.merge.settings import MergeSettings
from stack.merge.stream import Merge, Merged

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
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def slices(self) -> Iterator[str]:
        """Give each slice's path as it is told, until the end. Raises `ParentGone`."""
        while True:
            line = self._lines.get()
            if self._gone.is_set() or line is None:
                raise ParentGone
            if line.get("end"):
                return
            yield str(line["slice"])

    def _read(self, stream: IO[str]) -> None:
        ended = False
        try:
            for text in stream:
                line = json.loads(text)
                ended = ended or bool(line.get("end"))
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
    parser.add_argument("--quality", type=int, default=95)
    parser.add_argument("--no-align", dest="align", action="store_false")
    asked = parser.parse_args(argv)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    _step_back(asked.nice)
    try:
        _follow(asked.session, MergeSettings(align=asked.align), asked.quality)
    except MergeError as e:
        _say(error=str(e))
        return 1
    except (ParentGone, BrokenPipeError):
        return 1
    except Ended as e:
        return e.exit_code
    return 0


def _follow(session: Path, settings: MergeSettings, quality: int) -> None:
    feed = Feed(sys.stdin)
    merge = Merge(settings)
    began_s = time.monotonic()
    files: list[str] = []
    for name in feed.slices():
        placed = merge.add(_index(name, len(files)), read_photo(session / name), name)
        files.append(name)
        _say(merged=len(files), slice=name, doubt=placed.doubt)
    merged = merge.finish()
    facts = describe(merged, settings, files, time.monotonic() - began_s)
    folder = save(session, merged, facts, quality)
    _say(
        done={
            "merge": int(folder.name),
            "files": {
                "merged": f"merges/{folder.name}/merged.jpg",
                "depth": f"merges/{folder.name}/depth.png",
            },
            "slices": len(files),
            "seconds": round(time.monotonic() - began_s, 3),
        }
    )


def save(session: Path, merged: Merged, facts: dict[str, Any], quality: int) -> Path:
    """Put the result into the session's next free `merges/N` and give that folder.

    The folder is filled under another name and renamed, so that it is whole or not there.
    Raises `OutputRefused`.
    """
    merges = session / "merges"
    height, width = merged.pixels.shape[:2]
    reference = session / facts["files"][0]
    exif = merged_exif(read_exif(reference), (width, height), f"merged from {len(merged.slices)} slices")
    files = {"merged.jpg": encode(merged.pixels, ".jpg", exif, quality)}
    if merged.pixels.dtype.itemsize > 1:
        files["merged.tif"] = encode(merged.pixels, ".tif", exif, quality)
    files["depth.png"] = encode(merged.depth, ".png", None, quality)
    files["merge.json"] = as_json(facts)
    part = merges / f".{os.getpid()}.part"
    # A session is merged by one child at a time, so what is unfinished was left by one that was killed.
    for left in merges.glob(".*.part"):
        shutil.rmtree(left, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        for name, data in files.items():
            write_durably(part / name, data)
        folder = _settle(part, merges)
    except OSError as e:
        raise OutputRefused(merges, f"cannot be written: {e.strerror or e}") from e
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _settle(part: Path, merges: Path) -> Path:
    """Rename the filled folder to the next free number."""
    number = max((int(path.name) for path in merges.iterdir() if path.name.isdecimal()), default=0)
    while True:
        number += 1
        folder = merges / str(number)
        if not folder.exists():
            part.rename(folder)
            sync_folder(merges)
            return folder


def _index(name: str, position: int) -> int:
    """Give a slice's index in the stack: the number its file is named by, else its place in line."""
    stem = Path(name).stem
    return int(stem) if stem.isdecimal() else position


def _step_back(nice: int) -> None:
    """Leave the processor, and in need the memory, to the rig."""
    os.setpriority(os.PRIO_PROCESS, 0, max(nice, os.getpriority(os.PRIO_PROCESS, 0)))
    cv2.setNumThreads(max(1, (os.cpu_count() or 2) - 1))
    try:
        Path("/proc/self/oom_score_adj").write_text(str(FIRST_TO_DIE))
    except OSError:
        return  # not Linux, or not allowed; then the kernel chooses as it does for everybody


def _say(**line: Any) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _end(signal_number: int, frame: FrameType | None) -> NoReturn:
    raise Ended(signal_number)
