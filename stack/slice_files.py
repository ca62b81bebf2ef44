"""The files of one slice: encoded, durable, and what the journal says of each."""

import errno
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from camera.camera import Frame
from rail.screw import Unit
from stack.durable import out_of_room, write_durably
from stack.errors import DiskFull, DiskGone, SliceUnsaved
from stack.session import Session

GONE = (errno.EIO, errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EROFS, errno.ESTALE)
"""What a disk answers that was pulled out, or that the kernel has given up."""


@dataclass(frozen=True, slots=True)
class SliceLabel:
    """What a slice's file says about it beside the frame; its exposure began at `taken_at`, UTC."""

    session: str
    index: int
    slices: int
    position_steps: int
    position_u: float
    unit: Unit
    taken_at: datetime


Encode = Callable[[Frame, SliceLabel], bytes]
"""Frame to file: `camera.files` as the daemon sets it up."""


@dataclass(frozen=True, slots=True)
class SliceFiles:
    """Makes files of frames in a session's folder; `free_bytes` says how much room its disk has."""

    session: Session
    free_bytes: Callable[[], int]

    def keep(self, suffix: str, encode: Encode, frame: Frame, label: SliceLabel) -> dict[str, Any]:
        """Make one file of a slice durable; give what the journal says of it.

        Raises `DiskFull`, `DiskGone`, or `SliceUnsaved` for what else can go wrong.
        """
        file, content = self.session.slice_name(label.index, suffix), _encoded(encode, frame, label)
        self._write(label.index, file, content)
        return {"file": file, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}

    def _write(self, index: int, file: str, content: bytes) -> None:
        path = self.session.path / file
        try:
            write_durably(path, content)
            on_disk_bytes = path.stat().st_size
        except OSError as error:
            if out_of_room(error):
                raise DiskFull(
                    f"the disk filled up while slice {index} was saved: make room, then resume",
                    free_bytes=self.free_bytes(),
                    needed_bytes=len(content),
                ) from error
            if self._taken_away():
                raise SliceUnsaved(
                    f"slice {index} could not be saved: the folder {self.session.id} is not in "
                    f"{self.session.path.parent} any more. It was moved or removed, or its disk is not "
                    "mounted: put it back, then resume",
                    index=index,
                ) from error
            if error.errno in GONE:
                raise DiskGone(error) from error
            raise SliceUnsaved(f"slice {index} could not be saved: {error}", index=index) from error
        if on_disk_bytes != len(content):
            raise SliceUnsaved(
                f"slice {index} was written with {len(content)} bytes and the disk has {on_disk_bytes} of "
                "them: it is failing",
                index=index,
            )

    def _taken_away(self) -> bool:
        """Say whether the session's folder is gone, and where it was is not; a failing disk says neither."""
        folder = self.session.path
        try:
            return not folder.is_dir() and folder.parent.is_dir()
        except OSError:
            return False


def _encoded(encode: Encode, frame: Frame, label: SliceLabel) -> bytes:
    try:
        return encode(frame, label)
    except Exception as error:
        raise SliceUnsaved(f"slice {label.index} could not be encoded: {error}", index=label.index) from error
