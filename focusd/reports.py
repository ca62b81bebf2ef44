"""A session's report.html and report.json, written anew whenever its story has grown."""

import json
from pathlib import Path
from typing import Any

from stack.durable import write_durably
from stack.report import report, report_html, report_json
from stack.session import Session

WIDEST_PX = 1600
"""The picture in a report is for looking at in a browser, not for printing."""


def write_report(session: Session) -> None:
    """Write what became of `session`; raises `OSError` as the disk does."""
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


def _preview(path: Path) -> bytes | None:
    """Give a smaller JPEG of the picture at `path`."""
    import cv2

    picture = cv2.imread(str(path))
    if picture is None:
        return None
    shrink = min(1.0, WIDEST_PX / picture.shape[1])
    small = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return encoded.tobytes()
