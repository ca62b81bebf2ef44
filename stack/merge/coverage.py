"""Whether the slices of a stack cover what they show, and what that means in plain words. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

STILL_GAINING: Final = 0.05
"""Share of what is in focus that is sharpest in an end slice, from which on the end is said to be open."""
TOLD: Final = 3
"""So many soft bands are told one by one; of more, the worst and how many there are."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Two neighbours between which the depth of field did not reach; `left` is the sharpness halfway."""

    before: int
    after: int
    left: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """Whether the slices cover the subject.

    Attributes
    ----------
    first, last
        Share, 0 to 1, of what is surely in focus somewhere that is sharpest in the first and last slice.
    gaps
        Where slices lie too far apart, in order.
    sure
        Share of the picture that is surely in focus in some slice.
    judged
        Whether enough of it is to say anything of ends and gaps.
    """

    first: float
    last: float
    gaps: tuple[Gap, ...]
    sure: float
    judged: bool = True


def coverage_record(found: Coverage) -> dict[str, Any]:
    """Write it as JSON knows it."""
    return {
        "first": round(found.first, 4),
        "last": round(found.last, 4),
        "sure": round(found.sure, 4),
        "judged": found.judged,
        "gaps": [{"before": gap.before, "after": gap.after, "left": gap.left} for gap in found.gaps],
    }


def coverage_of(record: Mapping[str, Any]) -> Coverage:
    """Read it; raises `KeyError` or `TypeError` when it is none."""
    gaps = tuple(Gap(gap["before"], gap["after"], gap["left"]) for gap in record["gaps"])
    return Coverage(record["first"], record["last"], gaps, record["sure"], record.get("judged", True))


def shortfalls(found: Coverage, near_first: bool | None = True) -> list[str]:
    """Say in sentences what is missing; none where the slices cover the subject, or nothing can be said.

    `near_first` says whether the first slice is the nearest; None: that is not known.
    """
    ends = [("nearest", found.first), ("farthest", found.last)]
    if near_first is None:
        ends = [("first", found.first), ("last", found.last)]
    elif not near_first:
        ends = [("nearest", found.last), ("farthest", found.first)]
    return [
        *(_OPEN[end].format(share=share) for end, share in ends if share >= STILL_GAINING),
        *_bands(found.gaps),
    ]


def verdict(found: Coverage) -> str | None:
    """Say in a sentence that nothing is missing, or that nothing can be said; None where `shortfalls` do."""
    if not found.judged:
        return "too little is in focus in any slice to say whether the slices cover the subject"
    if shortfalls(found):
        return None
    return "the slices cover the subject: both ends lie beyond it, and no soft band between them"


_OPEN: Final = {
    "nearest": "the nearest slice still gains sharpness: the subject starts in front of your near point "
    "({share:.0%} of what is in focus is sharpest there); begin nearer next time",
    "farthest": "the farthest slice still gains sharpness: the subject goes on behind your far point "
    "({share:.0%} of what is in focus is sharpest there); end farther next time",
    "first": "the first slice still gains sharpness: the subject goes on before it "
    "({share:.0%} of what is in focus is sharpest there); begin earlier next time",
    "last": "the last slice still gains sharpness: the subject goes on beyond it "
    "({share:.0%} of what is in focus is sharpest there); end later next time",
}


def _bands(gaps: Sequence[Gap]) -> Iterator[str]:
    bands = list(_runs(gaps))
    if len(bands) > TOLD:
        worst = min(gaps, key=lambda gap: gap.left)
        yield f"{_band([worst])}; {len(bands) - 1} more places are like that"
    else:
        yield from map(_band, bands)


def _runs(gaps: Sequence[Gap]) -> Iterator[list[Gap]]:
    """Join gaps of which each begins at the slice where the one before ends; a missing slice stands alone."""
    run: list[Gap] = []
    for gap in gaps:
        if run and (run[-1].after != gap.before or _missing(gap) or _missing(run[-1])):
            yield run
            run = []
        run.append(gap)
    if run:
        yield run


def _band(run: Sequence[Gap]) -> str:
    before, after, left = run[0].before, run[-1].after, min(gap.left for gap in run)
    if missing := _missing(run[0]):
        are = "is" if len(missing) == 1 else "are"
        return f"{_indices(missing)} {are} missing between {before} and {after}: expect a soft band there"
    bands = "a soft band" if len(run) == 1 else "soft bands"
    return (
        f"between slices {before} and {after} the pitch exceeds the depth of field: expect {bands}, down to "
        f"{left:.0%} of the sharpness halfway; a smaller pitch would show more"
    )


def _missing(gap: Gap) -> range:
    low, high = sorted((gap.before, gap.after))
    return range(low + 1, high)


def _indices(indices: Sequence[int]) -> str:
    if len(indices) == 1:
        return f"slice {indices[0]}"
    return f"slices {indices[0]} to {indices[-1]}"
