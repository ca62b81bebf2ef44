"""Where the axis stood, remembered across power cuts."""

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from rail.axis import Trust


@dataclass(frozen=True, slots=True)
class StoredPosition:
    """What is remembered.

    Attributes
    ----------
    steps, trust
        The position when it was stored.
    moving
        A move had begun: the axis may be anywhere by now.
    grid
        What `steps` counts: the scale, from where, which way; on another they mean another place.
    parked
        The rotor stood where a driver that begins anew would hold it.
    """

    steps: int
    trust: Trust
    moving: bool
    grid: str
    parked: bool = False


class PositionStore(Protocol):
    """A memory for one position. `load` never fails; `save` and `forget` raise OSError."""

    def load(self) -> StoredPosition | None:
        """Give what was saved last; None when nothing was, or it is unreadable."""
        ...

    def save(self, position: StoredPosition) -> None:
        """Remember `position` from now on, whatever happens to the power."""
        ...

    def forget(self) -> None:
        """Remember nothing from now on."""
        ...


class FilePositionStore:
    """A position in a small JSON file: written beside it, synced, renamed, and the folder synced."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> StoredPosition | None:
        """Give what was saved last; None when nothing was, or it is unreadable."""
        try:
            fields = json.loads(self._path.read_bytes())
            return StoredPosition(
                steps=int(fields["steps"]),
                trust=Trust(fields["trust"]),
                moving=bool(fields["moving"]),
                grid=str(fields["grid"]),
                parked=bool(fields.get("parked", False)),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, position: StoredPosition) -> None:
        """Remember `position` from now on, whatever happens to the power."""
        draft = self._path.with_name(f".{self._path.name}.new")
        try:
            with draft.open("w") as file:
                json.dump(asdict(position), file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise
        self._sync_folder()

    def forget(self) -> None:
        """Remember nothing from now on; a full disk allows that."""
        self._path.unlink(missing_ok=True)
        self._sync_folder()

    def _sync_folder(self) -> None:
        folder_fd = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder_fd)
        finally:
            os.close(folder_fd)
