import numpy as np
import pytest

from stack.merge.light import light_of, mean_light


@pytest.mark.parametrize("factor", [1, 2, 5])
def test_means_are_of_light_and_not_of_levels(factor):
    """A mean of levels would be darker in a sharp slice than in one whose detail has blurred."""
    levels = np.random.default_rng(1).integers(0, 256, (64, 93), np.uint8)
    height, width = (side // factor for side in levels.shape)
    whole = 255 * light_of(levels, 255)[: height * factor, : width * factor]
    means = whole.reshape(height, factor, width, factor).mean(axis=(1, 3))
    assert mean_light(levels, factor) == pytest.approx(means, abs=0.01)
