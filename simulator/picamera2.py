"""A Picamera2 that is not there: the real one's names, parameters, timing and traps (as of 0.3.38).

What it keeps of the real one, because code that ignores it fails at the bench:

- Completed requests queue up. With two buffers or more the last one is kept, however old: without
  `flush`, that is what `capture_request` gives.
- Controls ride on requests, and show frames later. In the configuration, or set before `start`, they hold
  from the first frame.
- A request not released starves the camera. A job whose wait timed out is still queued, and takes the next
  frame, until `cancel_all_and_flush`.
- A loose cable raises nothing: frames just cease.
- `configure` writes what is granted into the streams it was handed.
- A control of another type than libcamera's is found out only when a request is sent with it, by whoever
  releases one; it never goes, and neither does any other.

There is no thread: see `simulator.pipeline`.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from enum import Enum
from errno import ENOMEM
from itertools import starmap
from typing import Any

from simulator import formats
from simulator.controls import limits, properties
from simulator.loans import CompletedRequest, Job
from simulator.mount import Mount
from simulator.pipeline import Pipeline
from simulator.tunings import TUNINGS

_HIGH_QUALITY, _MINIMAL = 2, 3
_VIRTUAL_NAME = "FrameRate"


class Platform(Enum):
    """The board's image processor."""

    VC4 = 0
    PISP = 1


_DEFAULT: dict[str, Any] = {}


class Picamera2:
    """See the module. `rig` is what the real one does not take.

    Raises `RuntimeError` where the real one does: no such camera, camera in use, bad configuration, start
    before configure, control not known or, once it is sent, not of its type; `OSError` where there is no
    memory for the buffers.
    """

    def __init__(
        self,
        camera_num: int = 0,
        verbose_console: int | None = None,
        tuning: str | dict[str, Any] | None = None,
        allocator: object | None = None,
        *,
        rig: Mount,
    ) -> None:
        if camera_num > 0:
            raise RuntimeError(
                f'No camera number {camera_num} found - use "rpicam-hello --list-cameras" to check connected '
                "cameras"
            )
        if not rig.camera_taken.acquire(blocking=False):
            raise RuntimeError("Camera __init__ sequence did not complete.")
        self.rig = rig
        rig.tuning.read(tuning)
        self.is_open = True
        self.camera_config: dict[str, Any] = {}
        self.options: dict[str, Any] = {}
        self._limits = limits(rig.camera)
        self._pipeline = Pipeline(rig)

    # --- what there is --------------------------------------------------------------------------------

    @staticmethod
    def load_tuning_file(tuning_file: str, dir: str | None = None) -> dict[str, Any]:
        """Give the tuning called `tuning_file`: the parts that matter here."""
        if tuning_file not in TUNINGS or dir is not None:
            raise RuntimeError("Tuning file not found")
        return deepcopy(TUNINGS[tuning_file])

    @staticmethod
    def find_tuning_algo(tuning: dict[str, Any], name: str) -> dict[str, Any]:
        """Give the parameters of algorithm `name`. Raises `StopIteration` when there is none."""
        found: dict[str, Any] = next(each for each in tuning["algorithms"] if name in each)[name]
        return found

    @property
    def started(self) -> bool:
        """Whether it streams."""
        return self._pipeline.started

    @property
    def camera_controls(self) -> dict[str, tuple[Any, Any, Any]]:
        """Least, most and default value of each control."""
        return dict(self._limits)

    @property
    def camera_properties(self) -> dict[str, Any]:
        """What does not change."""
        return properties(self.rig.camera) if self.is_open else {}

    @property
    def sensor_resolution(self) -> tuple[int, int]:
        """Width and height of all the sensor has."""
        return self.rig.camera.size_px

    @property
    def platform(self) -> Platform:
        """The board's image processor."""
        return Platform[self.rig.camera.platform]

    @property
    def sensor_format(self) -> str:
        """The raw format of all the sensor has."""
        return formats.sensor_format(self.rig.camera)

    # --- configuration --------------------------------------------------------------------------------

    def create_preview_configuration(
        self,
        main: dict[str, Any] | None = None,
        lores: dict[str, Any] | None = None,
        raw: dict[str, Any] | None = _DEFAULT,
        transform: object = None,
        colour_space: object = None,
        buffer_count: int = 4,
        controls: dict[str, Any] = _DEFAULT,
        display: str | None = "main",
        encode: str | None = "main",
        queue: bool = True,
        sensor: dict[str, Any] | None = _DEFAULT,
        use_case: str = "preview",
    ) -> dict[str, Any]:
        """Make a configuration for looking."""
        return self._configuration(
            {"format": "XBGR8888", "size": (640, 480)},
            {"NoiseReductionMode": _MINIMAL, "FrameDurationLimits": (100, 83_333)},
            **_arguments(locals()),
        )

    def create_still_configuration(
        self,
        main: dict[str, Any] | None = None,
        lores: dict[str, Any] | None = None,
        raw: dict[str, Any] | None = _DEFAULT,
        transform: object = None,
        colour_space: object = None,
        buffer_count: int = 1,
        controls: dict[str, Any] = _DEFAULT,
        display: str | None = None,
        encode: str | None = None,
        queue: bool = True,
        sensor: dict[str, Any] | None = _DEFAULT,
        use_case: str = "still",
    ) -> dict[str, Any]:
        """Make a configuration for photographs: one buffer, noise reduction on, unless told otherwise."""
        return self._configuration(
            {"format": "BGR888", "size": self.sensor_resolution},
            {"NoiseReductionMode": _HIGH_QUALITY, "FrameDurationLimits": (100, 1_000_000_000)},
            **_arguments(locals()),
        )

    def configure(self, camera_config: dict[str, Any] | None = None) -> None:
        """Take a configuration; what it asks in vain is adjusted without a word."""
        self._must_be_open()
        if self.started:
            raise RuntimeError("Camera must be stopped before configuring")
        if camera_config is None:
            camera_config = self.create_preview_configuration()
        if not isinstance(camera_config, dict):
            raise TypeError("Invalid type for `camera_config` given")
        self.camera_config = {}
        config = camera_config.copy()
        formats.check(config["main"], "main")
        spec = self.rig.camera
        # The caller's own streams are written to.
        config["main"].update(formats.granted(config["main"], self.sensor_resolution, spec))
        if not spec.native:
            config["raw"] = config["sensor"] = None
        else:
            config["sensor"] = {"bit_depth": spec.bits, "output_size": spec.size_px}
        if config.get("raw") is not None:
            config["raw"].update(formats.granted_raw(config["raw"]["format"], spec))
        config["lores"] = None
        self._allocate(config)
        self._pipeline.forget_controls()
        self.set_controls(config["controls"])
        self.camera_config = config

    def camera_configuration(self) -> dict[str, Any]:
        """Give the configuration as granted."""
        return self.camera_config

    # --- running --------------------------------------------------------------------------------------

    def start(self, config: dict[str, Any] | None = None, show_preview: object = False) -> None:
        """Begin to stream; the controls set so far hold from the first frame."""
        self._must_be_open()
        if config is not None or not self.camera_config:
            self.configure(config)
        if self.started:
            return
        self._pipeline.start(self.camera_config)

    def stop(self) -> None:
        """End streaming, behind whatever jobs are still queued."""
        self._pipeline.stop()

    def close(self) -> None:
        """Give the camera back."""
        if not self.is_open:
            return
        self.stop()
        self.is_open = False
        self.camera_config = {}
        self.rig.tuning.forget()
        self.rig.camera_taken.release()

    def set_controls(self, controls: dict[str, Any]) -> None:
        """Send controls with the next request that goes to the camera."""
        for name in controls:
            if name not in self._limits and name != _VIRTUAL_NAME:
                raise RuntimeError(f"Control {name} is not advertised by libcamera")
        self._pipeline.control(dict(starmap(_sent, controls.items())))

    # --- frames ---------------------------------------------------------------------------------------

    def capture_request(
        self,
        wait: bool | float | None = None,
        signal_function: Callable[[Job], None] | None = None,
        flush: bool | int | None = None,
    ) -> Any:
        """Give the next completed request; with `flush`, the first that began at that instant or later.

        `wait`: True or None waits, False gives a `Job`, a number waits so many seconds.
        """
        since_ns = self.rig.clock.monotonic_ns() if flush is True else int(flush or 0)
        return self._pipeline.lend(since_ns, wait, signal_function)

    @contextmanager
    def captured_request(
        self, wait: bool | float | None = None, flush: bool | int | None = None
    ) -> Iterator[CompletedRequest]:
        """Lend a completed request, and release it."""
        request = self.capture_request(wait=wait, flush=flush)
        try:
            yield request
        finally:
            request.release()

    def capture_metadata(
        self, wait: bool | float | None = None, signal_function: Callable[[Job], None] | None = None
    ) -> Any:
        """Give the next frame's metadata."""
        return self._pipeline.read(CompletedRequest.get_metadata, wait, signal_function)

    def wait(self, job: Job, timeout: float | None = None) -> Any:
        """Wait for `job`. Raises `TimeoutError` after `timeout` seconds; the job stays queued."""
        return job.get_result(timeout=timeout)

    def cancel_all_and_flush(self) -> None:
        """Cancel all jobs."""
        self._pipeline.cancel_all()

    def _allocate(self, config: dict[str, Any]) -> None:
        frame_bytes = sum(config[name]["framesize"] for name in ("main", "raw") if config[name] is not None)
        available_bytes = self.rig.camera.memory_bytes
        if available_bytes is not None and config["buffer_count"] * frame_bytes > available_bytes:
            raise OSError(ENOMEM, os.strerror(ENOMEM))

    def _must_be_open(self) -> None:
        if not self.is_open:
            raise RuntimeError("Camera not opened")

    def _configuration(
        self,
        base: dict[str, Any],
        defaults: dict[str, Any],
        *,
        main: dict[str, Any] | None,
        raw: dict[str, Any] | None,
        controls: dict[str, Any],
        **rest: Any,
    ) -> dict[str, Any]:
        self._must_be_open()
        if not defaults.keys() <= self._limits.keys():  # a camera on USB
            defaults = {}
        picture = formats.even(formats.updated({**base, "preserve_ar": True}, main or {}))
        unread = {"format": self.sensor_format, "size": picture["size"]}
        return {
            **rest,
            "main": picture,
            "raw": None if raw is None else formats.updated(unread, raw),
            "controls": {**defaults, **controls},
        }


def _sent(name: str, value: Any) -> tuple[str, Any]:
    """Give a control as libcamera has it; `FrameRate` is picamera2's own."""
    if name != _VIRTUAL_NAME:
        return name, value
    slowest, fastest = value if isinstance(value, tuple | list) else (value, value)
    return "FrameDurationLimits", (int(1e6 / fastest), int(1e6 / slowest))


def _arguments(names: dict[str, Any]) -> dict[str, Any]:
    """Give a method's arguments from all its local names."""
    return {name: value for name, value in names.items() if name != "self"}
