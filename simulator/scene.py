"""What stands before the simulated lens: radiance for a focus position, and the truth to judge a merge by."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class View:
    """How the lens looks at a scene.

    A point out of focus by `d` micrometres is spread over a disc of diameter `|d| * magnification**2 /
    effective_f_number` on the sensor.

    Attributes
    ----------
    magnification
        Image size over subject size.
    effective_f_number
        Marked aperture times `1 + magnification`.
    pixel_um
        Pixel pitch on the sensor.
    shift_px
        Where the picture lies against its place at rest, `(right, down)`: vibration across the axis.
    """

    magnification: float = 2.0
    effective_f_number: float = 12.0
    pixel_um: float = 3.1
    shift_px: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class SceneSpec:
    """Which scene to open, and where on the axis it stands.

    Attributes
    ----------
    kind
        `insect`: drawn from `seed`. `replay`: the slices of a recorded stack in `folder`.
    centre_um, depth_um
        The carriage positions in focus span `centre_um` plus and minus half of `depth_um`.
    """

    kind: Literal["insect", "replay"] = "insect"
    seed: int = 1
    folder: Path | None = None
    centre_um: float = 20_000.0
    depth_um: float = 1_500.0


class Scene(Protocol):
    """A subject with depth, in the axis's frame: micrometres of carriage travel from home, near to far."""

    @property
    def near_um(self) -> float:
        """Where the nearest part of the subject is in focus."""
        ...

    @property
    def far_um(self) -> float:
        """Where the farthest part of the subject is in focus."""
        ...

    def render(self, focus_um: float, view: View) -> NDArray[np.float32]:
        """Give what the sensor receives with the carriage at `focus_um`.

        Shape `(H, W, 3)`, float32, blue-green-red, linear, 1.0 = a white card in the rig's own light.
        The array is the caller's to keep or change.
        """
        ...

    def truth(self) -> NDArray[np.float32]:
        """Give the subject sharp everywhere, in `render`'s shape and units."""
        ...

    def depth_um(self) -> NDArray[np.float32]:
        """Give where each pixel is in focus, shape `(H, W)`; nan where nothing ever is."""
        ...
