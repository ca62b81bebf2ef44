"""What is made of a merge beside its picture, as files."""

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stack.durable import sync_folder, write_durably
from stack.merge.bydepth import lit_slice
from stack.merge.claim import claimed
from stack.merge.depthview import coloured
from stack.merge.errors import OutputRefused
from stack.merge.merging import Photo, slab, slab_ranges
from stack.merge.output import encode, write_picture
from stack.merge.photos import read_photo
from stack.merge.record import as_json, note_of
from stack.merge.settings import MergeSettings
from stack.merge.stream import Merged
from stack.merge.tags import (
    CONFIDENCE,
    DEPTH_PREVIEW,
    Tags,
    depth_note,
    map_tags,
    merged_tags,
    read_tags,
    turned,
)
from stack.number import is_number

NO_TAGS: Final = Tags()
PREVIEW_PX: Final = 2048
"""Longest side of a depth map in colours."""
PREVIEW_QUALITY: Final = 90

Files = dict[str, tuple[str, bytes]]
"""By what each is: its name and what is in it."""


@dataclass(frozen=True, slots=True)
class Version:
    """A merge as it was put into a session.

    Attributes
    ----------
    number
        Of the merge.
    files
        Each by what it is, relative to the session.
    sha256
        Of each file, as it was meant to be written.
    """

    number: int
    files: dict[str, str]
    sha256: dict[str, str]


class Maps:
    """What a merge knows of depth, as a session's files: packed while the picture is still worked on.

    Parameters
    ----------
    um_per_slice, um_per_px
        The rig's pitch and the subject's scale, where they are known: for the map in colours.
    """

    def __init__(self, um_per_slice: float | None, um_per_px: float | None) -> None:
        self._um_per_slice, self._um_per_px = um_per_slice, um_per_px
        self._packed: Future[Files]

    def pack(self, merged: Merged) -> None:
        """Begin; depth and confidence are final."""
        worker = ThreadPoolExecutor(1, "packs maps")
        self._packed = worker.submit(self._pack, merged.depth, merged.confidence)
        worker.shutdown(wait=False)

    def files(self) -> Files:
        """Wait for them."""
        return self._packed.result()

    def _pack(self, depth: NDArray[np.uint16], confidence: NDArray[np.uint8]) -> Files:
        every = -(-max(depth.shape) // PREVIEW_PX)
        um_per_dot = None if self._um_per_px is None else self._um_per_px * every
        some = np.s_[::every, ::every]
        preview = coloured(depth[some], confidence[some], self._um_per_slice, um_per_dot)
        return {
            "depth": _map("depth.png", depth, depth_note(self._um_per_slice)),
            "confidence": _map("confidence.png", confidence, CONFIDENCE),
            "depth_preview": _map("depth-preview.jpg", preview, DEPTH_PREVIEW),
        }


def _map(name: str, pixels: NDArray[Any], note: str) -> tuple[str, bytes]:
    return name, encode(pixels, Path(name).suffix, map_tags(note), PREVIEW_QUALITY)


def picture_tags(merged: Merged, facts: dict[str, Any], reference: Path) -> Tags:
    """Give the merged picture's tags: the reference slice's, and how it was made."""
    height, width = merged.pixels.shape[:2]
    return merged_tags(read_tags(reference), (width, height), *note_of(facts))


def slab_path(output: Path, first: int, last: int) -> Path:
    """Give where the slab of these slices goes, beside the picture."""
    return output.with_name(f"{output.stem}-{first:04d}-{last:04d}{output.suffix}")


def is_slab(path: Path, output: Path) -> bool:
    """Say whether a slab of that picture may be called so."""
    name = rf"{re.escape(output.stem)}-\d{{4,}}-\d{{4,}}{re.escape(output.suffix)}"
    return re.fullmatch(name, path.name) is not None and _beside(path, output)


def is_aligned_slice(path: Path, folder: Path) -> bool:
    """Say whether a slice that is exported to that folder may be called so."""
    return re.fullmatch(r"aligned-\d{4,}\.tif", path.name) is not None and _beside(path, folder / path.name)


def _beside(one: Path, other: Path) -> bool:
    return one.parent.resolve() == other.parent.resolve()


def export_aligned(
    folder: Path,
    merged: Merged,
    photos: Sequence[Photo],
    orientation: int,
    step: Callable[[int, int], None],
) -> list[Path]:
    """Write every slice as the merge laid and lit it, cropped and turned alike, as 16-bit TIFF; give them.

    Raises `OutputRefused` or `PhotoUnreadable`.
    """
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise OutputRefused(folder, f"cannot be made: {e.strerror or e}") from e
    for position, photo in enumerate(photos):
        path = folder / f"aligned-{photo.index:04d}.tif"
        # What each says of itself would not do: of a camera that looks down it is a matter of chance.
        tags = turned(read_tags(photo.path), orientation)
        write_picture(path, lit_slice(merged, position, read_photo(photo.path)), tags, 95)
        written.append(path)
        step(position + 1, len(photos))
    return written


def write_slabs(
    output: Path,
    merged: Merged,
    photos: Sequence[Photo],
    settings: MergeSettings,
    far_first: bool,
    thick: int,
    overlap: int,
    facts: dict[str, Any],
    quality: int,
) -> Iterator[tuple[int, int, Path]]:
    """Write a picture of each slab beside `output`, `sharp-0007-0016.tif`; give number, how many, and file.

    Slabs are laid, lit and cropped as the whole is, so they can be merged again or retouched on it; each says
    which slices it is of. Raises `MergeError`.
    """
    ranges = slab_ranges(len(photos), thick, overlap)
    for number, positions in enumerate(ranges, start=1):
        part = slab(merged, photos, positions, settings, far_first)
        first, last = photos[positions[0]].index, photos[positions[-1]].index
        path = slab_path(output, first, last)
        slices = facts["slices"][positions.start : positions.stop]
        tags = picture_tags(part, {**facts, "slices": slices}, photos[0].path)
        write_picture(path, part.pixels, tags, quality)
        yield number, len(ranges), path


def save_version(
    session: Path, merged: Merged, facts: dict[str, Any], reference: Path, quality: int, maps: Maps
) -> Version:
    """Put the result into the session's next free `merges/N`.

    The folder is filled under another name and renamed, so that it is whole or not there. Raises
    `OutputRefused`.
    """
    merges = session / "merges"
    tags = picture_tags(merged, facts, reference)
    files = {"merged": ("merged.jpg", encode(merged.pixels, ".jpg", tags, quality))}
    if merged.pixels.dtype.itemsize > 1:
        files["merged_16"] = ("merged.tif", encode(merged.pixels, ".tif", tags, quality))
    files |= maps.files()
    try:
        merges.mkdir(parents=True, exist_ok=True)
        with claimed(merges):
            folder = _filled(merges, [*files.values(), ("merge.json", as_json(facts))])
    except OSError as e:
        raise OutputRefused(merges, f"cannot be written: {e.strerror or e}") from e
    place = f"merges/{folder.name}"
    return Version(
        int(folder.name),
        {what: f"{place}/{name}" for what, (name, _) in files.items()},
        {f"{place}/{name}": hashlib.sha256(data).hexdigest() for name, data in files.values()},
    )


def _filled(merges: Path, files: Sequence[tuple[str, bytes]]) -> Path:
    """Give the next folder, whole; nobody else fills one meanwhile. Raises `OSError`."""
    for left in merges.glob(".*.part"):  # by one that was killed
        shutil.rmtree(left, ignore_errors=True)
    part = merges / f".{os.getpid()}.part"
    try:
        part.mkdir()
        for name, data in files:
            write_durably(part / name, data)
        return _settle(part, merges)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _settle(part: Path, merges: Path) -> Path:
    """Rename the filled folder to the next free number."""
    number = max((int(path.name) for path in merges.iterdir() if is_number(path.name)), default=0)
    while True:
        number += 1
        folder = merges / str(number)
        if not folder.exists():
            part.rename(folder)
            sync_folder(merges)
            return folder
