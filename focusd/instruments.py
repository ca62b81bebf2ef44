"""The hardware as one thread works with it."""

from collections.abc import Callable
from dataclasses import dataclass

from camera.camera import Frame
from focusd.eye import Eye
from focusd.light import Light
from rail.axis import OperatedAxis
from rail.clock import Clock


@dataclass(frozen=True, slots=True)
class Instruments:
    """What moves, what sees, what shines, and their time.

    Attributes
    ----------
    see
        Is shown every frame that is taken, in whichever thread has it.
    """

    axis: OperatedAxis
    eye: Eye
    light: Light
    clock: Clock
    see: Callable[[Frame], None]
