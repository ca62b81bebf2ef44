"""Where slices lie and what evens out their light, as one merge found it and another may use it again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from stack.merge.errors import TransformsUnreadable
from stack.merge.similarity import Floats, Similarity

SKEWED: Final = 1e-4
"""By how much a matrix may miss being a similarity; more was made by something else."""
MOST_GAIN: Final = 1000
"""No two slices of a stack differ so much in light; whoever says so wrote something else."""


@dataclass(frozen=True, slots=True)
class Placement:
    """One slice: pixels of the uncropped output to its own, and the factors for blue, green and red."""

    similarity: Similarity
    gains: tuple[float, float, float]


Placements = Mapping[int, Placement]
"""By the slice's index."""


def similarity_of(matrix: Floats) -> Similarity:
    """Give the similarity that a 2x3 matrix is. Raises `ValueError` for a matrix that is none."""
    (p, r, tx), (q, s, ty) = np.asarray(matrix, np.float64)
    if abs(p - s) > SKEWED or abs(q + r) > SKEWED or p * p + q * q == 0 or not np.isfinite(matrix).all():
        raise ValueError("is no similarity: it stretches, skews or loses the picture")
    return Similarity(float((p + s) / 2), float((q - r) / 2), float(tx), float(ty))


def as_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Give of what a merge says of itself the part that `placements_in` reads."""
    return {key: facts[key] for key in ("schema", "slice_size", "crop", "slices")}


def placements_in(path: Path) -> tuple[tuple[int, int], Placements]:
    """Read a file that `--save-transforms` or `--report` wrote, or a session's merge.json.

    Gives the size (width, height) of the slices it is for, and the placements. Raises `TransformsUnreadable`.
    """
    try:
        facts = _json(path)
        left, top = (int(facts["crop"][side]) for side in ("left", "top"))
        origin = Similarity(tx=-left, ty=-top)
        size = int(facts["slice_size"]["width"]), int(facts["slice_size"]["height"])
        return size, {int(one["index"]): _placement(one, origin) for one in facts["slices"]}
    except OSError as e:
        raise TransformsUnreadable(path, e.strerror or str(e)) from e
    except KeyError as e:
        raise TransformsUnreadable(path, f"is not what --save-transforms writes ({e} is missing)") from e
    except (ValueError, TypeError, AttributeError, OverflowError) as e:
        raise TransformsUnreadable(path, f"is not what --save-transforms writes ({e})") from e


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError):  # its words quote the file, however long it is
        raise ValueError("it is no JSON") from None


def _placement(facts: Mapping[str, Any], origin: Similarity) -> Placement:
    blue, green, red = (float(gain) for gain in facts["gains"])
    if not all(1 / MOST_GAIN < gain < MOST_GAIN for gain in (blue, green, red)):
        raise ValueError(f"gains of slice {facts['index']} are not all between 1/{MOST_GAIN} and {MOST_GAIN}")
    return Placement(similarity_of(np.array(facts["transform"])).after(origin), (blue, green, red))
