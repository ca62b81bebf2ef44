"""A camera on the Raspberry Pi's own connector, through picamera2.

The camera is configured once, in full resolution, and streams from then on: nothing is switched between
slices. Every frame is judged by its own metadata, because a control takes several frames to arrive and no
signal says when it has.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final, cast

from camera import lock
from camera.camera import CameraIdentity, Exposure, Frame, Mosaic, Pixels, eight_bits
from camera.configuration import AUTOMATIC, OFF, Configured, PicamSettings, configure, is_native, known
from camera.errors import (
    CameraError,
    CameraTimeout,
    CameraUnavailable,
    ExposureDrifted,
    NothingSeen,
    ProofMissing,
)
from camera.library import OpenPicamera2, Picamera2, Request
from camera.loan import Clock, Loans
from camera.lock import Metadata
from camera.memory import ReadMemory, read_memory
from camera.patience import within
from camera.streams import mosaic, picture

RELEASED: Final[Mapping[str, object]] = {**AUTOMATIC, "ExposureTime": 0, "AnalogueGain": 0.0}
"""What was set by hand goes back to automatic exposure by setting it to 0."""

NOTHING_ASKED: Final = Exposure(0, 1.0, (1.0, 1.0))

GUARD_NS: Final = 1_000_000
"""SensorTimestamp is taken in an interrupt, which may come late by some tens of microseconds."""

LOCK_FRAMES, LOCK_TRIES = 2 * lock.WINDOW, 3
"""How many frames may pass before a lock is sent again, and how often: picamera2 can lose a control when a
frame is handed back at the same moment."""

METER_FRAMES, METER_NS = 300, 30_000_000_000
"""White balance takes some sixty frames to settle; what has not settled after these, will not."""

OPEN_S: Final = 30.0
"""A Pi Zero 2 takes five seconds to load a tuning and to set its buffers aside."""

CLOSE_S: Final = 5.0
"""With a loose cable, libcamera may never come back from stopping."""


def load_picamera2() -> OpenPicamera2:
    """Give the real Picamera2 class; this looks for camera hardware, so only when one is to be opened.

    Raises `CameraUnavailable` when picamera2 is not installed, or not for this Python and numpy.
    """
    try:
        from picamera2 import Picamera2 as installed
    except ImportError as error:
        raise CameraUnavailable(
            f"picamera2 is not installed for this Python ({error}), so no Raspberry Pi camera can be used. "
            "Install it with 'sudo apt install python3-picamera2' and create the virtual environment with "
            "--system-site-packages, or run with --simulate."
        ) from error
    except ValueError as error:
        raise CameraUnavailable(
            f"picamera2 does not load ({error}): the system's packages were built for another numpy than the "
            "virtual environment has. On bookworm, install 'numpy<2' into it."
        ) from error
    return cast(OpenPicamera2, installed)


class PicamCamera:
    """A `camera.camera.Camera` over picamera2.

    One thread uses it; `cancel` and `arm` may come from any. Every wait is bounded by five frames and three
    seconds, and is heard by `cancel` within a tenth of a second.

    Parameters
    ----------
    open_picamera2
        `load_picamera2()`, or the simulator's.
    settings
        How to use the camera.
    clock
        Time in the base of SensorTimestamp: CLOCK_MONOTONIC, or the simulator's.
    memory
        What there is for frames.

    Raises
    ------
    CameraUnavailable
        There is no such camera, somebody else has it, its frames do not fit into memory, or it does not grant
        the configuration.
    CameraTimeout
        It hangs.
    """

    def __init__(
        self,
        open_picamera2: OpenPicamera2,
        settings: PicamSettings,
        clock: Clock,
        memory: ReadMemory = read_memory,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._closed = False
        self._exposure: Exposure | None = None
        self._held: lock.Figures = {}
        self._asked = NOTHING_ASKED
        self._seen_us = 0
        self._picam = within(OPEN_S, lambda: _open(open_picamera2, settings.index), "has not opened")
        self._identity = _identity(self._picam)
        # A Pi's own cameras say how every frame was exposed; one on USB never does.
        self._loans = Loans(self._picam, clock, None if is_native(self._picam) else self._assumed)
        try:
            self._configured = within(OPEN_S, lambda: self._start(memory), "has not started")
        except (RuntimeError, KeyError) as error:  # KeyError: a control that only the Pi's own cameras have
            self._let_go()
            raise CameraUnavailable(f"The camera does not start: {error}.") from error
        except BaseException:
            self._let_go()
            raise

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of every frame."""
        return self._configured.size_px

    @property
    def identity(self) -> CameraIdentity:
        """Which camera this is."""
        return self._identity

    @property
    def exposure(self) -> Exposure | None:
        """The exposure every frame is held to, None until `lock`."""
        return self._exposure

    def frame_duration_ns(self) -> int:
        """Estimate the time from asking for a fresh frame to having it, with the present exposure.

        On average half a frame passes before the next begins; then it is exposed, read out and processed.
        """
        exposed_us = self._exposure.time_us if self._exposure else self._configured.readout_us
        frame_us = max(exposed_us, self._configured.readout_us)
        return 1000 * (frame_us // 2 + exposed_us + 2 * self._configured.readout_us)

    def meter(self, after_ns: int) -> Exposure:
        """Let automatic exposure and white balance settle; give the result. Nothing is locked meanwhile.

        Raises `CameraTimeout` when they do not settle, `NothingSeen` when the picture they settle on is black
        or blown out, `CaptureCancelled` after `cancel`.
        """
        self._forget_lock()
        self._send(RELEASED)
        fresh_ns = after_ns + GUARD_NS
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
            if why := lock.shows_nothing(eight_bits(self._picture(request))):
                raise NothingSeen(
                    f"Automatic exposure ended at {exposure.time_us} µs with gain {exposure.gain:.2f}, and "
                    f"{why}. Look at the light, the lens cap and the subject's place before the lens.",
                    metered=exposure,
                )
            return exposure

    def lock(self, exposure: Exposure) -> Exposure:
        """Hold every later frame to `exposure`; give it as granted, in whole lines and gain codes.

        Raises `CameraUnavailable` when `exposure` lies outside what the sensor can do, `ExposureDrifted` when
        frames do not come to show it.
        """
        self._check_reach(exposure)
        self._forget_lock()
        self._asked = exposure
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
                    self._exposure, self._held = granted, lock.figures(metadata)
                    return granted
        found = lock.automatic(frames[-1]) + lock.deviations(wanted, frames[-1], self._configured.line_us)
        raise ExposureDrifted(
            f"The camera does not take the exposure asked for: after {len(frames)} frames {_list(found)}. "
            "Restart the daemon; if that does not help, picamera2 and libcamera may be of different ages: "
            "sudo apt full-upgrade.",
            locked=exposure,
            taken=lock.exposure_of(frames[-1]),
            tries=len(frames),
        )

    def capture(self, after_ns: int) -> Frame:
        """Give a frame that began at `after_ns` or later and matches the lock; it is read out by then.

        A frame that differs is taken again, up to `PicamSettings.tries` in all; what was wrong with each is
        listed in the frame's `metadata["retakes"]`.

        Raises `ExposureDrifted` or `ProofMissing` when none was right, `CameraTimeout` when none came,
        `CaptureCancelled` after `cancel`, `CameraError` when nothing is locked.
        """
        if self._exposure is None:
            raise CameraError("No exposure is locked, so slices could differ in brightness: lock one first.")
        retakes: list[str] = []
        while True:
            try:
                return self._take(self._exposure, after_ns, retakes)
            except (ExposureDrifted, ProofMissing) as failure:
                retakes.append(str(failure))
                if len(retakes) >= self._settings.tries:
                    raise

    def limits(self, control: str) -> tuple[Any, Any, Any] | None:
        """Give least, most and default of a control; None where this camera does not have it."""
        return self._picam.camera_controls.get(control)

    def steer(self, controls: Mapping[str, object]) -> None:
        """Send controls that are none of the exposure's, all with one request."""
        self._picam.set_controls(dict(controls))

    def report(self, after_ns: int = 0) -> Metadata:
        """Give what the next frame, or the next begun at `after_ns` or later, says of itself.

        Raises `CameraTimeout`, `ProofMissing` and `CaptureCancelled` as `capture` does.
        """
        with self._fresh(after_ns) as (_, metadata):
            return metadata

    def cancel(self) -> None:
        """Give up the exposure in progress, and every later one, until `arm`. Safe from any thread."""
        self._loans.cancel()

    def arm(self) -> None:
        """Forget an earlier `cancel`."""
        self._loans.arm()

    def close(self) -> None:
        """Give the camera back, once. Raises `CameraTimeout` when it does not let go."""
        if self._closed:
            return
        self._closed = True
        within(CLOSE_S, self._picam.close, "has not closed")

    def _start(self, memory: ReadMemory) -> Configured:
        """Configure the camera and let it stream, with the controls that the first frame must have."""
        configured = configure(self._picam, self._settings, memory())
        self._picam.start(show_preview=False)
        return configured

    def _let_go(self) -> None:
        """Close a camera that did not come up, whatever it thinks of that: what was wrong is told already."""
        with suppress(Exception):
            within(CLOSE_S, self._picam.close, "has not closed")

    def _send(self, controls: Mapping[str, object]) -> None:
        limits = self._picam.camera_controls.get("FrameDurationLimits", ())[:2]
        self._picam.set_controls(known(self._picam, {**controls, "FrameDurationLimits": tuple(limits)}))

    def _assumed(self, metadata: Metadata) -> Metadata:
        return lock.assumed(metadata, self._asked, self._configured.readout_us)

    def _check_reach(self, exposure: Exposure) -> None:
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

    def _forget_lock(self) -> None:
        self._exposure = None
        self._held = {}
        self._asked = NOTHING_ASKED

    def _take(self, locked: Exposure, after_ns: int, retakes: list[str]) -> Frame:
        with self._fresh(after_ns + GUARD_NS) as (request, metadata):
            if found := lock.automatic(metadata) + lock.deviations(
                self._held, metadata, self._configured.line_us
            ):
                raise ExposureDrifted(
                    f"A frame differs from the lock: {_list(found)}. Something else sets the camera's "
                    "controls, or it lost them.",
                    locked=locked,
                    taken=lock.exposure_of(metadata),
                    tries=len(retakes) + 1,
                )
            pixels, raw = self._picture(request), self._mosaic(request, metadata)
            ended_ns = lock.ended_ns(metadata, self._configured.readout_us)
            # A request is complete well after its last row; should one ever come early, the axis waits here.
            self._clock.sleep_until_ns(ended_ns)
            return Frame(
                pixels=pixels,
                began_ns=lock.began_ns(metadata),
                ended_ns=ended_ns,
                exposure=lock.exposure_of(metadata),
                metadata={**metadata, "retakes": tuple(retakes)},
                mosaic=raw,
            )

    def _picture(self, request: Request) -> Pixels:
        return picture(request.make_array("main"), self._configured.main)

    def _mosaic(self, request: Request, metadata: Metadata) -> Mosaic | None:
        raw = self._configured.raw
        if not self._settings.raw or raw is None:
            return None
        return mosaic(request.make_array("raw"), raw, self._configured.sensor_bits, metadata)

    @contextmanager
    def _fresh(self, fresh_ns: int) -> Iterator[tuple[Request, Metadata]]:
        frame_us = max(self._configured.readout_us, self._asked.time_us, self._seen_us)
        with self._loans.fresh(fresh_ns, 5000 * frame_us + 3_000_000_000) as (request, metadata):
            self._seen_us = int(cast(int, metadata.get("FrameDuration", metadata[lock.TIME])))
            yield request, metadata


def _open(open_picamera2: OpenPicamera2, index: int) -> Picamera2:
    """Open camera `index` with a tuning that does not change from frame to frame."""
    library: Any = open_picamera2.func if isinstance(open_picamera2, partial) else open_picamera2
    cameras = library.global_camera_info()
    if index >= len(cameras):
        raise CameraUnavailable(
            f"There is no camera {index}; {len(cameras)} found. Check the ribbon cable at both ends, with "
            "the power off, and that 'rpicam-hello --list-cameras' shows the camera."
        )
    try:
        return open_picamera2(index, tuning=_steady_tuning(library, cameras[index]["Model"]))
    except RuntimeError as error:
        raise CameraUnavailable(
            f"Camera {index} ({cameras[index]['Model']}) cannot be opened: {error} "
            "Another program may have it: 'sudo fuser -v /dev/media*' shows which."
        ) from error


def _steady_tuning(library: Any, model: str) -> dict[str, Any] | None:
    """Load a sensor's tuning and freeze what no control does: adaptive lens shading and contrast.

    None where there is no file for this sensor: libcamera then chooses by itself.
    """
    try:
        tuning = cast(dict[str, Any], library.load_tuning_file(f"{model}.json"))
    except RuntimeError:
        return None
    for algorithm, name in (("rpi.alsc", "n_iter"), ("rpi.contrast", "ce_enable")):
        with suppress(KeyError, StopIteration):  # a tuning for science or monochrome sensors lacks them
            library.find_tuning_algo(tuning, algorithm)[name] = OFF
    return tuning


def _identity(picam: Picamera2) -> CameraIdentity:
    sensor = str(picam.camera_properties.get("Model", "unknown"))
    make = "Raspberry Pi" if is_native(picam) else "unknown"
    return CameraIdentity(make, sensor, sensor)


def _controls(exposure: Exposure) -> dict[str, object]:
    """All that fixes an exposure; libcamera's versions differ in which of these implies which."""
    return {
        "AeEnable": False,
        "AwbEnable": False,
        "ExposureTime": exposure.time_us,
        "AnalogueGain": exposure.gain,
        "ColourGains": exposure.colour_gains,
    }


def _list(found: tuple[lock.Deviation, ...]) -> str:
    return ", ".join(map(str, found))
