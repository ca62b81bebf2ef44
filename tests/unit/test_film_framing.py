"""Pictures of a series laid over each other: known drift, growth, gaps, and what is remembered of it."""

import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
from film_series import SIZE, Drawn, background, drawn, merge, series

from stack.film import measuring
from stack.film.errors import MaskUnusable, NothingToShow, SessionsNotFound
from stack.film.filming import cut_of, rendered
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
    return stills, measured(stills, made.folder, **how)


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
    slots = swaying(30, radius=lambda i: 60 + 1.6 * i)
    made = series(tmp_path, slots)
    mask = np.full(SIZE[::-1], 255, np.uint8)
    cv2.circle(mask, (SIZE[0] // 2, SIZE[1] // 2), 116, 0, -1)
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    stills, found = look(made, mask=read_mask(tmp_path / "mask.png"))
    assert worst_px(slots, stills, found) < 0.6


def test_every_frame_of_the_film_shows_the_same_part_of_the_scene(tmp_path):
    slots = swaying(16)
    stills, found = look(series(tmp_path, slots))
    frames = [frame.astype(float) for frame in rendered(cut_of(stills, found, "full"), pytest.fail)]
    assert len({frame.shape for frame in frames}) == 1
    apart = [np.abs(frame - frames[0]).mean() for frame in frames]
    loose = list(rendered(cut_of(stills, found, "full", steady=False), pytest.fail))
    assert max(apart) < 4  # noise, and one resampling
    assert max(np.abs(frame.astype(float) - loose[0]).mean() for frame in loose) > 3 * max(apart)


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


def test_with_another_mask_all_is_measured_anew(tmp_path, read):
    made = series(tmp_path, swaying(3))
    look(made)
    read.clear()
    look(made, mask=np.full((10, 10), 255, np.uint8))
    assert len(read) >= 3


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


def test_slots_without_a_picture_say_why(tmp_path):
    slots = [
        Drawn(),
        Drawn(end="failed", reason="no light"),
        Drawn(end="skipped", reason="it passed"),
        Drawn(merged=False),
        Drawn(),
        Drawn(end="begun"),
    ]
    made = series(tmp_path, slots)
    shutil.rmtree(made.sessions / made.ids[4])
    stills, absent = stills_of(story_of(made.folder), made.sessions)
    assert [still.slot for still in stills] == [0]
    assert {one.slot: one.reason for one in absent} == {
        1: "no light",
        2: "it passed",
        3: "it is not merged yet",
        4: "its session was removed",
        5: "its stack is not finished",
    }
    with pytest.raises(SessionsNotFound, match="say with --sessions"):
        stills_of(story_of(made.folder), tmp_path / "nowhere")


def test_no_picture_at_all_is_refused(tmp_path):
    with pytest.raises(NothingToShow):
        measured([], tmp_path)


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
