"""The contact sheet: every slot has its field, and a long series makes no larger a picture."""

from dataclasses import replace
from datetime import timedelta

import cv2
import numpy as np
import pytest
from film_series import NOON, Drawn, drawn, series
from hypothesis import given
from hypothesis import strategies as st

from stack.film import lettering
from stack.film.sheet import FIELD, MOST_PX, MOST_SLOTS, PAPER, grid_for, sheet_of
from stack.film.stills import Absent, stills_of
from stack.film.story import SlotStory, story_of
from stack.timelapse import SlotEnd


@given(st.integers(1, MOST_SLOTS), st.sampled_from([4 / 3, 3 / 2, 2 / 3, 1.0]))
def test_a_sheet_is_never_larger_than_it_may_be_and_no_field_covers_another(fields, shape):
    grid = grid_for(fields, shape)
    width, height = grid.size_px
    assert width * height < 3 * MOST_PX
    assert grid.columns * grid.rows >= fields
    left, top = grid.corner(fields - 1)
    assert left + grid.width_px + grid.margin_px <= width
    assert top + grid.height_px + grid.line_px <= height
    if fields > 1:
        assert grid.corner(1) != grid.corner(0)


def sheet(folder, slots, columns=None):
    made = series(folder, slots)
    story = story_of(made.folder)
    stills, absent = stills_of(story, made.sessions)
    shape = stills[0].width_px / stills[0].height_px if stills else 4 / 3
    paper = sheet_of(story, stills, absent, columns)
    return paper, grid_for(len(slots), shape, columns, 320 if stills else 400)


def test_pictures_stand_in_their_fields_and_gaps_stay_empty(tmp_path):
    slots = [Drawn(), Drawn(light=0.3), Drawn(end="failed", reason="the lamp broke"), Drawn(merged=False)]
    paper, grid = sheet(tmp_path, slots, columns=2)
    fields = []
    for number in range(4):
        left, top = grid.corner(number)
        fields.append(paper[top : top + grid.height_px, left : left + grid.width_px])
    for number in (0, 1):
        wanted = drawn(slots[number], noise_seed=number)
        wanted = cv2.resize(wanted, (grid.width_px, grid.height_px), interpolation=cv2.INTER_AREA)
        assert np.abs(fields[number].astype(float) - wanted).mean() < 4
    for number in (2, 3):
        lower = fields[number][grid.height_px * 3 // 4 : -2, 2:-2]
        assert (lower == np.array(FIELD)).all()
        assert (fields[number][: grid.height_px // 2] > 100).any(), "no word is written"
    assert (paper[-4:] == np.array(PAPER)).all()


def test_a_slot_that_was_left_out_has_a_field(tmp_path):
    whole, _ = sheet(tmp_path / "a", [Drawn(), Drawn(end="skipped", reason="it passed")], columns=2)
    one, _ = sheet(tmp_path / "b", [Drawn()], columns=1)
    assert whole.shape[1] > 1.8 * one.shape[1]


def test_ten_thousand_slots_are_thinned(tmp_path):
    story = story_of(series(tmp_path, [Drawn(merged=False)]).folder)
    slots = tuple(
        SlotStory(n, SlotEnd.SKIPPED, NOON + timedelta(minutes=n), reason="dark") for n in range(10_000)
    )
    paper = sheet_of(replace(story, slots=slots), [], [Absent(n, "dark") for n in range(10_000)])
    assert paper.shape[0] * paper.shape[1] < 2 * MOST_PX


def test_reasons_are_broken_into_lines_that_fit():
    lines = lettering.wrapped("the camera did not answer for thirty seconds; look at its cable", 12, 120, 3)
    assert len(lines) == 3
    assert lines[-1].endswith("...")
    assert max(lettering.width_of(line, 12) for line in lines) <= 120
    assert lettering.wrapped("Donaudampfschifffahrtsgesellschaftskapitänsmütze", 12, 90, 2)
    assert lettering.wrapped("", 12, 90, 2) == []


@pytest.mark.parametrize(("text", "letters"), [("Moos 3 µm · grün", "Moos 3 um - grun"), ("苔", "?")])
def test_letters_that_cannot_be_drawn_are_replaced(text, letters):
    assert lettering.plain(text) == letters


def test_words_are_cut_off_at_the_edge_of_the_paper():
    paper = np.zeros((20, 40, 3), np.uint8)
    lettering.write(paper, "much too long", 10, 10, 16, (255, 255, 255), bold=True)
    lettering.write(paper, "below", 10, 30, 16, (255, 255, 255))
    assert paper[12:, 10:].any()
    assert not paper[:8].any()
