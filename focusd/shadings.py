"""The white fields and dark frames of this camera, one file for each of its optics."""

import hashlib
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from focusd.errors import Refused
from stack.durable import write_durably

if TYPE_CHECKING:
    from camera.shading import Shading


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of one optics, and what a session records of it."""

    shading: "Shading"
    record: dict[str, Any]


SHADING = "shading.npz"
"""What a white field or a dark frame is called beside its evidence, until somebody wants it kept."""


class Shadings:
    """The folder of shadings. Any thread may keep and find."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()

    def adopt(self, evidence: Path, optics: str) -> None:
        """Keep what was found and lies in a calibration's folder; raises `Refused`."""
        from camera.shading import unpacked

        try:
            found = unpacked((evidence / SHADING).read_bytes())
        except (OSError, ValueError, KeyError) as error:
            raise Refused(f"{evidence.name} holds no white field and no dark frame: {error}") from error
        with self._lock:
            self.keep(optics, found)

    def keep(self, optics: str, shading: "Shading") -> None:
        """Write down what was found; what it does not say stays as it was known. Raises `Refused`."""
        from camera.shading import Shading

        with suppress(Refused):  # what cannot be read is replaced
            before = self._known(optics)
            if before is not None and before.shading.size_px == shading.size_px:
                gains = before.shading.gains if shading.gains is None else shading.gains
                hot = before.shading.hot if shading.hot is None else shading.hot
                dark = before.shading.dark if shading.hot is None else shading.dark
                shading = Shading(shading.size_px, gains, hot, dark)
        path = self._path(optics)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(path, shading.packed())
        except OSError as error:
            raise Refused(f"the shading cannot be kept in {path}: {error.strerror or error}") from error

    def find(self, optics: str, size_px: tuple[int, int]) -> Kept:
        """Give what is known of optics; raises `Refused` where that is nothing, or of other frames."""
        kept = self._known(optics)
        if kept is None or kept.shading.size_px != size_px:
            raise Refused(
                f"the plan is to be corrected, and there is no white field or dark frame of {optics} with "
                f"frames of {size_px[0]} x {size_px[1]} pixels: take one with `focusctl calibrate flat`, or "
                "set corrected: false"
            )
        return kept

    def _known(self, optics: str) -> Kept | None:
        from camera.shading import unpacked

        path = self._path(optics)
        try:
            content = path.read_bytes()
            shading = unpacked(content)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError) as error:
            raise Refused(
                f"{path} cannot be read: {error}; take it anew: `focusctl calibrate flat`"
            ) from error
        taken = {
            "white_field": shading.gains is not None,
            "hot_pixels": None if shading.hot is None else len(shading.hot),
            "dark_light": None if shading.dark is None else [round(float(one), 6) for one in shading.dark],
        }
        return Kept(shading, {"optics": optics, "sha256": hashlib.sha256(content).hexdigest(), **taken})

    def _path(self, optics: str) -> Path:
        return self._root / f"{quote(optics, safe='')}.npz"
