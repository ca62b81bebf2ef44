import numpy as np
import pytest
from merge_stacks import merged
from rendered import Shake, Surface, render

from stack.merge.compare import Place, differing_places, sheet
from stack.merge.depth import Peaks
from stack.merge.depthview import LEGEND_PX, bar_um, coloured, length_text
from stack.merge.measures import coverage, shares, warnings_of
from stack.merge.settings import MergeSettings

SIZE = (240, 180)


def slope(near, far, slices, blur_px):
    """A rough slope from one depth to another, in slices, seen by so many."""
    width, height = (round(side * 1.24) for side in SIZE)
    random = np.random.default_rng(1)
    rough = 0.3 + 0.12 * random.standard_normal((height, width)).astype(np.float32)
    radiance = np.repeat(np.clip(rough, 0.02, 0.9)[..., None], 3, axis=2)
    everywhere = np.ones((height, width), np.float32)
    depth = np.repeat(np.linspace(near, far, height, dtype=np.float32)[:, None], width, axis=1)
    stack = render([Surface(radiance, everywhere, depth)], slices, blur_px, SIZE, Shake(seed=1))
    return merged(stack.frames, MergeSettings(align=False))


def test_a_stack_that_covers_its_subject_is_not_complained_about():
    result = slope(1, 8, 10, 0.6)
    assert warnings_of(result.coverage) == []
    assert result.coverage.sure > 0.9
    assert sum(one.share for one in result.slices) == pytest.approx(1)
    assert max(one.share for one in result.slices) < 0.25


@pytest.mark.parametrize(("near", "far", "word"), [(-4, 8, "nearer"), (1, 13, "farther")])
def test_an_end_that_still_gains_sharpness_is_told(near, far, word):
    said = warnings_of(slope(near, far, 10, 0.6).coverage)
    assert len(said) == 1
    assert f"{word} next time" in said[0]


def test_slices_too_far_apart_are_told_with_the_worst_gap():
    coverage = slope(1, 6, 8, 3.0).coverage
    assert len(coverage.gaps) >= 3
    assert all(gap.left < 0.76 for gap in coverage.gaps)
    assert "smaller pitch" in warnings_of(coverage)[-1]


def test_shares_are_of_what_is_surely_in_focus():
    index = np.array([[0, 0, 2, 2]], np.float32)
    sure = np.array([[1, 1, 1, 0]], np.float32)
    peaks = Peaks(index, sure, np.zeros_like(index), np.ones(index.shape, bool))
    assert shares(peaks, [0, 1, 2]) == {0: pytest.approx(2 / 3), 1: 0, 2: pytest.approx(1 / 3)}
    assert coverage(peaks, [0, 1, 2]).gaps == ()


def test_depth_in_colours_goes_from_blue_to_red_and_grey_is_unknown():
    depth = np.tile(np.linspace(1, 1 + 128 * 9, 300).astype(np.uint16), (80, 1))
    depth[:20] = 0
    picture = coloured(depth, um_per_slice=20, um_per_px=1.5)
    assert picture.shape == (80 + LEGEND_PX, 300, 3)
    assert len(set(picture[5, 100].tolist())) == 1
    near, far = picture[50, 20].astype(int), picture[50, 290].astype(int)
    assert near[0] > near[2]
    assert far[2] > far[0]


@pytest.mark.parametrize(
    ("width_px", "um_per_px", "um"), [(4056, 1.55, 1000), (1000, 1, 200), (800, 0.3, 50)]
)
def test_a_scale_bar_has_a_round_length_and_takes_at_most_a_quarter(width_px, um_per_px, um):
    assert bar_um(width_px, um_per_px) == pytest.approx(um)


def test_lengths_for_people():
    assert [length_text(um) for um in (0.5, 20, 1500)] == ["0.5 um", "20 um", "1.5 mm"]


def test_places_are_where_pictures_differ_most_and_do_not_overlap():
    one = np.full((200, 300, 3), 100, np.uint8)
    other = one.copy()
    other[120:160, 200:240] = 200
    other[20:50, 30:60] = 150
    first, second, *_ = differing_places([one, other], 60, 3)
    assert 180 <= first.left <= 200
    assert 100 <= first.top <= 120
    assert second.left <= 30
    assert abs(first.left - second.left) >= 60 or abs(first.top - second.top) >= 60
    crops = sheet(["a", "b"], [one, other], [first, Place(0, 0)], 60)
    assert (crops == 200).all(axis=2).any()
