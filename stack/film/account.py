"""What a series came to, as plain JSON values: what its page shows. Pure but for the sizes of folders."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import Any, Final

from stack.film.flicker import Evened
from stack.film.measuring import Measured
from stack.film.steadying import Drift
from stack.film.stills import Absent, Still
from stack.film.story import SlotStory, Story
from stack.record import exposure_record
from stack.timelapse import SlotEnd

SCHEMA: Final = 1


def account(
    story: Story,
    stills: Sequence[Still],
    absent: Sequence[Absent],
    found: Sequence[Measured],
    light: Sequence[Evened],
    drifts: Sequence[Drift],
    sizes: Mapping[str, int],
) -> dict[str, Any]:
    """Gather what there is to say about a series.

    `found`, `light` and `drifts` are of `stills`, one each; `sizes` are bytes on the disk by session.
    """
    pictures = {
        still.slot: _picture(one, evening, drift)
        for still, one, evening, drift in zip(stills, found, light, drifts, strict=True)
    }
    exposures = {still.slot: still.exposure for still in stills}
    reasons = {one.slot: one.reason for one in absent}
    rows = []
    for slot in story.slots:
        exposure = exposures.get(slot.number)
        rows.append(
            {
                **_slot(slot, reasons.get(slot.number)),
                "bytes": sizes.get(slot.session or ""),
                "exposure": exposure and exposure_record(exposure),
                "picture": pictures.get(slot.number),
            }
        )
    series = story.series
    return {
        "schema": SCHEMA,
        "series": series.id,
        "name": str(series.request.get("name") or series.id.partition("-")[2]),
        "plan": series.request.get("plan"),
        "phase": story.state.phase.value,
        "reason": story.state.reason,
        "start": series.start.isoformat(),
        **series.terms,
        **{end.value: story.state.count(end) for end in SlotEnd},
        "pictures": len(stills),
        "shape": [stills[0].width_px, stills[0].height_px] if stills else [4, 3],
        "bytes": sum(sizes.values()),
        "slots": rows,
    }


def _slot(slot: SlotStory, why_no_picture: str | None) -> dict[str, Any]:
    return {
        "slot": slot.number,
        "end": slot.end.value,
        "due_at": slot.due_at.isoformat(),
        "begun_at": slot.begun_at and slot.begun_at.isoformat(),
        "ended_at": slot.ended_at and slot.ended_at.isoformat(),
        "seconds": slot.seconds,
        "late_s": slot.late_s,
        "session": slot.session,
        "reason": slot.reason or why_no_picture,
    }


def _picture(found: Measured, light: Evened, drift: Drift) -> dict[str, Any]:
    placed = found.place.similarity is not None
    level = None if light.level is None else round(light.level, 3)
    gain = None if light.level is None else round(sum(light.stops) / 3, 3)
    return {
        "stops": level,
        "gain_stops": gain,
        "right_px": round(drift.right_px, 2) if placed else None,
        "down_px": round(drift.down_px, 2) if placed else None,
        "turn_deg": round(drift.turn_deg, 3) if placed else None,
        "scale": round(drift.scale, 5) if placed else None,
        "trouble": found.unreadable or light.left_out or found.place.trouble,
    }


def folder_bytes(folder: Path) -> int:
    """Give what the files below a folder take; links count for nothing."""
    total = 0
    for inner, _, names in os.walk(folder):  # which passes over what cannot be read
        for name in names:
            with suppress(OSError):
                about = Path(inner, name).lstat()
                total += about.st_size if S_ISREG(about.st_mode) else 0
    return total
