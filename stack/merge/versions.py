"""The merges of a session on disk: which there are, which is chosen, and how a new one joins them."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stack.durable import link_durably
from stack.merge.errors import NoSuchVersion, OutputRefused
from stack.number import is_number

CHOSEN = ("merged.jpg", "merged.tif", "depth.png", "confidence.png", "depth-preview.jpg")
"""The names in a session that lead to the chosen merge's files of the same names."""


def version_numbers(session: Path) -> list[int]:
    """Give the numbers of a session's merges."""
    return sorted(int(path.name) for path in (session / "merges").glob("*") if is_number(path.name))


def chosen_number(session: Path) -> int | None:
    """Give the number of the merge that a session's own names lead to; None where there is none."""
    try:
        name = (session / "merged.jpg").resolve(strict=True).parent.name
    except OSError:
        return None
    return int(name) if is_number(name) else None


def version_folder(session: Path, number: int) -> Path:
    """Give a merge's folder. Raises `NoSuchVersion`."""
    folder = session / "merges" / str(number)
    if not (folder / "merged.jpg").is_file():
        there = ", ".join(map(str, version_numbers(session))) or "none"
        raise NoSuchVersion(f"{session} has no merge {number} (there: {there})")
    return folder


def choose(session: Path, number: int) -> Path:
    """Let the session's own names lead to merge `number`; give its folder.

    A name for which this merge has no file goes. Raises `NoSuchVersion` or `OutputRefused`.
    """
    folder = version_folder(session, number)
    try:
        for name in CHOSEN:
            if (folder / name).is_file():
                link_durably(session / name, Path("merges", str(number), name))
            elif (session / name).is_symlink():
                (session / name).unlink()
    except OSError as e:
        raise OutputRefused(session, f"cannot be written: {e.strerror or e}") from e
    return folder


def scales_of(session: Path) -> tuple[float | None, float | None]:
    """Give micrometres a slice and micrometres a pixel, where session.json says them.

    A lens that its camera focuses has another scale at every distance, whatever its optics say.
    """
    try:
        facts = json.loads((session / "session.json").read_text())
    except (OSError, ValueError):
        return None, None
    unit = _found(lambda: facts["scale"]["unit"])
    um_per_slice = _found(lambda: float(facts["layout"]["pitch_u"])) if unit == "um" else None
    um_per_px = _found(lambda: facts["plan"]["optics"]["pixel_um"] / facts["plan"]["optics"]["magnification"])
    if unit == "d":
        um_per_px = None
    return _length(um_per_slice), _length(um_per_px)


def _length(um: float | None) -> float | None:
    return um if um is not None and 0 < um < math.inf else None


def _found(look: Callable[[], Any]) -> Any:
    try:
        return look()
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
