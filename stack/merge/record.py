"""What a merge says of itself: merge.json, and the desktop's report."""

import json
from collections.abc import Sequence
from typing import Any

from stack.merge.settings import MergeSettings
from stack.merge.stream import Merged

SCHEMA = 1


def describe(merged: Merged, settings: MergeSettings, files: Sequence[str], seconds: float) -> dict[str, Any]:
    """Give the facts of a merge as JSON knows them: output pixel centre -> slice pixel in `transform`."""
    crop = merged.crop
    return {
        "schema": SCHEMA,
        "files": list(files),
        "width_px": crop.width_px,
        "height_px": crop.height_px,
        "crop": {"left": crop.left, "top": crop.top, "width": crop.width_px, "height": crop.height_px},
        "settings": {"align": settings.align, "even_light": settings.even_light},
        "seconds": round(seconds, 3),
        "depth": {"unknown": 0, "origin": 1, "per_slice": 128},
        "slices": [
            {
                "index": one.index,
                "name": one.name,
                "transform": [[round(float(value), 9) for value in row] for row in one.transform],
                "gains": [round(gain, 5) for gain in one.gains],
                "likeness": round(one.likeness, 4),
                "doubt": one.doubt,
            }
            for one in merged.slices
        ],
    }


def as_json(facts: dict[str, Any]) -> bytes:
    """Give the facts as a file's bytes."""
    return (json.dumps(facts, indent=1) + "\n").encode()
