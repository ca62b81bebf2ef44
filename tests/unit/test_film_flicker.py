"""What a viewer sees of the light: it flows, whatever lamp, camera or weather did."""

import numpy as np
import pytest

from camera.camera import Exposure
from stack.film.flicker import evened
from stack.film.light import ANEW, UNKNOWN, LightStep

FRAMES = 120


def exposure(stops=0.0):
    return Exposure(round(10_000 * 2**stops), 1.0, (2.0, 1.5))


def steps_of(levels):
    """Give the steps between levels in stops; NaN is a picture that cannot be compared."""
    steps, last = [], None
    for level in levels:
        if np.isnan(level):
            steps.append(UNKNOWN)
        elif last is None:
            steps.append(ANEW)
            last = level
        else:
            steps.append(LightStep((level - last,) * 3))
            last = level
    return steps


def shown(levels, exposures=None):
    """Give the levels that a viewer sees."""
    found = evened(steps_of(levels), exposures or [exposure()] * len(levels))
    return np.array([level + np.mean(one.stops) for level, one in zip(levels, found, strict=True)]), found


def flicker(percent, seed=1):
    return np.log2(1 + percent / 100 * np.random.default_rng(seed).uniform(-1, 1, FRAMES))


def test_a_lamp_that_flickers_by_five_percent_does_not_show():
    levels = flicker(5)
    seen, _ = shown(levels)
    assert np.abs(np.diff(levels)).max() > 0.08
    assert np.abs(np.diff(seen[8:-8])).max() < 0.01  # 0.7 %
    assert np.abs(np.diff(seen)).max() < 0.03
    assert seen.std() < levels.std() / 3


def test_each_channel_flickers_for_itself():
    blue, red = flicker(5, 1), flicker(5, 2)
    steps = [ANEW] + [
        LightStep((float(b), 0.0, float(r))) for b, r in zip(np.diff(blue), np.diff(red), strict=True)
    ]
    found = evened(steps, [exposure()] * FRAMES)
    for channel, levels in ((0, blue), (2, red)):
        seen = levels + np.array([one.stops[channel] for one in found])
        assert np.abs(np.diff(seen[8:-8])).max() < 0.01
    assert np.abs([one.stops[1] for one in found]).max() < 1e-6


def test_day_fades_into_night_as_it_did():
    day = 2.5 * np.cos(np.arange(FRAMES) / 48 * 2 * np.pi)
    seen, _ = shown(day + flicker(5))
    assert np.abs(seen[8:-8] - day[8:-8]).max() < 0.15
    assert np.ptp(seen) > 0.95 * np.ptp(day)


def test_a_stop_more_of_exposure_becomes_a_slope_and_is_not_undone():
    levels = np.where(np.arange(FRAMES) < 60, 0.0, 1.0)
    seen, _ = shown(levels, [exposure(stop) for stop in levels])
    assert np.abs(np.diff(seen)).max() < 0.15
    assert abs(seen[20]) < 0.02
    assert abs(seen[-20] - 1) < 0.02


def test_a_ramp_of_exposures_in_steps_of_a_third_becomes_a_slope():
    dusk = -np.arange(FRAMES) / 24
    exposed = np.floor(np.arange(FRAMES) / 8) / 3  # steps of a third, as fast as the light falls
    seen, _ = shown(dusk + exposed + flicker(2), [exposure(stop) for stop in exposed])
    assert np.abs(np.diff(dusk + exposed)).max() > 0.28
    assert np.abs(np.diff(seen[8:-8])).max() < 0.03
    assert np.ptp(seen) < 0.35


def test_a_lamp_that_is_switched_on_comes_on_at_once():
    levels = np.where(np.arange(FRAMES) < 60, 0.0, 1.5)
    seen, _ = shown(levels + flicker(2))
    assert seen[60] - seen[59] > 1.4
    assert np.abs(np.diff(seen[:60])).max() < 0.05
    assert np.abs(np.diff(seen[60:])).max() < 0.05


def test_light_that_exposure_makes_up_for_stays_as_even_as_it_was():
    clouds = np.where(np.arange(FRAMES) < 60, 0.0, -2.0)
    levels = flicker(3)
    seen, _ = shown(levels, [exposure(-stop) for stop in clouds])
    assert np.abs(np.diff(seen[8:-8])).max() < 0.01


@pytest.mark.parametrize("at", [1, 40, 41, FRAMES - 1])
def test_one_dark_picture_is_mended_and_its_neighbours_are_left_alone(at):
    levels = np.zeros(FRAMES)
    levels[at] = -1.3
    seen, found = shown(levels)
    assert np.abs(seen).max() < 0.02
    assert [n for n, one in enumerate(found) if one.mended] == [at]
    assert max(np.abs(one.stops).max() for n, one in enumerate(found) if n != at) < 0.02


def test_two_dark_pictures_in_a_row_are_mended_too():
    levels = np.zeros(FRAMES)
    levels[40:42] = -1.0
    seen, found = shown(levels)
    assert np.abs(seen).max() < 0.02
    assert sum(one.mended for one in found) == 2


def test_what_is_too_dark_to_be_mended_is_left_out_and_said():
    levels = np.zeros(FRAMES)
    levels[40] = -4.0
    _, found = shown(levels)
    assert found[40].left_out == "it is 4.0 stops darker than those around it"
    assert sum(bool(one.left_out) for one in found) == 1


def test_a_picture_that_is_black_is_left_out_and_a_black_night_is_shown():
    levels = np.zeros(FRAMES)
    levels[10] = np.nan
    levels[60:90] = np.nan
    _, found = shown(levels)
    assert [n for n, one in enumerate(found) if one.left_out] == [10]
    assert all(one.stops == (0.0, 0.0, 0.0) and one.level is None for one in found[60:90])


def test_where_counting_began_anew_nothing_is_smoothed_across():
    steps = [ANEW, *[LightStep((0.0,) * 3)] * 30, ANEW, *[LightStep((0.01,) * 3)] * 30]
    found = evened(steps, [None] * len(steps))
    assert np.abs([one.stops for one in found]).max() < 1e-6


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_film_may_be_short(count):
    levels = np.array([0.0, 0.1, -0.1][:count])
    _, found = shown(levels)
    assert len(found) == count
    assert all(not one.left_out for one in found)
    assert all(np.abs(one.stops).max() < 0.2 for one in found)


def test_no_picture_gets_more_than_a_stop_unless_it_is_mended():
    levels = 3 * np.random.default_rng(5).uniform(-1, 1, FRAMES)
    _, found = shown(levels)
    assert max(np.abs(one.stops).max() for one in found if not one.mended) <= 1.0
    assert max(np.abs(one.stops).max() for one in found) <= 2.0
