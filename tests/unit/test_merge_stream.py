import threading

import numpy as np
import pytest
from merge_stacks import SIZE, fogged_stack, merged, registered, rig_stack, still_stack
from rendered import hard_argmax, psnr, ssim

from stack.merge.depth import Depth
from stack.merge.errors import AlignmentFailed, NothingToMerge, SizesDiffer, SliceBlank
from stack.merge.memory import WorkingSet
from stack.merge.settings import MergeSettings
from stack.merge.stream import Merge
from stack.merge.tone import Tone

STILL = MergeSettings(align=False, even_light=False)


def inside(picture, crop):
    return picture[crop.rows, crop.columns]


def test_the_picture_is_close_to_the_truth_and_well_above_the_merge_everybody_writes_first():
    stack = rig_stack()
    result = merged(stack.frames)
    truth = inside(stack.truth, result.crop)
    # The other one is even told where every slice lies.
    first = inside(hard_argmax(stack), result.crop)
    ours = registered(truth, result.pixels)
    assert psnr(result.pixels, ours) > psnr(first, truth) + 1
    assert psnr(result.pixels, ours) > 33
    assert ssim(result.pixels, ours) > 0.96


def test_on_a_still_rig_too():
    stack = still_stack()
    result = merged(stack.frames, STILL)
    assert psnr(result.pixels, stack.truth) > psnr(hard_argmax(stack), stack.truth) + 1
    assert result.pixels.shape == stack.truth.shape


def test_where_nothing_is_to_be_seen_the_slices_average():
    stack = fogged_stack()
    result = merged(stack.frames, STILL)

    def noise(picture):
        return np.std((picture - stack.truth)[20:-20, 20:-20])

    # Of twelve equal votes 0.29 would remain.
    assert noise(result.pixels.astype(float)) < 0.38 * noise(stack.frames[0].astype(float))


def test_flicker_is_evened_out():
    stack = rig_stack(flicker=0.05)
    result = merged(stack.frames)
    found = np.array([one.gains for one in result.slices])
    # Light is linear, pixels are not: a share of light is that share to the power of 1/2.4, about.
    wanted = np.array(stack.gains) ** (-1 / 2.3)
    assert np.ptp(stack.gains) > 0.05
    assert np.abs(found - wanted[:, None]).max() < 0.01


def test_gains_do_not_drift_along_a_long_stack():
    frames = [frame for _ in range(5) for frame in rig_stack(flicker=0.0).frames]
    tone = Tone()
    everywhere = (slice(0, SIZE[1]), slice(0, SIZE[0]))
    gains = [tone.gains(frame, 255, everywhere) for frame in frames]
    assert np.abs(np.array(gains) - 1).max() < 0.012


def test_shot_backwards_it_is_the_same_picture():
    frames = still_stack().frames
    forth = merged(frames, STILL).pixels
    back = merged(frames[::-1], STILL, list(range(len(frames)))[::-1]).pixels
    assert psnr(forth, back.astype(float)) > 40


def test_one_slice_is_itself():
    frame = rig_stack().frames[3]
    result = merged([frame], indices=[3])
    assert (result.pixels == frame).all()
    assert [one.index for one in result.slices] == [3]
    assert not result.depth.any()  # it takes two to tell a depth


def test_the_same_slice_again_and_again_is_itself():
    frame = rig_stack().frames[3]
    result = merged([frame] * 4)
    assert np.abs(result.pixels.astype(int) - inside(frame, result.crop)).max() <= 1
    assert np.allclose([one.gains for one in result.slices], 1, atol=1e-6)


def test_sixteen_bits_stay_sixteen_and_say_the_same():
    stack = still_stack()
    deep = [frame.astype(np.uint16) * 257 for frame in stack.frames]
    result = merged(deep, STILL)
    assert result.pixels.dtype == np.uint16
    assert len(np.unique(result.pixels)) > 2000
    shallow = merged(stack.frames, STILL).pixels
    # A grey of eight bits is rounded before its sharpness is judged: weights may differ by a little.
    assert np.abs(result.pixels / 257 - shallow).max() < 3
    assert np.abs(result.pixels / 257 - shallow).mean() < 0.26


def test_every_pixel_of_the_result_is_a_pixel_of_every_slice():
    result = merged(rig_stack().frames)
    height, width = result.pixels.shape[:2]
    corners = np.array([[0, 0, 1], [width - 1, 0, 1], [width - 1, height - 1, 1], [0, height - 1, 1]])
    for one in result.slices:
        places = corners @ one.transform.T
        assert (places >= 0).all()
        assert (places <= np.array(SIZE) - 1).all()
    assert result.depth.shape == (height, width)


def test_no_border_shows_in_the_result():
    """Every later frame has a black edge; were it used, it would win for sharpness."""
    stack = rig_stack(flicker=0.0)
    plain = merged(stack.frames)
    frames = [frame.copy() for frame in stack.frames]
    for frame in frames[1:]:
        frame[:, :1] = frame[:, -1:] = 0
        frame[:1] = frame[-1:] = 0
    edged = merged(frames)
    shared = (
        min(plain.pixels.shape[0], edged.pixels.shape[0]),
        min(plain.pixels.shape[1], edged.pixels.shape[1]),
    )
    difference = np.abs(
        plain.pixels[: shared[0], : shared[1]].astype(int) - edged.pixels[: shared[0], : shared[1]]
    )
    assert difference.max() < 40
    assert difference.mean() < 0.5


def test_slices_of_other_size_or_depth_are_refused_and_change_nothing():
    frames = still_stack().frames
    merge = Merge(STILL)
    merge.add(0, frames[0])
    for other in (frames[1][:-1], frames[1].astype(np.uint16)):
        with pytest.raises(SizesDiffer, match=r"odd\.jpg is"):
            merge.add(1, other, "odd.jpg")
    assert (merge.finish().pixels == frames[0]).all()


@pytest.mark.parametrize(("times", "hint"), [(16, "4080 of 65535 .* 12 bits"), (1, "no-align lays all")])
def test_values_of_fewer_bits_than_their_file_are_told(times, hint):
    merge = Merge()
    frames = [frame.astype(np.uint16) * times for frame in still_stack().frames[:2]]
    with pytest.raises(AlignmentFailed, match=hint):
        merge.add(0, frames[0])


def test_a_slice_that_does_not_belong_is_named_and_changes_nothing():
    frames = rig_stack().frames
    merge = Merge()
    merge.add(0, frames[0], "a.jpg")
    with pytest.raises(AlignmentFailed, match=r"b\.jpg"):
        merge.add(1, frames[0][::-1, ::-1].copy(), "b.jpg")
    with pytest.raises(SliceBlank, match=r"c\.jpg"):
        merge.add(1, np.full_like(frames[0], 90), "c.jpg")
    assert (merge.finish().pixels == frames[0]).all()


def test_nothing_gives_an_error():
    with pytest.raises(NothingToMerge):
        Merge().finish()


def test_the_preview_is_the_picture_so_far_only_smaller():
    merge = Merge(STILL)
    for i, frame in enumerate(still_stack().frames):
        merge.add(i, frame)
        assert merge.preview(200).shape == (150, 200, 3)
    preview = merge.preview(200)
    small = merge.finish().pixels.reshape(150, 2, 200, 2, 3).mean(axis=(1, 3))
    assert np.quantile(np.abs(preview - small), 0.98) < 1.5  # its finest detail comes in the end


def test_where_memory_is_short_the_end_of_a_merge_does_one_thing_at_a_time(monkeypatch):
    """Two at once need more than a small board has, and the kernel would end the merge."""
    steps = (Merge, "_picture"), (Depth, "sure"), (Merge, "_own"), (Depth, "peaks"), (Depth, "map")
    steps = (*steps, (Merge, "_whole"), (Merge, "_whole"), (Merge, "_blur"))
    done = []

    def note(owner, name):
        work = getattr(owner, name)

        def noted(*given):
            done.append(f"{name} begins")
            found = work(*given)
            done.append(f"{name} has ended")
            return found

        monkeypatch.setattr(owner, name, noted)

    for step in set(steps):
        note(*step)
    merge = Merge(STILL, working_set=WorkingSet.SMALL)
    for index, frame in enumerate(still_stack().frames[:2]):
        merge.add(index, frame)
    merge.finish()
    assert done == [f"{name} {what}" for _, name in steps for what in ("begins", "has ended")]


@pytest.mark.parametrize(
    ("owner", "name"), [(Merge, "_picture"), (Depth, "sure"), (Depth, "map"), (Merge, "_blur")]
)
def test_a_merge_that_fails_at_its_end_leaves_no_thread(monkeypatch, owner, name):
    """One that waited for more work would hold all the memory of its stack while others are merged."""

    def fail(*_given):
        raise MemoryError

    merge = Merge(STILL)
    merge.add(0, still_stack().frames[0])
    monkeypatch.setattr(owner, name, fail)
    with pytest.raises(MemoryError):
        merge.finish()
    assert [one.name for one in threading.enumerate() if one.name.startswith("pictures")] == []
