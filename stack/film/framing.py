"""Lay every picture of a series over the first: where the camera stood, whatever the subject did meanwhile.

Each picture is laid over the one before it, which is most like it, and over an anchor, which is the first for
as long as there is likeness left: neighbours alone would add up their errors over a thousand pictures.
What grows or moves contradicts the rest and is distrusted by the fit; a mask leaves it out altogether. A
place that is not believed is none: it is for others to say what stands in for it.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.film.decoding import EIGHTHS, Reduced
from stack.film.stills import Still
from stack.merge.fit import FEW_BLOCKS, Fit, fit
from stack.merge.similarity import Similarity
from stack.merge.views import Known, View

WORKING_SIDE_PX: Final = 640
"""The longer side of pictures as they are compared is at least this and seldom twice as much."""
LIKE_ENOUGH: Final = 0.25
"""Correlation below which two pictures show nothing in common."""
ANCHOR_LIKE: Final = 0.6
"""Correlation below which the anchor has had its day."""
UNSURE_PX: Final = 1.0
"""Standard error, in pixels as compared, above which a place says nothing."""
FARTHEST: Final = 0.3
"""Of the picture's diagonal: what lies farther away is no picture of the same thing."""
MOST_TURNED_DEG: Final = 15.0
MOST_SCALED: Final = 1.3
OTHER_SIZE: Final = 1.25
"""A picture larger or smaller by more than that was taken with another setting of the camera."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture lies.

    Attributes
    ----------
    similarity
        Pixels of the first picture to pixels of this one, both whole; None where it is not known.
    likeness
        Correlation with the pictures it was laid over, 0 to 1.
    unsure_px
        Standard error of its corners, in its own pixels.
    trouble
        Why it is not known, in words; empty where it is.
    anew
        It is like none of those that were laid over the first, but like the one before it: the camera was
        set up anew. It lies as that one does, which lies as its neighbour.
    """

    similarity: Similarity | None
    likeness: float = 0.0
    unsure_px: float = 0.0
    trouble: str = ""
    anew: bool = False


def expected(first: Still, other: Still) -> Similarity:
    """Give where a picture lies if nothing moved: merges cut off more or less of their borders."""
    ratio = other.width_px / first.width_px
    if not 1 / OTHER_SIZE < ratio < OTHER_SIZE:
        return Similarity(p=ratio, tx=(ratio - 1) / 2, ty=(ratio - 1) / 2)
    return Similarity(tx=first.left_px - other.left_px, ty=first.top_px - other.top_px)


def working_eighths(still: Still, like_px: float | None = None) -> int:
    """Give at how many eighths a picture is compared: `like_px` is the width of the first, so reduced."""
    if like_px is None:
        longer = max(still.width_px, still.height_px)
        return min(EIGHTHS, max(1, -(-WORKING_SIDE_PX * EIGHTHS // longer)))
    sizes = {n: still.width_px * n / EIGHTHS for n in range(1, EIGHTHS + 1)}
    return min(sizes, key=lambda n: abs(np.log(sizes[n] / like_px)))


@dataclass
class Framer:
    """Places pictures in the order they come. Memory does not grow.

    Parameters
    ----------
    first
        The picture all others are laid over.
    mask
        `(H, W)` uint8 of any size, over the whole of `first`: from 128 up is where to look. None: everywhere.
    """

    first: Still
    first_pixels: Reduced
    mask: NDArray[np.uint8] | None = None
    anchor: str = field(init=False)
    """Key of the picture that is the anchor for the next."""
    elsewhere: bool = field(init=False, default=False)
    """Whether the last picture shows something else than the one placed before it."""

    def __post_init__(self) -> None:
        self._shape = self.first_pixels.pixels.shape[:2]
        height, width = self._shape
        self._wanted: Known | None = None
        if self.mask is not None:
            fitted: Any = cv2.resize(self.mask, (width, height), interpolation=cv2.INTER_AREA)
            self._wanted = (fitted >= 128).astype(np.uint8)
        self._scale = self.first_pixels.from_whole
        self._begin(self._view(self.first_pixels), Similarity(), self.first.key)

    @property
    def width_px(self) -> float:
        """The width of the first as it is compared."""
        return float(self._shape[1])

    def _begin(self, view: View, at: Similarity, key: str) -> None:
        laid = self._seen(view, at)
        self._before, self._anchor, self.anchor = laid, laid, key
        self._origin = laid
        self._lost: View | None = None
        self._moved = Similarity()

    def stand_on(
        self, anchor: tuple[Still, Reduced, Similarity], last: tuple[Still, Reduced, Similarity]
    ) -> None:
        """Go on from pictures placed before."""
        still, pixels, similarity = anchor
        self._anchor = self._seen(self._view(pixels), self._working(pixels, similarity))
        self.anchor = still.key
        still, pixels, similarity = last
        lies = self._working(pixels, similarity)
        self._before = self._seen(self._view(pixels), lies)
        self._moved = lies.after(self._usual(still, pixels).inverse())

    def place(self, still: Still, pixels: Reduced) -> Place:
        """Find where a picture lies; those to come are laid over it if it is found."""
        view, usual = self._view(pixels), self._usual(still, pixels)
        assumed = self._moved.after(usual)
        references = (self._before,) if self._anchor is self._before else (self._anchor, self._before)
        found, anew = fit(references, view, (assumed, usual)), False
        why = self._doubt(found, usual)
        self.elsewhere = bool(why)
        if why:
            found, anew = self._by_another(found, view, assumed, usual)
        if why and self._doubt(found, usual):
            self._lost = self._seen(view, assumed)
            return Place(None, found.likeness, 0.0, why)
        self._lost, self._moved = None, found.similarity.after(usual.inverse())
        self._before = self._seen(view, found.similarity)
        if anew or found.likeness < ANCHOR_LIKE:
            self._anchor, self.anchor = self._before, still.key
        whole = pixels.from_whole.inverse().after(found.similarity).after(self._scale)
        return Place(whole, found.likeness, found.unsure_px * EIGHTHS / pixels.eighths, anew=anew)

    def lies_as_before(self, still: Still) -> Similarity:
        """Give where a picture lies, whole to whole, if the camera did not move since the last one placed."""
        return self._scale.inverse().after(self._moved).after(self._scale).after(expected(self.first, still))

    def _by_another(self, found: Fit, view: View, assumed: Similarity, usual: Similarity) -> tuple[Fit, bool]:
        """Lay a picture over the first, else over the one before it though that was not laid itself.

        Says whether it was the latter; gives what was found before where neither will do.
        """
        first = fit((self._origin,), view, (assumed, usual))
        if not self._doubt(first, usual):
            return first, False
        if self._lost is not None:
            like_lost = fit((self._lost,), view, (assumed,))
            if not self._doubt(like_lost, usual):
                return like_lost, True
        return found, False

    def _usual(self, still: Still, pixels: Reduced) -> Similarity:
        """Give where a picture lies if nothing moved, as it is compared."""
        return self._working(pixels, expected(self.first, still))

    def _working(self, pixels: Reduced, whole: Similarity) -> Similarity:
        """Give a similarity of whole pictures as one of those that are compared."""
        return pixels.from_whole.after(whole).after(self._scale.inverse())

    def _view(self, pixels: Reduced) -> View:
        """Give a picture on a canvas of the first one's size, nothing being known where it has no pixels."""
        grey: Any = cv2.cvtColor(pixels.pixels, cv2.COLOR_BGR2GRAY)
        light, known = View.of(grey).levels[0]
        return View(_framed(light, self._shape), _framed(known, self._shape))

    def _seen(self, view: View, similarity: Similarity) -> View:
        """Give a view as the first picture has it, less what the mask leaves out."""
        laid = view if similarity == Similarity() else view.laid(similarity)
        light, known = laid.levels[0]
        return laid if self._wanted is None else View(light, known * self._wanted)

    def _doubt(self, found: Fit, usual: Similarity) -> str:
        """Say why a place is not to be believed; empty where it is."""
        if found.blocks < FEW_BLOCKS:
            return "it has too little detail in common with the others"
        if found.likeness < LIKE_ENOUGH:
            return f"it is too unlike the others (likeness {found.likeness:.2f} of 1)"
        if found.unsure_px > UNSURE_PX:
            return f"its parts contradict each other by {found.unsure_px:.1f} px of {self._shape[1]}"
        moved = found.similarity.after(usual.inverse())
        turned_deg = abs(float(np.degrees(np.arctan2(moved.q, moved.p))))
        if turned_deg > MOST_TURNED_DEG:
            return f"it would have to be turned by {turned_deg:.0f}°"
        if not 1 / MOST_SCALED < moved.scale < MOST_SCALED:
            return f"it would have to be scaled by {moved.scale:.2f}"
        height, width = self._shape
        centre = np.array([[(width - 1) / 2, (height - 1) / 2]])
        far = float(np.hypot(*(moved(centre) - centre)[0])) / float(np.hypot(height, width))
        if far > FARTHEST:
            return f"it would have to be shifted by {far:.0%} of the picture's diagonal"
        return ""


def _framed(plane: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Cut a plane, or fill it up with nothing, right and below, to a shape."""
    out = np.zeros(shape, plane.dtype)
    rows, columns = (min(a, b) for a, b in zip(plane.shape, shape, strict=True))
    out[:rows, :columns] = plane[:rows, :columns]
    return out
