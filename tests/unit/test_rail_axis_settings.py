from dataclasses import replace

import pytest
from rail_rig import SETTINGS

from rail.axis import Reach


def test_the_reach_is_travel_less_keep_out_less_run_up():
    assert SETTINGS.reach == Reach(640 + 320 + 32, 9_600 - 1_280)
    near = replace(SETTINGS, subject_side="near")
    assert near.reach == Reach(1_280 + 320 + 32, 9_600 - 640)


@pytest.mark.parametrize(
    ("side", "near_end", "ends", "sense", "home"),
    [
        ("far", None, (0, 9_600), -1, 0),
        ("near", None, (0, 9_600), 1, 9_600),
        ("far", -4_800, (-4_800, 4_800), -1, 0),
        ("near", -4_800, (-4_800, 4_800), 1, 0),
        ("near", 0, (0, 9_600), 1, 0),
    ],
)
def test_home_is_away_from_the_subject_and_a_mark_where_there_is_one(side, near_end, ends, sense, home):
    settings = replace(SETTINGS, subject_side=side, near_end_steps=near_end)
    assert (settings.ends_steps, settings.home_sense, settings.home_steps) == (ends, sense, home)


def test_settings_that_leave_no_room_are_refused():
    least = SETTINGS.travel_steps - 640 - 320 - 32
    only = replace(SETTINGS, keep_out_steps=least).reach
    assert only.nearest_steps == only.farthest_steps
    with pytest.raises(ValueError, match="no room"):
        replace(SETTINGS, keep_out_steps=least + 1)
    with pytest.raises(ValueError, match="second touch"):
        replace(SETTINGS, touch_steps_s=321)
    with pytest.raises(ValueError, match="second touch"):
        replace(SETTINGS, touch_steps_s=0)


@pytest.mark.parametrize(
    "name", ["keep_out_steps", "backlash_steps", "margin_steps", "clearance_steps", "touch_steps_s"]
)
def test_what_would_turn_a_protection_round_is_refused(name):
    with pytest.raises(ValueError, match=r"negative|second touch"):
        replace(SETTINGS, **{name: -1})


@pytest.mark.parametrize(
    "least",
    [
        {"keep_out_steps": 0},
        {"backlash_steps": 0},
        {"margin_steps": 0},
        {"clearance_steps": 0},
        {"touch_steps_s": 1},
        {"touch_steps_s": SETTINGS.ramp.start_steps_s},
        {"near_end_steps": -9_600},
    ],
)
def test_the_least_and_the_most_that_may_be_are_taken(least):
    assert replace(SETTINGS, **least) != SETTINGS


@pytest.mark.parametrize("near_end", [1, -9_601])
def test_a_mark_outside_the_travel_is_refused(near_end):
    with pytest.raises(ValueError, match="within the travel"):
        replace(SETTINGS, near_end_steps=near_end)
