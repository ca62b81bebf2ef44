"""A camera on the Raspberry Pi's own connector, through picamera2.

The camera is configured once, in full resolution, and streams from then on: nothing is switched between
slices. Every frame is judged by its own metadata, because a control takes several frames to arrive and no
signal says when it has.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Final, cast

from camera import lock
from camera.aim import brighter, flicker_safe, tethered
from camera.camera import AS_METERED, Aim, CameraIdentity, Exposure, Frame, Mosaic, Pixels
from camera.configuration import Configured, PicamSettings, configure, is_native, known
from camera.errors import (
    CameraError,
    CameraUnavailable,
    ExposureDrifted,
    ProofMissing,
)
from camera.library import OpenPicamera2, Request
from camera.loan import Clock, Loans, array_of
from camera.lock import Metadata
from camera.memory import ReadMemory, read_memory
from camera.meter import Meter
from camera.opening import identity_of, open_steadily
from camera.patience import within
from camera.streams import mosaic, picture

GUARD_NS: Final = 1_000_000
"""SensorTimestamp is taken in an interrupt, which may come late by some tens of microseconds."""

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
    heard
        Called again and again while the camera is waited for; what it raises ends the wait.

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
        heard: Callable[[], object] = lambda: None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._closed = False
        self._exposure: Exposure | None = None
        self._seen_us = 0
        self._picam = within(
            OPEN_S, lambda: open_steadily(open_picamera2, settings.index), "has not opened", heard
        )
        self._identity = identity_of(self._picam, settings.index)
        # A Pi's own cameras say how every frame was exposed; one on USB never does.
        complete = None if is_native(self._picam) else self._assumed
        self._loans = Loans(self._picam, clock, complete, heard)
        try:
            self._configured = within(OPEN_S, lambda: self._start(memory), "has not started", heard)
            self._identity = replace(self._identity, pixel_um=self._configured.pixel_um)
            self._meter = Meter(self._picam, self._configured, clock, self._fresh)
            if settings.raw and self._configured.raw is None:
                raise CameraUnavailable(
                    "This camera gives no raw pixels, as camera.format dng wants them: save another format."
                )
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

    def meter(self, after_ns: int, aim: Aim = AS_METERED) -> Exposure:
        """Let automatic exposure and white balance settle; give the exposure that is as bright as `aim` says.

        On mains light its time is a whole multiple of the flicker. Nothing is locked afterwards.

        Raises `CameraTimeout` when they do not settle, `NothingSeen` when the picture they settle on is black
        or blown out, `LightUnsuited` when no exposure is as wanted, `CaptureCancelled` after `cancel`.
        """
        self._exposure = None
        fresh_ns = after_ns + GUARD_NS
        exposure = self._meter.settle(fresh_ns)
        if aim.stops:
            exposure = brighter(exposure, 2**aim.stops, self._meter.reach)
        if aim.clipped_percent is not None:
            exposure = self._meter.clip(exposure, aim.clipped_percent, fresh_ns)
        if aim.tether is not None:
            exposure = tethered(exposure, aim.tether, self._meter.reach)
        if self._settings.mains_hz is not None:
            exposure = flicker_safe(exposure, self._settings.mains_hz, self._meter.reach)
        self._meter.forget()
        return exposure

    def lock(self, exposure: Exposure) -> Exposure:
        """Hold every later frame to `exposure`; give it as granted, in whole lines and gain codes.

        Raises `CameraUnavailable` when `exposure` lies outside what the sensor can do, `ExposureDrifted` when
        frames do not come to show it.
        """
        self._meter.check(exposure)
        self._exposure = None
        granted = self._meter.hold(exposure)
        if lock.rounded(exposure, granted):
            # libcamera makes the picture brighter by what rounding took away. Asked for again as it was
            # granted, it does not: a stack that goes on from its record is then exactly as bright.
            granted = self._meter.hold(granted)
        self._exposure = granted
        return granted

    def capture(self, after_ns: int, recycle_ns: int = 0) -> Frame:
        """Give a frame that began at `after_ns` or later and matches the lock; it is read out by then.

        A frame that differs is taken again, up to `PicamSettings.tries` in all, and not before a flash has
        had `recycle_ns` to recharge; what was wrong with each stands in the frame's `metadata["retakes"]`.

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
                if recycle_ns:
                    after_ns = max(after_ns, self._clock.monotonic_ns() + recycle_ns)

    def look(self) -> Frame:
        """Give a frame that begins from now on, exposed as the camera happens to: to look through.

        Raises `CameraTimeout`, `ProofMissing` and `CaptureCancelled` as `capture` does.
        """
        with self._fresh(self._clock.monotonic_ns()) as (request, metadata):
            return self._frame(self._picture(request), metadata)

    def unlock(self) -> None:
        """Hold frames to nothing any more, and let the camera expose by itself."""
        self._exposure = None
        self._meter.release()

    def limits(self, control: str) -> tuple[Any, Any, Any] | None:
        """Give least, most and default of a control; None where this camera does not have it."""
        return self._picam.camera_controls.get(control)

    def steer(self, controls: Mapping[str, object]) -> None:
        """Send controls that are none of the exposure's, all with one request; unknown ones are left out."""
        self._picam.set_controls(known(self._picam, controls))

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
        """Give the camera back, once.

        Raises `CameraTimeout` when it does not let go, `CameraUnavailable` when its driver fails at that.
        """
        if self._closed:
            return
        self._closed = True
        try:
            within(CLOSE_S, self._picam.close, "has not closed")
        except RuntimeError as error:
            raise CameraUnavailable(
                f"The camera's driver fails as it is closed ({error}): restart the daemon before it is used "
                "again; if that does not help, reboot."
            ) from error

    def _start(self, memory: ReadMemory) -> Configured:
        """Configure the camera and let it stream, with the controls that the first frame must have."""
        configured = configure(self._picam, self._settings, memory())
        self._picam.start(show_preview=False)
        return configured

    def _let_go(self) -> None:
        """Close a camera that did not come up, whatever it thinks of that: what was wrong is told already."""
        with suppress(Exception):
            within(CLOSE_S, self._picam.close, "has not closed")

    def _assumed(self, metadata: Metadata) -> Metadata:
        return lock.assumed(metadata, self._meter.asked, self._configured.readout_us)

    def _take(self, locked: Exposure, after_ns: int, retakes: list[str]) -> Frame:
        with self._fresh(after_ns + GUARD_NS) as (request, metadata):
            line_us = self._configured.line_us
            if found := lock.automatic(metadata) + lock.deviations(self._meter.held, metadata, line_us):
                raise ExposureDrifted(
                    f"A frame differs from the lock: {lock.in_words(found)}. Something else sets the "
                    "camera's controls, or it lost them.",
                    locked=locked,
                    taken=lock.exposure_of(metadata),
                    tries=len(retakes) + 1,
                )
            pixels, raw = self._picture(request), self._mosaic(request, metadata)
            # A request is complete well after its last row; should one ever come early, the axis waits here.
            self._clock.sleep_until_ns(lock.ended_ns(metadata, self._configured.readout_us))
            return self._frame(pixels, {**metadata, "retakes": tuple(retakes)}, raw)

    def _frame(self, pixels: Pixels, metadata: Metadata, raw: Mosaic | None = None) -> Frame:
        return Frame(
            pixels=pixels,
            began_ns=lock.began_ns(metadata),
            ended_ns=lock.ended_ns(metadata, self._configured.readout_us),
            exposure=lock.exposure_of(metadata),
            metadata=metadata,
            mosaic=raw,
        )

    def _picture(self, request: Request) -> Pixels:
        return picture(array_of(request, "main"), self._configured.main)

    def _mosaic(self, request: Request, metadata: Metadata) -> Mosaic | None:
        raw = self._configured.raw
        if not self._settings.raw or raw is None:
            return None
        return mosaic(array_of(request, "raw"), raw, self._configured.sensor_bits, metadata)

    @contextmanager
    def _fresh(self, fresh_ns: int) -> Iterator[tuple[Request, Metadata]]:
        frame_us = max(self._configured.readout_us, self._meter.asked.time_us, self._seen_us)
        with self._loans.fresh(fresh_ns, 5000 * frame_us + 3_000_000_000) as (request, metadata):
            self._seen_us = int(cast(int, metadata.get("FrameDuration", metadata[lock.TIME])))
            yield request, metadata
