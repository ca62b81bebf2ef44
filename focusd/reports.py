"""A session's report.html and report.json, written anew whenever its story has grown."""

import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stack.durable import write_durably
from stack.faults import faults
from stack.report import report, report_json
from stack.report_page import Pictures, report_html
from stack.session import Session

_log = logging.getLogger(__name__)

SMALLEST_PX = 1200
"""The pictures in a report are this wide or somewhat more: for looking at in a browser, not for printing."""


class Reports:
    """Writes reports, one at a time, so that an older story never replaces a newer one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def write(self, session: Session) -> None:
        """Write what became of `session`; without a report the session is as good, so nothing is raised."""
        try:
            with self._lock:
                _write(session)
        except OSError as error:
            # Else it was removed meanwhile; one in a bad sector can not even be looked at.
            if not isinstance(error, FileNotFoundError) or session.path.is_dir():
                _log.warning("the report of %s could not be written: %s", session.id, error)
        except Exception:
            _log.exception("the report of %s could not be written", session.id)


def reported(session: Session, *, underway: bool = False) -> dict[str, Any]:
    """Give the values of a session's report as they are now; `underway`: it is being shot."""
    found = faults(session.entries())
    return report(session, session.state(), chosen_merge(session), found, underway=underway)


def _write(session: Session) -> None:
    values = reported(session)
    write_durably(session.path / "report.json", report_json(values).encode())
    page = report_html(values, _pictures(session.path, values["merge"]))
    write_durably(session.path / "report.html", page.encode())


def chosen_merge(session: Session) -> dict[str, Any] | None:
    """Read what the merge says that merged.jpg leads to; None without one."""
    try:
        folder = (session.path / "merged.jpg").resolve(strict=True).parent
        merge: dict[str, Any] = json.loads((folder / "merge.json").read_bytes())
    except (OSError, ValueError):
        return None
    return merge


def unsharp(session: Session) -> str | None:
    """Say that a session's picture shows next to nothing sharp; None where it does, or there is none."""
    match chosen_merge(session):
        case {"coverage": {"judged": False}}:
            return (
                f"the picture of {session.id} shows next to nothing sharp: look whether the axis moves, the "
                "light is on and the subject still stands between near and far"
            )
    return None


def _pictures(folder: Path, merge: Mapping[str, Any] | None) -> Pictures:
    if merge is None:
        return Pictures()
    depth = folder / "depth-preview.jpg"
    return Pictures(
        merged=_preview(folder / "merged.jpg"),
        depth=_preview(depth, merge.get("height_px")) if depth.exists() else None,
    )


def _preview(path: Path, rows: int | None = None) -> bytes:
    """Give a smaller JPEG of the first `rows` of the one at `path`, decoded smaller to begin with."""
    import simplejpeg

    content = path.read_bytes()
    whole_rows = simplejpeg.decode_jpeg_header(content)[0]
    small = simplejpeg.decode_jpeg(content, colorspace="BGR", min_width=SMALLEST_PX)
    if rows is not None:
        small = small[: round(len(small) * rows / whole_rows)]
    preview: bytes = simplejpeg.encode_jpeg(small, quality=85, colorspace="BGR")
    return preview
