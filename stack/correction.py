"""What slices were corrected by, as their session records it, and how far that held for them. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from camera.camera import Exposure
from camera.taken import Taken, taken_of
from stack.session_state import SessionState


def correction_words(shading: Mapping[str, Any], exposure: Exposure | None) -> str:
    """Say what was taken out of slices of an exposure."""
    told = ["shading and dust"] if shading.get("white_field") else []
    if (hot := shading.get("hot_pixels")) is not None:
        told.append(f"{hot} hot pixels")
    if shading.get("dark_light") is not None:
        dark = _dark(shading)
        alike = dark is None or exposure is None or dark.as_dark(exposure)
        told.append("the light of darkness" if alike else "not the light of darkness, exposed otherwise")
    return ", ".join(told)


def correction_doubts(shading: Mapping[str, Any], state: SessionState) -> Iterator[str]:
    """Say in sentences where more pixels may shine in the dark than were known and mended."""
    dark = _dark(shading)
    if dark is None or state.exposure is None:
        return
    heat_c = max((one.sensor_c for one in state.saved.values() if one.sensor_c is not None), default=None)
    for why in dark.shortfalls(state.exposure, heat_c):
        yield (
            f"More pixels may shine by themselves than were mended: the dark frame {why}. Take it anew with "
            "`focusctl calibrate dark`, in that heat and with that exposure in the plan."
        )


def _dark(shading: Mapping[str, Any]) -> Taken | None:
    """Give how the dark frame was taken; None where that is not told, or in another version's words."""
    try:
        return taken_of(shading["dark_taken"])
    except (KeyError, TypeError, ValueError):
        return None
