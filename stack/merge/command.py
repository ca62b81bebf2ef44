"""`focusctl merge`: merge photographs on a desktop or on the rig, without the daemon."""

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from stack.durable import write_durably
from stack.merge.errors import MergeError, NothingToMerge, OutputRefused, SizesDiffer
from stack.merge.output import check_output, check_place, merged_exif, write_picture
from stack.merge.photos import is_photo, photo_size, read_exif, read_photo
from stack.merge.record import as_json, describe
from stack.merge.settings import MergeSettings
from stack.merge.stream import Merge

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

SMALLEST_SIDE_PX = 16
"""A smaller picture has no neighbourhoods in which sharpness could be told."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; give the exit code."""
    parser = _parser()
    asked = parser.parse_args(argv)
    progress = Progress(asked.json)
    try:
        _check_outputs(asked)
        photos = _chosen(asked)
        _merge(asked, photos, progress)
    except KeyboardInterrupt:
        progress.close()
        return INTERRUPTED
    except MergeError as e:
        progress.fail(str(e))
        return FAILED
    return DONE


class Progress:
    """Tells how far the merge is: JSON lines on stdout, or words on stderr; a terminal line is rewritten."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self._rewrites = sys.stderr.isatty()
        self._open = False

    def merged(self, done: int, of: int, name: str, doubt: str) -> None:
        """Tell that a slice is in."""
        if self._json:
            self._line(event="merge_progress", merged=done, slices=of, file=name, doubt=doubt)
            return
        text = f"merged {done} of {of}  {name}"
        if self._rewrites:
            self._write(f"\r\x1b[K{text}")
            self._open = True
        else:
            self._write(text + "\n")
        if doubt:
            self.close()
            self._write(f"{name}: alignment is doubtful: {doubt}\n")

    def done(self, facts: dict[str, Any], output: Path) -> None:
        """Tell that everything is written."""
        slices, seconds = len(facts["slices"]), facts["seconds"]
        if self._json:
            self._line(event="merge_done", files=facts["outputs"], slices=slices, seconds=seconds)
            return
        self.close()
        size = f"{facts['width_px']}x{facts['height_px']}"
        self._write(f"{output}: {size} from {slices} slices in {seconds:.1f} s\n")

    def fail(self, error: str) -> None:
        """Say in one line why not."""
        if self._json:
            self._line(event="merge_failed", error=error)
            return
        self.close()
        self._write(f"focusctl merge: {error}\n")

    def close(self) -> None:
        """End the line that is being rewritten."""
        if self._open:
            self._write("\n")
        self._open = False

    def _line(self, **facts: Any) -> None:
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="focusctl merge",
        description="Merge photographs focused at different distances into one that is sharp throughout.",
    )
    parser.add_argument(
        "photos", nargs="+", type=Path, metavar="FOLDER|FILE", help="a folder, a session, or files"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help=".jpg, .png or .tif")
    parser.add_argument("--depth", type=Path, help="also write the depth map here (.png or .tif, 16 bit)")
    parser.add_argument("--report", type=Path, help="also write transforms and gains here (.json)")
    parser.add_argument(
        "--slices", type=_numbers, metavar="3-20,25", help="only these, counted from 0 in name order"
    )
    parser.add_argument(
        "--no-align", dest="align", action="store_false", help="the photographs lie on each other already"
    )
    parser.add_argument("--quality", type=_quality, default=95, help="of a JPEG, 1 to 100 (95)")
    parser.add_argument("--json", action="store_true", help="progress and result as JSON lines on stdout")
    return parser


def _quality(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 to 100")
    return int(text)


def _numbers(text: str) -> tuple[range, ...]:
    """Read `3-20,25`."""
    ranges = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise argparse.ArgumentTypeError(f"{part!r} is neither a number nor a range such as 3-20")
        start, end = int(first), int(last or first)
        if end < start:
            raise argparse.ArgumentTypeError(f"the range {part} runs backwards")
        ranges.append(range(start, end + 1))
    return tuple(ranges)


def _check_outputs(asked: argparse.Namespace) -> None:
    check_output(asked.output)
    if asked.depth:
        check_output(asked.depth)
        if asked.depth.suffix.lower() not in (".png", ".tif", ".tiff"):
            raise OutputRefused(asked.depth, "a depth map is 16 bit; name it .png or .tif")
    if asked.report:
        check_place(asked.report)
    outputs = [path.resolve() for path in (asked.output, asked.depth, asked.report) if path]
    if len(set(outputs)) < len(outputs):
        raise OutputRefused(asked.output, "the same file is named for two outputs")


def _chosen(asked: argparse.Namespace) -> list[tuple[int, Path]]:
    """Give the photographs to merge with their indices, all of one size and none of them an output."""
    found = list(_found(asked.photos))
    chosen = [
        (i, path) for i, path in enumerate(found) if asked.slices is None or any(i in r for r in asked.slices)
    ]
    where = ", ".join(str(path) for path in asked.photos)
    if not chosen:
        reason = (
            f"none of its {len(found)} is among the slices asked for" if found else "there is no photograph"
        )
        raise NothingToMerge(f"{where}: {reason}")
    if len(chosen) == 1:
        photo_size(chosen[0][1])
        raise NothingToMerge(f"{where}: one photograph alone ({chosen[0][1].name}) cannot be merged")
    outputs = [path for path in (asked.output, asked.depth, asked.report) if path]
    for output in outputs:
        if any(_same_file(output, path) for path in found):
            raise OutputRefused(output, "is one of the photographs given; it would be overwritten")
    _check_sizes([path for _, path in chosen])
    return chosen


def _found(given: Sequence[Path]) -> Iterator[Path]:
    for path in given:
        try:
            yield from sorted(_photos_in(path)) if path.is_dir() else (path,)
        except OSError as e:
            raise NothingToMerge(f"{path}: {e.strerror or e}") from e


def _photos_in(folder: Path) -> Iterator[Path]:
    slices = folder / "slices" if (folder / "session.json").is_file() else folder
    return (file for file in slices.iterdir() if is_photo(file) and file.is_file())


def _same_file(one: Path, other: Path) -> bool:
    with contextlib.suppress(OSError):
        if one.samefile(other):
            return True
    return one.resolve() == other.resolve()


def _check_sizes(paths: Sequence[Path]) -> None:
    first = photo_size(paths[0])
    if min(first) < SMALLEST_SIDE_PX:
        raise NothingToMerge(
            f"{paths[0].name} is {first[0]}x{first[1]}: "
            f"below {SMALLEST_SIDE_PX} pixels a side there is nothing to merge"
        )
    for path in paths[1:]:
        size = photo_size(path)
        if size != first:
            raise SizesDiffer(
                f"the photographs differ in size: {paths[0].name} is {first[0]}x{first[1]}, "
                f"{path.name} is {size[0]}x{size[1]}"
            )


def _merge(asked: argparse.Namespace, photos: Sequence[tuple[int, Path]], progress: Progress) -> None:
    settings = MergeSettings(align=asked.align)
    merge = Merge(settings)
    began_s = time.monotonic()
    for done, (index, path) in enumerate(photos, start=1):
        placed = merge.add(index, read_photo(path), path.name)
        progress.merged(done, len(photos), path.name, placed.doubt)
    merged = merge.finish()
    height, width = merged.pixels.shape[:2]
    facts = describe(merged, settings, [str(path) for _, path in photos], time.monotonic() - began_s)
    facts["outputs"] = [str(path) for path in (asked.output, asked.depth, asked.report) if path]
    exif = merged_exif(read_exif(photos[0][1]), (width, height), f"merged from {len(photos)} photographs")
    if asked.depth:
        write_picture(asked.depth, merged.depth, None, asked.quality)
    if asked.report:
        try:
            write_durably(asked.report, as_json(facts))
        except OSError as e:
            raise OutputRefused(asked.report, f"cannot be written: {e.strerror or e}") from e
    write_picture(asked.output, merged.pixels, exif, asked.quality)
    progress.done(facts, asked.output)
