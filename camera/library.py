"""What is used of picamera2, by its own names, which whatever stands in for it must have too."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Request(Protocol):
    """A CompletedRequest: a frame on loan. Until it is released, the camera has one buffer less."""

    def get_metadata(self) -> dict[str, Any]:
        """Give what libcamera reports of the frame."""
        ...

    def make_array(self, name: str) -> NDArray[np.uint8]:
        """Copy out the pixels of the stream called `name`."""
        ...

    def release(self) -> None:
        """Give the frame back."""
        ...


class Picamera2(Protocol):
    """An open camera."""

    @property
    def camera_controls(self) -> dict[str, tuple[Any, Any, Any]]:
        """Least, most and default of each control; they change with `configure`."""
        ...

    @property
    def camera_properties(self) -> dict[str, Any]:
        """What does not change, such as the sensor's `Model`."""
        ...

    @property
    def platform(self) -> Any:
        """The board's image processor: an enumeration with the names VC4 and PISP."""
        ...

    @property
    def sensor_format(self) -> Any:
        """The raw format of all the sensor has."""
        ...

    @property
    def sensor_resolution(self) -> tuple[int, int]:
        """Width and height of all the sensor has."""
        ...

    def create_still_configuration(
        self,
        main: dict[str, Any],
        *,
        raw: dict[str, Any],
        buffer_count: int,
        controls: dict[str, Any],
        display: str | None,
        encode: str | None,
        queue: bool,
    ) -> dict[str, Any]:
        """Make a configuration to change or to hand to `configure`."""
        ...

    def configure(self, camera_config: dict[str, Any]) -> None:
        """Configure the camera; what it cannot do it changes without a word."""
        ...

    def camera_configuration(self) -> dict[str, Any]:
        """Give the configuration as granted."""
        ...

    def start(self, *, show_preview: bool) -> None:
        """Begin to stream."""
        ...

    def set_controls(self, controls: dict[str, Any]) -> None:
        """Send controls with the next request; frames show them some frames later."""
        ...

    def capture_request(self, wait: bool, *, flush: int | None) -> Any:
        """Give a job for `wait`: the next frame whose exposure began at `flush` or later."""
        ...

    def wait(self, job: Any, timeout: float) -> Any:
        """Give the job's frame, or raise TimeoutError after `timeout` seconds."""
        ...

    def cancel_all_and_flush(self) -> None:
        """Take all jobs back: waiting for them raises CancelledError."""
        ...

    def close(self) -> None:
        """Stop and give the camera back."""
        ...


class Library(Protocol):
    """What the class Picamera2 offers before a camera is open."""

    def load_tuning_file(self, tuning_file: str) -> dict[str, Any]:
        """Give the tuning of that name for this board; raises RuntimeError where there is none."""
        ...

    def find_tuning_algo(self, tuning: dict[str, Any], name: str) -> dict[str, Any]:
        """Give an algorithm's part of a tuning, to be changed; raises KeyError or StopIteration."""
        ...


class OpenPicamera2(Protocol):
    """The class Picamera2 itself, or a `functools.partial` of one that stands in for it: a `Library` too."""

    def __call__(self, camera_num: int, *, tuning: dict[str, Any] | None) -> Picamera2:
        """Open a camera."""
        ...
