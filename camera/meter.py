"""Finding an exposure and holding the camera to it: what is sent, and what frames show of it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Final

import numpy as np
from numpy.typing import NDArray

from camera import lock
from camera.aim import SensorReach, Trial, best_factor, brighter, next_factor, tried
from camera.blank import blank
from camera.camera import Exposure, eight_bits
from camera.configuration import AUTOMATIC, Configured, known
from camera.errors import CameraTimeout, CameraUnavailable, ExposureDrifted, LightUnsuited, NothingSeen
from camera.library import Picamera2, Request
from camera.loan import Clock, array_of
from camera.lock import Metadata
from camera.streams import picture

RELEASED: Final[Mapping[str, object]] = {**AUTOMATIC, "ExposureTime": 0, "AnalogueGain": 0.0}
"""What was set by hand goes back to automatic exposure by setting it to 0."""

NOTHING_ASKED: Final = Exposure(0, 1.0, (1.0, 1.0))

LOCK_FRAMES, LOCK_TRIES = 2 * lock.WINDOW, 3
"""How many frames may pass before a lock is sent again, and how often: picamera2 can lose a control when a
frame is handed back at the same moment."""

METER_FRAMES, METER_NS = 300, 30_000_000_000
"""White balance takes some sixty frames to settle; what has not settled after these, will not."""

AIM_TRIES: Final = 8
"""Pictures taken to find the brightest that clips no more than allowed."""

Fresh = Callable[[int], AbstractContextManager[tuple[Request, Metadata]]]
"""Lends the next frame that began at an instant or later."""


class Meter:
    """Meters, and makes the camera expose as told.

    Attributes
    ----------
    asked
        What the camera was told last; `NOTHING_ASKED` while it exposes by itself.
    held
        What every frame must report since `hold`.

    Parameters
    ----------
    picam, configured, clock
        The camera as it was configured, and its time.
    fresh
        Where frames come from.
    """

    def __init__(self, picam: Picamera2, configured: Configured, clock: Clock, fresh: Fresh) -> None:
        self._picam = picam
        self._configured = configured
        self._clock = clock
        self._fresh = fresh
        self.asked = NOTHING_ASKED
        self.held: lock.Figures = {}

    def settle(self, fresh_ns: int) -> Exposure:
        """Give what automatic exposure and white balance come to rest at."""
        self.release()
        began_ns = max(self._clock.monotonic_ns(), fresh_ns)
        frames: list[Metadata] = []
        while not lock.settled(frames[-lock.WINDOW :], self._configured.line_us):
            waited_ns = self._clock.monotonic_ns() - began_ns
            if len(frames) == METER_FRAMES or waited_ns > METER_NS:
                raise CameraTimeout(
                    f"Automatic exposure has not settled after {len(frames)} frames. The light flickers or "
                    "changes, or the subject moves: steady it, or give the exposure in the plan.",
                    waited_s=waited_ns / 1e9,
                )
            with self._fresh(fresh_ns) as (_, metadata):
                frames.append(metadata)
            if "Assumed" in metadata:
                raise CameraUnavailable(
                    "This camera does not say how it exposes, so metering finds nothing to lock: give the "
                    "plan an exposure."
                )
        with self._fresh(fresh_ns) as (request, metadata):
            exposure = lock.metered(metadata)
            if why := blank(self._picture(request)):
                raise NothingSeen(
                    f"Automatic exposure ended at {exposure.time_us} µs with gain {exposure.gain:.2f}, and "
                    f"the picture is {why}. Look at the light, the lens cap and the subject's place before "
                    "the lens.",
                    metered=exposure,
                )
            return exposure

    def clip(self, metered: Exposure, allowed_percent: float, fresh_ns: int) -> Exposure:
        """Give the brightest exposure that clips no more than allowed, found by looking at pictures."""
        trials: list[Trial] = []
        factor: float | None = 1.0
        while factor is not None and len(trials) < AIM_TRIES:
            self.hold(brighter(metered, factor, self.reach))
            with self._fresh(fresh_ns) as (request, _):
                trials.append(tried(factor, self._picture(request), allowed_percent))
            factor = next_factor(trials, allowed_percent)
        best = best_factor(trials, allowed_percent)
        if best is None:
            raise LightUnsuited(
                f"Even {1 / min(trial.factor for trial in trials):.0f} times darker than metered, more than "
                f"{allowed_percent:g} % of the picture are clipped: there is a glare in it. Move the light, "
                "diffuse it, or allow more.",
                metered=metered,
            )
        return brighter(metered, best, self.reach)

    def hold(self, exposure: Exposure) -> Exposure:
        """Send an exposure until frames show it; give it as they do."""
        self.forget()
        self.asked = exposure
        wanted = lock.figures_asked(exposure)
        if "ColourGains" not in self._picam.camera_controls:  # a monochrome sensor
            wanted = {key: wanted[key] for key in (lock.TIME, lock.GAIN)}
        sent_ns = self._clock.monotonic_ns()
        frames: list[Metadata] = []
        for _ in range(LOCK_TRIES):
            self._send(_controls(lock.to_apply(exposure)))
            for _ in range(LOCK_FRAMES):
                with self._fresh(sent_ns) as (_, metadata):
                    frames.append(metadata)
                if granted := lock.granted(wanted, frames, self._configured.line_us):
                    self.held = lock.figures(metadata)
                    return granted
        found = lock.automatic(frames[-1]) + lock.deviations(wanted, frames[-1], self._configured.line_us)
        raise ExposureDrifted(
            f"The camera does not take the exposure asked for: after {len(frames)} frames "
            f"{lock.in_words(found)}. Restart the daemon; if that does not help, picamera2 and libcamera may "
            "be of different ages: "
            "sudo apt full-upgrade.",
            locked=exposure,
            taken=lock.exposure_of(frames[-1]),
            tries=len(frames),
        )

    def release(self) -> None:
        """Let the camera expose by itself."""
        self.forget()
        self._send(RELEASED)

    def forget(self) -> None:
        """Hold the camera to nothing."""
        self.asked = NOTHING_ASKED
        self.held = {}

    @property
    def reach(self) -> SensorReach:
        """What the sensor can do."""
        controls = self._picam.camera_controls
        least_us, most_us = controls[lock.TIME][:2]
        least_gain, most_gain = controls[lock.GAIN][:2]
        return SensorReach(int(least_us), int(most_us), float(least_gain), float(most_gain))

    def check(self, exposure: Exposure) -> None:
        """Refuse what the sensor cannot do: libcamera would clamp it without a word."""
        for name, value in ((lock.TIME, exposure.time_us), (lock.GAIN, exposure.gain)):
            if name not in self._picam.camera_controls:
                continue
            least, most = self._picam.camera_controls[name][:2]
            room = value * lock.HELD[name]
            if value + room < least or (most and value - room > most):
                raise CameraUnavailable(
                    f"{name} {value:g} lies outside what this sensor can do, {least:g} to {most:g}: "
                    "give one inside, or let the camera meter."
                )

    def _send(self, controls: Mapping[str, object]) -> None:
        limits = self._picam.camera_controls.get("FrameDurationLimits", ())[:2]
        self._picam.set_controls(known(self._picam, {**controls, "FrameDurationLimits": tuple(limits)}))

    def _picture(self, request: Request) -> NDArray[np.uint8]:
        return eight_bits(picture(array_of(request, "main"), self._configured.main))


def _controls(exposure: Exposure) -> dict[str, object]:
    """All that fixes an exposure; libcamera's versions differ in which of these implies which."""
    return {
        "AeEnable": False,
        "AwbEnable": False,
        "ExposureTime": exposure.time_us,
        "AnalogueGain": exposure.gain,
        "ColourGains": exposure.colour_gains,
    }
