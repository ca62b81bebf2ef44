"""Pictures of a series laid over each other: known drift, growth, gaps, and what is remembered of it."""

import json
import math
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
from bad_sectors import put_in_bad_sectors
from film_series import SIZE, Drawn, background, drawn, merge, series

from stack.film import measuring
from stack.film.errors import MaskUnusable, NothingToShow, SessionsNotFound
from stack.film.filming import cut_of, rendered, words_on_places
from stack.film.flicker import evened
from stack.film.measuring import measured, read_mask
from stack.film.steadying import drift_of, steadied
from stack.film.stills import stills_of
from stack.film.story import story_of
from stack.sessions import Sessions

MIDDLE = np.array([[(SIZE[0] - 1) / 2, (SIZE[1] - 1) / 2]])


def swaying(count, **more):
    """A rig that sways by some pixels, sinks and turns; merges cut off what they must."""
    return [
        Drawn(
            right_px=4 * np.sin(i / 5),
            down_px=-0.15 * i,
            turn_deg=0.03 * i,
            grown=1 + 0.0004 * i,
            crop=(i % 3, i % 4, i % 2, 0) if i else (0, 0, 0, 0),
            **{name: value(i) if callable(value) else value for name, value in more.items()},
        )
        for i in range(count)
    ]


def look(made, **how):
    stills, _ = stills_of(story_of(made.folder), made.sessions)
    return stills, measured(stills, [made.folder], **how)


def worst_px(slots, stills, found):
    """Give how far from the truth any corner of any picture is laid, in pixels."""
    worst = 0.0
    width, height = SIZE
    corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]], float)
    places = steadied(stills, [one.place for one in found])
    for still, place in zip(stills, places, strict=True):
        one = slots[still.slot]
        turn = cv2.getRotationMatrix2D((0, 0), -one.turn_deg, one.grown)[:, :2]
        true = (corners - MIDDLE) @ turn.T + MIDDLE + [one.right_px, one.down_px] - one.crop[:2]
        worst = max(worst, float(np.abs(place(corners) - true).max()))
    return worst


def test_drift_is_found_to_a_fraction_of_a_pixel(tmp_path):
    slots = swaying(25)
    stills, found = look(series(tmp_path, slots))
    assert worst_px(slots, stills, found) < 0.25
    last = drift_of(stills[-1], stills[0], found[-1].place.similarity)
    assert last.right_px == pytest.approx(slots[-1].right_px, abs=0.1)
    assert last.down_px == pytest.approx(slots[-1].down_px, abs=0.1)
    assert last.turn_deg == pytest.approx(slots[-1].turn_deg, abs=0.03)
    assert last.scale == pytest.approx(slots[-1].grown, abs=0.0005)


def test_a_subject_that_grows_over_a_third_of_the_picture_does_not_lead_the_frame_astray(tmp_path):
    slots = swaying(30, radius=lambda i: 18 + 2.4 * i)
    stills, found = look(series(tmp_path, slots))
    assert worst_px(slots, stills, found) < 0.6


def test_a_mask_keeps_the_eye_on_what_stands_still(tmp_path):
    slots = swaying(16, radius=104, sideways_px=lambda i: i)
    made = series(tmp_path, slots)
    mask = np.full(SIZE[::-1], 255, np.uint8)
    cv2.circle(mask, (SIZE[0] // 2 + 6, SIZE[1] // 2), 118, 0, -1)
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    stills, found = look(made, mask=read_mask(tmp_path / "mask.png"))
    assert worst_px(slots, stills, found) < 0.6
    assert worst_px(slots, *look(made)) > 3, "the subject is large enough to lead the frame astray"


def test_a_scene_that_becomes_another_is_followed(tmp_path):
    slots = swaying(25, changed=lambda i: i / 24)
    stills, found = look(series(tmp_path, slots))
    assert worst_px(slots, stills, found) < 1.5  # what fades into something else seems to move
    assert len({one.anchor for one in found}) > 1


def test_errors_do_not_add_up_while_the_first_is_like_the_others(tmp_path):
    slots = [Drawn(right_px=0.37 * (i % 7), light=0.15) for i in range(60)]
    stills, found = look(series(tmp_path, slots))
    assert worst_px(slots, stills, found) < 0.16  # 0.12; over neighbours alone 0.21
    assert len({one.anchor for one in found}) == 1


def test_every_frame_of_the_film_shows_the_same_part_of_the_scene(tmp_path):
    slots = swaying(16)
    stills, found = look(series(tmp_path, slots))
    frames = [frame.astype(float) for frame in rendered(cut_of(stills, found, "full"), pytest.fail)]
    assert len({frame.shape for frame in frames}) == 1
    apart = [np.abs(frame - frames[0]).mean() for frame in frames]
    loose = list(rendered(cut_of(stills, found, "full", steady=False), pytest.fail))
    assert max(apart) < 4  # noise, and one resampling
    assert max(np.abs(frame.astype(float) - loose[0]).mean() for frame in loose) > 3 * max(apart)


def test_a_film_shows_the_part_that_all_have_in_common_lit_as_it_was_decided(tmp_path):
    slots = [
        Drawn(right_px=9 * (i % 2), crop=(3 * (i % 2), 0, 0, 0), light=1 + 0.1 * (i % 2)) for i in range(12)
    ]
    stills, found = look(series(tmp_path, slots))
    cut = cut_of(stills, found, "full")
    frames = [frame.astype(float) for frame in rendered(cut, pytest.fail)]
    height, width = frames[0].shape[:2]
    centre = float(cut.window.to_first(np.zeros((1, 2)))[0, 0]) + (width - 1) / 2, (SIZE[1] - 1) / 2
    wanted = cv2.getRectSubPix(drawn(slots[0]).astype(np.float32), (width, height), centre)
    assert width <= SIZE[0] - 9
    assert np.abs(frames[0] - wanted).mean() < 5
    brightness = np.array([frame.mean() for frame in frames])
    assert np.abs(np.diff(brightness[2:-2])).max() < 0.01 * brightness.mean()
    loose = [frame.mean() for frame in rendered(cut_of(stills, found, "full", deflicker=False), pytest.fail)]
    assert np.abs(np.diff(loose)).min() > 0.02 * brightness.mean()


def test_left_where_they_are_pictures_still_lie_as_the_camera_saw_them(tmp_path):
    slots = [Drawn(crop=(5 * (i % 3), 4 * (i % 2), 3 * (i % 2), 0)) for i in range(6)]
    stills, found = look(series(tmp_path, slots))
    frames = [f.astype(float) for f in rendered(cut_of(stills, found, "full", steady=False), pytest.fail)]
    assert max(np.abs(frame - frames[0]).mean() for frame in frames) < 4


@pytest.mark.parametrize("what", ["noise", "black", "elsewhere"])
def test_a_picture_that_cannot_be_laid_lies_as_its_neighbour_does_and_is_told(tmp_path, what):
    random = np.random.default_rng(8)
    height, width = SIZE[::-1]
    odd = {
        "noise": random.integers(0, 255, (height, width, 3)).astype(np.uint8),
        "black": np.zeros((height, width, 3), np.uint8),
        "elsewhere": np.ascontiguousarray(
            np.rint(255 * background(SIZE, 99)[:height, :width] ** (1 / 2.2)).astype(np.uint8)
        ),
    }[what]
    slots = swaying(12)
    slots[5] = replace(slots[5], pixels=odd, crop=(0, 0, 0, 0))
    stills, found = look(series(tmp_path, slots))
    assert found[5].place.similarity is None
    cut = cut_of(stills, found, "full", deflicker=False)
    assert [said for said in cut.warnings if said.startswith("slot 5 could not be laid over the others")]
    before, here = cut.shots[4], cut.shots[5]
    assert here.drift.right_px == pytest.approx(before.drift.right_px, abs=0.01)
    assert here.drift.down_px == pytest.approx(before.drift.down_px, abs=0.01)
    others = [number for number in range(12) if number != 5]
    rest = [stills[n] for n in others], [found[n] for n in others]
    assert worst_px(slots, *rest) < 0.25


def test_a_knock_that_moves_everything_for_good_is_followed(tmp_path):
    slots = swaying(14)
    for one in slots[7:]:
        one.right_px += 30
        one.down_px -= 22
    stills, found = look(series(tmp_path, slots))
    assert worst_px(slots, stills, found) < 0.3


def with_odd(slots, number, pixels):
    """Let a slot show something else."""
    slots[number] = replace(slots[number], pixels=pixels, crop=(0, 0, 0, 0))
    return slots


def noise(seed=8):
    return np.random.default_rng(seed).integers(0, 255, (SIZE[1], SIZE[0], 3)).astype(np.uint8)


@pytest.mark.parametrize("first", [np.zeros((SIZE[1], SIZE[0], 3), np.uint8), noise()])
def test_a_first_picture_of_nothing_does_not_spoil_the_film(tmp_path, first):
    slots = with_odd(swaying(10), 0, first)
    stills, found = look(series(tmp_path, slots))
    assert [number for number, one in enumerate(found) if one.place.similarity is None] == [1]
    assert found[2].place.anew
    truth = [replace(one, right_px=one.right_px - slots[1].right_px) for one in slots]
    places = [
        one.place.similarity(MIDDLE) - MIDDLE + one_slot.crop[:2]
        for one, one_slot in zip(found[2:], truth[2:], strict=True)
    ]
    for number, place in enumerate(places, start=2):
        assert place[0, 0] == pytest.approx(truth[number].right_px, abs=0.3)
    assert any(
        said.startswith("from slot 2 on pictures show something else")
        for said in words_on_places(stills, found)
    )


def test_a_camera_that_is_set_up_anew_goes_on_from_there(tmp_path):
    slots = swaying(20)
    for one in slots[8:15]:
        one.changed = 1.0
    stills, found = look(series(tmp_path, slots))
    assert [number for number, one in enumerate(found) if one.place.similarity is None] == [8]
    assert [number for number, one in enumerate(found) if one.place.anew] == [9]
    assert [number for number, one in enumerate(found) if one.light.anew] == [0, 9, 15]
    places = steadied(stills, [one.place for one in found])
    new = [
        place(MIDDLE)[0] + one.crop[:2] - [one.right_px, one.down_px]
        for place, one in zip(places, slots, strict=True)
    ]
    assert np.abs(np.array(new[:8]) - MIDDLE).max() < 0.25
    assert np.ptp(new[9:15], axis=0).max() < 0.25
    assert np.abs(np.array(new[15:]) - MIDDLE).max() < 0.25, "back where it was, it is laid over the first"


def test_a_night_without_light_is_left_as_it_is_and_told_once(tmp_path):
    slots = swaying(18)
    for number in range(6, 12):
        with_odd(slots, number, np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
    stills, found = look(series(tmp_path, slots))
    cut = cut_of(stills, found, "full")
    assert len(cut.shots) == 18
    assert len(cut.warnings) == 1
    assert cut.warnings[0].startswith(
        "slots 6-11 could not be laid over the others (slot 6: it has too little"
    )
    day = [number for number in range(18) if not 6 <= number < 12]
    assert worst_px(slots, [stills[n] for n in day], [found[n] for n in day]) < 0.25


def test_a_picture_of_something_else_does_not_change_the_light_of_those_after_it(tmp_path):
    slots = with_odd([Drawn(light=1.0) for _ in range(10)], 5, 255 - noise(3) // 3)
    _, found = look(series(tmp_path, slots))
    levels = [one.level for one in evened([one.light for one in found], [None] * 10)]
    assert max(abs(level) for number, level in enumerate(levels) if number != 5) < 0.02


def test_pictures_of_another_size_are_laid_over_the_first(tmp_path):
    slots = swaying(4)
    half = cv2.resize(drawn(slots[3]), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    slots[3] = replace(slots[3], pixels=half, crop=(0, 0, 0, 0))
    stills, found = look(series(tmp_path, slots))
    assert found[3].place.similarity.scale == pytest.approx(0.5 * slots[3].grown, abs=0.002)
    cut = cut_of(stills, found, "full")
    frames = [frame.astype(float) for frame in rendered(cut, pytest.fail)]
    assert np.abs(cv2.GaussianBlur(frames[3] - frames[2], (0, 0), 3)).mean() < 3


@pytest.fixture
def read(monkeypatch):
    """Count what is read by the first pass."""
    paths, reading = [], measuring.read_reduced

    def counted(path, eighths):
        paths.append(path)
        return reading(path, eighths)

    monkeypatch.setattr(measuring, "read_reduced", counted)
    return paths


def test_what_was_measured_is_not_measured_again(tmp_path, read):
    slots = swaying(10)
    whole, found = look(series(tmp_path / "whole", slots))
    grown = series(tmp_path / "grown", [*slots[:6], *(Drawn(merged=False) for _ in slots[6:])])
    _, before = look(grown)
    assert len(before) == 6
    read.clear()
    assert look(grown)[1] == before
    assert read == []
    sessions = Sessions(grown.sessions)
    for number in range(6, 10):
        merge(sessions.open(grown.ids[number]), slots[number], number)
    stills, after = look(grown)
    assert len(after) == 10
    assert {path for path in read if path in [still.path for still in stills[1:5]]} == set()
    for one, other in zip(found, after, strict=True):
        assert np.allclose(one.place.similarity.matrix, other.place.similarity.matrix, atol=0.02)
        assert np.allclose(one.light.stops, other.light.stops, atol=0.01)
    assert worst_px(slots, stills, after) < 0.25
    assert worst_px(slots, whole, found) < 0.25


def test_another_merge_of_a_stack_is_measured_anew_and_so_are_those_after_it(tmp_path, read):
    slots = swaying(6)
    made = series(tmp_path, slots)
    look(made)
    merge(Sessions(made.sessions).open(made.ids[3]), slots[3], 3)
    read.clear()
    stills, found = look(made)
    assert stills[3].key.split("/")[1] == "2"
    assert {path.parents[2].name for path in read} == {made.ids[n] for n in (0, 2, 3, 4, 5)}
    assert worst_px(slots, stills, found) < 0.25


def test_with_another_mask_all_is_measured_anew_and_both_are_remembered(tmp_path, read):
    made = series(tmp_path, swaying(3))
    look(made)
    read.clear()
    mask = np.full((10, 10), 255, np.uint8)
    _, found = look(made, mask=mask)
    assert len(read) >= 3
    read.clear()
    assert look(made, mask=mask)[1] == found
    look(made)
    assert read == []


def test_who_may_not_write_a_series_keeps_notes_of_his_own(tmp_path, read):
    made = series(tmp_path, swaying(4))
    stills, _ = stills_of(story_of(made.folder), made.sessions)
    nowhere = made.folder / "journal.jsonl" / "no folder"
    own = tmp_path / "own" / "0001-moss"
    found = measured(stills[:3], [nowhere, own])
    assert (own / "framing.json").is_file()
    read.clear()
    assert measured(stills, [made.folder, own])[:3] == found
    assert stills[1].path not in read
    assert (made.folder / "framing.json").is_file()


@pytest.mark.parametrize("damage", [b"", b"{}", b"nonsense"])
def test_a_record_that_was_damaged_is_not_believed(tmp_path, read, damage):
    made = series(tmp_path, swaying(3))
    _, found = look(made)
    (made.folder / "framing.json").write_bytes(damage)
    read.clear()
    assert look(made)[1] == found
    assert read


def test_an_altered_record_is_not_believed(tmp_path, read):
    made = series(tmp_path, swaying(3))
    _, found = look(made)
    record = made.folder / "framing.json"
    record.write_bytes(record.read_bytes().replace(b'"unreadable": ""', b'"unreadable": "x"'))
    read.clear()
    assert look(made)[1] == found
    assert read


def test_an_interrupted_pass_keeps_what_it_had(tmp_path, read):
    made = series(tmp_path, swaying(5))

    def interrupted(_what, done, _of):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        look(made, told=interrupted)
    read.clear()
    stills, _ = look(made)
    assert stills[1].path not in read


def test_a_damaged_picture_is_left_out_and_told(tmp_path):
    slots = swaying(5)
    made = series(tmp_path, slots)
    path = Sessions(made.sessions).open(made.ids[0]).path / "merges/1/merged.jpg"
    path.write_bytes(path.read_bytes()[:3000])
    stills, found = look(made)
    cut = cut_of(stills, found, "full")
    assert [shot.still.slot for shot in cut.shots] == [1, 2, 3, 4]
    assert "slot 0 is left out" in cut.warnings[0]


def test_slots_without_a_picture_say_why(tmp_path, monkeypatch):
    slots = [
        Drawn(),
        Drawn(end="failed", reason="no light"),
        Drawn(end="skipped", reason="it passed"),
        Drawn(merged=False),
        Drawn(),
        Drawn(end="begun"),
        Drawn(merged=False, merge_error="too few slices are left"),
        Drawn(merged=False, merge_error="nobody can read that"),
        Drawn(),
    ]
    made = series(tmp_path, slots)
    shutil.rmtree(made.sessions / made.ids[4])
    unreadable = Sessions(made.sessions).open(made.ids[7]).journal_path
    unreadable.unlink()
    unreadable.mkdir()
    lost = made.sessions / made.ids[8]
    with monkeypatch.context() as patched:
        put_in_bad_sectors(patched, lost)
        stills, absent = stills_of(story_of(made.folder), made.sessions)
    assert [still.slot for still in stills] == [0]
    assert {one.slot: one.reason for one in absent} == {
        1: "no light",
        2: "it passed",
        3: "it is not merged yet",
        4: "its session was removed",
        5: "its stack is not finished",
        6: "its merge failed: too few slices are left",
        7: f"[Errno 21] Is a directory: '{unreadable}'",
        8: f"[Errno 5] Input/output error: '{lost}'",
    }
    with pytest.raises(SessionsNotFound, match="say with --sessions"):
        stills_of(story_of(made.folder), tmp_path / "nowhere")


def test_what_a_damaged_merge_says_of_its_picture_is_not_believed(tmp_path):
    """One slot of which its merge said a width of 0, or what is no number, was the end of the film."""
    made = series(tmp_path, [Drawn(crop=(8, 8, 8, 8))])
    record = made.sessions / made.ids[0] / "merges/1/merge.json"
    crop = {"width": 304, "height": 224, "left": 8, "top": 8}
    damaged = [{"width": 0}, {"height": -224}, {"width": math.inf}, {"left": math.nan}, {"top": math.inf}]
    for told in [*(json.dumps({"crop": {**crop, **one}}) for one in damaged), "[" * 100_000]:
        record.write_text(told)
        (still,), _ = stills_of(story_of(made.folder), made.sessions)
        assert (still.width_px, still.height_px, still.left_px, still.top_px) == (304, 224, 8, 8), told[:60]


def test_no_picture_at_all_is_refused(tmp_path):
    with pytest.raises(NothingToShow):
        measured([], [tmp_path])


def test_a_mask_that_says_nothing_is_refused(tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    cv2.imwrite(str(tmp_path / "black.png"), np.zeros((20, 20), np.uint8))
    for name, words in (
        ("text.png", "is no picture"),
        ("black.png", "black all over"),
        ("none.png", "No such"),
    ):
        with pytest.raises(MaskUnusable, match=words):
            read_mask(tmp_path / name)
