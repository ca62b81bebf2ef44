import cv2
import numpy as np
import pytest
from merge_stacks import KINDS, SIZE, kind_stack, rig_stack, still_stack
from rendered import Shake, displacement_rms_px, render, scene

from stack.merge.align import Aligner
from stack.merge.errors import AlignmentFailed
from stack.merge.fit import _agreed
from stack.merge.jolts import jolts, wandering
from stack.merge.shifts import Shifts
from stack.merge.similarity import Similarity


def grey(frame):
    return cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)


def placed(stack):
    aligner = Aligner(*SIZE)
    found = []
    for i, frame in enumerate(stack.frames):
        found.append(aligner.place(grey(frame), str(i), i))
        aligner.join()
    return found


def errors_px(stack):
    return [
        displacement_rms_px(one.similarity.matrix, true, SIZE)
        for one, true in zip(placed(stack), stack.transforms, strict=True)
    ]


def rms(errors):
    return float(np.sqrt(np.mean(np.square(errors))))


def test_slices_are_laid_where_they_were_shot():
    found = errors_px(rig_stack())
    assert found[0] == 0
    assert max(found) < 0.12


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_subject_is_laid_within_a_fraction_of_a_pixel(kind):
    """Measured: 0.02 to 0.06, low texture 0.10."""
    assert rms(errors_px(kind_stack(kind))) < {"low texture": 0.2}.get(kind, 0.1)


@pytest.mark.parametrize("kind", ["slope", "dome"])
def test_a_slope_does_not_pull_slices_along(kind):
    """Blur that changes from place to place displaces what is seen, by the same in every slice."""
    stack = kind_stack(kind)
    last = placed(stack)[-1].similarity.matrix
    assert displacement_rms_px(last, stack.transforms[-1], SIZE) < 0.09


def test_the_other_order_of_travel_is_as_good():
    stack = kind_stack("dome")
    whole = [np.vstack([matrix, [0, 0, 1]]) for matrix in stack.transforms]
    aligner, errors = Aligner(*SIZE), []
    for i, (frame, matrix) in enumerate(zip(reversed(stack.frames), reversed(whole), strict=True)):
        found = aligner.place(grey(frame), str(i), -i).similarity.matrix
        aligner.join()
        errors.append(displacement_rms_px(found, (matrix @ np.linalg.inv(whole[-1]))[:2], SIZE))
    assert rms(errors) < 0.1


@pytest.mark.parametrize("order", [[0, 1, 2, 2, 3, 4], [0, 1, 2, 5, 6, 7]], ids=["twice", "missing"])
def test_a_slice_that_is_there_twice_or_missing_does_not_matter(order):
    stack = rig_stack()
    aligner, errors = Aligner(*SIZE), []
    for i in order:
        found = aligner.place(grey(stack.frames[i]), str(i), i)
        aligner.join()
        assert not found.doubt
        errors.append(displacement_rms_px(found.similarity.matrix, stack.transforms[i], SIZE))
    assert max(errors) < 0.15


@pytest.mark.parametrize("breathing", [0.03, -0.03])
def test_strong_breathing_is_followed(breathing):
    stack = render(scene(SIZE, 7, 4), 7, 1.3, SIZE, Shake(breathing, 1.0, 0.1, seed=4))
    last = stack.transforms[-1][0, 0]
    assert abs(last - (1 + breathing) ** 6) < 0.01  # a fifth of the picture
    assert max(errors_px(stack)) < 0.2


@pytest.mark.parametrize("jump", [(25, -9), (60, 45), (110, -20)])
def test_a_large_jump_between_two_slices_is_followed(jump):
    """Somebody touched the rig: up to a quarter of the picture's width."""
    frames = list(rig_stack().frames[:2])
    by = np.array([[0, 0, jump[0]], [0, 0, jump[1]]], float)
    moved = cv2.warpAffine(frames[1], np.eye(3)[:2] + by, SIZE, borderMode=cv2.BORDER_REPLICATE)
    aligner = Aligner(*SIZE)
    aligner.place(grey(frames[0]), "0", 0)
    aligner.join()
    found = aligner.place(grey(moved), "1", 1).similarity.matrix
    assert displacement_rms_px(found, rig_stack().transforms[1] + by, SIZE) < 0.15


def woven(growth, focus):
    """A weave, seen about the middle, sharp about a column and fading away from it; 640x480."""
    y, x = np.mgrid[:480, :640]
    x, y = 319.5 + (x - 319.5) * growth, 239.5 + (y - 239.5) * growth
    threads = np.sin(x * 2 * np.pi / 9) + np.sin(y * 2 * np.pi / 10)
    noise = np.random.default_rng(focus).normal(0, 1, x.shape)
    grey = 120 + 40 * np.exp(-(((x - focus) / 200) ** 2)) * threads + noise
    return np.rint(grey).astype(np.uint8)


def test_a_pattern_finer_than_coarse_views_can_show_leads_nowhere_else():
    """Wire cloth, a chip: one thread farther it looks the same."""
    growths = [1.003**number for number in range(6)]
    aligner, errors = Aligner(640, 480), []
    for i, growth in enumerate(growths):
        found = aligner.place(woven(growth, 100 + 80 * i), str(i), i).similarity
        aligner.join()
        middle = (1 - 1 / growth) * np.array([319.5, 239.5])
        true = Similarity(1 / growth, 0.0, *middle)
        errors.append(displacement_rms_px(found.matrix, true.matrix, (640, 480)))
    assert max(errors) < 0.2


def test_a_coarse_view_that_is_alike_by_chance_leads_to_no_other_thread():
    random = np.random.default_rng(1)
    y, x = np.mgrid[:480, :640]
    aligner, places = Aligner(640, 480), []
    for i in range(2):
        threads = np.sin((x - 0.6 * i) * 2 * np.pi / 11) + np.sin((y + 0.7 * i) * 2 * np.pi / 12.1)
        sharp = np.exp(-(((x - 100 - 80 * i) / 600) ** 2))
        grey = np.rint(120 + 40 * sharp * threads + random.normal(0, 1, x.shape)).astype(np.uint8)
        places.append(aligner.place(grey, str(i), i).similarity)
        aligner.join()
    assert (places[1].tx, places[1].ty) == pytest.approx((0.6, -0.7), abs=0.1)


@pytest.mark.parametrize("jolt_px", [0, 4])
def test_slices_left_out_lead_to_no_other_thread(jolt_px):
    """A rail that is askew carries the picture along, and by six slices more than a thread of the weave.

    A rig that was touched after its first slice goes on no faster than before.
    """
    random = np.random.default_rng(1)
    y, x = np.mgrid[:300, :440]
    worn = cv2.GaussianBlur(random.normal(0, 1, x.shape), (0, 0), 3)
    weave = 110 + 30 * (np.sin(x * 2 * np.pi / 14) + np.sin(y * 2 * np.pi / 15)) + 60 * worn
    aligner, found_px = Aligner(*SIZE), []
    places_px = {i: 2 * i + jolt_px * (i > 0) for i in (0, 1, 2, 3, 9, 10)}
    for i, right in places_px.items():
        shown = weave[:, right : right + 400] + random.normal(0, 1, SIZE[::-1])
        found_px.append(aligner.place(np.rint(shown).clip(0, 255).astype(np.uint8), str(i), i).similarity.tx)
        aligner.join()
    assert found_px == pytest.approx([-right for right in places_px.values()], abs=0.2)


def test_a_step_that_no_lens_makes_is_not_expected():
    """Two slices and one far behind them: by the course of the two it would lie out of all numbers."""
    grown = [cv2.resize(grey(rig_stack().frames[0]), None, fx=one, fy=one)[:300, :400] for one in (1, 1.3)]
    aligner, scales = Aligner(*SIZE), []
    for at, picture in zip((0, 1, 500), [*grown, grown[-1]], strict=True):
        scales.append(aligner.place(picture, str(at), at).similarity.scale)
        aligner.join()
    assert scales == pytest.approx([1, 1.3, 1.3], abs=0.01)


def test_a_slice_that_jumped_is_named():
    steps = [Similarity(tx=x) for x in (0, 0.4, -1.0, 30, 0.5)]
    said = jolts(["a", "b", "c", "d", "e"], steps, SIZE)
    assert [sentence.split()[0] for sentence in said] == ["d"]
    assert "30 px" in said[0]


def test_a_slice_that_was_turned_is_named():
    steps = [Similarity(q=turn) for turn in (0, 0.0005, 0.05, -0.0004, 0.0003)]
    (said,) = jolts(["a", "b", "c", "d", "e"], steps, SIZE)
    assert said.startswith("c is turned by 2.9 °")
    assert jolts(["a", "b", "c", "d"], [Similarity(), *[Similarity(q=0.02)] * 3], SIZE) == []


def test_travel_that_is_askew_is_no_jolt():
    assert jolts(["a", "b", "c", "d"], [Similarity(), *[Similarity(tx=12.0)] * 3], SIZE) == []
    assert jolts(["a"], [Similarity()], SIZE) == []


def test_slices_that_march_across_the_picture_are_told():
    """As those of wire cloth may be laid where each is sharp."""
    assert wandering([Similarity()], SIZE) == []
    assert wandering([Similarity(), *[Similarity(tx=18.0, ty=2.0)] * 4], SIZE) == []
    assert wandering([Similarity(), *[Similarity(tx=60.0), Similarity(tx=-60.0)] * 9], SIZE) == []
    (said,) = wandering([Similarity(), *[Similarity(tx=30.0, ty=-40.0)] * 2], SIZE)
    assert said.startswith("slices lie up to 100 px from the first: ")


def band(left_px):
    """A bright speckled strip on ground that shows nothing, as cloth too fine for views where it is sharp."""
    speckled = cv2.GaussianBlur(np.random.default_rng(5).normal(0, 1, (300, 16)), (0, 0), 2) * 60
    shown = np.full(SIZE[::-1], 100.0)
    shown[20:280, left_px : left_px + 16] += speckled[20:280]
    return np.rint(cv2.GaussianBlur(shown, (0, 0), 2)).astype(np.uint8)


def test_what_little_detail_says_of_a_hop_is_doubted():
    aligner, doubts = Aligner(*SIZE), []
    for i, left_px in enumerate((60, 61, 121)):
        doubts.append(aligner.place(band(left_px), str(i), i).doubt)
        aligner.join()
    assert doubts[:2] == ["", ""]
    assert doubts[2].startswith("only little detail says that it lies 60 px from the one before ")


def test_it_says_how_surely_it_knows():
    sure, *_ = (one.unsure_px for one in placed(kind_stack("dome"))[1:])
    faint = render(
        scene(SIZE, 3, 2, False, False, 0.02, False), 3, 1.5, SIZE, Shake(0.002, 0.7, 0.03, seed=2)
    )
    unsure = placed(faint)[1].unsure_px
    assert 0 < sure < 0.08
    assert unsure > 2 * sure


def test_another_picture_is_an_error_that_names_it_and_leaves_the_aligner_as_it_was():
    stack = rig_stack()
    other = np.random.default_rng(3).integers(0, 255, (6, 8), np.uint8)
    other = cv2.resize(other, SIZE, interpolation=cv2.INTER_CUBIC)
    aligner = Aligner(*SIZE)
    aligner.place(grey(stack.frames[0]), "a.jpg", 0)
    aligner.join()
    with pytest.raises(AlignmentFailed, match=r"b\.jpg cannot be aligned") as failed:
        aligner.place(other, "b.jpg", 1)
    assert failed.value.name == "b.jpg"
    found = aligner.place(grey(stack.frames[1]), "c.jpg", 2).similarity.matrix
    assert displacement_rms_px(found, stack.transforms[1], SIZE) < 0.12


@pytest.mark.parametrize("level", [0, 90, 255])
def test_a_picture_of_nothing_is_an_error(level):
    aligner = Aligner(*SIZE)
    aligner.place(grey(rig_stack().frames[0]), "a.jpg", 0)
    aligner.join()
    with pytest.raises(AlignmentFailed):
        aligner.place(np.full(SIZE[::-1], level, np.uint8), "b.jpg", 1)


def test_exposure_does_not_pull():
    stack = rig_stack()
    aligner = Aligner(*SIZE)
    aligner.place(grey(stack.frames[0]), "0", 0)
    aligner.join()
    darker = cv2.convertScaleAbs(grey(stack.frames[1]), alpha=0.7, beta=5)
    found = aligner.place(darker, "1", 1).similarity.matrix
    assert displacement_rms_px(found, stack.transforms[1], SIZE) < 0.12


def test_a_slice_that_is_left_where_it_is_is_doubted_where_it_was_moved():
    frames = [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in still_stack().frames]
    moved = np.array([[1, 0, 6], [0, 1, -8]], float)
    frames = [
        frame if index < 4 else cv2.warpAffine(frame, moved, frame.shape[::-1], borderMode=cv2.BORDER_REFLECT)
        for index, frame in enumerate(frames)
    ]
    aligner = Aligner(*SIZE)
    left = [aligner.left(frame, f"slice {index}", index) for index, frame in enumerate(frames)]
    assert [one.similarity for one in left] == [Similarity()] * len(frames)
    doubts = [one.doubt for one in left]
    assert doubts.pop(4) == "it lies 10 px from the slice before it, and is left so"
    assert doubts == [""] * (len(frames) - 1)


def test_slices_that_show_nothing_in_common_are_left_without_a_word():
    random = np.random.default_rng(1)
    aligner = Aligner(*SIZE)
    for index in range(3):
        noise = random.integers(0, 255, SIZE[::-1], np.uint8)
        assert aligner.left(cv2.GaussianBlur(noise, (0, 0), 3), f"slice {index}", index).doubt == ""


def test_where_blocks_say_next_to_nothing_a_slice_may_lie_anywhere():
    """Rounding left less than nothing of it, and an error that was no number let any place pass."""
    places = np.array([[x, y] for x in (0.0, 100.0) for y in (0.0, 80.0)])
    nothing = np.broadcast_to(np.diag([1e-9, -1e-9]), (4, 2, 2))
    said = Shifts(places, np.ones((4, 2)), nothing, np.ones(4), np.ones(4))
    assert _agreed([said], np.array([50.0, 40.0]), 64.0)[1] == 64
