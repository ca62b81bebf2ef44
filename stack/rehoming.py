"""How far the places of slices can be believed, told from what homing again has found. Pure."""

from collections.abc import Iterator

from rail.screw import Unit
from stack.words import UNITS


def lost_steps(pitch_u: float, missed_u: float | None, unit: Unit) -> str | None:
    """Say in a sentence that steps were lost on the way, more than half the pitch; None where not.

    `missed_u` is how far off the axis was when homed after the last slice; None: that was not done.
    """
    if missed_u is None or abs(missed_u) <= abs(pitch_u) / 2:
        return None
    return (
        f"The motor lost steps on the way: homed after the last slice, the axis was {abs(missed_u):.4g} "
        f"{UNITS[unit]} off, more than half of the {abs(pitch_u):.4g} {UNITS[unit]} between slices. Their "
        "places are not what they say: look for a jam, a loose coupling or too little current, then shoot "
        "again."
    )


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
