"""Which end is near is seen from what lies over what."""

from copy import copy
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from merge_stacks import kind_stack
from rendered import MARGIN, Rendered, Shake, Surface, _disc_mask, _texture, render

from stack.merge.glances import Glances
from stack.merge.order import far_first
from stack.merge.settings import MergeSettings
from stack.merge.stream import Merge, Merged

SIZE = (800, 600)
SLICES = 12


@cache
def plates() -> Rendered:
    """Plates of their own texture and brightness, at four depths, before rough ground."""
    height, width = (round(side * (1 + 2 * MARGIN)) for side in SIZE[::-1])
    random = np.random.default_rng(7)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    everywhere = np.ones((height, width), np.float32)
    surfaces = [Surface(_texture(height, width, random, 0.8), everywhere, everywhere * (SLICES - 1))]
    for number, depth in enumerate(np.repeat([8.0, 5.0, 2.0, 0.0], 4)):
        right, down = random.uniform(0.1, 0.9, 2)
        cover = _disc_mask(x, y, right * width, down * height, 0.07 * width)
        light = _texture(height, width, random, 0.5) * (0.35, 1.3)[number % 2]
        surfaces.append(Surface(light.astype(np.float32), cover, everywhere * depth))
    return render(surfaces, SLICES, 1.6, SIZE, Shake(noise=0.5, seed=7))


def merged(frames: list[np.ndarray]) -> Merged:
    merge = Merge(MergeSettings(align=False, even_light=False))
    for index, frame in enumerate(frames):
        merge.add(index, frame)
    return merge.finish()


def test_plates_before_ground_say_which_end_is_near() -> None:
    frames = plates().frames
    backwards, near_first = merged(frames[::-1]), merged(frames)
    assert far_first(backwards) is True
    assert far_first(near_first) is False
    for missing in ({"blur_px_a_slice": None}, {"glances": None}):
        assert far_first(replace(near_first, **missing)) is None
    assert far_first(sure_of(near_first, 0.8, (15, 20))) is False
    assert far_first(sure_of(near_first, 0.4, (15, 20))) is None, "too few places are left"
    assert far_first(sure_of(near_first, 0.6, SIZE[::-1])) is None, "much about every place is unsure"
    assert far_first(replace(near_first, glances=between(near_first, backwards))) is None, "it is not plain"


def sure_of(one: Merged, share: float, blocks: tuple[int, int]) -> Merged:
    """Have the depth be known of so many of so many blocks, here and there."""
    known = np.random.default_rng(1).random(blocks) < share
    size = one.confidence.shape[1], one.confidence.shape[0]
    whole = cv2.resize(known.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    return replace(one, confidence=one.confidence * whole)


def between(one: Merged, other: Merged) -> Glances:
    """Give glances of which as much speaks for one order as for the other."""
    assert one.glances is not None and other.glances is not None
    mixed = copy(one.glances)
    pairs = zip(one.glances.kept, other.glances.kept, strict=True)
    mixed.kept = [(index, cv2.addWeighted(mine, 0.6, its, 0.4, 0)) for (index, mine), (_, its) in pairs]
    return mixed


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("kind", ["slope", "dome", "never in focus"])
def test_what_has_no_steps_of_depth_says_nothing(kind: str, order: int) -> None:
    assert far_first(merged(kind_stack(kind).frames[::order])) is None
