"""How bright a metered picture is to be, and which exposure makes it so: pure functions.

Light is exposure time times gain. Where there is a choice, time is taken before gain, for gain is noise.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from camera.camera import Exposure, Tether
from camera.errors import LightUnsuited

LONGEST_US: Final = 100_000
"""Automatic exposure stops at about 66 ms; a rig at rest has a little more patience before gain comes in."""

CLIPPED: Final = 254
"""Of 255: a colour this bright may have been brighter."""

ROOM, CLOSE_ENOUGH = 0.95, 1.06
"""What is still allowed to be bright comes to rest below full light, within a twelfth of a stop."""

STRIDE: Final = 4.0
"""Never brighten by more than two stops at once: what the picture says of its lights is an estimate."""


@dataclass(frozen=True, slots=True)
class SensorReach:
    """What a sensor can do: times in microseconds, and analogue gains."""

    least_us: int
    most_us: int
    least_gain: float
    most_gain: float


@dataclass(frozen=True, slots=True)
class Trial:
    """A picture taken with `factor` times the metered light.

    Attributes
    ----------
    factor
        Of the metered light.
    clipped_percent
        How many of its pixels are clipped in a colour.
    headroom
        Factor by which it could be brighter, as an estimate.
    """

    factor: float
    clipped_percent: float
    headroom: float


def brighter(exposure: Exposure, factor: float, reach: SensorReach) -> Exposure:
    """Give `factor` times the light of `exposure`, within what the sensor can do; time before gain."""
    light = exposure.time_us * exposure.gain * factor
    longest_us = min(max(exposure.time_us, LONGEST_US), reach.most_us)
    time_us = min(max(round(light / reach.least_gain), reach.least_us), longest_us)
    gain = min(max(light / time_us, reach.least_gain), reach.most_gain)
    return replace(exposure, time_us=time_us, gain=gain)


def tethered(metered: Exposure, tether: Tether, reach: SensorReach) -> Exposure:
    """Give the light of `metered`, no farther from the tether's than its stops, in the tether's colours."""
    before = tether.exposure
    stops = math.log2((metered.time_us * metered.gain) / (before.time_us * before.gain))
    if tether.stops is not None:
        stops = min(max(stops, -tether.stops), tether.stops)
    return brighter(before, 2**stops, reach)


def flicker_safe(exposure: Exposure, mains_hz: Literal[50, 60], reach: SensorReach) -> Exposure:
    """Give an exposure with the same light, its time a whole multiple of a lamp's flicker on the mains.

    A lamp flickers twice in a period of the mains: then every row, and every slice, gathers whole flickers.
    Raises `LightUnsuited` where even one of them, at the least gain, is too much light.
    """
    flicker_us = 1_000_000 / (2 * mains_hz)
    flickers = exposure.time_us / flicker_us
    for count in (math.ceil(flickers - 1e-3), math.floor(flickers)):
        time_us = round(count * flicker_us)
        if count < 1 or time_us > reach.most_us:
            continue
        gain = exposure.gain * exposure.time_us / time_us
        if reach.least_gain * 0.999 <= gain <= reach.most_gain * 1.001:
            return replace(exposure, time_us=time_us, gain=min(max(gain, reach.least_gain), reach.most_gain))
    raise LightUnsuited(
        f"The light calls for {exposure.time_us} µs at gain {exposure.gain:.2f}, and a lamp on mains of "
        f"{mains_hz} Hz for multiples of {flicker_us:.0f} µs with a gain from {reach.least_gain:g} to "
        f"{reach.most_gain:g}: stop the lens down or dim the light, or set camera.mains_hz to null for a "
        "light that does not flicker.",
        metered=exposure,
    )


def tried(factor: float, pixels: NDArray[np.uint8], allowed_percent: float) -> Trial:
    """Say of a picture, of shape `(H, W, 3)` and sRGB, how many pixels are clipped and how far others are."""
    brightest = pixels[::2, ::2].max(axis=2)
    clipped_percent = 100 * float(np.mean(brightest >= CLIPPED))
    level = float(np.percentile(brightest, 100 - allowed_percent)) / 255
    linear = level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4
    return Trial(factor, clipped_percent, ROOM / max(linear, 1e-3))


def next_factor(trials: Sequence[Trial], allowed_percent: float) -> float | None:
    """Give the factor to try next; None when the brightest that keeps to `allowed_percent` is found.

    The tone curve is the camera's secret, so its pictures are asked: up by what they promise, and between the
    brightest that was good and the darkest that was not.
    """
    good = [trial for trial in trials if trial.clipped_percent <= allowed_percent]
    bad = [trial.factor for trial in trials if trial.clipped_percent > allowed_percent]
    if not good:
        return min(bad) / 2
    best = max(good, key=lambda trial: trial.factor)
    if bad:
        return None if min(bad) / best.factor < CLOSE_ENOUGH**2 else math.sqrt(min(bad) * best.factor)
    return None if best.headroom < CLOSE_ENOUGH else best.factor * min(best.headroom, STRIDE)


def best_factor(trials: Sequence[Trial], allowed_percent: float) -> float | None:
    """Give the brightest factor tried that keeps to `allowed_percent`; None where none does."""
    return max((trial.factor for trial in trials if trial.clipped_percent <= allowed_percent), default=None)
