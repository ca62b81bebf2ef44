from typing import Literal

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from camera import aim
from camera.aim import SensorReach, Trial
from camera.camera import Aim, Exposure, Tether
from camera.errors import LightUnsuited

REACH = SensorReach(60, 600_000_000, 1.0, 22.0)
IMX708 = SensorReach(26, 220_000_000, 1.1228, 16.0)


def light(exposure: Exposure) -> float:
    return exposure.time_us * exposure.gain


def exposed(time_us: int, gain: float = 1.0) -> Exposure:
    return Exposure(time_us, gain, (2.1, 1.6))


@pytest.mark.parametrize(
    ("metered", "factor", "wanted"),
    [
        (exposed(8_000), 2, exposed(16_000)),
        (exposed(8_000), 0.5, exposed(4_000)),
        (exposed(60_000, 4), 0.5, exposed(100_000, 1.2)),
        (exposed(60_000, 2), 2, exposed(100_000, 2.4)),
        (exposed(500_000), 2, exposed(500_000, 2)),
        (exposed(60_000, 20), 100, exposed(100_000, 22)),
        (exposed(100), 0.001, exposed(60)),
    ],
)
def test_light_is_time_before_gain(metered: Exposure, factor: float, wanted: Exposure) -> None:
    made = aim.brighter(metered, factor, REACH)

    assert (made.time_us, made.colour_gains) == (wanted.time_us, wanted.colour_gains)
    assert made.gain == pytest.approx(wanted.gain)


@given(
    time_us=st.integers(100, 2_000_000),
    gain=st.floats(1.2, 16),
    mains_hz=st.sampled_from([50, 60]),
    reach=st.sampled_from([REACH, IMX708]),
)
@example(time_us=1_000_001, gain=16.0, mains_hz=50, reach=IMX708)
def test_on_mains_every_exposure_is_whole_flickers_and_as_bright(
    time_us: int, gain: float, mains_hz: Literal[50, 60], reach: SensorReach
) -> None:
    metered = exposed(time_us, gain)
    flicker_us = 1e6 / (2 * mains_hz)
    assume(light(metered) >= flicker_us * reach.least_gain * 1.001)
    safe = aim.flicker_safe(metered, mains_hz, reach)

    assert abs(safe.time_us / flicker_us - round(safe.time_us / flicker_us)) < 1e-4
    assert light(safe) == pytest.approx(light(metered), rel=2e-3)
    assert reach.least_gain <= safe.gain <= reach.most_gain or gain > reach.most_gain


@pytest.mark.parametrize(
    ("metered", "mains_hz", "time_us"),
    [
        (exposed(10_000), 50, 10_000),
        (exposed(25_000), 50, 20_000),
        (exposed(25_000, 2), 50, 30_000),
        (exposed(6_000, 2), 50, 10_000),
        (exposed(8_333), 60, 8_333),
        (exposed(17_000, 1.0), 60, 16_667),
    ],
)
def test_time_is_lengthened_where_gain_allows_it(
    metered: Exposure, mains_hz: Literal[50, 60], time_us: int
) -> None:
    assert aim.flicker_safe(metered, mains_hz, REACH).time_us == time_us


def test_too_much_light_for_a_whole_flicker_is_told_with_what_to_do() -> None:
    with pytest.raises(LightUnsuited, match=r"multiples of 10000 µs.*stop the lens down.*camera\.mains_hz"):
        aim.flicker_safe(exposed(4_000, 1.2), 50, REACH)


def test_a_picture_says_what_is_clipped_and_how_much_brighter_it_could_be() -> None:
    pixels = np.full((100, 100, 3), 118, np.uint8)  # middle grey: 18 % of full light
    pixels[:10, :, 2] = 255

    assert aim.tried(1.0, pixels, 20.0) == Trial(1.0, 10.0, pytest.approx(0.95 / 0.18, rel=0.03))
    assert aim.tried(1.0, pixels, 5.0).headroom < 1


@given(allowed=st.floats(0.1, 20), seed=st.integers(0, 50), curve=st.floats(0.3, 0.7))
def test_the_brightest_that_clips_no_more_than_allowed_is_found(
    allowed: float, seed: int, curve: float
) -> None:
    """On scenes of any contrast, whatever the camera's tone curve."""
    scene = np.random.default_rng(seed).lognormal(-3, 1, (100, 100, 1)).repeat(3, axis=2)
    trials: list[Trial] = []
    factor: float | None = 1.0
    while factor is not None and len(trials) < 8:
        pixels = (255 * np.minimum(scene * factor, 1) ** curve).astype(np.uint8)
        trials.append(aim.tried(factor, pixels, allowed))
        factor = aim.next_factor(trials, allowed)
    best = aim.best_factor(trials, allowed)
    assert best is not None
    ideal = 1 / np.percentile(scene[::2, ::2, 0], 100 - allowed)

    assert ideal / 1.6 < best < ideal * 1.05


def test_the_next_lies_between_the_brightest_good_and_the_darkest_bad() -> None:
    trials = [Trial(1.0, 0.0, 3.0), Trial(9.0, 8.0, 0.9), Trial(4.0, 5.0, 0.9), Trial(0.5, 0.0, 6.0)]

    assert aim.next_factor(trials, 1.0) == 2.0


@given(st.integers(1_000, 80_000), st.floats(1, 8), st.integers(1_000, 80_000), st.floats(1, 8))
def test_a_tether_is_of_light_however_that_is_made_of_time_and_gain(
    time_us: int, gain: float, before_us: int, before_gain: float
) -> None:
    metered, before = exposed(time_us, gain), exposed(before_us, before_gain)
    free = aim.tethered(metered, Tether(before), REACH)
    held = aim.tethered(metered, Tether(before, stops=0.5), REACH)

    assert light(free) == pytest.approx(light(metered), rel=2e-3)
    assert light(held) == pytest.approx(
        min(max(light(metered), light(before) / 2**0.5), light(before) * 2**0.5), rel=2e-3
    )


def test_nothing_is_best_where_everything_clips() -> None:
    trials = [Trial(1.0, 90.0, 0.9), Trial(0.5, 80.0, 0.9)]

    assert aim.next_factor(trials, 1.0) == 0.25
    assert aim.best_factor(trials, 1.0) is None


@pytest.mark.parametrize(
    "wrong", [{"stops": 9.0}, {"stops": -8.5}, {"clipped_percent": 51}, {"clipped_percent": -1}]
)
def test_a_brightness_that_is_none_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="no brightness"):
        Aim(**wrong)


def test_stops_and_clipping_contradict_each_other() -> None:
    with pytest.raises(ValueError, match="not for both"):
        Aim(stops=1, clipped_percent=1)
