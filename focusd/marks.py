"""What the rig's owner told the daemon and expects it to remember: the marks, and that homing is safe.

Kept in the state folder, each in a file of its own, written durably.
"""

import json
import logging
import os
import threading
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

from focusd.errors import Refused
from focusd.events import Publish
from rail.axis import OperatedAxis, Trust
from rail.errors import HomingNotAllowed, PositionUnknown
from rail.screw import Scale
from stack.durable import write_durably
from stack.plan import Marks
from stack.readiness import to_know

_log = logging.getLogger(__name__)


class MarkBook:
    """The near and far marks on one axis, across restarts. Any thread may use it.

    Marks mean something only while the position does: once that is unknown, they lapse; and so do those that
    were set at an assumed place once the axis has found its reference. Those of a lens do not: it counts from
    infinity, whatever becomes of its camera. Those of another axis are none: its numbers mean other places.
    """

    def __init__(self, path: Path, axis: OperatedAxis, publish: Publish) -> None:
        self._path = path
        self._axis = axis
        self._publish = publish
        self._lock = threading.Lock()
        self.marks = _read(path, axis.grid)

    def mark(self, end: Literal["near", "far"], position_u: float | None) -> tuple[Marks, bool]:
        """Mark an end, where the axis stands or at `position_u`.

        Give the marks, and whether they changed places, as those do that are the wrong way round. Raises
        `PositionUnknown`, `BeyondReach`, and `Refused` while the axis moves, or when it cannot be recorded.
        """
        with self._lock:
            here = self._axis.position()
            if here.trust is Trust.UNKNOWN:
                raise PositionUnknown(
                    f"the position is unknown, so a mark would mean nothing; {to_know(self._axis.scale.unit)}"
                )
            if position_u is not None:
                self._axis.check(self._axis.scale.nearest_steps(position_u))
            elif self._axis.moving():
                raise Refused(
                    "the axis moves, so it stands at no place that could be marked: wait until it rests, or "
                    f"stop it and look; `focusctl mark {end} POSITION` marks a place wherever it is"
                )
            place_u = self._axis.scale.length_u(here.steps) if position_u is None else position_u
            assumed = self.marks.assumed or here.trust is Trust.ASSUMED
            before = replace(self.marks, assumed=assumed)
            near = end == "near"
            after = replace(before, near_u=place_u) if near else replace(before, far_u=place_u)
            self._keep(in_order(after, self._axis.scale))
            return self.marks, self.marks != after

    def clear(self) -> Marks:
        """Forget both marks; raises `Refused` when that cannot be recorded."""
        with self._lock:
            self._keep(Marks())
            return self.marks

    def lapse(self) -> str | None:
        """Forget the marks if the position is lost, or no longer the one they were set by; say why, if so."""
        trust, unit = self._axis.position().trust, self._axis.scale.unit
        if unit == "d":
            return None
        if trust is Trust.UNKNOWN:
            return self.forget(f"the position is unknown; {to_know(unit)}, then mark again")
        if trust is Trust.KNOWN and self.marks.assumed:
            return self.forget("they were set where the axis was only assumed to stand: mark again")
        return None

    def forget(self, reason: str) -> str | None:
        """Forget the marks and give the reason; None where there are none.

        Where it cannot be recorded they are forgotten until a restart.
        """
        with self._lock:
            if self.marks == Marks():
                return None
            self.marks = Marks()
            try:
                self._keep(self.marks)
            except Refused as error:
                _log.warning("the marks have lapsed, and may be back after a restart: %s", error)
        self._publish("marks_lapsed", reason=reason)
        return reason

    def _keep(self, marks: Marks) -> None:
        _write(self._path, json.dumps({**asdict(marks), "grid": self._axis.grid}).encode())
        self.marks = marks


class HomingConsent:
    """The owner's word that the rig may drive itself to its limit switch, given once.

    Parameters
    ----------
    path
        Where the word is kept.
    configured
        It is given in the configuration.
    impossible
        Why there is nothing to home to, in words; None where there is. No word changes that.
    """

    def __init__(self, path: Path, *, configured: bool, impossible: str | None = None) -> None:
        self._path = path
        self._configured = configured
        self._impossible = impossible

    def given(self) -> bool:
        """Say whether homing is allowed, by the configuration or by an earlier word."""
        kept = os.path.exists(self._path)  # noqa: PTH110 - of one in a bad sector Path's raises
        return self._impossible is None and (self._configured or kept)

    def check(self) -> None:
        """Raise `HomingNotAllowed` where it is not."""
        if self._impossible is not None:
            raise HomingNotAllowed(self._impossible)
        if not self.given():
            raise HomingNotAllowed(
                "nobody has said yet that the rig may drive to its home switch: see that the way is free, "
                "then run `focusctl home --allow` once"
            )

    def give(self) -> None:
        """Remember that it is; raises `HomingNotAllowed` where there is nothing to home to, and `Refused`."""
        if self._impossible is not None:
            raise HomingNotAllowed(self._impossible)
        _write(self._path, b"homing is allowed\n")


def in_order(marks: Marks, scale: Scale) -> Marks:
    """Give marks of which the near one is the nearer: dioptres fall from near to far, lengths grow."""
    if marks.near_u is None or marks.far_u is None:
        return marks
    wrong = (marks.far_u - marks.near_u) * scale.per_step < 0
    return replace(marks, near_u=marks.far_u, far_u=marks.near_u) if wrong else marks


def _write(path: Path, content: bytes) -> None:
    try:
        write_durably(path, content)
    except OSError as error:
        raise Refused(f"this cannot be remembered: {path}: {error.strerror or error}") from error


def _read(path: Path, grid: str) -> Marks:
    """Give the marks kept at `path`; none when there is no such file, or it makes no sense on this axis.

    Of which axis those from before are is not noted: they are taken for this one's.
    """
    try:
        kept = json.loads(path.read_bytes())
        marks = Marks(
            _place(kept["near_u"]), _place(kept["far_u"]), assumed=kept.get("assumed", False) is not False
        )
        before = kept.get("grid", grid)
    except (OSError, ValueError, KeyError, TypeError):
        return Marks()
    if before != grid and marks != Marks():
        _log.warning(
            "the marks were set on an axis that counted as `%s`, and this one counts as `%s`, so that they "
            "mean other places: mark again",
            before,
            grid,
        )
        return Marks()
    return marks


def _place(value: object) -> float | None:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise ValueError(f"{value!r} is not a place")
