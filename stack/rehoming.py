"""How well slices shot after an interruption will fit those from before, told from two homings. Pure."""

from collections.abc import Iterator

from rail.screw import Unit
from stack.words import UNITS


def homing_doubts(pitch_u: float, moved_u: float | None, repeat_u: float | None, unit: Unit) -> Iterator[str]:
    """Say in sentences what is wrong where a figure exceeds half the pitch; nothing where none does.

    Parameters
    ----------
    pitch_u
        Between two slices, in the axis's `unit`.
    moved_u
        How far the axis was off where it had been left; None: not measured.
    repeat_u
        How far a second homing differed from the first; None: not measured.
    """
    half, sign = f"more than half of the {abs(pitch_u):.4g} {UNITS[unit]} between slices", UNITS[unit]
    if repeat_u is not None and abs(repeat_u) > abs(pitch_u) / 2:
        yield (
            f"Homing does not repeat: two homings before the stack went on differed by {abs(repeat_u):.4g} "
            f"{sign}, {half}. Slices from before and after do not fit well: look for a loose switch, a loose "
            "coupling or dirt on the rail, and shoot anew if the picture matters."
        )
    if moved_u is not None and abs(moved_u) > abs(pitch_u) / 2:
        yield (
            f"When the stack went on, the axis was {abs(moved_u):.4g} {sign} off where it had been left, "
            f"{half}. Either it was turned by hand meanwhile, and all is well, or steps were lost before: "
            "then the last slices before the interruption are not where they say."
        )
