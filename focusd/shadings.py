"""The white fields and dark frames of this camera, one file for each of its optics."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from camera.camera import CameraIdentity
from focusd.errors import Refused
from stack.durable import write_durably
from stack.optics import Optics

if TYPE_CHECKING:
    from camera.shading import Shading


Size = tuple[int, int]


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
        except (OSError, ValueError, KeyError, TypeError) as error:
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
                field_taken = before.shading.field_taken if shading.gains is None else shading.field_taken
                dark_taken = before.shading.dark_taken if shading.hot is None else shading.dark_taken
                shading = Shading(shading.size_px, gains, hot, dark, field_taken, dark_taken)
        path = self._path(optics)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(path, shading.packed())
        except OSError as error:
            raise Refused(f"the shading cannot be kept in {path}: {error.strerror or error}") from error

    def find(self, name: str, optics: Optics | None, camera: CameraIdentity, size_px: Size) -> Kept:
        """Give what is known of the optics of that name.

        Raises `Refused` where that is nothing, or of other frames, another camera or another lens. Of one
        from before it was kept how it was taken, the size is all that is known.
        """
        kept = self.any_of(name)
        if kept.shading.size_px != size_px:
            there = _pixels(kept.shading.size_px)
            raise Refused(
                f"the plan is to be corrected, and there is no white field or dark frame of {name} with "
                f"frames of {_pixels(size_px)} (the one there is is of {there}): take one with "
                "`focusctl calibrate flat`, or set corrected: false"
            )
        for what, kind, why in _misfits(kept.shading, optics, camera):
            raise Refused(
                f"the plan is to be corrected, and the {what} of {name} does not fit: {why}. Take it anew "
                f"with `focusctl calibrate {kind}`, or set corrected: false"
            )
        return kept

    def any_of(self, name: str) -> Kept:
        """Give what is known of the optics of that name, whatever it fits; raises `Refused` for nothing."""
        kept = self._known(name)
        if kept is None:
            raise Refused(
                f"the plan is to be corrected, and there is no white field or dark frame of {name}: take one "
                "with `focusctl calibrate flat`, or set corrected: false"
            )
        return kept

    def _known(self, optics: str) -> Kept | None:
        from camera.shading import TAKEN, unpacked

        path = self._path(optics)
        try:
            content = path.read_bytes()
            shading = unpacked(content)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Refused(
                f"{path} cannot be read: {error}; take it anew: `focusctl calibrate flat`"
            ) from error
        taken = {
            "white_field": shading.gains is not None,
            "hot_pixels": None if shading.hot is None else len(shading.hot),
            "dark_light": None if shading.dark is None else [round(float(one), 6) for one in shading.dark],
            **{one: told.record() for one in TAKEN if (told := getattr(shading, one)) is not None},
        }
        return Kept(shading, {"optics": optics, "sha256": hashlib.sha256(content).hexdigest(), **taken})

    def _path(self, optics: str) -> Path:
        return self._root / f"{quote(optics, safe='')}.npz"


def _pixels(size_px: Size) -> str:
    return f"{size_px[0]} x {size_px[1]} pixels"


def _misfits(
    shading: "Shading", optics: Optics | None, camera: CameraIdentity
) -> Iterator[tuple[str, str, str]]:
    """Name what does not fit camera and lens, what takes it anew, and why; darkness knows no lens."""
    if field := shading.field_taken:
        reasons = list(field.other_camera(camera))
        if optics is not None:
            reasons += field.other_lens(optics.f_number, optics.numerical_aperture, optics.magnification)
        yield from (("white field", "flat", why) for why in reasons)
    if dark := shading.dark_taken:
        yield from (("dark frame", "dark", why) for why in dark.other_camera(camera))
