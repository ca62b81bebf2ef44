from dataclasses import replace

import cv2
import numpy as np
import pytest

from simulator import insect
from simulator.scene import SceneError, SceneSpec, View
from simulator.scenes import open_scene

SIZE = (320, 240)
SPEC = SceneSpec()
STILL = replace(SPEC, breathing=0.0, wander_px=0.0)


@pytest.fixture(scope="module")
def scene():
    return open_scene(SPEC, SIZE)


@pytest.fixture(scope="module")
def still():
    return open_scene(STILL, SIZE)


def fine(picture):
    """Give what changes within a few pixels."""
    grey = np.minimum(picture, 1).mean(axis=2)
    return grey - cv2.GaussianBlur(grey, (0, 0), 1.5)


def shift_between(a, b):
    (right, down), _ = cv2.phaseCorrelate(fine(a), fine(b), cv2.createHanningWindow(SIZE, cv2.CV_32F))
    return right, down


@pytest.mark.parametrize("focus_um", (19_500.0, 19_800.0, 20_100.0, 20_400.0))
def test_what_is_in_focus_looks_like_the_truth(still, focus_um):
    depth = still.depth_um()
    seen, truth = still.render(focus_um), still.truth()
    sharp = np.abs(depth - focus_um) < 25
    # A pixel with something nearer or farther beside it also gets that one's blur.
    spread = cv2.dilate(np.nan_to_num(depth, nan=1e6), None) - cv2.erode(np.nan_to_num(depth, nan=1e6), None)
    sharp &= spread < 60
    assert sharp.sum() > 100
    error = np.abs(np.minimum(seen, 1) - np.minimum(truth, 1)).mean(axis=2)
    assert np.median(error[sharp]) < 0.004
    assert np.percentile(error[sharp], 90) < 0.05


def test_what_is_far_from_focus_has_lost_its_detail(still):
    depth = still.depth_um()
    away = np.abs(depth - 19_300) > 700
    assert np.abs(fine(still.render(19_300))[away]).mean() < 0.2 * np.abs(fine(still.truth())[away]).mean()


def test_each_depth_is_sharpest_at_its_own_focus(still):
    stops = np.arange(19_400, 20_500, 200.0)
    depth = still.depth_um()
    detail = [np.abs(fine(still.render(stop))) for stop in stops]
    for n, stop in enumerate(stops):
        here = np.abs(depth - stop) < 60
        assert here.sum() > 50
        assert int(np.argmax([one[here].mean() for one in detail])) == n


def test_a_near_hair_out_of_focus_lets_the_body_through(still):
    # The arista stands far in front of the right eye; with the eye in focus, the eye shows through it.
    depth = still.depth_um()
    right, low = SIZE[0] // 2, SIZE[1] // 2
    window = (slice(low - 5, low + 35), slice(right + 30, right + 75))
    hair = (depth < 19_330)[window]
    body = np.median(depth[window])
    assert 20 < hair.sum() < 400
    assert body > 19_450
    sharp, through = still.render(19_260)[window][hair], still.render(float(body))[window][hair]
    around = np.median(still.truth()[window][~hair], axis=0)
    assert np.abs(through - around).mean() < 0.75 * np.abs(sharp - around).mean()


def test_the_picture_grows_as_the_spec_says(scene):
    grown = scene.placed(20_450.0) - scene.placed(19_450.0)
    assert grown[0, 0] == pytest.approx(SPEC.breathing, rel=0.01)
    # And so do the pictures: between two positions a millimetre apart, the halves move apart.
    truth_near, truth_far = scene.truth_at(19_450.0), scene.truth_at(20_450.0)
    half = SIZE[0] // 2
    window = cv2.createHanningWindow((half, SIZE[1]), cv2.CV_32F)
    sides = []
    for cut in (slice(None, half), slice(half, None)):
        pair = (np.ascontiguousarray(fine(truth)[:, cut]) for truth in (truth_near, truth_far))
        sides.append(cv2.phaseCorrelate(*pair, window)[0][0])
    assert sides[1] - sides[0] == pytest.approx(SPEC.breathing * half, rel=0.25)


def test_a_frame_lies_where_its_truth_says(scene):
    for focus_um in (19_500.0, 20_300.0):
        right, down = shift_between(scene.truth_at(focus_um), scene.render(focus_um))
        assert np.hypot(right, down) < 0.2
    right, down = shift_between(scene.truth_at(19_500.0), scene.render(20_300.0))
    assert np.hypot(right, down) > 0.3


def test_the_wander_is_smooth_small_and_always_the_same(scene):
    at = np.arange(19_000, 21_000, 10.0)
    middle = np.array([(SIZE[0] - 1) / 2, (SIZE[1] - 1) / 2, 1])
    moved = np.array([scene.placed(focus) @ middle - middle[:2] for focus in at])
    assert np.abs(moved).max() <= SPEC.wander_px
    assert np.abs(moved).max() > 0.5 * SPEC.wander_px
    assert np.abs(np.diff(moved, axis=0)).max() < 0.15 * SPEC.wander_px


def test_a_shifted_view_moves_the_picture(still):
    at_rest, moved = still.render(19_700), still.render(19_700, View(shift_px=(3, -2)))
    np.testing.assert_allclose(moved[:-2, 3:], at_rest[2:, :-3], atol=1e-4)
    half = still.render(19_700, View(shift_px=(0.5, 0.0)))
    between = (at_rest[:, :-1] + at_rest[:, 1:]) / 2
    assert np.abs(half[:, 1:] - between).mean() < 0.2 * np.abs(at_rest[:, 1:] - at_rest[:, :-1]).mean()


def test_depth_is_known_on_the_fly_and_nowhere_in_the_garden(still):
    depth = still.depth_um()
    assert depth.shape == (SIZE[1], SIZE[0])
    assert depth.dtype == np.float32
    garden = np.isnan(depth)
    assert 0.1 < garden.mean() < 0.4
    assert garden[:20, -30:].mean() > 0.5
    assert not garden[100:140, 80:240].any()
    assert SPEC.near_um <= np.nanmin(depth) < SPEC.near_um + 100
    assert SPEC.far_um - 30 < np.nanmax(depth) <= SPEC.far_um


def test_the_garden_never_comes_into_focus(still):
    garden = cv2.erode(np.isnan(still.depth_um()).astype(np.uint8), None, iterations=12) > 0
    assert garden.sum() > 500
    body = np.abs(fine(still.truth())[100:140, 80:240]).mean()
    for focus_um in (20_000, 25_000, 39_000):
        assert np.abs(fine(still.render(focus_um))[garden]).mean() < 0.05 * body


def test_light_is_where_a_camera_wants_it(still):
    truth = still.truth()
    assert truth.dtype == np.float32
    assert truth.min() >= 0
    body = truth[100:140, 80:240].mean(axis=2)
    assert 0.05 < np.median(body) < 0.4
    assert truth.max() > 1


def test_the_lens_decides_how_fast_it_blurs(still):
    wide = open_scene(replace(STILL, f_number=2.0), SIZE)
    leaf = (slice(-30, None), slice(60, -60))
    assert np.abs(fine(wide.render(20_300))[leaf]).mean() < np.abs(fine(still.render(20_300))[leaf]).mean()


def test_the_lens_formula_sets_the_disc(still):
    # 750 um out of focus at 2x and f/4 (effective 12): 250 um on the sensor across, 125 um in radius.
    assert 750 * still._radius_px_per_um == pytest.approx(125 / (4960 / SIZE[0]))
    fixed = open_scene(replace(STILL, pixel_um=12.5), SIZE)
    assert 750 * fixed._radius_px_per_um == pytest.approx(10)


def test_a_small_frame_is_the_large_one_seen_smaller(still):
    large = open_scene(STILL, (640, 480)).render(19_800)
    smaller = cv2.resize(large, SIZE, interpolation=cv2.INTER_AREA)
    assert np.abs(smaller - still.render(19_800)).mean() < 0.02


def test_glints_outshine_the_sensor_at_full_size():
    truth = open_scene(SPEC, (640, 480)).truth()
    assert truth.max() > 3
    assert (truth.max(axis=2) > 1).mean() < 0.05


def test_defocus_keeps_the_scenes_light(still):
    sharp = still.truth().mean()
    assert still.render(19_900).mean() == pytest.approx(sharp, rel=0.03)


def test_the_same_seed_gives_the_same_picture_and_another_seed_another(scene):
    insect._sheets.cache_clear()
    again, other = (open_scene(replace(SPEC, seed=seed), SIZE) for seed in (SPEC.seed, 5))
    np.testing.assert_array_equal(scene.render(19_600), again.render(19_600))
    assert np.abs(scene.truth() - other.truth()).mean() > 0.01


@pytest.mark.parametrize("focus_um", (0.0, 40_000.0))
def test_far_from_the_subject_there_is_still_a_picture(scene, focus_um):
    picture = scene.render(focus_um)
    assert picture.shape == (SIZE[1], SIZE[0], 3)
    assert np.isfinite(picture).all()
    assert np.abs(fine(picture)).mean() < 0.05 * np.abs(fine(scene.truth())).mean()


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="near_um"):
        SceneSpec(near_um=2.0, far_um=1.0)
    with pytest.raises(ValueError, match="f_number"):
        SceneSpec(f_number=0)
    with pytest.raises(SceneError, match="too small"):
        open_scene(SPEC, (8, 8))
