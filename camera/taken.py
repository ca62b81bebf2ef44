"""How a white field or a dark frame was taken, and what it holds for. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from camera.camera import CameraIdentity, Exposure

ALIKE: Final = 1.5
"""So many times as long, as sensitive or as colourful: darkness comes out about as bright."""
MORE: Final = 1.1
"""So many times as much of time or gain: more pixels shine than a dark frame has found."""
WARMER_C: Final = 8.0
"""By so much more heat, pixels in the dark shine about twice as bright."""
MAGNIFIED: Final = 0.05
"""Part by which a magnification may be told otherwise, as measured anew, and shade alike."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a white field or a dark frame was taken with.

    Attributes
    ----------
    sensor, index, rotation_deg
        Of the camera, as its `CameraIdentity` says them.
    exposure
        As it was granted.
    f_number, numerical_aperture, magnification
        Of the lens, as far as they were told.
    sensor_c
        The sensor's temperature, where it tells one.
    """

    sensor: str
    index: int
    rotation_deg: int | None
    exposure: Exposure
    f_number: float | None = None
    numerical_aperture: float | None = None
    magnification: float | None = None
    sensor_c: float | None = None

    def record(self) -> dict[str, Any]:
        """Give it as plain JSON values."""
        return asdict(self)

    def other_camera(self, now: CameraIdentity) -> Iterator[str]:
        """Say in which the camera is another now, or reads its sensor the other way round."""
        if (self.sensor, self.index) != (now.sensor, now.index):
            yield (
                f"it was taken with the {self.sensor} of camera.index {self.index}, and this is the "
                f"{now.sensor} of camera.index {now.index}"
            )
        elif self.rotation_deg != now.rotation_deg:
            yield (
                f"it was taken with the camera's rotation at {self.rotation_deg} degrees, and that is "
                f"{now.rotation_deg} now, so that its pictures stand on their head"
            )

    def other_lens(
        self, f_number: float | None, numerical_aperture: float | None, magnification: float | None
    ) -> Iterator[str]:
        """Say in which the lens is another now, or otherwise set, so that it shades otherwise."""
        apertures = (self.f_number, self.numerical_aperture), (f_number, numerical_aperture)
        if apertures[0] != apertures[1]:
            was, now = (_aperture(*one) for one in apertures)
            yield f"it was taken at {was}, and that is {now} now"
        before, now_m = self.magnification, magnification
        if before and now_m and abs(now_m / before - 1) > MAGNIFIED:
            yield f"it was taken at a magnification of {before:g}, and that is {now_m:g} now"

    def as_dark(self, exposure: Exposure) -> bool:
        """Say whether darkness comes out with `exposure` about as bright as it did."""
        return all(1 / ALIKE <= factor <= ALIKE for factor in self._factors(exposure))

    def shortfalls(self, exposure: Exposure, sensor_c: float | None) -> Iterator[str]:
        """Say why more pixels may shine in a frame than a dark frame has found."""
        time, gain, *_ = self._factors(exposure)
        if time > MORE or gain > MORE:
            yield f"was taken with {_words(self.exposure)}, and the slices with {_words(exposure)}"
        if sensor_c is not None and self.sensor_c is not None and sensor_c - self.sensor_c >= WARMER_C:
            yield f"was taken with the sensor at {self.sensor_c:.0f} °C, and it came to {sensor_c:.0f}"

    def _factors(self, exposure: Exposure) -> tuple[float, ...]:
        """Give by how much an exposure has more time, gain, and gain in red and in blue than this."""
        before, now = self.exposure, exposure
        figures = zip(
            (now.time_us, now.gain, *now.colour_gains),
            (before.time_us, before.gain, *before.colour_gains),
            strict=True,
        )
        return tuple(one / other for one, other in figures)


def taken_of(record: Mapping[str, Any]) -> Taken:
    """Read what `Taken.record` gave; raises KeyError, TypeError or ValueError for anything else."""
    told = record["exposure"]
    red, blue = told["colour_gains"]
    exposure = Exposure(int(told["time_us"]), float(told["gain"]), (float(red), float(blue)))
    if min(exposure.time_us, exposure.gain, *exposure.colour_gains) <= 0:
        raise ValueError(f"{exposure} lights nothing")
    return Taken(**{**record, "exposure": exposure})


def _aperture(f_number: float | None, numerical_aperture: float | None) -> str:
    return f"f/{f_number:g}" if f_number is not None else f"NA {numerical_aperture:g}"


def _words(exposure: Exposure) -> str:
    return f"{exposure.time_us / 1000:g} ms at gain {exposure.gain:.3g}"
