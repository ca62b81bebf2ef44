"""A few slices are kept small, as the merge lays and lights them, in memory that does not grow."""

from itertools import pairwise

import numpy as np
import pytest

from stack.merge.glances import MOST_KEPT, WIDTH_PX, Glances
from stack.merge.similarity import Similarity


def test_slices_without_end_take_no_more_memory() -> None:
    glances = Glances(80, 1)
    for index in range(400):
        glances.keep(index, np.full((60, 80, 3), 100, np.uint8), Similarity(), np.ones(3))
    kept = [index for index, _ in glances.kept]
    assert len(kept) <= 2 * MOST_KEPT
    assert (kept[0], len({b - a for a, b in pairwise(kept)})) == (0, 1)
    assert kept[-1] >= 400 - 2 * (kept[1] - kept[0])


@pytest.mark.parametrize("bits", [8, 16])
def test_a_glance_is_small_and_lies_and_is_lit_as_the_merge_has_it(bits: int) -> None:
    width = 4 * WIDTH_PX
    x = np.tile(np.linspace(20, 120, width), (200, 1))
    pixels = np.repeat(x[..., None], 3, axis=2) * (1 if bits == 8 else 257)
    glances = Glances(width, 2)
    gains = np.array([0.5, 1.0, 2.0])
    glances.keep(3, pixels.astype(np.uint8 if bits == 8 else np.uint16), Similarity(tx=40), gains)
    assert (glances.apart, glances.factor) == (4, 8)
    ((index, levels),) = glances.part(left=16, top=0, shape=(40, 300))
    middles = (np.arange(300) + 0.5) * 4 - 0.5 + 40 + 16 / 2
    shown = np.interp(middles, np.arange(width), x[0])
    assert index == 3
    assert np.abs(levels[20] - shown[:, None] * gains).max() < 2.5
