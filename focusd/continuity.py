"""Whether slices shot now would fit those that a session has: each check raises `NotResumable`."""

from collections.abc import Mapping
from typing import Any, Final

from camera.camera import CameraIdentity
from focusd.paused import shot_elsewhere
from focusd.shadings import Kept
from rail.screw import Scale
from stack.errors import NotResumable
from stack.session import Session

ALIKE: Final = (
    ("camera", "format"),
    ("camera", "index"),
    ("panel", "light_pin"),
    ("panel", "light_percent"),
)
"""What all slices of a stack must have in common, beside what its plan and its places record."""


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


def check_settings(session: Session, configuration: Mapping[str, Any]) -> None:
    """Refuse where its slices were lit, seen or saved otherwise than they would be now."""
    for room, name in ALIKE:
        rooms = [one.get(room, {}) for one in (session.facts.configuration, configuration)]
        if not all(name in known for known in rooms):
            continue
        before, now = (known[name] for known in rooms)
        if before != now and session.state().saved:
            raise NotResumable(
                f"the slices of session {session.id} were shot with {room}.{name}: {_said(before)}, and it "
                f"is {_said(now)} now: set it back to go on with it, or merge what there is",
                session=session.id,
            )


def _said(value: object) -> str:
    return "null" if value is None else str(value)


def check_camera(session: Session, identity: CameraIdentity) -> None:
    """Refuse where its slices were shot with another sensor than this, or stand on their heads beside its."""
    before = session.facts.camera.get("sensor")
    if before not in (None, identity.sensor) and session.state().saved:
        raise NotResumable(
            f"the slices of session {session.id} were shot with the sensor {before}, and this camera "
            f"has {identity.sensor}: connect that one again to go on with it, or merge what there is",
            session=session.id,
        )
    turned_deg = session.facts.camera.get("rotation_deg")
    if turned_deg not in (None, identity.rotation_deg) and session.state().saved:
        raise NotResumable(
            f"the slices of session {session.id} were shot with the camera's rotation at {turned_deg} "
            f"degrees, and that is {identity.rotation_deg} now, so that the rest would stand on their heads: "
            "set it back in /boot/firmware/config.txt to go on with it, or merge what there is",
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
