"""One camera: an exposure that began after a given instant, with exactly the locked settings, in a Frame."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
"""Shape `(H, W, 3)`, blue-green-red, sRGB-encoded, over the whole range of their type."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """Everything that decides how bright and which colour a frame is.

    Attributes
    ----------
    time_us
        Exposure time in microseconds, as asked of the sensor.
    gain
        Analogue gain, 1.0 or more.
    colour_gains
        White balance as (red, blue) gains relative to green.
    """

    time_us: int
    gain: float
    colour_gains: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Tether:
    """An earlier exposure that a metered one stays near: pictures of a series are to fit together.

    Attributes
    ----------
    exposure
        Its colour gains are taken over as they are.
    stops
        So much brighter or darker at the most, above 0; None: as bright as is metered.
    """

    exposure: Exposure
    stops: float | None = None

    def __post_init__(self) -> None:
        if self.stops is not None and not 0 < self.stops <= 8:
            raise ValueError(f"{self.stops:g} stops is no change of brightness: more than 0, up to 8")


@dataclass(frozen=True, slots=True)
class Aim:
    """How bright a metered picture is to be.

    Attributes
    ----------
    stops
        Brighter (above 0) or darker than automatic exposure would have it, -8 to 8.
    clipped_percent
        Instead: as bright as can be with so many of its pixels clipped, 0 to 50.
    tether
        What it stays near, whatever it then comes to; None: nothing.
    """

    stops: float = 0.0
    clipped_percent: float | None = None
    tether: Tether | None = None

    def __post_init__(self) -> None:
        if not -8 <= self.stops <= 8 or not 0 <= (self.clipped_percent or 0) <= 50:
            raise ValueError(f"{self} is no brightness: stops from -8 to 8, or 0 to 50 % clipped")
        if self.stops and self.clipped_percent is not None:
            raise ValueError("a picture is exposed for its stops or for what may be clipped, not for both")


AS_METERED: Final = Aim()


@dataclass(frozen=True, slots=True)
class CameraIdentity:
    """Which camera took a frame, for EXIF and the session.

    Attributes
    ----------
    make, model, sensor
        Its names.
    index
        Of how many that are connected, counted from 0.
    rotation_deg
        How it says it is mounted, by which pictures are turned upright; None: it says nothing.
    pixel_um
        Distance between the pixels of its frames on the sensor, binning and scaling included; None: it does
        not say.
    """

    make: str
    model: str
    sensor: str
    index: int = 0
    rotation_deg: int | None = None
    pixel_um: float | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Mosaic:
    """What the sensor read behind its colour filter, before anything was made of it.

    Attributes
    ----------
    pixels
        Shape `(H, W)`, uint16, linear, rows without padding.
    pattern
        The filter's colours, first row then second: RGGB, GRBG, GBRG or BGGR; MONO without a filter.
    white
        The value of a saturated pixel.
    black_levels
        The value of an unlit pixel behind red, green in red's rows, green in blue's rows, and blue.
    """

    pixels: NDArray[np.uint16]
    pattern: str
    white: int
    black_levels: tuple[float, float, float, float]


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """One photograph, with the proof of when and how it was exposed.

    Attributes
    ----------
    pixels
        The picture: 8 bits a colour, or 16 from a camera that was opened for them.
    began_ns, ended_ns
        When the first row's exposure began and the last row was read out, CLOCK_MONOTONIC.
    exposure
        As the sensor reports it, not as it was asked for.
    metadata
        All that the camera reported, for the journal: names and plain values.
    mosaic
        The raw pixels, from a camera that was opened to give them.
    """

    pixels: Pixels
    began_ns: int
    ended_ns: int
    exposure: Exposure
    metadata: Mapping[str, object]
    mosaic: Mosaic | None = None


def eight_bits(pixels: Pixels) -> NDArray[np.uint8]:
    """Give pixels in 8 bits a colour; those that are stay as they are."""
    if pixels.dtype == np.uint8:
        return pixels.view(np.uint8)
    return (pixels >> 8).astype(np.uint8)


class Camera(Protocol):
    """What a stack needs of a camera. One thread calls it; `cancel` may come from any."""

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of every frame."""
        ...

    @property
    def identity(self) -> CameraIdentity:
        """Which camera this is."""
        ...

    @property
    def exposure(self) -> Exposure | None:
        """The exposure every frame is held to, None until `lock`."""
        ...

    def frame_duration_ns(self) -> int:
        """Estimate the time from asking for a fresh frame to having it, with the present exposure."""
        ...

    def meter(self, after_ns: int, aim: Aim = AS_METERED) -> Exposure:
        """Let automatic exposure and white balance settle; give the exposure that is as bright as `aim` says.

        Only frames begun at `after_ns` or later count: the scene is at rest since then.
        Raises `camera.errors.CameraTimeout` when they do not settle, `LightUnsuited` when no exposure is as
        wanted.
        """
        ...

    def lock(self, exposure: Exposure) -> Exposure:
        """Hold every later frame to `exposure`; give it as the sensor grants it.

        Applying the granted value again grants the same: it does not drift.
        """
        ...

    def capture(self, after_ns: int, recycle_ns: int = 0) -> Frame:
        """Give a frame that began at `after_ns` or later and matches the lock.

        It is read out when this returns, so the axis may move again. A frame that is taken again begins at
        least `recycle_ns` after the one before has ended.

        Raises `camera.errors.ExposureDrifted` when frame after frame differs from the lock,
        `CameraTimeout` when none comes, `CaptureCancelled` after `cancel`.
        """
        ...

    def look(self) -> Frame:
        """Give a frame that begins from now on, exposed as the camera happens to: to look through.

        It is held to no lock, and changes none. Raises `CameraTimeout` and `CaptureCancelled` as `capture`.
        """
        ...

    def unlock(self) -> None:
        """Hold frames to nothing any more, and let the camera expose by itself."""
        ...

    def cancel(self) -> None:
        """Give up the exposure in progress, and every later one, until `arm`. Safe from any thread."""
        ...

    def arm(self) -> None:
        """Forget an earlier `cancel`."""
        ...

    def close(self) -> None:
        """Give the camera back."""
        ...
