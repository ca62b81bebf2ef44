"""The merged pictures of a series, one a slot, as they are on the disk now."""

import json
import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from camera.camera import Exposure
from stack.errors import SessionError
from stack.film.errors import SessionsNotFound
from stack.film.story import SlotStory, Story
from stack.merge.errors import PhotoUnreadable
from stack.merge.photos import photo_shape
from stack.session import Session, load
from stack.timelapse import SlotEnd

PICTURE = "merged.jpg"


@dataclass(frozen=True, slots=True)
class Still:
    """The chosen merge of a slot's stack.

    Attributes
    ----------
    key
        Names this picture and no other: session, merge, size and time of the file.
    left_px, top_px
        Where in the camera's frame its first pixel lies: a merge cuts its borders off.
    at
        UTC: when its stack began.
    exposure
        What its slices were held to; None where the session does not say.
    """

    slot: int
    session: str
    path: Path
    key: str
    width_px: int
    height_px: int
    left_px: float
    top_px: float
    at: datetime
    exposure: Exposure | None


@dataclass(frozen=True, slots=True)
class Absent:
    """A slot that has no picture, and why not."""

    slot: int
    reason: str


def sessions_beside(series: Path) -> Path:
    """Give the folder of the sessions of a state folder that was left, or copied, as it was.

    Raises `SessionsNotFound`.
    """
    folder = series.resolve().parent.parent / "sessions"
    if not folder.is_dir():
        raise SessionsNotFound(folder)
    return folder


def stills_of(story: Story, sessions: Path) -> tuple[list[Still], list[Absent]]:
    """Give the pictures there are now, by slot, and the slots without one. Raises `SessionsNotFound`."""
    if not sessions.is_dir():
        raise SessionsNotFound(sessions)
    found = [_picture_of(slot, sessions) for slot in story.slots]
    return (
        [one for one in found if isinstance(one, Still)],
        [one for one in found if isinstance(one, Absent)],
    )


def _picture_of(slot: SlotStory, sessions: Path) -> Still | Absent:
    match slot.end:
        case SlotEnd.SKIPPED:
            return Absent(slot.number, slot.reason or "left out")
        case SlotEnd.FAILED:
            return Absent(slot.number, slot.reason or "its stack failed")
        case SlotEnd.BEGUN:
            return Absent(slot.number, "its stack is not finished")
    assert slot.session is not None
    try:
        return _still(slot, load(sessions / slot.session))
    except (SessionError, PhotoUnreadable, OSError) as error:
        return Absent(slot.number, _why_none(sessions / slot.session, error))


def _why_none(session: Path, error: Exception) -> str:
    try:
        if not session.is_dir():
            return "its session was removed"
        if (session / PICTURE).exists():
            return str(error)
        merges = load(session).state().merges
    except (SessionError, OSError) as unreadable:
        return str(unreadable)
    failed = merges[-1].error if merges else None
    return f"its merge failed: {failed}" if failed else "it is not merged yet"


def _still(slot: SlotStory, session: Session) -> Still:
    path = (session.path / PICTURE).resolve(strict=True)
    about = path.stat()
    merge = path.parent.name if path.parent.parent.name == "merges" else "-"
    width_px, height_px, origin = _said_of(path.parent / "merge.json") or _seen_of(path, session)
    return Still(
        slot.number,
        session.id,
        path,
        f"{session.id}/{merge}/{about.st_size}/{about.st_mtime_ns}",
        width_px,
        height_px,
        *origin,
        slot.at,
        session.state().exposure,
    )


def _said_of(record: Path) -> tuple[int, int, tuple[float, float]] | None:
    """Give size and origin as the merge wrote them down; None where it did not. No picture is read for it."""
    try:
        crop: Any = json.loads(record.read_bytes())["crop"]
        width_px, height_px = int(crop["width"]), int(crop["height"])
        left_px, top_px = float(crop["left"]), float(crop["top"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    damaged = min(width_px, height_px) < 1 or not math.isfinite(left_px + top_px)
    return None if damaged else (width_px, height_px, (left_px, top_px))


def _seen_of(path: Path, session: Session) -> tuple[int, int, tuple[float, float]]:
    """Give the size of a picture, and where it lies if its borders were cut off alike on all sides."""
    shape = photo_shape(path)
    whole = session.size_px or (shape.width_px, shape.height_px)
    left_px, top_px = (whole[0] - shape.width_px) / 2, (whole[1] - shape.height_px) / 2
    return shape.width_px, shape.height_px, (left_px, top_px)
