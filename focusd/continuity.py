"""Whether slices shot now would fit those that a session has: each check raises `NotResumable`."""

from collections.abc import Mapping
from typing import Any

from focusd.paused import shot_elsewhere
from focusd.shadings import Kept
from rail.screw import Scale
from stack.errors import NotResumable
from stack.session import Session


def check_rig(session: Session, *, simulated: bool) -> None:
    """Refuse where it was shot on an invented rig and this is a real one, or vice versa."""
    if words := shot_elsewhere(session, simulated=simulated):
        raise NotResumable(words, session=session.id)


def check_grid(session: Session, scale: Scale, grid: str) -> None:
    """Refuse where its places are counted in other steps, from elsewhere or backwards."""
    before = session.scale
    if before != scale:
        raise NotResumable(
            f"the places of session {session.id} are counted in steps of {before.say(1)}, and the axis "
            f"takes steps of {scale.say(1)} now: set it back to go on with it, or merge what there is",
            session=session.id,
        )
    if session.facts.grid not in (None, grid):
        raise NotResumable(
            f"the places of session {session.id} are counted as `{session.facts.grid}`, and the axis "
            f"counts as `{grid}` now, so that they mean others: set axis.invert, "
            "axis.subject_side and axis.travel_mm back to go on with it, or merge what there is",
            session=session.id,
        )


def check_format(session: Session, configuration: Mapping[str, Any]) -> None:
    """Refuse where slices were saved in another format than they would be now."""
    before, now = (
        one.get("camera", {}).get("format") for one in (session.facts.configuration, configuration)
    )
    if before is not None and before != now and session.state().saved:
        raise NotResumable(
            f"the slices of session {session.id} are saved as {before}, and camera.format is {now}: "
            "set it back to go on with it",
            session=session.id,
        )


def check_shading(session: Session, kept: Kept | None) -> None:
    """Refuse where slices were corrected by something else than they would be now."""
    before = session.facts.camera.get("shading") or {}
    if session.state().saved and before.get("sha256") != (kept and kept.record["sha256"]):
        raise NotResumable(
            f"the slices of session {session.id} are corrected by a white field or dark frame that was "
            "taken anew since: shoot it anew, or merge what there is",
            session=session.id,
        )
