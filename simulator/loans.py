"""What Picamera2 hands out: jobs to wait for, and frames on loan."""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.stream import Shot

Step = Callable[[], tuple[bool, Any]]


class Develops(Protocol):
    """Turns shots into pixels, when somebody asks for them."""

    def wanted_us(self) -> float:
        """Give the exposure at gain 1 and light 1 that brings the scene's mean to a middle grey."""
        ...

    def picture(self, shot: Shot, stream: dict[str, Any]) -> NDArray[Any]:
        """Give a shot's pixels in the stream's format and size."""
        ...

    def raw(self, shot: Shot, stream: dict[str, Any]) -> NDArray[np.uint8]:
        """Give what the sensor read, as the raw stream holds it, `(H, stride)` bytes."""
        ...


class Job:
    """Something to be done when a frame comes; `get_result` waits for it.

    Parameters
    ----------
    steps
        Each says whether it is done, and its result; one that is not is tried again with the next frame.
    signal_function
        Called when all are.
    pass_time
        Lets time pass until the job is finished, or so many seconds are over.
    """

    def __init__(
        self,
        steps: list[Step],
        signal_function: Callable[["Job"], None] | None,
        pass_time: Callable[["Job", float | None], None],
    ) -> None:
        self._steps = steps
        self._signal_function = signal_function
        self._pass_time = pass_time
        self._result: Any = None
        self._future: Future[Any] = Future()
        self._future.set_running_or_notify_cancel()

    @property
    def finished(self) -> bool:
        """Whether `get_result` would answer at once."""
        return self._future.done()

    def execute(self) -> bool:
        """Try to get on; say whether nothing is left to do."""
        try:
            while self._steps:
                done, self._result = self._steps[0]()
                if not done:
                    return False
                self._steps.pop(0)
        except Exception as error:
            self._steps = []
            self._future.set_exception(error)
        return True

    def signal(self) -> None:
        """Tell that the job is finished."""
        if not self._future.done():
            self._future.set_result(self._result)
        if self._signal_function:
            self._signal_function(self)

    def get_result(self, timeout: float | None = None) -> Any:
        """Wait up to `timeout` seconds. Raises `TimeoutError`, `CancelledError`, or what the job raised."""
        self._pass_time(self, timeout)
        return self._future.result(timeout=0)

    def cancel(self) -> None:
        """Make waiting for the job raise `CancelledError`."""
        self._future.set_exception(CancelledError())


class CompletedRequest:
    """A frame on loan; released, its buffer goes back to the camera with the controls set since.

    Parameters
    ----------
    shot, config
        What was taken, and in which configuration.
    darkroom, describe
        Where its pixels and its metadata come from.
    give_back, lock
        What returns the buffer, called under the camera's lock.
    """

    def __init__(
        self,
        shot: Shot,
        config: dict[str, Any],
        darkroom: Develops,
        *,
        describe: Callable[[Shot], dict[str, Any]],
        give_back: Callable[[], None],
        lock: threading.RLock,
    ) -> None:
        self._shot = shot
        self._darkroom = darkroom
        self._describe = describe
        self._give_back = give_back
        self._lock = lock
        self.config = dict(config)
        self.ref_count = 1

    def release(self) -> None:
        """Let go of the frame."""
        with self._lock:
            self.ref_count -= 1
            if self.ref_count < 0:
                raise RuntimeError("CompletedRequest: lock now has negative ref_count")
            if self.ref_count == 0:
                self.config = {}
                self._give_back()

    def get_metadata(self) -> dict[str, Any]:
        """Give what was really used for this frame."""
        assert self.config, "the request was released"
        return self._describe(self._shot)

    def make_array(self, name: str) -> NDArray[Any]:
        """Copy the pixels of stream `name` out.

        Shape `(H, W, 3)` or `(H, W, 4)`; YUV420 `(H * 3 / 2, stride)`; raw `(H, stride)`, unpacked to be
        viewed as uint16.
        """
        stream = self.config.get(name)
        if stream is None:
            raise RuntimeError(f"Stream {name!r} is not defined")
        if name == "raw":
            return self._darkroom.raw(self._shot, stream)
        return self._darkroom.picture(self._shot, stream)
