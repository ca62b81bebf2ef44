"""What can go wrong with a camera. Each error carries its facts as attributes.

CameraError
├── CameraUnavailable    not found, in use, or refuses the configuration
├── CameraTimeout        no frame within a bounded wait
├── CaptureCancelled     somebody asked
├── ExposureDrifted      frames differ from the lock
├── ProofMissing         frames do not say when or how they were exposed
├── NothingSeen          the metered picture is black or blown out
└── LightUnsuited        no exposure makes the picture as bright as wanted
"""

from camera.camera import Exposure


class CameraError(Exception):
    """Anything a camera refuses or fails at."""


class CameraUnavailable(CameraError):
    """There is no such camera, somebody else has it, or it does not grant what was asked."""


class CameraTimeout(CameraError):
    """No frame came within the wait."""

    def __init__(self, message: str, *, waited_s: float) -> None:
        super().__init__(message)
        self.waited_s = waited_s


class CaptureCancelled(CameraError):
    """The capture was given up because a stop was asked for."""


class ExposureDrifted(CameraError):
    """Frame after frame came back exposed differently from the lock."""

    def __init__(self, message: str, *, locked: Exposure, taken: Exposure, tries: int) -> None:
        super().__init__(message)
        self.locked = locked
        self.taken = taken
        self.tries = tries


class ProofMissing(CameraError):
    """A frame came without the metadata that prove when and how it was exposed."""

    def __init__(self, message: str, *, keys: tuple[str, ...]) -> None:
        super().__init__(message)
        self.keys = keys


class NothingSeen(CameraError):
    """Automatic exposure ended on a picture that is black or blown out."""

    def __init__(self, message: str, *, metered: Exposure) -> None:
        super().__init__(message)
        self.metered = metered


class LightUnsuited(CameraError):
    """No exposure within the sensor's reach makes the picture as it is wanted."""

    def __init__(self, message: str, *, metered: Exposure) -> None:
        super().__init__(message)
        self.metered = metered
