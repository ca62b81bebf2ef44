"""The lamp on the panel's light pin: how bright it is, and when."""

import math

from simulator.world import Driven

COLD = 0.1
"""How much brighter an LED is before its chip is warm, as a part of its light."""


def shining(driven: Driven, instant_ns: int, warm_up_ns: int, *, low: bool) -> float:
    """Give a lamp's brightness at an instant; 1 when it is on and warm.

    Parameters
    ----------
    driven
        What its pin was, and has been.
    warm_up_ns
        Time in which what it has too much falls to 37 %.
    low
        It shines while its pin is low.
    """
    since_ns = instant_ns - driven.since_ns
    part = driven.part if since_ns >= 0 else driven.before
    lit = 1 - part if low else part
    return lit * (1 + COLD * math.exp(-since_ns / warm_up_ns)) if since_ns >= 0 else lit


def mean_light(driven: Driven, begin_ns: int, end_ns: int, warm_up_ns: int, *, low: bool) -> float:
    """Give its mean brightness from one instant to another."""
    instants_ns = (begin_ns + (2 * n + 1) * (end_ns - begin_ns) // 16 for n in range(8))
    return sum(shining(driven, instant_ns, warm_up_ns, low=low) for instant_ns in instants_ns) / 8
