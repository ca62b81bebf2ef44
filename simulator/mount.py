"""What a simulated camera is mounted on."""

import threading
from typing import Protocol

from simulator.clock import Clock
from simulator.loans import Develops
from simulator.sensor import CameraSpec
from simulator.tunings import TuningInForce
from simulator.world import World


class Mount(Protocol):
    """A rig, as its camera knows it."""

    @property
    def clock(self) -> Clock:
        """The rig's time."""
        ...

    @property
    def world(self) -> World:
        """Where the carriage is."""
        ...

    @property
    def camera(self) -> CameraSpec:
        """What the camera is made of."""
        ...

    @property
    def darkroom(self) -> Develops:
        """Where its shots are developed."""
        ...

    @property
    def tuning(self) -> TuningInForce:
        """The tuning in force."""
        ...

    @property
    def camera_taken(self) -> threading.Lock:
        """Locked while somebody has the camera open."""
        ...
