"""Which photographs are to be merged: found, counted from 0 in name order, chosen, of one shape."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from stack.merge.errors import NothingToMerge, PhotoUnreadable, SizesDiffer, SliceInTheWay
from stack.merge.merging import Photo
from stack.merge.photos import Shape, photo_shape, photos_in
from stack.merge.progress import listed
from stack.merge.tags import is_merge
from stack.number import is_number

SMALLEST_SIDE_PX = 16
"""A smaller picture has no neighbourhoods in which sharpness could be told."""

LONGEST_TO_SHORTEST = 40
"""Of a longer strip too little is left where it is looked at as a whole."""

READ = "JPEG, PNG, TIFF and raw files are"


def chosen(
    given: Sequence[Path],
    wanted: Callable[[int], bool],
    skip_bad: bool = False,
    check: Callable[[Sequence[Photo]], None] = lambda found: None,
    passed_over: Callable[[Sequence[str]], None] = lambda names: None,
) -> list[Photo]:
    """Give the photographs whose number is `wanted`, all of one shape.

    With `skip_bad` those of another shape or without a readable head are left in, to be left out one by one.
    `check` hears of all that were found, and may raise; `passed_over` of what a merge put into a folder
    before.
    Raises `NothingToMerge`, `SizesDiffer` or `PhotoUnreadable`.
    """
    found = _found(given, passed_over)
    check(found)
    photos = [photo for photo in found if wanted(photo.index)]
    where = ", ".join(str(path) for path in given)
    if not photos:
        reason = f"none of its {len(found)} is among the slices asked for" if found else _nothing_in(given)
        raise NothingToMerge(f"{where}: {reason}")
    if len(photos) == 1:
        photo_shape(photos[0].path)
        raise NothingToMerge(f"{where}: one photograph alone ({photos[0].name}) cannot be merged")
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
    named = all(is_number(file.stem) for file in files)
    return [
        Photo(int(file.stem) if named else position, file, f"slices/{file.name}")
        for position, file in enumerate(files)
    ]


def check_numbers(asked: Iterable[range], found: Sequence[Photo]) -> None:
    """Raise `NothingToMerge` where a number asked for is beyond the last slice."""
    numbers = [photo.index for photo in found]
    first, last = min(numbers, default=0), max(numbers, default=0)
    beyond = [one.stop - 1 for one in asked if one.stop - 1 > last]
    if beyond and numbers:
        raise NothingToMerge(f"there is no slice {beyond[0]}: those found are numbered {first} to {last}")


def _found(given: Sequence[Path], passed_over: Callable[[Sequence[str]], None]) -> list[Photo]:
    """Give every photograph: of a session numbered as its slices are, of others as they come."""
    paths: list[Path] = []
    for path in given:
        try:
            if len(given) == 1 and is_session(path):
                return [Photo(one.index, one.path, one.path.name) for one in session_slices(path)]
            paths += _slices_in(path, passed_over) if path.is_dir() else [path]
        except OSError as e:
            raise NothingToMerge(f"{path}: {e.strerror or e}") from e
    twice = [str(path) for path, count in Counter(map(os.path.abspath, paths)).items() if count > 1]
    if twice:
        raise NothingToMerge(f"given twice: {listed(twice)}. Each photograph is one slice; name it once")
    return [Photo(index, path, path.name) for index, path in enumerate(paths)]


def _slices_in(folder: Path, passed_over: Callable[[Sequence[str]], None]) -> list[Path]:
    """Give a folder's slices; pictures merged before are such only where there is nothing else, as slabs."""
    if is_session(folder):
        return photos_in(folder / "slices")
    found = photos_in(folder)
    merged = {path for path in found if is_merge(path)}
    if merged and len(merged) < len(found):
        passed_over([path.name for path in found if path in merged])
        # Once more: a raw file may have no other picture of its name than what was made of it.
        found = photos_in(folder, apart_from=merged)
    for one, other in pairwise(found):
        if one.stem == other.stem:
            raise NothingToMerge(
                f"{folder}: {one.name} and {other.name} are one shot twice, by their names: give one "
                f"kind, such as {folder}/*{one.suffix}"
            )
    return found


def _check_shapes(photos: Sequence[Photo], skip_bad: bool) -> None:
    shapes: dict[Shape, list[str]] = {}
    for photo in photos:
        try:
            shapes.setdefault(photo_shape(photo.path), []).append(photo.name)
        except PhotoUnreadable as e:
            if not skip_bad:
                raise (SliceInTheWay(e, photo.index) if photo.path.is_file() else e) from e
    for shape, names in shapes.items():
        shortest, longest = sorted((shape.width_px, shape.height_px))
        if shortest < SMALLEST_SIDE_PX:
            raise NothingToMerge(
                f"{names[0]} is {shape}: below {SMALLEST_SIDE_PX} pixels a side there is nothing to merge"
            )
        if longest > LONGEST_TO_SHORTEST * shortest:
            raise NothingToMerge(
                f"{names[0]} is {shape}: a strip more than {LONGEST_TO_SHORTEST} times as long as wide is "
                "not merged; merge parts of it"
            )
    if len(shapes) > 1 and not skip_bad:
        each = "; ".join(f"{shape}: {listed(names)}" for shape, names in shapes.items())
        raise SizesDiffer(f"the photographs differ in size or bit depth: {each}. Leave out the odd ones")
