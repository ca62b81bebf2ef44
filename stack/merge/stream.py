"""The merge: fed slice by slice, in bounded memory however many there are."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.align import Aligner, Alignment
from stack.merge.borders import barred
from stack.merge.canvas import GREY, LayersCanvas, WholeCanvas
from stack.merge.coverage import Coverage
from stack.merge.defocus import px_a_slice
from stack.merge.depth import MAX_INDEX, Depth
from stack.merge.errors import AlignmentFailed, NothingToMerge, SizesDiffer, SliceBlank
from stack.merge.finest import Finest
from stack.merge.focus import BROAD, COARSE, Focuser, Sight, bright, colour_detail
from stack.merge.frames import Frame, Layers, brightness, shrunk
from stack.merge.front import Front
from stack.merge.fuse import Fuser
from stack.merge.glances import Glances
from stack.merge.lay import laid, laid_sparsely, laid_whole
from stack.merge.measures import coverage, shares
from stack.merge.memory import WorkingSet
from stack.merge.photos import Pixels
from stack.merge.placements import Placements
from stack.merge.planes import Plane, reduced
from stack.merge.pyramid import Pyramid
from stack.merge.resolution import deciding_factor
from stack.merge.settings import MergeSettings, Method
from stack.merge.similarity import Floats, Similarity
from stack.merge.taken import Taken
from stack.merge.tone import Gains, Tone, sampling

T = TypeVar("T")

LEAST_SHARE: Final = 0.25
"""Of the first slice's area that all slices must have in common."""
DIM: Final = 1 / 12
"""Of white: a slice that is nowhere brighter may hold values of fewer bits than its file."""
APART: Final = 4
LOOKED_AT_PX: Final = (64, 48)
"""One in so many rows and columns is reduced to such a picture, to see whether a slice shows anything."""
BLANK: Final = 0.02
"""Of the contrast between large parts that other slices have: one that has less shows nothing of them."""
LEAST_CONTRAST: Final = 0.5 / 255
TAPS_PX: Final = 2.0
"""How far a cubic sample reaches."""


@dataclass(frozen=True, slots=True)
class Crop:
    """The part of the first slice that all slices show, in its pixels."""

    left: int
    top: int
    width_px: int
    height_px: int

    @property
    def rows(self) -> slice:
        """Its rows."""
        return slice(self.top, self.top + self.height_px)

    @property
    def columns(self) -> slice:
        """Its columns."""
        return slice(self.left, self.left + self.width_px)


@dataclass(frozen=True, slots=True)
class MergedSlice:
    """What became of one slice.

    Attributes
    ----------
    transform
        2x3: centre of an output pixel (of the cropped result) to a place in the slice.
    gains
        Factors for blue, green and red.
    likeness, unsure_px, doubt
        As in `align.Alignment`.
    sharpness
        Mean amplitude of its detail, levels of 255.
    share
        Share of the picture that is sharpest in it, 0 to 1.
    """

    index: int
    name: str
    transform: Floats
    gains: tuple[float, float, float]
    likeness: float
    unsure_px: float
    doubt: str
    sharpness: float
    share: float


@dataclass(frozen=True, slots=True)
class Merged:
    """The result and how it was made.

    Attributes
    ----------
    pixels
        `(H, W, 3)` blue-green-red, as deep as the slices', or as asked.
    depth
        `(H, W)`: 1 + 128 x slice index, 0 unknown.
    confidence
        `(H, W)`, 0 to 255: how surely some slice has the place in focus.
    crop, slice_size_px
        The part of the first slice that it shows; width and height of the slices.
    slices, coverage
        What became of each, in the order merged; whether they cover the subject.
    blur_px_a_slice
        By how many pixels of it the radius of a disc out of focus grows from a slice to the next; None where
        that could not be seen.
    taken
        Of which slices the picture is; None where that cannot be told.
    glances
        What some slices show, in the geometry of the first.
    """

    pixels: Pixels
    depth: NDArray[np.uint16]
    confidence: NDArray[np.uint8]
    crop: Crop
    slice_size_px: tuple[int, int]
    slices: tuple[MergedSlice, ...]
    coverage: Coverage
    blur_px_a_slice: float | None = None
    taken: Taken | None = None
    glances: Glances | None = None


class Merge:
    """Takes slices in the order they lie in; the first one gives the picture its geometry and its light.

    Parameters
    ----------
    settings
        How to merge.
    placements
        Where slices lie and what evens out their light, where another merge found that already.
    crop
        The part to give, where that is not for these slices alone to say.
    working_set
        What to hold in memory.
    """

    def __init__(
        self,
        settings: MergeSettings | None = None,
        placements: Placements | None = None,
        crop: Crop | None = None,
        working_set: WorkingSet = WorkingSet.FULL,
    ) -> None:
        self._settings = settings or MergeSettings()
        self._working_set = working_set
        self._placements = placements
        self._given_crop = crop
        self._slices: list[tuple[int, str, Alignment, NDArray[np.float64], float]] = []
        self._most_contrast = 0.0

    def add(self, index: int, frame: Frame, name: str = "") -> Alignment:
        """Merge one more slice: its index in the stack, its pixels `(H, W, 3)` blue-green-red, 8 or 16 bit.

        All are whole, or all in layers. Gives where it lies. Raises `AlignmentFailed`, `SizesDiffer` or
        `SliceBlank`; the merge so far is then as it was.
        """
        name = name or f"slice {index}"
        if not 0 <= index <= MAX_INDEX:
            raise ValueError(f"a slice's index lies between 0 and {MAX_INDEX}, not {index}")
        if not self._slices:
            self._begin(frame)
        if frame.shape != self._shape or frame.dtype != self._dtype:
            raise SizesDiffer(f"{name} is {_shape_of(frame)}, the first slice is {self._first_shape}")
        grey = brightness(frame)
        contrast = self._contrast(grey, name)
        alignment = self._aligned(index, grey, name)
        crop = self._common([*(one[2] for one in self._slices), alignment])
        if crop.width_px * crop.height_px < LEAST_SHARE * self._shape[0] * self._shape[1]:
            raise AlignmentFailed(name, "too little of the picture would be left that all slices show")
        self._most_contrast = max(self._most_contrast, contrast)
        if self._settings.align and self._placements is None:
            self._aligner.join()
        small = shrunk(frame, self._factor)
        gains = self._gains(index, small, alignment.similarity.reduced(self._factor), crop)
        self._glances.keep(index, small, alignment.similarity.reduced(self._factor), gains)
        light = reduced(grey, self._factor)
        light *= np.float32(GREY @ gains * 255 / self._white)
        sight = self._sight(light, small, alignment.similarity.reduced(self._factor))
        del grey, small, light
        sharpness = self._judge(index, sight, alignment.similarity)
        del sight
        self._fuser.blend(frame, alignment.similarity, gains)
        self._slices.append((index, name, alignment, gains, sharpness))
        return alignment

    def _gains(self, index: int, small: Pixels, similarity: Similarity, crop: Crop) -> Gains:
        """Give what evens out a slice's light; `small` is reduced to where sharpness is judged."""
        if not self._settings.even_light:
            return np.ones(3)
        if self._placements is not None:
            return np.array(self._placements[index].gains)
        apart = sampling(*small.shape[:2])
        valid = (_within(crop.rows, self._factor * apart), _within(crop.columns, self._factor * apart))
        return self._tone.gains(laid_sparsely(small, similarity, apart), self._white, valid)

    def _sight(self, light: Plane, small: Pixels, similarity: Similarity) -> Sight:
        """Look at a slice as a whole, once it is laid; all is reduced to where sharpness is judged."""
        rows, columns = (slice(0, side // BROAD) for side in light.shape)
        colour = laid(colour_detail(small), similarity.reduced(BROAD), rows, columns, careful=False)
        shining = laid_whole(bright(small), similarity.reduced(COARSE))
        return self._focuser.look(laid_whole(light, similarity), colour, shining)

    def _judge(self, index: int, sight: Sight, similarity: Similarity) -> float:
        """Judge a slice; give its sharpness."""
        self._fuser.look(index, sight)
        self._depth.begin(index)
        size_px, shown = (sight.light.shape[1], sight.light.shape[0]), []
        for focus in self._focuser.judge(sight):
            if self._settings.keep_borders:
                focus = barred(focus, similarity.reduced(self._factor), size_px)
            if self._settings.front_wins:
                focus = self._front.held_back(focus, self._focuser.noise)
            self._fuser.weigh(focus)
            # Without glints: what becomes known of them later would favour slices that came earlier.
            self._depth.follow(focus.rows, focus.finer, focus.amplitude)
            shown.append(focus.amplitude[::4, ::4])
        return _sharpness(np.vstack(shown))

    def preview(self, longest_px: int = 800) -> NDArray[np.uint8]:
        """Give the picture so far, `(h, w, 3)` uint8, reduced by a whole factor to at most `longest_px`."""
        crop = self._crop()
        factor = max(1, -(-max(crop.width_px, crop.height_px) // longest_px))
        small = self._fuser.reduced(factor)
        rows = slice(-(-crop.top // factor), (crop.top + crop.height_px) // factor)
        columns = slice(-(-crop.left // factor), (crop.left + crop.width_px) // factor)
        return small[rows, columns].copy()

    def finish(self, bits: int | None = None) -> Merged:
        """Give the result, of 8 or 16 bits; as deep as the slices where that is not said.

        It is the merge's last: what it holds goes. Raises `NothingToMerge` if no slice was added.
        """
        with ThreadPoolExecutor(1, "pictures") as worker:  # it ends where this fails, too
            return self._finished(worker, bits)

    def _finished(self, worker: ThreadPoolExecutor, bits: int | None) -> Merged:
        crop = self._crop()
        dtype: Any = {None: self._dtype, 8: np.uint8, 16: np.uint16}[bits]
        guide = self._fuser.grey(self._factor)
        del self._aligner, self._front  # what follows needs the room
        taken = self._fuser.taken()
        picture = self._aside(worker, partial(self._picture, crop, dtype))
        sure = self._depth.sure(self._focuser.noise)
        owned = self._aside(worker, partial(self._own, sure, guide))
        peaks = self._depth.peaks(sure, self._focuser.noise)
        indices = [one[0] for one in self._slices]
        share = shares(peaks, indices)
        place = Similarity(tx=crop.left, ty=crop.top)
        slices = tuple(
            MergedSlice(
                index,
                name,
                alignment.similarity.after(place).matrix,
                (float(gains[0]), float(gains[1]), float(gains[2])),
                alignment.likeness,
                alignment.unsure_px,
                alignment.doubt,
                sharpness,
                share[index],
            )
            for index, name, alignment, gains, sharpness in self._slices
        )
        found = coverage(peaks, indices)
        depth, confidence = self._depth.map(guide, sure), owned.result()
        del peaks, sure, self._depth
        whole = self._aside(worker, lambda: (self._whole(depth, crop), self._whole(confidence, crop)))
        blur = self._blur(guide, depth, confidence, crop)
        size_px = self._shape[1], self._shape[0]
        part = None if taken is None else taken.cropped(crop.left, crop.top, crop.width_px, crop.height_px)
        return Merged(
            picture.result(), *whole.result(), crop, size_px, slices, found, blur, part, self._glances
        )

    def _aside(self, worker: ThreadPoolExecutor, work: Callable[[], T]) -> Future[T]:
        """Have another thread work; at once, where two things at a time would need too much memory."""
        done = worker.submit(work)
        if self._working_set is WorkingSet.SMALL:
            done.result()
        return done

    def _own(self, sure: Plane, guide: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Give how surely pixels are in focus by detail of their own."""
        confidence = np.asarray(cv2.convertScaleAbs(sure, alpha=255), np.uint8)
        return self._depth.own(confidence, self._focuser.noise, guide)

    def _picture(self, crop: Crop, dtype: Any) -> Pixels:
        """Give the picture; what made it goes."""
        if len(self._slices) > 1:  # of one it is there to the last level
            self._fuser.refine()
        pixels = self._fuser.picture(crop.rows, crop.columns, dtype)
        del self._fuser
        return pixels

    def _blur(
        self, guide: NDArray[np.uint8], depth: NDArray[np.uint16], sure: NDArray[np.uint8], crop: Crop
    ) -> float | None:
        """Give by how much discs grow from slice to slice, seen where all slices show something."""
        common = np.zeros_like(sure)
        inside = _within(crop.rows, self._factor), _within(crop.columns, self._factor)
        common[inside] = sure[inside]
        found = px_a_slice(self._glances, guide, depth, common)
        return None if found is None else found * self._factor

    def _contrast(self, grey: Pixels, name: str) -> float:
        """Give by how much large parts of a slice differ, 0 to 1. Raises `SliceBlank`."""
        some: Any = np.ascontiguousarray(grey[::APART, ::APART])
        small = cv2.resize(some, LOOKED_AT_PX, interpolation=cv2.INTER_AREA)
        contrast = float(np.ptp(small)) / self._white
        if contrast < max(BLANK * self._most_contrast, LEAST_CONTRAST):
            raise SliceBlank(name)
        return contrast

    def _aligned(self, index: int, grey: Pixels, name: str) -> Alignment:
        if self._placements is not None:
            if index not in self._placements:
                raise AlignmentFailed(name, f"the transforms given say nothing of slice {index}")
            return Alignment(self._placements[index].similarity, 1.0)
        seen = np.asarray(grey if grey.dtype == np.uint8 else grey >> 8, np.uint8)
        if not self._settings.align:
            return self._aligner.left(seen, name, index)
        try:
            return self._aligner.place(seen, name, index)
        except AlignmentFailed as failed:
            brightest = int(grey.max())
            if not 255 < brightest < DIM * self._white:
                raise
            reason = (
                f"{failed.reason}; it is {brightest} of {self._white} at its brightest: values of 10 or 12 "
                "bits in files of 16 have to be multiplied first"
            )
            raise AlignmentFailed(name, reason) from failed

    def _begin(self, frame: Frame) -> None:
        self._shape, self._dtype = frame.shape, frame.dtype
        self._first_shape = _shape_of(frame)
        self._white = int(np.iinfo(frame.dtype).max)
        height, width = frame.shape[:2]
        self._factor = deciding_factor(width * height)
        if self._working_set is WorkingSet.SMALL:
            self._factor *= 2
        self._aligner = Aligner(width, height)
        self._tone = Tone()
        self._glances = Glances(width // self._factor, self._factor)
        self._focuser = Focuser()
        canvas = LayersCanvas if isinstance(frame, Layers) else WholeCanvas
        if self._settings.method is Method.PYRAMID:
            self._fuser: Fuser | Pyramid = Pyramid(height, width, self._factor)
        else:
            small = self._working_set is WorkingSet.SMALL
            finest = None if small else Finest(height, width, self._factor)
            self._fuser = Fuser(canvas(height, width), self._factor, finest)
        self._front = Front(height // self._factor, width // self._factor)
        self._depth = Depth(height // self._factor, width // self._factor)

    def _whole(self, plane: Any, crop: Crop) -> Any:
        """Give what the picture shows of a plane of the deciding resolution, at full size."""
        # Nearest: a mean of near and far is a place where nothing is.
        size = plane.shape[1] * self._factor, plane.shape[0] * self._factor
        whole = cv2.resize(plane, size, interpolation=cv2.INTER_NEAREST)
        beyond = max(0, crop.rows.stop - size[1]), max(0, crop.columns.stop - size[0])
        if any(beyond):
            whole = cv2.copyMakeBorder(whole, 0, beyond[0], 0, beyond[1], cv2.BORDER_REPLICATE)
        return whole[crop.rows, crop.columns]

    def _crop(self) -> Crop:
        if not self._slices:
            raise NothingToMerge("there is no slice to merge")
        if self._given_crop is not None:
            return self._given_crop
        if self._settings.keep_borders:
            return Crop(0, 0, self._shape[1], self._shape[0])
        return self._common([one[2] for one in self._slices])

    def _common(self, alignments: list[Alignment]) -> Crop:
        height, width = self._shape[:2]
        return common_area([alignment.similarity for alignment in alignments], width, height)


def common_area(similarities: list[Similarity], width_px: int, height_px: int) -> Crop:
    """Give the rectangle of output pixels for which every slice has all the pixels a cubic sample needs."""
    left, top, right, bottom = 0.0, 0.0, width_px - 1.0, height_px - 1.0
    for similarity in similarities:
        if similarity == Similarity():
            continue
        x0, y0, x1, y1 = TAPS_PX, TAPS_PX, width_px - 1 - TAPS_PX, height_px - 1 - TAPS_PX
        corners = similarity.inverse()(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]))
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = corners
        left, right = max(left, ax, dx), min(right, bx, cx)
        top, bottom = max(top, ay, by), min(bottom, cy, dy)
    first_column, first_row = int(np.ceil(left)), int(np.ceil(top))
    return Crop(
        first_column,
        first_row,
        max(0, int(np.floor(right)) - first_column + 1),
        max(0, int(np.floor(bottom)) - first_row + 1),
    )


def _sharpness(amplitude: Plane) -> float:
    """Give the mean over what the slice shows."""
    return float(amplitude[np.isfinite(amplitude)].mean())


def _within(span: slice, factor: int) -> slice:
    """Give the pixels of a picture reduced by `factor` that lie wholly in `span`."""
    return slice(-(-span.start // factor), span.stop // factor)


def _shape_of(frame: Frame) -> str:
    return f"{frame.shape[1]}x{frame.shape[0]}, {8 * frame.dtype.itemsize} bit"
