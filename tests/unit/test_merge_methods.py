from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from merge_stacks import SIZE, fogged_stack, merged, registered, rig_stack, still_stack
from rendered import Shake, Surface, psnr, render, scene

from stack.merge.borders import covered
from stack.merge.bydepth import lit_slice, tent
from stack.merge.merging import Merging, Photo, slab, slab_ranges
from stack.merge.settings import MergeSettings, Method, method_named
from stack.merge.similarity import Similarity
from stack.merge.stream import Merge

EDGE_PX = 40


def against_truth(stack, result):
    """PSNR in dB over what some slice has in focus, the truth laid over the result, borders aside."""
    crop = result.crop
    truth = registered(stack.truth[crop.rows, crop.columns].astype(np.float32), result.pixels)
    inner = np.s_[EDGE_PX:-EDGE_PX, EDGE_PX:-EDGE_PX]
    return psnr(result.pixels[inner], truth[inner])


def test_the_pyramid_is_close_to_the_truth():
    stack = rig_stack()
    assert against_truth(stack, merged(stack.frames, MergeSettings(method=Method.PYRAMID))) > 31


def test_without_glints_the_pyramid_is_as_near_as_the_weighted_mean():
    stack = render(scene(SIZE, 10, 3, glints=False), 10, 1.3, SIZE, Shake(seed=3))
    inner = np.s_[EDGE_PX:-EDGE_PX, EDGE_PX:-EDGE_PX]
    weighted, pyramid = (
        psnr(
            merged(stack.frames, MergeSettings(align=False, method=method)).pixels[inner], stack.truth[inner]
        )
        for method in (Method.WEIGHTED, Method.PYRAMID)
    )
    assert pyramid > max(37, weighted - 1)


@given(st.integers(40, 400), st.integers(40, 400), st.sampled_from([Method.WEIGHTED, Method.PYRAMID]))
@example(289, 367, Method.WEIGHTED)  # one row more than strips of 96 fill
@example(194, 254, Method.PYRAMID)  # nor does a quarter of it come out even
def test_a_picture_may_be_of_any_size(height, width, method):
    texture = np.random.default_rng(1).uniform(40, 210, (height, width, 3)).astype(np.float32)
    truth = cv2.GaussianBlur(texture, (0, 0), 1.5)
    middle = width // 2
    near, far = truth.copy(), truth.copy()
    near[:, middle:], far[:, :middle] = (
        cv2.GaussianBlur(truth, (0, 0), 4)[:, part] for part in np.s_[middle:, :middle]
    )
    frames = [np.rint(one).astype(np.uint8) for one in (near, far)]
    picture = merged(frames, MergeSettings(align=False, even_light=False, method=method)).pixels
    assert picture.shape == truth.shape
    away = np.abs(np.arange(width) - middle) > 12
    assert np.abs(picture - truth)[:, away].max() < 12


def porcelain(slices=8, seed=6):
    """Nearly white with a faint grain, glinting all over; it leans back, so a slice has but a part sharp."""
    width, height = (round(side * 1.24) for side in SIZE)
    random = np.random.default_rng(seed)
    light = 0.88 + 0.05 * random.standard_normal((height, width)).astype(np.float32)
    light[random.random(light.shape) < 0.004] = 1.5
    depth = np.linspace(slices - 1, 0, width, dtype=np.float32) * np.ones((height, 1), np.float32)
    surface = Surface(np.repeat(light[..., None], 3, axis=2), np.ones_like(depth), depth)
    return render([surface], slices, 1.5, SIZE, Shake(seed=seed))


def test_the_pyramid_keeps_the_grain_of_what_is_white_and_glints():
    stack = porcelain()
    result = merged(stack.frames, MergeSettings(align=False, method=Method.PYRAMID))
    inner = np.s_[EDGE_PX:-EDGE_PX, EDGE_PX:-EDGE_PX]
    # Where weights have no room below -64 all its slices weigh alike, and it is 35 dB; the mean has 42.5.
    assert psnr(result.pixels[inner], stack.truth[inner]) > 40


def test_the_pyramid_of_one_slice_is_that_slice():
    frame = still_stack().frames[0]
    result = merged([frame], MergeSettings(method=Method.PYRAMID))
    assert np.abs(result.pixels.astype(int) - frame).max() <= 1


def test_the_pyramid_keeps_sixteen_bits():
    frames = [frame.astype(np.uint16) * 257 + 3 for frame in still_stack().frames[:1]]
    result = merged(frames, MergeSettings(method=Method.PYRAMID))
    assert result.pixels.dtype == np.uint16
    assert np.abs(result.pixels.astype(int) - frames[0]).max() <= 16


def test_where_nothing_is_to_be_seen_the_pyramid_averages():
    stack = render(
        scene(SIZE, 10, 2, glints=False, hairs=False, texture=0.0, near_parts=False),
        10,
        1.5,
        SIZE,
        Shake(seed=2),
    )
    fine = [p.astype(float) - np.roll(p.astype(float), 1, axis=1) for p in stack.frames[:1]]
    result = merged(stack.frames, MergeSettings(align=False, method=Method.PYRAMID))
    got = result.pixels.astype(float) - np.roll(result.pixels.astype(float), 1, axis=1)
    assert got.std() < 0.6 * fine[0].std()


@pytest.mark.parametrize("longest_px", [400, 150, 70])
def test_a_preview_of_a_pyramid_is_the_picture_only_smaller(longest_px):
    merge = Merge(MergeSettings(align=False, method=Method.PYRAMID))
    for index, frame in enumerate(still_stack().frames[:2]):
        merge.add(index, frame)
    small = merge.preview(longest_px)
    size = small.shape[1], small.shape[0]
    whole = cv2.resize(merge.finish().pixels, size, interpolation=cv2.INTER_AREA)
    assert max(size) <= longest_px
    assert np.square(small.astype(float) - whole).mean() < 65  # some 30 dB


def curtain(slices=12, seed=4):
    """A bright plate before a strongly textured ground, far behind it; the plate has texture of its own."""
    width, height = (round(side * 1.24) for side in SIZE)
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(np.float32)

    def texture(strength, mean):
        noise = random.standard_normal((height, width)).astype(np.float32)
        return np.repeat((mean + strength * noise)[..., None], 3, axis=2).clip(0.01, 0.9)

    near = (np.hypot(x - width / 2, y - height / 2) < height / 4).astype(np.float32)
    everywhere = np.ones((height, width), np.float32)
    ground = Surface(texture(0.25, 0.35), everywhere, everywhere * (slices - 1))
    plate = Surface(texture(0.03, 0.3), near, everywhere)
    return render([ground, plate], slices, 0.8, SIZE, Shake(seed=seed))


@pytest.mark.parametrize("method", [Method.WEIGHTED, Method.PYRAMID])
def test_the_front_wins_over_what_is_seen_past_it(method):
    stack = curtain()
    usual, front = (
        merged(stack.frames, MergeSettings(align=False, method=method, front_wins=wins))
        for wins in (False, True)
    )
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    radius = np.hypot(x - SIZE[0] / 2, y - SIZE[1] / 2)
    rim = (radius > SIZE[1] * 1.24 / 4 - 7) & (radius < SIZE[1] * 1.24 / 4 - 1)
    assert psnr(front.pixels, stack.truth, rim) > psnr(usual.pixels, stack.truth, rim) + 10
    far = radius > SIZE[1] * 1.24 / 4 + 30
    assert psnr(front.pixels, stack.truth, far) > psnr(usual.pixels, stack.truth, far) - 0.3


def chequered(slices=16, seed=4):
    """A smooth bar before a chequered ground far behind it."""
    height, width = (round(side * 1.24) for side in SIZE[::-1])
    y, x = np.mgrid[:height, :width]
    everywhere = np.ones((height, width), np.float32)
    chequers = np.where((x // 5 + y // 5) % 2 == 1, 0.7, 0.05)
    bar = (np.abs(x - width / 2 + 0.2 * y) < 4).astype(np.float32)
    squares = np.repeat(np.float32(chequers)[..., None], 3, axis=2)
    ground = Surface(squares, everywhere, everywhere * (slices - 1))
    brown = np.full((height, width, 3), (0.02, 0.3, 0.6), np.float32)
    return render([ground, Surface(brown, bar, everywhere * 2)], slices, 1.5, SIZE, Shake(seed=seed))


def test_open_ground_is_not_taken_from_slices_that_have_it_out_of_focus():
    stack = chequered()
    usual, front = (
        merged(stack.frames, MergeSettings(align=False, front_wins=wins)).pixels for wins in (False, True)
    )
    open_ground = cv2.distanceTransform((stack.depth > 3).astype(np.uint8), cv2.DIST_L2, 5) > 40
    bar = stack.depth < 3
    assert psnr(front, stack.truth, open_ground) > psnr(usual, stack.truth, open_ground) - 0.1
    assert psnr(front, stack.truth, bar) > 35


@pytest.mark.parametrize("method", [Method.WEIGHTED, Method.PYRAMID])
def test_kept_borders_show_the_whole_first_slice_and_no_smear(method):
    stack = render(scene(SIZE, 8, 3, glints=False), 8, 1.0, SIZE, Shake(0.004, 8.0, seed=7))
    result = merged(stack.frames, MergeSettings(method=method, keep_borders=True))
    assert result.pixels.shape == stack.frames[0].shape
    cropped = merged(stack.frames, MergeSettings(method=method))
    border = np.ones(result.pixels.shape[:2], bool)
    border[cropped.crop.rows, cropped.crop.columns] = False
    assert border.mean() > 0.1
    # Without slices barred from where they have no pixels it is 31 dB; the first slice alone has 26.
    assert psnr(result.pixels, stack.truth, border) > 35


def test_what_a_slice_covers_ends_with_its_last_pixel():
    seen = covered(Similarity(tx=5), slice(0, 60), (80, 60))
    columns = np.flatnonzero(seen[30])
    assert (columns[0], columns[-1]) == (0, 74)
    assert seen[:, :75].all()


def test_auto_is_the_best_all_round():
    assert method_named("auto") is Method.WEIGHTED
    assert method_named("pyramid") is Method.PYRAMID
    with pytest.raises(ValueError, match="nonsense"):
        method_named("nonsense")


def on_disk(folder, frames):
    folder.mkdir(exist_ok=True)
    photos = []
    for index, frame in enumerate(frames):
        path = folder / f"{index:04}.png"
        cv2.imwrite(str(path), frame)
        photos.append(Photo(index, path, path.name))
    return photos


def by_files(folder, frames, settings):
    merging = Merging(settings)
    for photo in on_disk(folder, frames):
        merging.add(photo)
    return merging.finish()


def test_by_the_depth_map_is_close_to_the_truth(tmp_path):
    stack = rig_stack()
    assert (
        against_truth(stack, by_files(tmp_path, stack.frames, MergeSettings(method=Method.DEPTHMAP))) > 32.5
    )


def test_by_the_depth_map_what_has_no_depth_stays_as_smooth_as_the_mean(tmp_path):
    frames = fogged_stack().frames
    usual = merged(frames, MergeSettings(align=False))
    depth = by_files(tmp_path, frames, MergeSettings(align=False, method=Method.DEPTHMAP))
    assert np.abs(depth.pixels.astype(int) - usual.pixels).max() <= 1


@given(st.lists(st.integers(0, 60), min_size=1, max_size=8, unique=True))
def test_the_tents_of_all_slices_add_up_to_one(indices):
    places = np.linspace(-3, 64, 200, dtype=np.float32)
    total = sum(tent(places, indices, position) for position in range(len(indices)))
    assert np.allclose(total, 1, atol=1e-5)


@given(st.integers(2, 200), st.integers(2, 30), st.integers(0, 29))
def test_slabs_hold_every_slice_and_overlap_as_said(count, thick, overlap):
    if overlap >= thick:
        with pytest.raises(ValueError, match="overlaps"):
            slab_ranges(count, thick, overlap)
        return
    ranges = slab_ranges(count, thick, overlap)
    assert sorted({at for one in ranges for at in one}) == list(range(count))
    assert all(len(one) == thick for one in ranges[:-1])
    assert all(a.stop - b.start == overlap for a, b in pairwise(ranges))


def test_slabs_are_numbered_as_zerene_does():
    assert [(one[0], one[-1]) for one in slab_ranges(24, 10, 3)] == [(0, 9), (7, 16), (14, 23)]


def test_a_slab_lies_where_the_whole_lies(tmp_path):
    stack = rig_stack()
    photos = on_disk(tmp_path, stack.frames[:6])
    merging = Merging(MergeSettings())
    for photo in photos:
        merging.add(photo)
    whole = merging.finish()
    parts = [slab(whole, photos, positions, MergeSettings()) for positions in slab_ranges(6, 6, 0)]
    assert [one.pixels.shape for one in parts] == [whole.pixels.shape]
    assert np.abs(parts[0].pixels.astype(int) - whole.pixels).max() <= 1


def test_a_slice_exported_shows_what_the_first_shows_in_its_light(tmp_path):
    stack = rig_stack()
    whole = by_files(tmp_path, stack.frames[:4], MergeSettings())
    laid = [lit_slice(whole, at, stack.frames[at]) for at in (0, 3)]
    first = stack.frames[0][whole.crop.rows, whole.crop.columns]
    assert np.array_equal(laid[0], first.astype(np.uint16) * 257)
    coarse = [cv2.GaussianBlur(one, (0, 0), 12).astype(float) / 257 for one in laid]
    assert np.abs(coarse[0] - coarse[1]).mean() < 1.2
