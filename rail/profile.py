"""Speed over a move, as whole nanoseconds between steps.

A ramp is a staircase of levels, cut from a curve of constant acceleration or, with a jerk, from an S whose
acceleration itself comes and goes gradually. Level `k` is the shortest interval allowed `k` steps after
standstill; the last level is cruising. A move climbs one level a step, cruises, and descends one level a
step, so that a move is its own mirror image, and a stop at level `k` is `k` more steps going down.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate
from math import ceil, isqrt, sqrt

LONGEST_RAMP_STEPS = 200_000
"""A longer ramp is a slip of the pen in the configuration, and its table would not fit a small board."""

_NS_A_SECOND = 10**9
_NEAR_STEPS = 1e-6
_TRIES = 50


@dataclass(frozen=True, slots=True)
class Ramp:
    """A trapezoid of speed: start at once at `start_steps_s`, gain `acceleration_steps_s2`, cruise.

    Attributes
    ----------
    start_steps_s
        The speed the motor takes up, and gives up, from one step to the next; at least 1.
    max_steps_s
        Cruising speed, not below the start speed.
    acceleration_steps_s2
        At least 1.
    jerk_steps_s3
        How fast the acceleration may change, at least 1; None: at once. A move too short to reach the speed
        takes a lower one, so that the acceleration has come to nothing where the way down begins; a stop may
        come earlier, and then only the deceleration is limited.
    """

    start_steps_s: int
    max_steps_s: int
    acceleration_steps_s2: int
    jerk_steps_s3: int | None = None

    def __post_init__(self) -> None:
        if self.start_steps_s < 1 or self.acceleration_steps_s2 < 1:
            raise ValueError(f"a ramp needs a start speed and an acceleration of at least 1, not {self}")
        if self.jerk_steps_s3 is not None and self.jerk_steps_s3 < 1:
            raise ValueError(f"a ramp needs a jerk of at least 1, or none at all: {self}")
        if self.max_steps_s < self.start_steps_s:
            raise ValueError(f"a ramp cannot cruise slower than it starts: {self}")
        if self.length_steps > LONGEST_RAMP_STEPS:
            raise ValueError(f"{self} takes {self.length_steps} steps to reach its speed; accelerate harder")

    @property
    def length_steps(self) -> int:
        """The steps from standstill to cruising."""
        if self.jerk_steps_s3 is not None:
            return _Curve.of(self, self.jerk_steps_s3).length_steps
        gained = self.max_steps_s**2 - self.start_steps_s**2
        return -(-gained // (2 * self.acceleration_steps_s2))

    @property
    def levels_ns(self) -> tuple[int, ...]:
        """The shortest interval allowed at each level, from the start speed to cruising, never increasing."""
        return _levels_ns(self)

    def slowest(self) -> "Ramp":
        """Give the ramp that never leaves the start speed; it may be cut off at any step."""
        return Ramp(self.start_steps_s, self.start_steps_s, self.acceleration_steps_s2)

    def capped(self, cap_steps_s: int) -> "Ramp":
        """Give this ramp, nowhere faster than `cap_steps_s`."""
        start_steps_s, max_steps_s = min(self.start_steps_s, cap_steps_s), min(self.max_steps_s, cap_steps_s)
        return replace(self, start_steps_s=start_steps_s, max_steps_s=max_steps_s)

    def fitted(self, steps: int) -> "Ramp":
        """Give the ramp of a move of `steps`: one with a jerk goes no faster than it can end smoothly."""
        if self.jerk_steps_s3 is None or 2 * self.length_steps <= steps:
            return self
        speeds = range(self.start_steps_s, self.max_steps_s)
        too_long = bisect_right(
            speeds, steps // 2, key=lambda speed: replace(self, max_steps_s=speed).length_steps
        )
        return replace(self, max_steps_s=speeds[max(0, too_long - 1)])

    def duration_ns(self, steps: int) -> int:
        """Give the time of a move of `steps`, the sum of its intervals."""
        fitted = self.fitted(steps)
        levels_ns, climbed_ns = _levels_ns(fitted), _climbed_ns(fitted)
        top = min(steps // 2, len(levels_ns) - 1)
        return 2 * climbed_ns[top] + (steps - 2 * top) * levels_ns[top]


def intervals_ns(ramp: Ramp, steps: int) -> Iterator[int]:
    """Give the time that each of `steps` takes, from its pulse to the next one's, in order."""
    levels_ns = ramp.fitted(steps).levels_ns
    level = -1
    for left in range(steps, 0, -1):
        level = next_level(level, left, len(levels_ns) - 1)
        yield levels_ns[level]


def next_level(level: int, left_steps: int, top: int) -> int:
    """Give the level of the next step: up if the way down still fits, else along, else down.

    Parameters
    ----------
    level
        The last step's, -1 from standstill.
    left_steps
        Steps still to go, the next one included; after level `k` this must be at least `k`.
    top
        The cruising level.
    """
    return min(level + 1, left_steps - 1, top)


def level_at(interval_ns: int, levels_ns: tuple[int, ...]) -> int:
    """Give the highest level at which a step may take `interval_ns`; -1, standstill, beyond the slowest.

    After a step that came late the motor is slower than planned, and must be brought up to speed again.
    """
    return bisect_right(levels_ns, -interval_ns, key=int.__neg__) - 1


@dataclass(frozen=True, slots=True)
class _Curve:
    """The way up with a jerk: the acceleration grows, stays, and falls as it grew; a point mirror of itself.

    Attributes
    ----------
    start_steps_s, max_steps_s, jerk_steps_s3
        The ramp's.
    bend_s, straight_s
        How long the acceleration grows, and falls; and how long it stays.
    """

    start_steps_s: int
    max_steps_s: int
    jerk_steps_s3: int
    bend_s: float
    straight_s: float

    @staticmethod
    def of(ramp: Ramp, jerk_steps_s3: int) -> "_Curve":
        gained = ramp.max_steps_s - ramp.start_steps_s
        bend_s = min(ramp.acceleration_steps_s2 / jerk_steps_s3, sqrt(gained / jerk_steps_s3))
        straight_s = gained / (jerk_steps_s3 * bend_s) - bend_s if bend_s else 0.0
        return _Curve(ramp.start_steps_s, ramp.max_steps_s, jerk_steps_s3, bend_s, max(0.0, straight_s))

    @property
    def duration_s(self) -> float:
        return 2 * self.bend_s + self.straight_s

    @property
    def length_steps(self) -> int:
        return ceil((self.start_steps_s + self.max_steps_s) / 2 * self.duration_s)

    def at(self, time_s: float) -> tuple[float, float]:
        """Give steps gone and speed at `time_s`."""
        if time_s > self.duration_s / 2:
            left_s = max(0.0, self.duration_s - time_s)
            gone, speed = self._rising(left_s)
            gained = speed - self.start_steps_s
            length = (self.start_steps_s + self.max_steps_s) / 2 * self.duration_s
            fallen = gone - self.start_steps_s * left_s
            return length - self.max_steps_s * left_s + fallen, self.max_steps_s - gained
        return self._rising(time_s)

    def _rising(self, time_s: float) -> tuple[float, float]:
        bent_s, straight_s = min(time_s, self.bend_s), max(0.0, time_s - self.bend_s)
        slope = self.jerk_steps_s3 * bent_s
        speed = self.start_steps_s + slope * bent_s / 2
        gone = self.start_steps_s * bent_s + slope * bent_s**2 / 6
        return gone + speed * straight_s + slope * straight_s**2 / 2, speed + slope * straight_s

    def speeds(self) -> Iterator[float]:
        """Give the speed after each whole step, from standstill up to the length."""
        time_s = 0.0
        for steps in range(self.length_steps):
            gone, speed = self.at(time_s)
            for _ in range(_TRIES):  # Newton's, from the step before
                if abs(steps - gone) <= _NEAR_STEPS:
                    break
                time_s += (steps - gone) / speed
                gone, speed = self.at(time_s)
            yield speed
        yield float(self.max_steps_s)


@lru_cache(maxsize=32)
def _levels_ns(ramp: Ramp) -> tuple[int, ...]:
    if ramp.jerk_steps_s3 is not None:
        speeds = accumulate(_Curve.of(ramp, ramp.jerk_steps_s3).speeds(), max)
        return tuple(ceil(_NS_A_SECOND / min(speed, ramp.max_steps_s)) for speed in speeds)
    # v(k)^2 = v0^2 + 2 a k, taken at the slower end of the step: never faster than the true curve.
    squares = [
        min(ramp.start_steps_s**2 + 2 * ramp.acceleration_steps_s2 * k, ramp.max_steps_s**2)
        for k in range(ramp.length_steps + 1)
    ]
    return tuple(_ceil_root(-(-(_NS_A_SECOND**2) // square)) for square in squares)


@lru_cache(maxsize=32)
def _climbed_ns(ramp: Ramp) -> tuple[int, ...]:
    return tuple(accumulate(ramp.levels_ns, initial=0))


def _ceil_root(value: int) -> int:
    return isqrt(value - 1) + 1
