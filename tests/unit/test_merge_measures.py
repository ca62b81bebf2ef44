import cv2
import numpy as np
import pytest
from merge_stacks import merged
from rendered import Shake, Surface, render

from stack.merge.compare import Place, differing_places, sheet
from stack.merge.coverage import Coverage, Gap, coverage_of, coverage_record, shortfalls, verdict
from stack.merge.depth import Peaks
from stack.merge.depthview import LEGEND_PX, bar_um, coloured, length_text
from stack.merge.measures import LEFT_BETWEEN, coverage, shares
from stack.merge.settings import MergeSettings

SIZE = (240, 180)


def slope(near, far, slices, blur_px, without=(), again=()):
    """A rough slope from one depth to another, seen by slices of which some lack, others come last."""
    width, height = (round(side * 1.24) for side in SIZE)
    random = np.random.default_rng(1)
    rough = 0.3 + 0.12 * random.standard_normal((height, width)).astype(np.float32)
    radiance = np.repeat(np.clip(rough, 0.02, 0.9)[..., None], 3, axis=2)
    everywhere = np.ones((height, width), np.float32)
    depth = np.repeat(np.linspace(near, far, height, dtype=np.float32)[:, None], width, axis=1)
    stack = render([Surface(radiance, everywhere, depth)], slices, blur_px, SIZE, Shake(seed=1))
    left = [index for index in range(slices) if index not in (*without, *again)]
    indices = [*left, *again]
    return merged([stack.frames[index] for index in indices], MergeSettings(align=False), indices)


def test_a_stack_that_covers_its_subject_is_not_complained_about():
    result = slope(1, 8, 10, 0.6)
    assert shortfalls(result.coverage) == []
    assert "cover the subject" in verdict(result.coverage)
    assert result.coverage.sure > 0.9
    assert sum(one.share for one in result.slices) == pytest.approx(1)
    assert max(one.share for one in result.slices) < 0.25


NEAREST = "the nearest slice still gains sharpness: the subject starts in front of your near point"
FARTHEST = "the farthest slice still gains sharpness: the subject goes on behind your far point"


@pytest.mark.parametrize(
    ("near", "far", "words"), [(-4, 8, NEAREST), (-1.5, 8, NEAREST), (1, 13, FARTHEST), (1, 10.5, FARTHEST)]
)
def test_an_end_that_still_gains_sharpness_is_told(near, far, words):
    found = slope(near, far, 10, 0.6).coverage
    (said,) = shortfalls(found)
    assert said.startswith(words)
    assert verdict(found) is None
    (untold,) = shortfalls(found, near_first=None)
    assert untold.startswith(f"the {'first' if words == NEAREST else 'last'} slice still gains")
    (far_first,) = shortfalls(found, near_first=False)
    assert far_first.startswith(FARTHEST if words == NEAREST else NEAREST)


@pytest.mark.parametrize(("near", "far"), [(0, 8), (0.5, 9), (2, 6)])
def test_an_end_that_lies_beyond_the_subject_is_not_told(near, far):
    assert shortfalls(slope(near, far, 10, 0.6).coverage) == []


def test_slices_too_far_apart_are_told_with_what_is_left_between_them():
    found = slope(1, 6, 8, 3.0).coverage
    assert len(found.gaps) >= 3
    assert all(0.7 < gap.left < LEFT_BETWEEN for gap in found.gaps)
    (said,) = shortfalls(found)
    assert said.startswith("between slices 1 and 6 the pitch exceeds the depth of field: expect soft bands")
    assert f"{min(gap.left for gap in found.gaps):.0%} of the sharpness" in said


def test_a_missing_slice_leaves_a_soft_band_only_where_its_neighbours_do_not_reach():
    assert shortfalls(slope(1, 8, 10, 1.3, without=(4,)).coverage) == [
        "slice 4 is missing between 3 and 5: expect a soft band there"
    ]
    assert shortfalls(slope(1, 8, 10, 0.6, without=(4,)).coverage) == []


def test_a_slice_merged_last_is_not_taken_for_the_farthest():
    assert shortfalls(slope(1, 8, 10, 0.6, again=(4,)).coverage) == []


def test_where_nothing_is_in_focus_nothing_is_said_of_ends_and_gaps():
    blank = coverage(Peaks(*np.zeros((3, 40, 40), np.float32), np.ones((40, 40), bool)), [0, 1, 2])
    assert shortfalls(blank) == []
    assert "too little is in focus" in verdict(blank)


def test_soft_bands_are_told_as_far_as_one_can_read():
    def gaps(*befores):
        return tuple(Gap(before, before + 1, 0.7 - before / 1000) for before in befores)

    told = shortfalls(Coverage(0, 0, (*gaps(3, 14, 15), Gap(17, 20, 0.5)), 1))
    assert [said.split(":")[0] for said in told] == [
        "between slices 3 and 4 the pitch exceeds the depth of field",
        "between slices 14 and 16 the pitch exceeds the depth of field",
        "slices 18 to 19 are missing between 17 and 20",
    ]
    (many,) = shortfalls(Coverage(0, 0, gaps(1, 3, 5, 7, 9), 1))
    assert many.startswith("between slices 9 and 10")
    assert many.endswith("4 more places are like that")


def test_coverage_is_written_down_and_read():
    found = Coverage(0.1, 0.25, (Gap(3, 4, 0.71),), 0.5, judged=True)
    assert coverage_of(coverage_record(found)) == found


def test_shares_are_of_what_is_surely_in_focus():
    index = np.array([[0, 0, 2, 2]], np.float32)
    sure = np.array([[1, 1, 1, 0]], np.float32)
    peaks = Peaks(index, sure, np.zeros_like(index), np.ones(index.shape, bool))
    assert shares(peaks, [0, 1, 2]) == {0: pytest.approx(2 / 3), 1: 0, 2: pytest.approx(1 / 3)}
    assert coverage(peaks, [0, 1, 2]).gaps == ()


def test_depth_in_colours_goes_from_blue_to_red_and_grey_is_not_told():
    depth = np.tile(np.linspace(1, 1 + 128 * 9, 300).astype(np.uint16), (80, 1))
    depth[:20] = 0
    confidence = np.full(depth.shape, 255, np.uint8)
    confidence[60:] = 70
    picture = coloured(depth, confidence, um_per_slice=20, um_per_px=1.5)
    assert picture.shape == (80 + LEGEND_PX, 300, 3)
    for row in (5, 70):
        assert len(set(picture[row, 100].tolist())) == 1
    near, far = picture[50, 20].astype(int), picture[50, 290].astype(int)
    assert near[0] > near[2]
    assert far[2] > far[0]


def test_a_legend_is_as_large_below_a_picture_of_a_large_sensor_once_that_is_shown_as_a_whole():
    def legend(width_px):
        depth = np.tile(np.linspace(1, 1 + 128 * 9, width_px).astype(np.uint16), (8, 1))
        confidence = np.full(depth.shape, 255, np.uint8)
        return coloured(depth, confidence, um_per_slice=20, um_per_px=1.2 * 1200 / width_px)[8:]

    small, large = legend(1200), legend(4800)
    assert (len(small), len(large)) == (LEGEND_PX, 4 * LEGEND_PX)
    shown = cv2.resize(large, (1200, LEGEND_PX), interpolation=cv2.INTER_AREA).astype(int)
    ramp, bar = np.s_[8:18, 8:400], np.s_[11:15, 1000:1190]
    for part in (ramp, bar):
        assert np.abs(shown[part] - small[part]).mean() < 12
    letters = [(one[20:, :400].max(axis=2) > 128).sum() for one in (small, shown)]
    assert 0.5 < letters[1] / letters[0] < 2


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


def test_a_sheet_says_of_each_picture_what_it_is_told_and_nothing_beyond_its_column():
    one = np.zeros((60, 60, 3), np.uint8)
    said = sheet(["merge 1\nmethod: weighted, and more than fits", "merge 2"], [one, one], [Place(0, 0)], 60)
    paper, columns = (said[:-66] < 200).all(axis=2), (range(6, 66), range(72, 132))
    assert [bool(paper[:, one].any()) for one in columns] == [True, True]
    assert not paper[:, 66:72].any()


@pytest.mark.parametrize("size", [(3, 5), (30, 41), (243, 1001), (1001, 240)])
def test_places_lie_within_pictures_of_any_size(size):
    one = np.zeros((*size, 3), np.uint8)
    other = one.copy()
    other[-1, -1] = 255
    side = min(240, *size)
    for place in differing_places(iter([one, other])):
        assert 0 <= place.top <= size[0] - side
        assert 0 <= place.left <= size[1] - side
