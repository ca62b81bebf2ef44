"""Speed over a move, as whole nanoseconds between steps.

A ramp is a staircase of levels. Level `k` is the shortest interval allowed `k` steps after standstill; the
last level is cruising. A move climbs one level a step, cruises, and descends one level a step, so that a move
is its own mirror image, and a stop at level `k` is `k` more steps going down.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import isqrt

LONGEST_RAMP_STEPS = 200_000
"""A longer ramp is a slip of the pen in the configuration, and its table would not fit a small board."""

_NS_A_SECOND = 10**9


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
    """

    start_steps_s: int
    max_steps_s: int
    acceleration_steps_s2: int

    def __post_init__(self) -> None:
        if self.start_steps_s < 1 or self.acceleration_steps_s2 < 1:
            raise ValueError(f"a ramp needs a start speed and an acceleration of at least 1, not {self}")
        if self.max_steps_s < self.start_steps_s:
            raise ValueError(f"a ramp cannot cruise slower than it starts: {self}")
        if self.length_steps > LONGEST_RAMP_STEPS:
            raise ValueError(f"{self} takes {self.length_steps} steps to reach its speed; accelerate harder")

    @property
    def length_steps(self) -> int:
        """The steps from standstill to cruising."""
        gained = self.max_steps_s**2 - self.start_steps_s**2
        return -(-gained // (2 * self.acceleration_steps_s2))

    @property
    def levels_ns(self) -> tuple[int, ...]:
        """The shortest interval allowed at each level, from the start speed to cruising, never increasing."""
        return _levels_ns(self)

    def slowest(self) -> "Ramp":
        """Give the ramp that never leaves the start speed; it may be cut off at any step."""
        return Ramp(self.start_steps_s, self.start_steps_s, self.acceleration_steps_s2)

    def duration_ns(self, steps: int) -> int:
        """Give the time of a move of `steps`, the sum of its intervals."""
        levels_ns, climbed_ns = _levels_ns(self), _climbed_ns(self)
        top = min(steps // 2, len(levels_ns) - 1)
        return 2 * climbed_ns[top] + (steps - 2 * top) * levels_ns[top]


def intervals_ns(ramp: Ramp, steps: int) -> Iterator[int]:
    """Give the time that each of `steps` takes, from its pulse to the next one's, in order."""
    levels_ns = ramp.levels_ns
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


@lru_cache(maxsize=32)
def _levels_ns(ramp: Ramp) -> tuple[int, ...]:
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
