"""Which photographs are to be merged: found, counted from 0 in name order, chosen, of one shape."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from stack.merge.errors import NothingToMerge, OutputRefused, PhotoUnreadable, SizesDiffer, SliceInTheWay
from stack.merge.merging import Photo
from stack.merge.photos import Shape, photo_shape, photos_in
from stack.merge.progress import listed
from stack.merge.tags import is_merge

SMALLEST_SIDE_PX = 16
"""A smaller picture has no neighbourhoods in which sharpness could be told."""


READ = "JPEG, PNG, TIFF and raw files are"


def chosen(
    given: Sequence[Path],
    wanted: Callable[[int], bool],
    outputs: Sequence[Path] = (),
    skip_bad: bool = False,
    passed_over: Callable[[Sequence[str]], None] = lambda names: None,
) -> list[Photo]:
    """Give the photographs whose number is `wanted`, all of one shape and none of them an output.

    With `skip_bad` those of another shape or without a readable head are left in, to be left out one by one.
    `passed_over` hears of what a merge put into a folder before.
    Raises `NothingToMerge`, `OutputRefused`, `SizesDiffer` or `PhotoUnreadable`.
    """
    found = list(_found(given, passed_over))
    photos = [Photo(index, path, path.name) for index, path in enumerate(found) if wanted(index)]
    where = ", ".join(str(path) for path in given)
    if not photos:
        reason = f"none of its {len(found)} is among the slices asked for" if found else _nothing_in(given)
        raise NothingToMerge(f"{where}: {reason}")
    if len(photos) == 1:
        photo_shape(photos[0].path)
        raise NothingToMerge(f"{where}: one photograph alone ({photos[0].name}) cannot be merged")
    for output in outputs:
        if any(_same_file(output, path) for path in found):
            raise OutputRefused(output, "is one of the photographs given; it would be overwritten")
    _check_shapes(photos, skip_bad)
    return photos


def _nothing_in(given: Sequence[Path]) -> str:
    """Say what is there where no photograph is."""
    kinds: Counter[str] = Counter()
    for folder in given:
        kinds.update(path.suffix.lower() for path in folder.iterdir() if path.is_file() and path.suffix)
    there = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(3))
    return "there is no photograph" + (f" that can be read (there: {there}; {READ})" if there else "")


def is_session(folder: Path) -> bool:
    """Say whether a folder is a stack's session."""
    return (folder / "session.json").is_file()


def session_slices(session: Path) -> list[Photo]:
    """Give a session's slices, by the index each is named by."""
    files = photos_in(session / "slices")
    named = all(file.stem.isdecimal() for file in files)
    return [
        Photo(int(file.stem) if named else position, file, f"slices/{file.name}")
        for position, file in enumerate(files)
    ]


def _found(given: Sequence[Path], passed_over: Callable[[Sequence[str]], None]) -> Iterator[Path]:
    for path in given:
        try:
            yield from _slices_in(path, passed_over) if path.is_dir() else (path,)
        except OSError as e:
            raise NothingToMerge(f"{path}: {e.strerror or e}") from e


def _slices_in(folder: Path, passed_over: Callable[[Sequence[str]], None]) -> list[Path]:
    """Give a folder's slices; pictures merged before are such only where there is nothing else, as slabs."""
    if is_session(folder):
        return photos_in(folder / "slices")
    found = photos_in(folder)
    merged = {path for path in found if is_merge(path)}
    if merged and len(merged) < len(found):
        passed_over([path.name for path in found if path in merged])
        return [path for path in found if path not in merged]
    return found


def _same_file(one: Path, other: Path) -> bool:
    with contextlib.suppress(OSError):
        if one.samefile(other):
            return True
    return one.resolve() == other.resolve()


def _check_shapes(photos: Sequence[Photo], skip_bad: bool) -> None:
    shapes: dict[Shape, list[str]] = {}
    for photo in photos:
        try:
            shapes.setdefault(photo_shape(photo.path), []).append(photo.name)
        except PhotoUnreadable as e:
            if not skip_bad:
                raise (SliceInTheWay(e, photo.index) if photo.path.is_file() else e) from e
    for shape, names in shapes.items():
        if min(shape.width_px, shape.height_px) < SMALLEST_SIDE_PX:
            raise NothingToMerge(
                f"{names[0]} is {shape}: below {SMALLEST_SIDE_PX} pixels a side there is nothing to merge"
            )
    if len(shapes) > 1 and not skip_bad:
        each = "; ".join(f"{shape}: {listed(names)}" for shape, names in shapes.items())
        raise SizesDiffer(f"the photographs differ in size or bit depth: {each}. Leave out the odd ones")
