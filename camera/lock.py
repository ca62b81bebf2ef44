"""When and how a frame was exposed, and whether that is what the lock says: pure functions of its metadata.

The names are libcamera's. `SensorTimestamp` is the start of the first row's read-out, which is the end of
its exposure, in nanoseconds of CLOCK_MONOTONIC; `ExposureTime` is in microseconds, cut off to a whole one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from camera.camera import Exposure

Metadata: TypeAlias = Mapping[str, object]
Figures: TypeAlias = Mapping[str, float]
"""The numbers that decide brightness and colour, by name, as far as a camera reports them."""

TIME, GAIN, DIGITAL_GAIN = "ExposureTime", "AnalogueGain", "DigitalGain"
RED, BLUE = "ColourGains red", "ColourGains blue"

HELD: Final[Figures] = {TIME: 0.002, GAIN: 0.01, DIGITAL_GAIN: 0.005, RED: 0.005, BLUE: 0.005}
"""How far, as a fraction, a slice may stray from the lock: 1 % of light is less than one level in the
mid-tones of an 8-bit frame. Gain has the most room, for sensors that predict theirs instead of reporting."""

GRANTED: Final[Figures] = {**HELD, GAIN: 0.045}
"""How far a sensor may round what was asked: the coarsest gain code, an IMX219's last, is 1/24 wide."""

SETTLED: Final[Figures] = {TIME: 0.02, GAIN: 0.02, DIGITAL_GAIN: 0.02, RED: 0.01, BLUE: 0.01}
"""How far automatic exposure may still wander and count as settled: its own dead band is about 2 %."""

ROUNDED: Final = 0.001
"""A tenth of a percent of light is a thirtieth of a level."""

IDLE, CONVERGED = 0, 2
"""`AeState` with automatic exposure off, and on and content. Some sensors do not report it."""

WINDOW: Final = 8
"""Frames that must agree before what they show counts as final.

A change takes up to three frames in the sensor and two in the queue, so five may agree and all be old."""

SAME: Final = 0.01
"""How far, relatively, a recorded exposure and what the sensor grants later may lie apart."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One figure of a frame that is not what it should be.

    Attributes
    ----------
    key
        Its name.
    asked, got
        What it should be, and what the frame reports; `got` is None when the frame does not say.
    tolerance
        The difference that would have been accepted, in the figure's own unit.
    """

    key: str
    asked: float
    got: float | None
    tolerance: float

    def __str__(self) -> str:
        got = "is missing" if self.got is None else f"is {self.got:g}"
        return f"{self.key} {got} instead of {self.asked:g} ± {self.tolerance:g}"


def began_ns(metadata: Metadata) -> int:
    """Give the instant when the first row's exposure began. Raises KeyError when the frame does not say."""
    return _whole(metadata["SensorTimestamp"]) - 1000 * _whole(metadata[TIME])


def ended_ns(metadata: Metadata, readout_us: int) -> int:
    """Give the instant when the last row was read out, `readout_us` after the first. Raises KeyError too."""
    return _whole(metadata["SensorTimestamp"]) + 1000 * readout_us


def sensor_c(metadata: Metadata) -> float | None:
    """Give the sensor's temperature; None where the frame does not say: few sensors do, and not in each."""
    told = metadata.get("SensorTemperature")
    return float(told) if isinstance(told, int | float) else None


def missing(metadata: Metadata) -> tuple[str, ...]:
    """Name what a frame must report, and does not, for anybody to tell when and how it was exposed."""
    return tuple(key for key in ("SensorTimestamp", TIME, GAIN) if key not in metadata)


def assumed(metadata: Metadata, asked: Exposure, frame_us: int) -> Metadata:
    """Complete what a camera reports that never says how it exposed: what was asked stands in.

    A camera on USB reports a time stamp and nothing else (libcamera 0.7.1, `pipeline/uvcvideo`), and whether
    that is the beginning of the exposure or the end of the transfer is up to its maker: it is set back by a
    whole frame, of `frame_us` at the most. `Assumed` names what was not reported.
    """
    absent = tuple(key for key in (TIME, GAIN) if key not in metadata)
    if not absent or "SensorTimestamp" not in metadata:
        return metadata
    return {
        TIME: asked.time_us,
        GAIN: asked.gain,
        **metadata,
        "SensorTimestamp": _whole(metadata["SensorTimestamp"]) - 1000 * frame_us,
        "Assumed": absent,
    }


def figures(metadata: Metadata) -> Figures:
    """Pick from `metadata` the numbers that decide brightness and colour; those it lacks are left out."""
    found = {key: float(cast(float, metadata[key])) for key in (TIME, GAIN, DIGITAL_GAIN) if key in metadata}
    if "ColourGains" in metadata:
        red, blue = cast(Sequence[float], metadata["ColourGains"])
        found |= {RED: float(red), BLUE: float(blue)}
    return found


def figures_asked(exposure: Exposure) -> Figures:
    """Say in figures what a frame taken with `exposure` should report."""
    red, blue = exposure.colour_gains
    return {TIME: exposure.time_us, GAIN: exposure.gain, RED: red, BLUE: blue}


def exposure_of(metadata: Metadata) -> Exposure:
    """Give the exposure that a frame reports; a monochrome sensor has no colour gains and gets 1.

    Raises KeyError when the frame reports no exposure time or gain.
    """
    found = figures(metadata)
    return Exposure(int(found[TIME]), found[GAIN], (found.get(RED, 1.0), found.get(BLUE, 1.0)))


def deviations(
    asked: Figures, metadata: Metadata, line_us: float, tolerances: Figures = HELD
) -> tuple[Deviation, ...]:
    """List every figure of `asked` that a frame does not report within its tolerance.

    Parameters
    ----------
    asked
        The figures to hold a frame to; only these are looked at.
    metadata
        What the frame reports.
    line_us
        Time between two rows, in microseconds: exposure time comes in whole lines, so one line is always
        tolerated.
    tolerances
        Accepted difference for each figure, as a fraction of what is asked.
    """
    got = figures(metadata)
    found = []
    for key, value in asked.items():
        tolerance = abs(value) * tolerances[key]
        if key == TIME:
            tolerance = max(tolerance, line_us)
        if key not in got and key == DIGITAL_GAIN:
            continue  # it follows from time and gain, and what follows from figures that hold, holds
        if key not in got or not abs(got[key] - value) <= tolerance:
            found.append(Deviation(key, value, got.get(key), tolerance))
    return tuple(found)


def in_words(found: Sequence[Deviation]) -> str:
    """Name deviations in one line."""
    return ", ".join(map(str, found))


def automatic(metadata: Metadata) -> tuple[Deviation, ...]:
    """Name automatic exposure as a deviation when it is at work in a frame that should be locked."""
    state = metadata.get("AeState")
    if state in (None, IDLE):
        return ()
    return (Deviation("AeState", IDLE, float(cast(float, state)), 0.0),)


def to_apply(exposure: Exposure) -> Exposure:
    """Give what must be asked of the sensor to be granted `exposure`, again and again from what it reports.

    A sensor rounds down to whole lines and gain codes, and reports the time cut off to a whole microsecond.
    The reported time, asked for again, falls short of its own line and comes back one line shorter, every
    time. One microsecond more reaches the line, and never the next, which is several away. A gain reported
    in single precision may fall below its own code likewise: a hundred-thousandth more reaches it, and the
    next code is a hundred times as far.
    """
    return Exposure(exposure.time_us + 1, exposure.gain * (1 + 1e-5), exposure.colour_gains)


def rounded(asked: Exposure, granted: Exposure) -> bool:
    """Say whether a sensor's rounding took away more light than nobody would ever see."""
    return abs(granted.time_us * granted.gain / (asked.time_us * asked.gain) - 1) > ROUNDED


def metered(metadata: Metadata) -> Exposure:
    """Give the exposure that is as bright as a frame taken automatically.

    Automatic exposure makes up with digital gain for what the sensor could not give; a locked frame has none,
    so the time grows by as much.
    """
    taken = exposure_of(metadata)
    digital_gain = figures(metadata).get(DIGITAL_GAIN, 1.0)
    return Exposure(round(taken.time_us * digital_gain), taken.gain, taken.colour_gains)


def settled(frames: Sequence[Metadata], line_us: float) -> bool:
    """Say whether automatic exposure and white balance have come to rest over `frames`, oldest first.

    The sensor's own word (`AeState`) is not enough: it speaks of the frame before, and not of white balance,
    which creeps on for some frames longer.
    """
    return (
        len(frames) >= WINDOW
        and all(frame.get("AeState") in (None, CONVERGED) for frame in frames)
        and _agree(frames, line_us, SETTLED)
    )


def granted(wanted: Figures, frames: Sequence[Metadata], line_us: float) -> Exposure | None:
    """Give the exposure that the sensor made of `wanted`; None while `frames`, oldest first, do not show it.

    Frames from before may show the same time and gain, after rounding, and another digital gain: only a full
    window that agrees is proof that nothing is on its way any more.
    """
    latest = frames[-WINDOW:]
    if (
        len(latest) < WINDOW
        or any(automatic(frame) or deviations(wanted, frame, line_us, GRANTED) for frame in latest)
        or not _agree(latest, line_us, HELD)
    ):
        return None
    return exposure_of(latest[-1])


def same_exposure(a: Exposure, b: Exposure) -> bool:
    """Say whether two exposures differ by less than can be seen."""
    pairs = zip((a.time_us, a.gain, *a.colour_gains), (b.time_us, b.gain, *b.colour_gains), strict=True)
    return all(math.isclose(x, y, rel_tol=SAME) for x, y in pairs)


def _agree(frames: Sequence[Metadata], line_us: float, tolerances: Figures) -> bool:
    latest = figures(frames[-1])
    return not any(deviations(latest, frame, line_us, tolerances) for frame in frames)


def _whole(value: object) -> int:
    return int(cast(int, value))
