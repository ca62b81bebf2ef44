"""A fly in front of a macro lens: every photograph drawn from one known subject with a known depth."""

import math
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.defocus import Sheet, on_the_grain, reduced
from simulator.drawing import DEEPEST, Paper
from simulator.fly import backdrop, fly
from simulator.scene import AT_REST, DEFAULT_SENSOR_WIDTH_UM, Picture, SceneError, SceneSpec, View

_MARGIN = 0.04
_LEAST_DRAWN_PX = 640
_BACKDROP_SHRINK = 4
_WAVELENGTH_UM = 0.55
_SEEN_FROM_ALPHA = 0.3


class InsectScene:
    """A fly's head, 1.5 mm deep, on a leaf; behind it a garden that is never in focus.

    The subject fills the frame at any size; `spec` says where on the axis it stands and how fast it blurs.
    Radiance 1.0 saturates a pixel at 10 000 us and gain 1. The same `spec` and size give the same picture.

    A frame is composed in the subject's own geometry, blurred by diffraction (a Gaussian as wide as the Airy
    disc's core, sigma = 0.42 x wavelength x effective f-number), and then placed: breathing about the middle
    of the subject's depth, a slow wander and a very small turn with the carriage's position.
    """

    def __init__(self, spec: SceneSpec, size_px: tuple[int, int]) -> None:
        width, height = size_px
        if width < 16 or height < 16:
            raise SceneError(
                f"a frame of {width}x{height} px is too small to draw an insect on: 16 px at least"
            )
        self._spec, self._size = spec, (width, height)
        pixel_um = spec.pixel_um or DEFAULT_SENSOR_WIDTH_UM / width
        self._radius_px_per_um = spec.magnification**2 / spec.effective_f_number / 2 / pixel_um
        self._airy_px = 0.42 * _WAVELENGTH_UM * spec.effective_f_number / pixel_um
        columns, rows = (on_the_grain(side + 2 * math.ceil(_MARGIN * width)) for side in size_px)
        self._corner = ((columns - width) // 2, (rows - height) // 2)
        finer = math.ceil(_LEAST_DRAWN_PX / width)
        middle = [
            (corner + side / 2) * finer - 0.5 for corner, side in zip(self._corner, size_px, strict=True)
        ]
        paper = Paper((rows * finer, columns * finer), float(width * finer), (middle[0], middle[1]))
        self._sheets = _sheets(paper, finer, spec.seed, spec.near_um, spec.far_um)
        behind = cv2.cvtColor(backdrop(paper, spec.seed, _BACKDROP_SHRINK), cv2.COLOR_BGR2BGRA)
        self._backdrop = cv2.resize(behind, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)
        self._phases = np.random.default_rng([spec.seed, 30]).random(5) * 2 * math.pi

    @property
    def near_um(self) -> float:
        """Where the nearest part of the subject is in focus."""
        return self._spec.near_um

    @property
    def far_um(self) -> float:
        """Where the farthest part of the subject is in focus."""
        return self._spec.far_um

    def placed(self, focus_um: float, view: View = AT_REST) -> NDArray[np.float64]:
        """Give the `(2, 3)` matrix from pixels of `truth()` to pixels of a frame focused at `focus_um`."""
        spec, (width, height) = self._spec, self._size
        away_um = focus_um - (spec.near_um + spec.far_um) / 2
        wave = np.sin(2 * math.pi * focus_um / np.array([1130.0, 310.0, 930.0, 270.0, 1570.0]) + self._phases)
        scale = max(1 + spec.breathing * away_um / 1000, 0.05)
        turn = 0.4 * spec.wander_px / (width / 2) * wave[4]
        c, s = scale * math.cos(turn), scale * math.sin(turn)
        x, y = (width - 1) / 2, (height - 1) / 2
        right = spec.wander_px * (0.75 * wave[0] + 0.25 * wave[1]) + view.shift_px[0]
        down = spec.wander_px * (0.75 * wave[2] + 0.25 * wave[3]) + view.shift_px[1]
        return np.array([[c, -s, x - c * x + s * y + right], [s, c, y - s * x - c * y + down]])

    def render(self, focus_um: float, view: View = AT_REST) -> Picture:
        """Give what the sensor receives with the carriage at `focus_um`; see `Scene.render`."""
        light = self._far_behind()
        for sheet in self._sheets:
            seen, box = sheet.seen(focus_um, self._radius_px_per_um)
            _lay(light[box.index], seen)
        return self._framed(self._diffracted(light), self.placed(focus_um, view))

    def truth(self) -> Picture:
        """Give the subject sharp everywhere, as sharp as diffraction lets it be, at rest."""
        left, top = self._corner
        width, height = self._size
        return self._sharp()[top : top + height, left : left + width].copy()

    def truth_at(self, focus_um: float) -> Picture:
        """Give the truth where a frame focused at `focus_um` has it."""
        return self._framed(self._sharp(), self.placed(focus_um))

    def depth_um(self) -> Picture:
        """Give where each pixel of `truth()` is in focus; nan in the garden."""
        left, top = self._corner
        width, height = self._size
        return self._depth()[top : top + height, left : left + width].copy()

    def depth_at(self, focus_um: float) -> Picture:
        """Give `depth_um()` where a frame focused at `focus_um` has it."""
        return self._warped(self._depth(), self.placed(focus_um), cv2.INTER_NEAREST)

    def _far_behind(self) -> Picture:
        rows, columns = self._backdrop.shape[:2]
        return np.asarray(cv2.resize(self._backdrop, (columns * 2, rows * 2)), np.float32)

    def _diffracted(self, light: Picture) -> Picture:
        picture = np.ascontiguousarray(light[..., :3])
        if self._airy_px > 0.15:
            return np.asarray(cv2.GaussianBlur(picture, (0, 0), self._airy_px), np.float32)
        return picture

    def _sharp(self) -> Picture:
        light = self._far_behind()
        for sheet in self._sheets:
            _lay(light[sheet.box.index], sheet.sharp[0])
        return self._diffracted(light)

    def _depth(self) -> Picture:
        rows, columns = self._backdrop.shape[:2]
        depth = np.full((rows * 2, columns * 2), np.nan, np.float32)
        for sheet in self._sheets:
            light, sharp_um = sheet.sharp
            np.copyto(depth[sheet.box.index], sharp_um, where=light[..., 3] > _SEEN_FROM_ALPHA)
        return depth

    def _framed(self, light: Picture, placed: NDArray[np.float64]) -> Picture:
        # Cubic sampling undershoots beside glints; light does not.
        return np.maximum(self._warped(light, placed, cv2.INTER_CUBIC), 0)

    def _warped(self, canvas: Picture, placed: NDArray[np.float64], sampling: int) -> Picture:
        matrix = placed.copy()
        matrix[:, 2] -= matrix[:, :2] @ np.array(self._corner, np.float64)
        warped = cv2.warpAffine(canvas, matrix, self._size, flags=sampling, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(warped, np.float32)


@lru_cache(maxsize=2)
def _sheets(paper: Paper, finer: int, seed: int, near_um: float, far_um: float) -> tuple[Sheet, ...]:
    """Draw the fly `finer` times as fine as it is kept. The last two are remembered: they never change."""
    per_unit = (far_um - near_um) / DEEPEST
    return tuple(
        Sheet(*reduced(light, np.float32(near_um) + np.float32(per_unit) * depth, finer))
        for light, depth in fly(paper, seed)
    )


def _lay(below: Picture, sheet: Picture) -> None:
    """Lay one sheet's premultiplied `(H, W, 4)` light over what is below it, in place."""
    below *= 1 - sheet[..., 3:]
    below += sheet
