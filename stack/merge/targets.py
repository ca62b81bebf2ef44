"""Where a merge's files go: refused before any work is done for them where something would come to harm."""

import argparse
import contextlib
from collections.abc import Sequence
from pathlib import Path

from stack.merge.errors import OutputRefused
from stack.merge.output import check_output, check_place
from stack.merge.photos import PNG_SUFFIXES, TIFF_SUFFIXES
from stack.merge.products import is_aligned_slice, is_slab, slab_path


def report_of(asked: argparse.Namespace) -> Path:
    """Give where all about the merge goes: as asked, else beside the picture."""
    report: Path = asked.report or asked.output.with_name(f"{asked.output.name}.merge.json")
    return report


def targets(asked: argparse.Namespace) -> list[Path]:
    """Give the files to write, after a look at whether they can be. Raises `OutputRefused`."""
    maps = [path for path in (asked.depth, asked.confidence) if path]
    pictures = [asked.output, *maps, *([asked.depth_preview] if asked.depth_preview else [])]
    for path in pictures:
        check_output(path)
    for path in maps:
        if path.suffix.lower() not in PNG_SUFFIXES | TIFF_SUFFIXES:
            raise OutputRefused(path, "a map must not lose anything; name it .png or .tif")
    records = [path for path in (report_of(asked), asked.save_transforms) if path]
    for path in [*records, *([slab_path(asked.output, 0, 0)] if asked.slab else [])]:
        check_place(path)
    named = [*pictures, *records]
    if len({path.resolve() for path in named}) < len(named):
        raise OutputRefused(asked.output, "the same file is named for two outputs")
    return named


def spare(asked: argparse.Namespace, named: Sequence[Path], photos: Sequence[Path]) -> None:
    """Raise `OutputRefused` where a photograph, or a file named for something else, would be written over."""
    for output in named:
        if any(_same_file(output, photo) for photo in photos):
            raise OutputRefused(output, "is one of the photographs given; it would be overwritten")
    folder = asked.export_aligned
    if folder is not None and any(photo.resolve().parent == folder.resolve() for photo in photos):
        raise OutputRefused(folder, "holds the photographs; aligned slices go to a folder of their own")
    for path in (*named, *photos):
        if asked.slab and is_slab(path, asked.output):
            raise OutputRefused(path, f"a slab of {asked.output.name} would overwrite it: name -o otherwise")
        if folder is not None and is_aligned_slice(path, folder):
            raise OutputRefused(
                path, "an aligned slice would overwrite it: give --export-aligned another folder"
            )


def _same_file(one: Path, other: Path) -> bool:
    with contextlib.suppress(OSError):
        if one.samefile(other):
            return True
    return one.resolve() == other.resolve()
