"""A simulated camera on a virtual clock, before a subject whose brightness tells where the carriage was."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.clock import VirtualClock
from simulator.rig import RigSpec, SimulatedRig, virtual_rig
from simulator.scene import View
from simulator.sensor import CameraSpec
from simulator.world import Resonance

SIZE_PX = (160, 120)
SPEC = RigSpec(
    camera=CameraSpec(size_px=SIZE_PX, line_ns=164_570),
    resonance=Resonance(decay_ms=20.0),
    start_um=200.0,
)


class Ladder:
    """An evenly lit card that turns brighter, from a dark grey to a light one, with every micrometre."""

    near_um, far_um = 0.0, 1_000.0

    def render(self, focus_um: float, view: View = View()) -> NDArray[np.float32]:  # noqa: B008
        level = 0.1 + 0.4 * focus_um / self.far_um
        return np.full((SIZE_PX[1], SIZE_PX[0], 3), level, np.float32)

    truth_at = render

    def truth(self) -> NDArray[np.float32]:
        return self.render(0.0)

    def depth_um(self) -> NDArray[np.float32]:
        return np.full((SIZE_PX[1], SIZE_PX[0]), np.nan, np.float32)

    def depth_at(self, focus_um: float) -> NDArray[np.float32]:
        return self.depth_um()


def camera_rig(folder: Path, spec: RigSpec = SPEC) -> tuple[SimulatedRig, VirtualClock]:
    """Make a rig whose scene costs nothing to render."""
    rig, clock = virtual_rig(folder, spec)
    rig.__dict__["scene"] = Ladder()
    return rig, clock


def jump(rig: SimulatedRig, position_um: float) -> None:
    """Put the carriage at `position_um`, now."""
    state = rig.world.carriage()
    rig.world.claim_carriage()
    rig.world.trace(state.samples, rig.clock.monotonic_ns(), position_um)
    rig.world.record(state._replace(samples=state.samples + 1, carriage_um=position_um))
