"""What a merge says of itself: merge.json, and the desktop's report."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from stack.merge.breaks import breaks
from stack.merge.coverage import coverage_record, shortfalls
from stack.merge.depth import ORIGIN, PER_SLICE, UNKNOWN
from stack.merge.depthview import depth_span
from stack.merge.jolts import jolts, wandering
from stack.merge.memory import Choice, WorkingSet
from stack.merge.merging import Skipped
from stack.merge.placements import similarity_of
from stack.merge.progress import DOUBTFUL, LEFT_OUT
from stack.merge.settings import MergeSettings
from stack.merge.similarity import Similarity
from stack.merge.stream import Merged, MergedSlice
from stack.merge.tags import MERGED

SCHEMA = 2


def describe(
    merged: Merged,
    settings: MergeSettings,
    files: Sequence[str],
    seconds: float,
    skipped: Sequence[Skipped] = (),
    um_per_slice: float | None = None,
    near_first: bool | None = True,
    memory: Choice | None = None,
) -> dict[str, Any]:
    """Give the facts of a merge as JSON knows them; docs/merge.md says what each means.

    `near_first` is None where which end is near was neither said nor seen: the first is then taken for it.
    """
    crop = merged.crop
    width, height = merged.slice_size_px
    coverage = merged.coverage
    size_px = crop.width_px, crop.height_px
    steps = [Similarity(), *_steps(merged.slices, size_px)]
    return {
        "schema": SCHEMA,
        "files": list(files),
        "width_px": crop.width_px,
        "height_px": crop.height_px,
        "bits": 8 * merged.pixels.dtype.itemsize,
        "slice_size": {"width": width, "height": height},
        "crop": {"left": crop.left, "top": crop.top, "width": crop.width_px, "height": crop.height_px},
        "settings": settings.as_facts(),
        "seconds": round(seconds, 3),
        "memory": None if memory is None else memory.as_facts(),
        "depth": {
            "unknown": UNKNOWN,
            "origin": ORIGIN,
            "per_slice": PER_SLICE,
            "um_per_slice": um_per_slice,
            "span": [round(end, 2) for end in depth_span(merged.depth) or ()],
        },
        "slices": [_slice(one, step) for one, step in zip(merged.slices, steps, strict=True)],
        "near_first": near_first is not False,
        "blur_px_a_slice": None if merged.blur_px_a_slice is None else round(merged.blur_px_a_slice, 3),
        "skipped": [{"index": one.index, "name": one.name, "reason": one.reason} for one in skipped],
        "coverage": coverage_record(coverage),
        "warnings": [
            *(f"{one.name} {LEFT_OUT} {one.reason}" for one in skipped),
            *(f"{one.name}: {DOUBTFUL} {one.doubt}" for one in merged.slices if one.doubt),
            *jolts([one.name for one in merged.slices], steps, size_px),
            *wandering(steps, size_px),
            *_breaks(merged.slices),
            *shortfalls(coverage, near_first),
            *_thrift(memory),
        ],
    }


def _breaks(slices: Sequence[MergedSlice]) -> list[str]:
    return breaks(
        [one.name for one in slices],
        [one.index for one in slices],
        [one.sharpness for one in slices],
        [one.likeness for one in slices],
    )


def _thrift(memory: Choice | None) -> list[str]:
    """Say where memory was short that the picture could be a little better."""
    if memory is None or memory.working_set is WorkingSet.FULL:
        return []
    return [f"merged with the small working set, for want of memory: {memory.why}"]


def as_json(facts: dict[str, Any]) -> bytes:
    """Give the facts as a file's bytes."""
    return (json.dumps(facts, indent=1) + "\n").encode()


def note_of(facts: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Give what the picture's own file says of how it was made: a sentence, and facts."""
    slices = facts["slices"]
    count = len(slices)
    how = {
        "method": facts["settings"]["method"],
        "slices": count,
        "first": slices[0]["index"],
        "last": slices[-1]["index"],
        "front_wins": facts["settings"]["front_wins"],
        "aligned": facts["settings"]["align"],
    }
    return f"{MERGED} {count} {'slice' if count == 1 else 'slices'} by the {how['method']} method", how


def _steps(slices: Sequence[MergedSlice], size_px: tuple[int, int]) -> list[Similarity]:
    """Give from each slice to the next how its picture moved, about the centre of the output."""
    centre = Similarity(tx=(size_px[0] - 1) / 2, ty=(size_px[1] - 1) / 2)
    placed = [similarity_of(one.transform) for one in slices]
    return [centre.inverse().after(b.after(a.inverse())).after(centre) for a, b in pairwise(placed)]


def _slice(one: MergedSlice, step: Similarity) -> dict[str, Any]:
    return {
        "index": one.index,
        "name": one.name,
        "transform": [[round(float(value), 9) for value in row] for row in one.transform],
        "gains": [round(gain, 5) for gain in one.gains],
        "likeness": round(one.likeness, 4),
        "unsure_px": round(one.unsure_px, 3),
        "doubt": one.doubt,
        "sharpness": round(one.sharpness, 3),
        "share": round(one.share, 4),
        "moved": {
            "right_px": round(step.tx, 3),
            "down_px": round(step.ty, 3),
            "turn_deg": round(float(np.degrees(np.arctan2(step.q, step.p))), 4),
            "scale": round(step.scale, 6),
        },
    }
