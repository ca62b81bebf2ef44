"""What differs from its surroundings by colour alone is sharp where its colour is."""

import cv2
import numpy as np
import pytest
from rendered import Shake, Surface, _texture, psnr, render
from test_merge_outlines import BLUR_PX, SIZE, SLICES, canvas, merged

from stack.merge.focus import colour_detail

BLADE = np.array([0.06, 0.265, 0.06])
"""Linear light, blue, green and red, of a blade that is as bright as the ground behind it."""


@pytest.fixture(scope="module")
def blades():
    """Blades five pixels wide, four slices before faintly rough ground."""
    y, x = canvas()
    across = np.abs((x + 0.3 * y) % 60 - 30)
    ground = _texture(*y.shape, np.random.default_rng(5), 0.25)
    ground = 0.16 * ground.mean(axis=2, keepdims=True) / ground.mean() * np.ones(3, np.float32)
    near = Surface((BLADE * np.ones((*y.shape, 3))).astype(np.float32), np.clip(3 - across, 0, 1), y * 0 + 2)
    far = Surface(ground.astype(np.float32), np.ones_like(y), y * 0 + 6)
    return render([far, near], SLICES, BLUR_PX, SIZE, Shake(noise=0.3, seed=5))


def test_blades_as_bright_as_the_ground_are_sharp(blades):
    result = merged(blades)
    truth = blades.truth[result.crop.rows, result.crop.columns]
    blade = (blades.depth < 4)[result.crop.rows, result.crop.columns]
    grey = cv2.cvtColor(truth, cv2.COLOR_BGR2GRAY)
    assert abs(grey[blade].mean() - grey[~blade].mean()) < 4
    assert psnr(result.pixels, truth, blade) > 40


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colour_detail_is_of_colour_alone_in_levels_of_255(dtype):
    unit = np.iinfo(dtype).max // 255
    grey = np.full((40, 60, 3), 100, dtype)
    grey[:, ::8] = 180
    assert colour_detail(grey * dtype(unit)).max() < 0.01
    green = np.full((41, 61, 3), 100, dtype)
    green[:, 30:, 1] = 140
    found = colour_detail(green * dtype(unit))
    assert found.shape == (20, 30)
    assert 10 < found[:, 14:16].max() < 40
    assert found[:, :10].max() < 0.01
