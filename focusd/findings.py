"""From what was measured to what is said, drawn and proposed. Pure."""

import math
from collections.abc import Sequence

from focusd.config import Axis
from focusd.lengths import length_words
from rail.screw import Scale
from stack.calibrate.backlash import Play
from stack.calibrate.curves import Sweep, overall
from stack.calibrate.finding import Finding, Proposal
from stack.calibrate.plot import Mark, Plot, Series
from stack.calibrate.settle import Look, Settling


def settle_finding(looks: Sequence[Look], found: Settling, plan_name: str, axis: Axis) -> Finding:
    """Say how long a rig shakes, and propose how long slices wait."""
    group = ("axis", "lens") if axis.kind == "lens" else ("plans", plan_name)
    ordered = sorted(looks, key=lambda look: look.delay_ms)
    return Finding(
        kind="settle",
        words=(
            f"the picture is still {found.settle_ms:.0f} ± {found.error_ms:.0f} ms after a move: within "
            f"{found.within_px:.2f} px of its place, and as sharp as at rest",
            f"{len(looks)} pictures say so; a fifth is added in what is proposed",
        ),
        figures={
            "settle_ms": round(found.settle_ms, 1),
            "error_ms": round(found.error_ms, 1),
            "within_px": round(found.within_px, 3),
            "within_blur": round(found.within_blur, 4),
            "looks": len(looks),
        },
        plot=Plot(
            "Where the picture lies after a move, against where it comes to rest",
            "ms from the last step to the beginning of the exposure",
            "pixels; blur in tenths",
            (
                Series("px off", tuple((look.delay_ms, look.shift_px) for look in ordered), joined=False),
                Series(
                    "blur x 10",
                    tuple((look.delay_ms, max(0.0, 10 * look.blur)) for look in ordered),
                    joined=False,
                ),
            ),
            (
                Mark("still", found.settle_ms, found.error_ms),
                Mark("proposed", float(found.proposed_ms)),
            ),
        ),
        proposals=(Proposal((*group, "settle_ms"), found.proposed_ms),),
    )


def backlash_finding(there: Sweep, back: Sweep, found: Play, scale: Scale, axis: Axis) -> Finding:
    """Say how much play there is, and propose how much is taken up."""
    play, error = length_words(found.play_u, scale.unit), length_words(found.error_u, scale.unit)
    return Finding(
        kind="backlash",
        words=(
            f"the play is {play} ± {error}",
            f"{found.tiles} tiles of the picture say so; two standard errors are added in what is proposed",
        ),
        figures={
            "backlash_u": round(found.play_u, 4),
            "error_u": round(found.error_u, 4),
            "unit": scale.unit,
            "tiles": found.tiles,
            "pitch_u": there.pitch_u,
        },
        plot=Plot(
            f"Sharpness on the way to far and on the way back: {play} apart",
            f"commanded position, {scale.unit}",
            "sharpness, each tile over its own range",
            (_curve("to far", there), _curve("back", back)),
        ),
        proposals=(_ample(found, axis),),
    )


def _ample(found: Play, axis: Axis) -> Proposal:
    if axis.kind == "ring":
        return Proposal(("axis", "ring", "backlash_deg"), math.ceil(found.ample_u * 20) / 20)
    return Proposal(("axis", "backlash_um"), float(math.ceil(found.ample_u)))


def _curve(name: str, sweep: Sweep) -> Series:
    return Series(name, tuple(zip(sweep.places_u.tolist(), overall(sweep).tolist(), strict=True)))
