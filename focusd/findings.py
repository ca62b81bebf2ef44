"""From what was measured to what is said, drawn and proposed. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from focusd.axis_settings import Axis
from focusd.lengths import length_words
from focusd.surveys import Setting
from rail.axis import Reach
from rail.screw import Scale
from stack.calibrate.backlash import Play
from stack.calibrate.curves import Sweep, overall
from stack.calibrate.extent import Extent
from stack.calibrate.finding import Finding, Proposal
from stack.calibrate.plot import Mark, Plot, Series
from stack.calibrate.scale import Measured
from stack.calibrate.settle import Look, Settling
from stack.optics import Optics
from stack.words import exposure_words

if TYPE_CHECKING:
    from camera.shading import Shading


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
            f"commanded position, {_plotted_unit(scale)}",
            "sharpness, each tile over its own range",
            (_curve("to far", there, scale), _curve("back", back, scale)),
        ),
        proposals=(_ample(found, axis),),
    )


def scale_finding(
    found: Measured,
    how: str,
    setting: Setting,
    optics: Optics,
    place: str | None,
    picture: Mapping[str, bytes],
    plot: Plot | None,
) -> Finding:
    """Say how large a pixel is on the subject, and propose the magnification that follows.

    `place` is where a lens's own motor focused, of which it holds there alone and nothing is proposed; None
    for every other axis.
    """
    magnification = found.into(optics.pixel_um)
    held = (f"it holds at {place} alone: wherever else a lens is focused, it is another",) if place else ()
    names = ("optics", setting.optics_name or "", "magnification")
    return Finding(
        kind="scale",
        words=(
            f"a pixel is {found.value:.4g} ± {found.error:.1g} µm of the subject, {how}",
            f"with pixels of {optics.pixel_um:g} µm (optics.{setting.optics_name}.pixel_um) that is a "
            f"magnification of {magnification.value:.4g} ± {magnification.error:.1g}",
            *held,
        ),
        figures={
            "um_a_px": found.value,
            "error_um": found.error,
            "magnification": magnification.value,
            "pixel_um": optics.pixel_um,
        },
        plot=plot,
        pictures=picture,
        proposals=() if place else (Proposal(names, float(f"{magnification.value:.4g}")),),
    )


_FOR_ITS_OPTICS = (
    "once you say yes it is kept for {optics}: plans with corrected: true go by it, and sessions record it"
)


def flat_finding(most: float, setting: Setting, pictures: Mapping[str, bytes]) -> Finding:
    """Say how uneven the light is that lens and sensor pass on, and propose to correct for it."""
    return Finding(
        kind="flat",
        words=(
            f"the darkest part of the frame has {1 / most:.0%} of the light of the brightest",
            _FOR_ITS_OPTICS.format(optics=setting.optics_name),
        ),
        figures={"least_light": 1 / most, "optics": setting.optics_name},
        pictures=pictures,
        proposals=(Proposal(("plans", setting.plan_name, "corrected"), True),),
    )


def dark_finding(found: "Shading", setting: Setting, files: Mapping[str, bytes]) -> Finding:
    """Say how many pixels shine in the dark and how dark it is, and propose to correct for both."""
    assert found.hot is not None
    assert found.dark is not None
    assert found.dark_taken is not None
    hot, dark = len(found.hot), float(found.dark.max())
    million_px = found.size_px[0] * found.size_px[1] / 1e6
    return Finding(
        kind="dark",
        words=(
            f"{hot} of {million_px:.2g} million pixels shine in the dark",
            f"the others show {dark:.2%} of white there, which is subtracted from slices exposed about as "
            f"this was: {exposure_words(found.dark_taken.record()['exposure'])}",
            _FOR_ITS_OPTICS.format(optics=setting.optics_name),
        ),
        figures={"hot_pixels": hot, "dark_light": dark, "optics": setting.optics_name},
        pictures=files,
        proposals=(Proposal(("plans", setting.plan_name, "corrected"), True),),
    )


def travel_plot(places_u: Sequence[float], shifts_px: Sequence[tuple[float, float]]) -> Plot:
    """Draw how far the picture moved along a travel."""
    moved = [math.hypot(*shift) for shift in shifts_px]
    points = tuple((place_u - places_u[0], px) for place_u, px in zip(places_u, moved, strict=True))
    return Plot(
        "How far the picture moved along the travel", "travel, um", "pixels", (Series("moved", points),)
    )


def range_finding(
    sweep: Sweep,
    found: Extent,
    reach: Reach,
    scale: Scale,
    pictures: Mapping[str, bytes],
    saved: Proposal | None,
) -> Finding:
    """Say where the subject is, and propose the ends of a stack: a pitch of the sweep beyond it."""
    near, far = _ends_u(found, sweep.pitch_u, reach, scale)
    open_ends = [name for name, is_open in zip(("near", "far"), _open(found, scale), strict=True) if is_open]
    open_words = [
        f"it goes on beyond the {name} end of the way that was gone: sweep farther, with --near and --far"
        for name in open_ends
    ]
    return Finding(
        kind="range",
        words=(
            f"the subject is sharp from {_place(near.seen_u, scale)} to {_place(far.seen_u, scale)}",
            *open_words,
            f"{found.peaks_u.size} tiles of the picture say so; proposed, with a pitch to spare at either "
            f"end: {_place(near.proposed_u, scale)} to {_place(far.proposed_u, scale)}",
        ),
        figures={
            "near_u": near.proposed_u,
            "far_u": far.proposed_u,
            "sharp_near_u": near.seen_u,
            "sharp_far_u": far.seen_u,
            "open_ends": open_ends,
            "unit": scale.unit,
            "tiles": int(found.peaks_u.size),
            "pitch_u": sweep.pitch_u,
        },
        plot=Plot(
            "Sharpness along the way, and how much of the picture is sharpest where",
            f"position, {_plotted_unit(scale)}",
            "part of the most",
            (
                _curve("sharpness", sweep, scale),
                Series("tiles", tuple((_plotted(u, scale), part) for u, part in found.crowd(sweep.places_u))),
            ),
            (Mark("near", _plotted(near.proposed_u, scale)), Mark("far", _plotted(far.proposed_u, scale))),
        ),
        pictures=pictures,
        proposals=(saved,) if saved is not None and not open_ends else (),
    )


@dataclass(frozen=True, slots=True)
class End:
    """One end of a subject: where it is last sharp, and where a stack should end."""

    seen_u: float
    proposed_u: float


def _ends_u(found: Extent, pitch_u: float, reach: Reach, scale: Scale) -> tuple[End, End]:
    """Give the near and the far end; places grow from near to far unless the unit is dioptres."""
    limits = sorted((scale.length_u(reach.nearest_steps), scale.length_u(reach.farthest_steps)))
    first = End(found.first_u, max(found.first_u - pitch_u, limits[0]))
    last = End(found.last_u, min(found.last_u + pitch_u, limits[1]))
    return (first, last) if scale.per_step > 0 else (last, first)


def proposed_ends_u(found: Extent, pitch_u: float, reach: Reach, scale: Scale) -> tuple[float, float]:
    """Give where a stack of what was found should begin and end, near first."""
    near, far = _ends_u(found, pitch_u, reach, scale)
    return near.proposed_u, far.proposed_u


def _open(found: Extent, scale: Scale) -> tuple[bool, bool]:
    ends = (found.first_open, found.last_open)
    return ends if scale.per_step > 0 else (ends[1], ends[0])


def _place(place_u: float, scale: Scale) -> str:
    return length_words(place_u, scale.unit)


def _ample(found: Play, axis: Axis) -> Proposal:
    if axis.kind == "ring":
        return Proposal(("axis", "ring", "backlash_deg"), math.ceil(found.ample_u * 20) / 20)
    return Proposal(("axis", "backlash_um"), float(math.ceil(found.ample_u)))


def _curve(name: str, sweep: Sweep, scale: Scale) -> Series:
    places = (_plotted(place_u, scale) for place_u in sweep.places_u.tolist())
    return Series(name, tuple(zip(places, overall(sweep).tolist(), strict=True)))


def _plotted_unit(scale: Scale) -> str:
    """Give what a place on an axis is plotted in: a rail's in millimetres, as sentences tell it."""
    return "mm" if scale.unit == "um" else scale.unit


def _plotted(place_u: float, scale: Scale) -> float:
    return place_u / 1000 if scale.unit == "um" else place_u
