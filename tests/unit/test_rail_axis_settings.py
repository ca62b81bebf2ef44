from dataclasses import replace

import pytest
from rail_rig import SETTINGS

from rail.axis import Reach


def test_the_reach_is_travel_less_keep_out_less_run_up():
    assert SETTINGS.reach == Reach(640 + 320 + 32, 9_600 - 1_280)
    near = replace(SETTINGS, subject_side="near")
    assert near.reach == Reach(1_280 + 320 + 32, 9_600 - 640)


def test_settings_that_leave_no_room_are_refused():
    with pytest.raises(ValueError, match="no room"):
        replace(SETTINGS, keep_out_steps=9_000)
    with pytest.raises(ValueError, match="second touch"):
        replace(SETTINGS, touch_steps_s=321)
