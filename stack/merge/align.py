"""Lay every slice over the first: find the similarity that maps output pixels to the slice's pixels.

Neighbouring slices are alike, distant ones are not (focus moved on), so each slice is laid over the two just
before it, both of them already in the geometry of the first. That chains neighbours; because two are asked,
one slice's error is not inherited whole. It is looked for where the course so far leads, continued by as much
as the travel went on: of a pattern that repeats itself, the start decides which repeat is found. Where a
slice left the course, as when somebody touched the rig, a new one begins.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stack.merge.errors import AlignmentFailed
from stack.merge.fit import FEW_BLOCKS, Fit, blocks_of, fit, textured
from stack.merge.jolts import LEAST_SHARE
from stack.merge.similarity import Similarity
from stack.merge.views import View

WORKING_SIDE_PX: Final = 820
ASKED: Final = 2
"""Slices before, over which one is laid."""
LIKE_ENOUGH: Final = 0.25
"""Correlation below which two slices show nothing in common."""
DOUBTFUL: Final = 0.5
UNSURE_PX: Final = 1.0
"""Standard error above which detail begins to smear."""
FEW_SHARE: Final = 0.05
"""Of all blocks: if so few have texture, what moves may be where the picture is sharp, not the subject."""
HOP_SHARE: Final = 0.05
"""Of the picture's diagonal: farther, a slice hops; real rigs went on by a third of that at most."""
UNALIGNED: Final = "if nothing moved, --no-align lays all as they are"
MAX_STEP_SCALE: Final = 1.35
"""Between neighbours; no lens breathes more between two slices."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where one slice lies.

    Attributes
    ----------
    similarity
        Output pixel to slice pixel, at full size.
    likeness
        Correlation of local light with the slices before, 0 to 1.
    unsure_px
        Standard error of where its corners lie beside the slices before, as its parts contradict each other.
    doubt
        Why not to trust it, in words; empty where there is no reason.
    """

    similarity: Similarity
    likeness: float
    unsure_px: float = 0.0
    doubt: str = ""


AS_IT_IS: Final = Alignment(Similarity(), 1.0)


class Aligner:
    """Aligns slices in the order they come; the first one is the reference. Memory does not grow."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self._factor = -(-max(width_px, height_px) // WORKING_SIDE_PX)
        self._corners = np.array([[x, y] for x in (0.0, width_px) for y in (0.0, height_px)])
        self._before: deque[View] = deque(maxlen=ASKED)
        self._diagonal_px = float(np.hypot(width_px, height_px))
        self._jolt_px = LEAST_SHARE * self._diagonal_px
        self._last, self._last_at = self._begun, self._begun_at = Similarity(), 0.0
        self._found: tuple[Similarity, float, View]

    def place(self, grey: NDArray[np.uint8], name: str, at: float) -> Alignment:
        """Find where the slice lies, given its brightness `(H, W)` at full size. `join` keeps it.

        `at` is its place along the travel, in any unit. Raises `AlignmentFailed`.
        """
        view = View.of(grey, self._factor)
        self._found = Similarity(), at, view
        if not self._before:
            if textured(view) < FEW_BLOCKS:
                raise AlignmentFailed(name, f"it shows too little detail to lay others over it ({UNALIGNED})")
            return Alignment(Similarity(), 1.0)
        # Breathing goes on as it began, or the rig was touched: whichever start fits better leads.
        found = fit(tuple(self._before), view, (self._course(at), self._last))
        doubt = self._judge(found, name)
        self._found = found.similarity, at, view
        unsure_px = found.unsure_px * self._factor
        return Alignment(found.similarity.reduced(1 / self._factor), found.likeness, unsure_px, doubt)

    def left(self, grey: NDArray[np.uint8], name: str, at: float) -> Alignment:
        """Leave a slice where it is, and keep it; doubt it where it plainly lies beside the one before."""
        before = self._last
        try:
            found = self.place(grey, name, at)
        except AlignmentFailed:
            return AS_IT_IS
        self.join()
        apart_px = self._apart_px(before, self._last)
        if found.doubt or apart_px < self._jolt_px:
            return AS_IT_IS
        return Alignment(
            Similarity(), 1.0, doubt=f"it lies {apart_px:.0f} px from the slice before it, and is left so"
        )

    def _course(self, at: float) -> Similarity:
        """Give where a slice lies if all goes on as evenly as it went since the course began."""
        travelled = self._last_at - self._begun_at
        if not travelled:
            return self._last
        went = self._last.after(self._begun.inverse())
        course = went.power((at - self._begun_at) / travelled).after(self._begun)
        return course if _may_be_step(course.scale / self._last.scale) else self._last

    def _left_course(self, similarity: Similarity, at: float) -> bool:
        """Say whether a slice lies beside the course; the first of a course cannot."""
        is_first = self._last_at == self._begun_at
        return not is_first and self._apart_px(self._course(at), similarity) > self._jolt_px

    def _apart_px(self, one: Similarity, other: Similarity) -> float:
        """Give how far apart two places are at the corners, at most, in pixels of slices."""
        step = other.after(one.inverse()).reduced(1 / self._factor)
        return float(np.hypot(*(step(self._corners) - self._corners).T).max())

    def _judge(self, found: Fit, name: str) -> str:
        if found.blocks < FEW_BLOCKS:
            raise AlignmentFailed(
                name, f"it has too little detail in common with the slices before it ({UNALIGNED})"
            )
        step = found.similarity.scale / self._last.scale
        if not _may_be_step(step):
            raise AlignmentFailed(name, f"it would have to be scaled by {step:.2f} against its neighbour")
        if found.likeness < LIKE_ENOUGH:
            raise AlignmentFailed(
                name, f"it is too unlike the slices before it (likeness {found.likeness:.2f} of 1)"
            )
        if found.likeness < DOUBTFUL:
            return f"it is rather unlike the slices before it (likeness {found.likeness:.2f} of 1)"
        if found.unsure_px * self._factor > UNSURE_PX:
            return f"its place is only known to about {found.unsure_px * self._factor:.1f} px"
        hop_px = self._apart_px(self._last, found.similarity)
        few = FEW_SHARE * blocks_of(self._before[-1])
        if found.blocks < few and hop_px > HOP_SHARE * self._diagonal_px:
            return f"only little detail says that it lies {hop_px:.0f} px from the one before ({UNALIGNED})"
        return ""

    def join(self) -> None:
        """Keep the slice last placed: those to come are laid over it too."""
        similarity, at, view = self._found
        if not self._before or self._left_course(similarity, at):
            self._begun, self._begun_at = similarity, at
        self._last, self._last_at = similarity, at
        del self._found  # laid it is all that is needed of it, and memory is wanted for what follows
        self._before.append(view.laid(similarity))


def _may_be_step(scale: float) -> bool:
    return 1 / MAX_STEP_SCALE < scale < MAX_STEP_SCALE
