"""A rig to be calibrated: a sloping, textured card before the camera, its true figures chosen by the test."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from daemon_rig import DaemonRig
from numpy.typing import NDArray
from rail_rig import SETTINGS, SPEC, Rig

from rail.pins import PanelPins, PanelWiring
from simulator.rig import RigSpec, SimulatedRig
from simulator.scene import SceneSpec, View
from simulator.sensor import CameraSpec
from simulator.world import Resonance, World
from stack.calibrate.probe import Probe
from stack.stop import StopSignal

SIZE_PX = (240, 180)
LEVELS = 24


class Card:
    """A card at `near_um` at the left and `far_um` at the right: each column is sharp at its own place.

    Out of focus by `d` um it is blurred by `d / blur_um` px. Mounted sideways, its picture moves by
    `across_px_um` px for every micrometre of travel, and stays sharp.
    """

    def __init__(
        self,
        near_um: float = 1_000.0,
        far_um: float = 1_100.0,
        *,
        blur_um: float = 20.0,
        across_px_um: float = 0.0,
        size_px: tuple[int, int] = SIZE_PX,
        texture: NDArray[np.float32] | None = None,
    ) -> None:
        self.near_um, self.far_um = near_um, far_um
        self._blur_um = blur_um
        self._across_px_um = across_px_um
        self._size_px = size_px
        sharp = _texture(size_px) if texture is None else texture
        self._levels = [sharp, *(cv2.GaussianBlur(sharp, (0, 0), 0.4 * level) for level in range(1, LEVELS))]

    def render(self, focus_um: float, view: View = View()) -> NDArray[np.float32]:  # noqa: B008
        right, down = view.shift_px
        if self._across_px_um:
            right, picture = right + (focus_um - self.near_um) * self._across_px_um, self._levels[0]
        else:
            picture = self._blurred(focus_um)
        moved = np.array([[1, 0, right], [0, 1, down]], np.float64)
        picture = cv2.warpAffine(
            picture, moved, self._size_px, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
        )
        return np.repeat(np.clip(picture, 0, None)[..., None], 3, axis=2)

    truth_at = render

    def truth(self) -> NDArray[np.float32]:
        return np.repeat(self._levels[0][..., None], 3, axis=2)

    def depth_um(self) -> NDArray[np.float32]:
        columns = np.linspace(self.near_um, self.far_um, self._size_px[0], dtype=np.float32)
        return np.tile(columns, (self._size_px[1], 1))

    def depth_at(self, focus_um: float) -> NDArray[np.float32]:
        return self.depth_um()

    def _blurred(self, focus_um: float) -> NDArray[np.float32]:
        """Blend, column by column, the two nearest of the blurred cards."""
        level = np.clip(np.abs(self.depth_um()[0] - focus_um) / self._blur_um / 0.4, 0, LEVELS - 1.001)
        picture = np.empty_like(self._levels[0])
        for lower in range(LEVELS - 1):
            part = level - lower
            here = (part >= 0) & (part < 1)
            if here.any():
                blend = part[here].astype(np.float32)
                picture[:, here] = (
                    self._levels[lower][:, here] * (1 - blend) + self._levels[lower + 1][:, here] * blend
                )
        return picture


def _texture(size_px: tuple[int, int]) -> NDArray[np.float32]:
    """Give blobs of a few pixels, 0.05 to 0.45 bright."""
    width, height = size_px
    noise = np.random.default_rng(4).standard_normal((height, width)).astype(np.float32)
    fine = cv2.GaussianBlur(noise, (0, 0), 1.0)
    fine /= 2 * np.abs(fine).max()
    return 0.25 + 0.4 * fine


@dataclass
class Truth:
    """What the calibrations are to find."""

    backlash_um: float = 60.0
    decay_ms: float = 30.0
    across: float = 3.0
    um_a_px: float = 1.5


class CalibrationRig(DaemonRig):
    """A daemon's operator before a card, on a virtual clock."""

    def __init__(
        self, folder: Path, truth: Truth | None = None, scene: Callable[[], object] = Card, **kwargs: object
    ) -> None:
        self.truth = truth or Truth()
        self.scene = scene
        super().__init__(folder, **kwargs)  # type: ignore[arg-type]

    def build(self, folder: Path, home_allowed: bool) -> None:
        truth = self.truth
        self.rail = Rig(
            folder,
            position_um=60.0,
            settings=replace(SETTINGS, home_allowed=home_allowed),
            spec=replace(SPEC, backlash_um=truth.backlash_um),
        )
        self.rail.world.resonance = Resonance(35.0, truth.decay_ms, truth.across)
        self.clock = self.rail.clock
        self.axis = self.rail.axis
        spec = RigSpec(
            camera=CameraSpec(size_px=SIZE_PX, line_ns=82_285),
            scene=SceneSpec(near_um=900.0, far_um=1_200.0, pixel_um=2 * truth.um_a_px),
        )
        self.sim = SimulatedRig(self.rail.world, self.clock, spec, self.scene())  # type: ignore[arg-type]
        self.panel = PanelPins(self.rail.factory, PanelWiring())

    def probe(self, settle_ms: int = 400) -> Probe:
        """Give what calibrations work with, without the daemon."""
        camera = self.open_camera()
        camera.lock(camera.meter(self.clock.monotonic_ns()))
        return Probe(
            self.axis, camera, self.clock, StopSignal(), settle_ms * 1_000_000, lambda done, of: None
        )


def still_after_ms(world: World, at_rest_ns: int, within_um: float) -> float:
    """Give how long after an instant the carriage last was more than `within_um` off, across the axis."""
    instants_ns = at_rest_ns + np.arange(0, 1500, dtype=np.int64) * 1_000_000
    _, across_um = world.motion_um(instants_ns)
    restless = np.flatnonzero(np.abs(across_um) > within_um)
    return float(restless.max() + 1) if restless.size else 0.0
