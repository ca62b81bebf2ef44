"""What lies between a camera's stream and whoever waits for its frames: jobs, completed requests, controls.

There is no thread. Whoever waits moves the pipeline on, by the clock it was given; a `signal_function` is
therefore called from whatever call comes next.
"""

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from simulator.controls import cast
from simulator.loans import CompletedRequest, Job, Step
from simulator.metadata import describe
from simulator.mount import Mount
from simulator.stream import Shot, Stream
from simulator.voice_coil import VoiceCoil

_FOR_EVER_NS = 60_000_000_000
_HANG_LOOK_S = 0.005

Signal = Callable[[Job], None]


class Pipeline:
    """The frames of one camera, from when it is opened until it is closed.

    With two buffers or more the last completed request is kept, however old. A job whose wait timed out is
    still queued, and takes the next frame.

    Parameters
    ----------
    rig
        What the camera is mounted on.
    """

    def __init__(self, rig: Mount) -> None:
        self.started = False
        self._rig = rig
        self._coil = VoiceCoil(rig.camera.lens, rig.world) if rig.camera.lens else None
        self._lock = threading.RLock()
        self._config: dict[str, Any] = {}
        self._controls: dict[str, Any] = {}
        self._stream: Stream | None = None
        self._stops = 0
        self._jobs: list[Job] = []
        self._completed: list[CompletedRequest] = []
        self._longest_queue = 0
        self._wanted_us: float | None = None
        self._catching_up = False

    def start(self, config: dict[str, Any]) -> None:
        """Begin to stream as configured; the controls set so far hold from the first frame."""
        if self._wanted_us is None:
            self._wanted_us = self._rig.darkroom.wanted_us()
        self._hang()
        with self._lock:
            now_ns = self._rig.clock.monotonic_ns()
            controls = self._taken()
            self._stream = Stream(
                self._rig.camera, self._rig.world, self._wanted_us, controls, now_ns, self._coil
            )
            self._config = config
            self._longest_queue = 1 if config["queue"] and config["buffer_count"] > 1 else 0
            for _ in range(config["buffer_count"]):
                self._stream.queue({})
            self.started = True

    def stop(self) -> None:
        """End streaming, behind whatever jobs are still queued."""
        self._hang()
        if self.started:
            self._dispatch([self._stop], wait=True, signal_function=None, at_once=True)

    def control(self, controls: Mapping[str, Any]) -> None:
        """Send controls with the next request that goes to the camera."""
        with self._lock:
            self._catch_up()
            self._controls |= controls

    def forget_controls(self) -> None:
        """Forget what was not sent yet."""
        self._controls = {}

    def lend(self, since_ns: int, wait: bool | float | None, signal_function: Signal | None) -> Any:
        """Give the next completed request that began at `since_ns` or later; 0: whenever it began.

        `wait`: True or None waits, False gives a `Job`, a number waits so many seconds.
        """
        return self._dispatch([partial(self._fresh, since_ns), self._pop], wait, signal_function)

    def read(
        self,
        function: Callable[[CompletedRequest], Any],
        wait: bool | float | None,
        signal_function: Signal | None,
    ) -> Any:
        """Give what `function` makes of the next completed request, then release it; `wait` as in `lend`."""
        return self._dispatch([partial(self._use, function)], wait, signal_function)

    def cancel_all(self) -> None:
        """Cancel all jobs."""
        with self._lock:
            for job in self._jobs:
                job.cancel()
            self._jobs = []

    def _pass_time(self, job: Job, timeout: float | None) -> None:
        """Move the pipeline on until `job` is finished or `timeout` seconds are over."""
        clock = self._rig.clock
        began_ns = clock.monotonic_ns()
        deadline_ns = began_ns + (_FOR_EVER_NS if timeout is None else int(timeout * 1e9))
        while True:
            with self._lock:
                self._catch_up()
                next_ns = self._stream.next_event_ns if self._stream else deadline_ns
            if job.finished:
                return
            if clock.monotonic_ns() >= deadline_ns:
                break
            clock.sleep_until_ns(min(next_ns, deadline_ns))
        if timeout is None:
            raise RuntimeError("picamera2 would wait here for ever: no frame comes; give a timeout")
        raise TimeoutError

    def _recycle(self, stops: int) -> None:
        """Take a buffer back, and send it out again with the controls set since."""
        self._catch_up()
        if self._stream is None or stops != self._stops:
            return
        self._stream.queue(self._taken())

    def _taken(self) -> dict[str, Any]:
        """Give the controls set since, to be sent; where one is of a wrong type, all stay."""
        controls = {name: cast(name, value) for name, value in self._controls.items()}
        self._controls = {}
        return controls

    def _dispatch(
        self,
        steps: list[Step],
        wait: bool | float | None,
        signal_function: Signal | None,
        *,
        at_once: bool = False,
    ) -> Any:
        if wait is None:
            wait = signal_function is None
        job = Job(steps, signal_function, self._pass_time)
        with self._lock:
            self._catch_up()
            self._jobs.append(job)
            if self._completed or at_once:
                self._work()
        return job.get_result(None if wait is True else wait) if wait else job

    def _catch_up(self) -> None:
        """Let everything happen that has happened up to now."""
        if self._stream is None or self._catching_up:
            return
        self._catching_up = True
        try:
            for shot in self._stream.advance(self._rig.clock.monotonic_ns()):
                self._completed.append(self._complete(shot))
                self._work()
                if not self.started:
                    break
        finally:
            self._catching_up = False

    def _complete(self, shot: Shot) -> CompletedRequest:
        return CompletedRequest(
            shot,
            self._config,
            self._rig.darkroom,
            describe=partial(describe, spec=self._rig.camera, world=self._rig.world),
            give_back=partial(self._recycle, self._stops),
            lock=self._lock,
        )

    def _work(self) -> None:
        """Do the jobs that can be done, in order, then let go of frames nobody wants."""
        finished = []
        while self._jobs and self._jobs[0].execute():
            finished.append(self._jobs.pop(0))
        while len(self._completed) > self._longest_queue:
            self._completed.pop(0).release()
        for job in finished:
            job.signal()

    def _fresh(self, since_ns: int) -> tuple[bool, None]:
        if not since_ns:
            return True, None
        while self._completed:
            metadata = self._completed[0].get_metadata()
            if metadata["SensorTimestamp"] - 1000 * metadata["ExposureTime"] >= since_ns:
                return True, None
            self._completed.pop(0).release()
        return False, None

    def _pop(self) -> tuple[bool, CompletedRequest | None]:
        if not self._completed:
            return False, None
        return True, self._completed.pop(0)

    def _use(self, function: Callable[[CompletedRequest], Any]) -> tuple[bool, Any]:
        done, request = self._pop()
        if request is None:
            return False, None
        result = function(request)
        request.release()
        return done, result

    def _stop(self) -> tuple[bool, None]:
        self._stream = None
        self.started = False
        self._stops += 1
        while self._completed:
            self._completed.pop(0).release()
        return True, None

    def _hang(self) -> None:
        """Be stuck in the driver, in real time, for as long as that fault lasts."""
        while self._rig.world.broken("camera_stuck"):
            time.sleep(_HANG_LOOK_S)
