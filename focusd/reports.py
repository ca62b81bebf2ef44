"""A session's report.html and report.json, written anew whenever its story has grown."""

import json
import logging
import threading
from pathlib import Path
from typing import Any

from stack.durable import write_durably
from stack.report import report, report_html, report_json
from stack.session import Session

_log = logging.getLogger(__name__)

SMALLEST_PX = 1200
"""The picture in a report is this wide or somewhat more: for looking at in a browser, not for printing."""


class Reports:
    """Writes reports, one at a time, so that an older story never replaces a newer one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def write(self, session: Session) -> None:
        """Write what became of `session`; without a report the session is as good, so nothing is raised."""
        try:
            with self._lock:
                _write(session)
        except Exception:
            _log.exception("the report of %s could not be written", session.id)


def _write(session: Session) -> None:
    merge = _chosen_merge(session)
    values = report(session, session.state(), merge)
    write_durably(session.path / "report.json", report_json(values).encode())
    picture = _preview(session.path / "merged.jpg") if merge is not None else None
    write_durably(session.path / "report.html", report_html(values, picture).encode())


def _chosen_merge(session: Session) -> dict[str, Any] | None:
    """Read what the merge says that merged.jpg leads to; None without one."""
    try:
        folder = (session.path / "merged.jpg").resolve(strict=True).parent
        merge: dict[str, Any] = json.loads((folder / "merge.json").read_bytes())
    except (OSError, ValueError):
        return None
    return merge


def _preview(path: Path) -> bytes:
    """Give a smaller JPEG of the one at `path`, decoded at its smaller size to begin with."""
    import simplejpeg

    small = simplejpeg.decode_jpeg(path.read_bytes(), colorspace="BGR", min_width=SMALLEST_PX)
    preview: bytes = simplejpeg.encode_jpeg(small, quality=85, colorspace="BGR")
    return preview
