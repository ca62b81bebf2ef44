"""What stands before the simulated lens: radiance for a focus position, and the truth to judge a merge by."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]

DEFAULT_SENSOR_WIDTH_UM = 4960.0
"""1600 pixels of 3.1 um: an IMX477 binned two by two, cropped."""


@dataclass(frozen=True, slots=True)
class View:
    """How one frame looks at the scene, beyond where it is focused.

    Attributes
    ----------
    shift_px
        Where the picture lies against its place at rest, `(right, down)`: vibration across the axis.
    """

    shift_px: tuple[float, float] = (0.0, 0.0)


AT_REST = View()


@dataclass(frozen=True, slots=True)
class SceneSpec:
    """Which scene to open, where on the axis it stands, and through which lens it is seen.

    Attributes
    ----------
    kind
        `insect`: drawn from `seed`. `replay`: the photographs in `replay_folder`, in name order.
        `ruler`: lines 100 um apart.
    near_um, far_um
        Carriage positions at which the subject's nearest and farthest parts are in focus.
    magnification, f_number
        The lens. Its effective f-number is `f_number * (1 + magnification)` (symmetrical lens); a point out
        of focus by `d` um is a disc of `d * magnification**2 / effective` um on the sensor.
    pixel_um
        Pixel pitch on the sensor. None: whatever makes the frame `DEFAULT_SENSOR_WIDTH_UM` wide, so that
        a small frame shows the same picture as a large one, only coarser.
    breathing
        By which fraction the picture grows for every millimetre the carriage moves towards far.
    wander_px
        How far the picture wanders across the frame while the carriage travels, at most.
    """

    kind: Literal["insect", "replay", "ruler"] = "insect"
    seed: int = 1
    near_um: float = 19_200.0
    far_um: float = 20_700.0
    magnification: float = 2.0
    f_number: float = 4.0
    pixel_um: float | None = None
    breathing: float = 0.008
    wander_px: float = 0.8
    replay_folder: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what no lens or subject can be."""
        if not self.near_um < self.far_um:
            raise ValueError(f"near_um ({self.near_um:g}) must be less than far_um ({self.far_um:g})")
        for name in ("magnification", "f_number"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above zero, not {getattr(self, name):g}")
        if self.pixel_um is not None and not self.pixel_um > 0:
            raise ValueError(f"pixel_um must be above zero, not {self.pixel_um:g}")

    @property
    def effective_f_number(self) -> float:
        """The f-number as the sensor sees it."""
        return self.f_number * (1 + self.magnification)

    def px_per_um(self, size_px: tuple[int, int]) -> float:
        """Give the pixels for a micrometre across the axis, in frames of that width and height."""
        return self.magnification / (self.pixel_um or DEFAULT_SENSOR_WIDTH_UM / size_px[0])


class SceneError(Exception):
    """A scene cannot be opened, or cannot give what it was asked for."""


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

    def render(self, focus_um: float, view: View = AT_REST) -> Picture:
        """Give what the sensor receives with the carriage at `focus_um`.

        Shape `(H, W, 3)`, float32, blue-green-red, linear. Radiance 1.0 saturates a pixel at 10 000 us and
        gain 1; the subject's mid-tones lie at 0.2 to 0.4, glints at 3 to 30. Motion blur is the mean of
        several renders. The array is the caller's to keep or change.
        """
        ...

    def truth(self) -> Picture:
        """Give the subject sharp everywhere, in `render`'s shape and units, at rest: unshifted, unscaled.

        Raises `SceneError` when nobody knows it.
        """
        ...

    def truth_at(self, focus_um: float) -> Picture:
        """Give the truth where a frame focused at `focus_um` has it: breathing and wander applied."""
        ...

    def depth_um(self) -> Picture:
        """Give where each pixel of `truth()` is in focus, shape `(H, W)`; nan where nothing ever is."""
        ...

    def depth_at(self, focus_um: float) -> Picture:
        """Give `depth_um()` where a frame focused at `focus_um` has it."""
        ...
