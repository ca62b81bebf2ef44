"""The simulator's camera under the library's name, before a printed card that no rail moves."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rail.clock import MonotonicClock
from simulator.rig import RigSpec, SimulatedRig
from simulator.scene import View
from simulator.sensor import CameraSpec

_SIZE_PX = (320, 240)


class Card:
    """A print that is as sharp everywhere; drawn in no time."""

    near_um, far_um = 0.0, 100_000.0

    def render(self, focus_um: float, view: View = View()) -> NDArray[np.float32]:  # noqa: B008
        grain = np.random.default_rng(1).uniform(0.2, 0.5, (_SIZE_PX[1] // 4, _SIZE_PX[0] // 4, 1))
        return np.repeat(np.kron(grain[..., 0], np.ones((4, 4)))[..., None], 3, axis=2).astype(np.float32)

    truth_at = render

    def truth(self) -> NDArray[np.float32]:
        return self.render(0.0)

    def depth_um(self) -> NDArray[np.float32]:
        return np.full((_SIZE_PX[1], _SIZE_PX[0]), np.nan, np.float32)

    def depth_at(self, focus_um: float) -> NDArray[np.float32]:
        return self.depth_um()


_SPEC = RigSpec(camera=CameraSpec(size_px=_SIZE_PX))
Picamera2 = SimulatedRig.open(Path("/tmp/camera"), MonotonicClock(), _SPEC, Card()).picamera2
