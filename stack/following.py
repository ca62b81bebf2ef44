"""Near and far that go with a growing subject, by what the merges of the last stacks measured. Pure.

An end that is open is set out farther; one beyond which lies much that is sharp in no slice is drawn in. Only
stacks that were shot from the same near to the same far say anything together, so after every change it is
waited for what the new range shows.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from rail.axis import Reach
from stack.layout import Layout
from stack.merge.coverage import coverage_of

OPEN_SHARE: Final = 0.02
"""An end slice in which so much is sharpest is open: less than a report warns of, for a bud comes tip first.
"""

OPEN_AGREE: Final = 2
"""Stacks in a row that must find an end open: one may have been an insect that passed."""

IDLE_AGREE: Final = 3
"""Stacks in a row that must find slices idle: to draw in too soon costs sharpness, to wait only time."""

IDLE_SHARE: Final = 0.002
"""A slice in which less than this is sharpest shows nothing of the subject."""

LEAST_PART, MOST_PART = 0.1, 0.25
"""An end goes out by such a part of the range: the more is sharpest there, the farther."""

MARGIN_PART: Final = 0.1
"""Of the range, beyond the subject, at either end: it is drawn in to this from twice as much."""

LEAST_SLICES: Final = 2
"""No end goes out, and no margin is, by less."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Where a stack was shot, and what its merge found.

    Attributes
    ----------
    near_steps, far_steps, pitch_steps
        The ends, and the widest gap between neighbours.
    shares
        From near to far: of what is in focus anywhere, how much is sharpest in that slice, 0 to 1. Empty
        where too little was in focus to say.
    """

    near_steps: int
    far_steps: int
    pitch_steps: int
    shares: tuple[float, ...] = ()

    @property
    def slices(self) -> int:
        """How many there are, about."""
        return max(2, 1 + round((self.far_steps - self.near_steps) / self.pitch_steps))


@dataclass(frozen=True, slots=True)
class Followed:
    """Where the next stack is to be shot; `words` say what changed and why, empty: nothing did."""

    seen: Seen
    words: str = ""


def seen_in(layout: Layout, merge: Mapping[str, Any] | None) -> Seen:
    """Give what a stack's layout and the content of its merge.json say."""
    positions = layout.positions_steps
    return Seen(positions[0], positions[-1], layout.pitch_steps, _shares(layout.slices, merge))


def followed(stacks: Sequence[Seen], reach: Reach) -> Followed:
    """Give the range for the next stack by the last ones, newest last; at least one."""
    last = stacks[-1]
    alike = _alike(stacks)
    near_slices, far_slices = (_outward(alike, end) for end in (0, -1))
    near_steps = last.near_steps - near_slices * last.pitch_steps
    far_steps = last.far_steps + far_slices * last.pitch_steps
    within = replace(
        last,
        near_steps=min(max(near_steps, reach.nearest_steps), last.far_steps),
        far_steps=max(min(far_steps, reach.farthest_steps), last.near_steps),
        shares=(),
    )
    if within.far_steps - within.near_steps < LEAST_SLICES * last.pitch_steps:
        return Followed(last)
    said = [*_said("near", near_slices, last.near_steps != within.near_steps)]
    said += _said("far", far_slices, last.far_steps != within.far_steps)
    return Followed(within, "; ".join(said)) if said else Followed(last)


def _shares(slices: int, merge: Mapping[str, Any] | None) -> tuple[float, ...]:
    if merge is None:
        return ()
    try:
        judged = coverage_of(merge["coverage"]).judged
        by_index = {one["index"]: float(one["share"]) for one in merge["slices"]} if judged else {}
    except (KeyError, TypeError, ValueError):
        return ()
    if not by_index:
        return ()
    return tuple(by_index.get(index, 0.0) for index in range(slices))


def _alike(stacks: Sequence[Seen]) -> list[Seen]:
    """Give the last stacks with the same near and far that say something, newest first."""
    alike: list[Seen] = []
    for seen in reversed(stacks):
        if (seen.near_steps, seen.far_steps) != (stacks[-1].near_steps, stacks[-1].far_steps):
            break
        if seen.shares:
            alike.append(seen)
    return alike


def _outward(alike: Sequence[Seen], end: int) -> int:
    """Give by how many slices an end (0: near, -1: far) goes out; below 0: in."""
    slices = alike[0].slices if alike else 0
    shares = [seen.shares[end] for seen in alike[:OPEN_AGREE]]
    if len(shares) == OPEN_AGREE and min(shares) >= OPEN_SHARE:
        part = min(max(min(shares), LEAST_PART), MOST_PART)
        return max(LEAST_SLICES, math.ceil(part * slices))
    idle = [_idle(seen.shares if end == 0 else seen.shares[::-1]) for seen in alike[:IDLE_AGREE]]
    margin = max(LEAST_SLICES, math.ceil(MARGIN_PART * slices))
    if len(idle) == IDLE_AGREE and min(idle) >= 2 * margin:
        return margin - min(idle)
    return 0


def _idle(shares: Sequence[float]) -> int:
    """Count the slices at the front that show nothing; 0 where none shows anything."""
    return next((index for index, share in enumerate(shares) if share >= IDLE_SHARE), 0)


def _said(end: str, slices: int, changed: bool) -> list[str]:
    if slices == 0:
        return []
    if not changed:
        return [f"the {end} end is open, and the axis goes no farther"]
    if slices > 0:
        return [f"the {end} end was open, and goes out by {slices} slices"]
    return [f"{-slices} slices beyond the {end} end of the subject showed nothing, and are left out"]
