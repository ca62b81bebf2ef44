"""By how much each picture is lighter than the one before, whatever grew or moved meanwhile.

Blocks of the same place are compared, and most of them agree on the light even where the subject does not; it
is the merge's own measure. Ratios are kept as powers of two: one is a stop.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.film.decoding import Reduced
from stack.merge.similarity import Similarity
from stack.merge.tone import block_light, light_ratio

Stops = tuple[float, float, float]
"""Of blue, green and red."""


@dataclass(frozen=True, slots=True)
class LightStep:
    """By how many stops a picture is lighter than the last that could be compared.

    Attributes
    ----------
    stops
        None: it could not be compared, being black or white all over, or like nothing before it.
    anew
        Counting begins with this picture: nothing says how it compares with those before.
    lasting
        Those to come are compared with this picture; else with the one that this was compared with.
    """

    stops: Stops | None
    anew: bool = False
    lasting: bool = True


UNKNOWN: Final = LightStep(None)
ANEW: Final = LightStep((0.0, 0.0, 0.0), anew=True)

Blocks = tuple[NDArray[np.float64], NDArray[np.bool_]]
"""Light `(R, C, 3)` and which of it counts, `(R, C)`."""

WHITE: Final = 255
FEW_WANTED: Final = 60
"""Blocks of a mask; with fewer the whole picture is looked at for its light."""
WHOLLY: Final = 0.95
"""Share of a block that a picture must show."""


class LightMeter:
    """Compares pictures laid over the first with the last that could be compared.

    Parameters
    ----------
    size_px
        Width and height of the first picture, reduced.
    from_whole
        Whole pixels of the first to reduced ones.
    mask
        As `stack.film.framing.Framer` has it.
    """

    def __init__(
        self, size_px: tuple[int, int], from_whole: Similarity, mask: NDArray[np.uint8] | None = None
    ) -> None:
        self._size = size_px
        self._to_whole = from_whole.inverse()
        self._wanted = _blocks_wanted(mask, size_px)
        self._before: Blocks | None = None
        self._lost = False

    def step(self, pixels: Reduced, similarity: Similarity, *, lasting: bool = True) -> LightStep:
        """Compare one more; `similarity` maps whole pixels of the first picture to whole ones of this.

        One that is not `lasting`, since nobody knows for sure what it shows, is only compared itself.
        """
        blocks = self._blocks(pixels, similarity)
        if _stops(blocks, blocks) is None:
            return UNKNOWN
        stops = None if self._before is None else _stops(self._before, blocks)
        if not lasting:
            return UNKNOWN if stops is None else LightStep(stops, lasting=False)
        if stops is None and self._before is not None and not self._lost:
            self._lost = True  # one that is like nothing before it may be an accident; two are a new light
            return UNKNOWN
        self._before, self._lost = blocks, False
        return ANEW if stops is None else LightStep(stops)

    def forget(self) -> None:
        """Compare those to come with none before them."""
        self._before, self._lost = None, False

    def _blocks(self, pixels: Reduced, similarity: Similarity) -> Blocks:
        """Give the light of blocks, and which of them the picture shows and the mask wants."""
        matrix = pixels.from_whole.after(similarity).after(self._to_whole).matrix
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        laid: Any = cv2.warpAffine(pixels.pixels, matrix, self._size, flags=flags)
        there: Any = np.full(pixels.pixels.shape[:2], WHITE, np.uint8)
        shown: Any = cv2.warpAffine(there, matrix, self._size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
        light = block_light(laid, WHITE)
        seen = block_light(shown[..., None], WHITE).reshape(light.shape[:2]) >= WHOLLY
        return light, seen if self._wanted is None else seen & self._wanted


def _blocks_wanted(mask: NDArray[np.uint8] | None, size_px: tuple[int, int]) -> NDArray[np.bool_] | None:
    """Give the blocks that a mask wants; None: all, also where they would be too few to tell anything."""
    if mask is None:
        return None
    fitted: Any = cv2.resize(mask, size_px, interpolation=cv2.INTER_AREA)
    wanted = block_light(np.where(fitted >= 128, WHITE, 0).astype(np.uint8)[..., None], WHITE)
    whole = wanted.reshape(wanted.shape[:2]) >= WHOLLY
    return whole if whole.sum() >= FEW_WANTED else None


def _stops(before: Blocks, now: Blocks) -> Stops | None:
    """Give the stops from one picture to the next; None where no channel tells."""
    seen = before[1] & now[1]
    ratios = [light_ratio(now[0][..., c][seen], before[0][..., c][seen]) for c in range(3)]
    told = [float(np.log2(ratio)) for ratio in ratios if ratio is not None]
    if not told:
        return None
    usual = sum(told) / len(told)
    blue, green, red = (usual if ratio is None else float(np.log2(ratio)) for ratio in ratios)
    return blue, green, red
