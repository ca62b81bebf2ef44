"""A real stack replayed: the carriage's position chooses which photograph the camera sees."""

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.scene import AT_REST, Picture, SceneError, SceneSpec, View

_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".tif", ".tiff"))
_KEPT = 3


class ReplayScene:
    """The photographs of a folder, in name order, spread evenly from `spec.near_um` to `spec.far_um`.

    Each is scaled to fill the frame, cropped about its middle, and taken to be sRGB: white is radiance 1.0.
    Photographs are read as they are wanted, and only the last few are kept. What they show is not known, so
    there is neither truth nor depth; breathing and wander are in the photographs already.

    Raises `SceneError` when `spec.replay_folder` is missing or holds no photograph.
    """

    def __init__(self, spec: SceneSpec, size_px: tuple[int, int]) -> None:
        folder = spec.replay_folder
        if folder is None:
            raise SceneError("replay needs a folder of photographs: set replay_folder")
        if not folder.is_dir():
            raise SceneError(f"no photographs to replay: {folder} is not a folder")
        self._paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
        if not self._paths:
            raise SceneError(f"no photographs to replay: {folder} holds no JPEG, PNG or TIFF")
        self._spec, self._size = spec, size_px
        self._photograph = lru_cache(maxsize=_KEPT)(self._read)

    @property
    def near_um(self) -> float:
        """Where the first photograph was taken."""
        return self._spec.near_um

    @property
    def far_um(self) -> float:
        """Where the last photograph was taken."""
        return self._spec.far_um

    def shown(self, focus_um: float) -> Path:
        """Give the photograph nearest to `focus_um`."""
        part = (focus_um - self.near_um) / (self.far_um - self.near_um)
        last = len(self._paths) - 1
        return self._paths[min(max(round(part * last), 0), last)]

    def render(self, focus_um: float, view: View = AT_REST) -> Picture:
        """Give the nearest photograph as radiance; see `Scene.render`. Raises `SceneError`."""
        light = _linear(self._photograph(self.shown(focus_um)))
        right, down = view.shift_px
        if not right and not down:
            return light
        moved = np.array([[1, 0, right], [0, 1, down]], np.float64)
        return np.asarray(
            cv2.warpAffine(light, moved, self._size, borderMode=cv2.BORDER_REPLICATE), np.float32
        )

    def truth(self) -> Picture:
        """Raise `SceneError`: nobody knows."""
        raise SceneError("a replayed stack has no known truth; ask the insect scene for one")

    def truth_at(self, focus_um: float) -> Picture:
        """Raise `SceneError`: nobody knows."""
        return self.truth()

    def depth_um(self) -> Picture:
        """Raise `SceneError`: nobody knows."""
        raise SceneError("a replayed stack has no known depth; ask the insect scene for one")

    def depth_at(self, focus_um: float) -> Picture:
        """Raise `SceneError`: nobody knows."""
        return self.depth_um()

    def _read(self, path: Path) -> NDArray[np.uint16]:
        """Give a photograph at the frame's size, `(H, W, 3)`, 0 to 65535."""
        try:
            data = np.fromfile(path, np.uint8)
            pixels = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH) if data.size else None
        except (OSError, cv2.error) as error:
            raise SceneError(f"cannot read the photograph {path}: {error}") from error
        if pixels is None:
            raise SceneError(f"cannot read the photograph {path}: not a JPEG, PNG or TIFF, or damaged")
        if pixels.dtype not in (np.uint8, np.uint16):
            raise SceneError(f"cannot replay the photograph {path}: {pixels.dtype} samples, not 8 or 16 bits")
        wide = pixels.astype(np.uint16) * 257 if pixels.dtype == np.uint8 else pixels
        return _filling(np.asarray(wide, np.uint16), self._size)


def _filling(pixels: NDArray[np.uint16], size_px: tuple[int, int]) -> NDArray[np.uint16]:
    """Scale until the frame is filled, and crop about the middle."""
    (width, height), (rows, columns) = size_px, pixels.shape[:2]
    scale = max(width / columns, height / rows)
    covering = (max(round(columns * scale), width), max(round(rows * scale), height))
    if covering != (columns, rows):
        sampling = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        pixels = np.asarray(cv2.resize(pixels, covering, interpolation=sampling), np.uint16)
    left, top = (covering[0] - width) // 2, (covering[1] - height) // 2
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


@lru_cache(maxsize=1)
def _srgb_to_linear() -> Picture:
    """Give the inverse of IEC 61966-2-1's curve for every 16-bit value."""
    value = np.arange(65536, dtype=np.float64) / 65535
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _linear(pixels: NDArray[np.uint16]) -> Picture:
    return np.asarray(_srgb_to_linear()[pixels], np.float32)
