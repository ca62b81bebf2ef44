"""From photographs to a result: read, merged, and read again where the method or a product wants that."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stack.merge.align import Alignment
from stack.merge.bydepth import by_depth
from stack.merge.errors import (
    AlignmentFailed,
    MergeError,
    NothingToMerge,
    PhotoUnreadable,
    SizesDiffer,
    SliceBlank,
)
from stack.merge.frames import Frame, read_layers, read_layers_sparingly
from stack.merge.hidden import remove_hidden
from stack.merge.memory import (
    Choice,
    Job,
    WorkingSet,
    chosen,
    free_now,
    give_back,
    give_back_what_is_freed,
    use_again_what_is_freed,
)
from stack.merge.order import far_first
from stack.merge.photos import JPEG_SUFFIXES, Pixels, photo_shape, read_photo
from stack.merge.placements import Placement, Placements, similarity_of
from stack.merge.resolution import deciding_factor
from stack.merge.settings import Kind, MergeSettings, Method
from stack.merge.similarity import Similarity
from stack.merge.stream import Crop, Merge, Merged
from stack.merge.travel import NEAR_FIRST, Travel
from stack.merge.veil import unveil

VEIL_THREADS: Final = 2
"""Beside them another thread packs maps."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A slice on disk: its index in the stack, its file, and what it is called in records."""

    index: int
    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A slice that was left out, and why."""

    index: int
    name: str
    reason: str


class Merging:
    """One merge of photographs on disk, taken in the order they lie in.

    Parameters
    ----------
    settings, placements, crop
        As `Merge` has them.
    skip_bad
        Leave out what cannot be read or aligned, instead of failing.
    limit_bytes
        Memory it may take; None: what is free.
    far_first
        The slice of lowest index is the farthest; None: that is seen in the end.
    written
        As in `memory.Job`.

    Attributes
    ----------
    memory
        Which working set was chosen, with the first photograph.
    far_first
        As said; once finished, as seen. None: it was not seen, and the first is taken for the nearest.
    """

    def __init__(
        self,
        settings: MergeSettings,
        placements: Placements | None = None,
        crop: Crop | None = None,
        skip_bad: bool = False,
        limit_bytes: int | None = None,
        far_first: bool | None = False,
        written: float = 0.0,
    ) -> None:
        self.settings = settings
        self.photos: list[Photo] = []
        self.skipped: list[Skipped] = []
        self._skip_bad = skip_bad
        self.memory: Choice | None = None
        self._limit_bytes = limit_bytes
        self._written = written
        self.far_first = far_first
        self._begin = partial(Merge, settings, placements, crop)
        self._merge: Merge | None = None

    def add(self, photo: Photo) -> Alignment | Skipped:
        """Merge one more; give where it lies, or why it was left out. Raises `MergeError`."""
        try:
            merge = self._merged(photo.path)
            self._check_size(photo)
            placed = merge.add(photo.index, self._read(photo.path), photo.name)
        except (PhotoUnreadable, SizesDiffer, AlignmentFailed, SliceBlank) as e:
            if not self._skip_bad:
                raise
            reason = e.reason if isinstance(e, PhotoUnreadable) else str(e).removeprefix(f"{photo.name} ")
            skipped = Skipped(photo.index, photo.name, reason)
            self.skipped.append(skipped)
            return skipped
        self.photos.append(photo)
        self._spare()
        return placed

    def preview(self) -> NDArray[np.uint8] | None:
        """Give the picture so far, as `Merge.preview` does; None before there is one."""
        return self._merge.preview() if self._merge is not None and self.photos else None

    def _merged(self, first: Path) -> Merge:
        """Give the merge, begun with the working set that fits slices like the first."""
        if self._merge is None:
            give_back()  # what an earlier merge kept is free, too
            asked, weighted = (
                job(first, each, self._written)
                for each in (self.settings, replace(self.settings, method=Method.WEIGHTED))
            )
            self.memory = chosen(asked, free_now(), self._limit_bytes, weighted)
            self._read = self._reading(first, self.memory.working_set)
            self._merge = self._begin(self.memory.working_set)
            self._first_shape = photo_shape(first)
        return self._merge

    def _check_size(self, photo: Photo) -> None:
        """Raise `SizesDiffer` by a slice's head: what is decoded takes the memory that its head asks for."""
        shape, first = photo_shape(photo.path), self._first_shape
        if (shape.width_px, shape.height_px) != (first.width_px, first.height_px):
            raise SizesDiffer(f"{photo.name} is {shape}, the first slice is {first}")

    def _reading(self, first: Path, working_set: WorkingSet) -> Callable[[Path], Frame]:
        """Say how slices like the first are read, and what is to become of the memory they took."""
        layered = best_in_layers(first, self.settings)
        if layered and working_set is WorkingSet.FULL:
            use_again_what_is_freed()
            return read_layers
        give_back_what_is_freed(working_set)
        return read_photo if working_set is WorkingSet.FULL else read_layers_sparingly

    def finish(
        self,
        bits: int | None = None,
        again: Callable[[int], None] = lambda done: None,
        settled: Callable[[Merged], None] = lambda merged: None,
    ) -> Merged:
        """Give the result. Raises `MergeError`.

        `again` hears how many slices had a second look; `settled` has the result as soon as nothing but its
        picture still changes, or, where memory is short, when nothing does.
        """
        if self._merge is None:
            raise NothingToMerge("there is no slice to merge")
        if self.skipped and len(self.photos) < 2:
            raise NothingToMerge(f"too few slices are left: {self.skipped[0].reason}")
        give_back()  # else what slices left would lie beside the result
        merged = self._merge.finish(bits)
        self._merge = None  # a second look needs the room
        self._spare()
        if self.far_first is None:
            self.far_first = far_first(merged)
        if self.settings.unveil:
            remove_hidden(merged, self._travel())
        merged = replace(merged, glances=None)
        self._spare()
        if not self._short:
            settled(merged)
        if self.settings.method is Method.DEPTHMAP:
            give_back()  # slices are read whole again
            by_depth(merged, partial(_read_again, self.photos, again))
        if self.settings.unveil and merged.blur_px_a_slice is not None:
            blur_px = merged.blur_px_a_slice
            threads = 1 if self._short else VEIL_THREADS
            unveil(
                merged.pixels,
                merged.depth,
                merged.confidence,
                blur_px,
                merged.taken,
                self._travel(),
                threads,
            )
            self._spare()
        if self._short:
            settled(merged)
        return merged

    def _spare(self) -> None:
        """Let go of what the C library keeps, where memory is short; elsewhere clearing it costs more."""
        if self._short:
            give_back()

    @property
    def _short(self) -> bool:
        """Whether memory is."""
        return self.memory is not None and self.memory.working_set is WorkingSet.SMALL

    def _travel(self) -> Travel:
        return Travel(max(photo.index for photo in self.photos)) if self.far_first else NEAR_FIRST


def best_in_layers(path: Path, settings: MergeSettings) -> bool:
    """Say whether photographs like this one lose nothing by which colours are merged at half the size.

    Large JPEGs do not. What is stored without loss stays so, and the pyramid wants every channel whole.
    """
    shape = photo_shape(path)
    large = deciding_factor(shape.width_px * shape.height_px) > 1
    return large and path.suffix.lower() in JPEG_SUFFIXES and settings.method is not Method.PYRAMID


def job(path: Path, settings: MergeSettings, written: float = 0.0) -> Job:
    """Give what it is to merge photographs like this one, as counted in memory. Raises `PhotoUnreadable`."""
    shape = photo_shape(path)
    kind = Kind.LAYERS if best_in_layers(path, settings) else Kind.WHOLE
    bits = 16 if shape.bits > 8 else 8
    return Job(shape.width_px * shape.height_px, bits, kind, settings.method, written)


def _read_again(photos: Sequence[Photo], again: Callable[[int], None], position: int) -> Pixels:
    pixels = read_photo(photos[position].path)
    again(position + 1)
    return pixels


def slab_ranges(count: int, thick: int, overlap: int) -> list[range]:
    """Give the positions of each slab of `thick` slices, `overlap` of them shared with the one before.

    Ten slices with an overlap of three are 0-9, 7-16, 14-23 ...; the last slab has what is left. Raises
    `ValueError` unless 0 <= overlap < thick and thick is at least 2.
    """
    if thick < 2 or not 0 <= overlap < thick:
        raise ValueError("a slab has at least two slices, and overlaps the next by fewer than it has")
    starts = list(range(0, max(1, count - overlap), thick - overlap))
    return [range(start, min(start + thick, count)) for start in starts]


def slab(
    merged: Merged,
    photos: Sequence[Photo],
    positions: range,
    settings: MergeSettings,
    far_first: bool = False,
) -> Merged:
    """Merge some of a merge's slices, laid, lit and cropped as for the whole. Raises `MergeError`."""
    origin = Similarity(tx=-merged.crop.left, ty=-merged.crop.top)
    placements = {
        one.index: Placement(similarity_of(one.transform).after(origin), one.gains) for one in merged.slices
    }
    part = Merging(settings, placements, merged.crop, far_first=far_first)
    for position in positions:
        placed = part.add(photos[position])
        if isinstance(placed, Skipped):
            raise MergeError(placed.reason)
    return part.finish(8 * merged.pixels.dtype.itemsize)
