"""Frames on loan from picamera2: fresh, waited for in bounds, and given back whatever happens."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import Any, Final, Protocol, cast

from numpy.typing import NDArray

from camera.errors import CameraTimeout, CameraUnavailable, CaptureCancelled, ProofMissing
from camera.library import Picamera2, Request
from camera.lock import Metadata, began_ns, missing

POLL_S: Final = 0.04
"""Waits are cut into pieces this long; `cancel` is heard after two of them at most."""


class Clock(Protocol):
    """Monotonic time in nanoseconds, in the time base of SensorTimestamp."""

    def monotonic_ns(self) -> int:
        """Give the present instant."""
        ...

    def sleep_until_ns(self, instant_ns: int) -> None:
        """Return at `instant_ns` or later."""
        ...


class Loans:
    """The only way that frames leave the camera. `cancel` and `arm` may come from any thread.

    Parameters
    ----------
    picam, clock
        The camera, and its time.
    complete
        Fills in what a camera never reports; None for one whose frames prove themselves.
    heard
        Called for every piece of a wait, so that a long exposure is not taken for a thread that hangs.
    """

    def __init__(
        self,
        picam: Picamera2,
        clock: Clock,
        complete: Callable[[Metadata], Metadata] | None,
        heard: Callable[[], object] = lambda: None,
    ) -> None:
        self._picam = picam
        self._clock = clock
        self._complete = complete
        self._heard = heard
        self._flushes = True
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """End the wait in progress within a tenth of a second, and refuse every later one, until `arm`."""
        self._cancelled.set()

    def arm(self) -> None:
        """Forget an earlier `cancel`."""
        self._cancelled.clear()

    @contextmanager
    def fresh(self, fresh_ns: int, patience_ns: int) -> Iterator[tuple[Request, Metadata]]:
        """Lend the next frame that began at `fresh_ns` or later; it goes back to the camera on leaving.

        The frame's own metadata decide, so that nothing rests on how picamera2 flushes its queue.

        Raises `CameraTimeout` when none comes within `patience_ns` of now or of `fresh_ns`, `ProofMissing`
        when one does not say when or how it was exposed, `CaptureCancelled` after `cancel`,
        `CameraUnavailable` when the driver fails.
        """
        deadline_ns = max(self._clock.monotonic_ns(), fresh_ns) + patience_ns
        while True:
            request = self._borrow(fresh_ns, deadline_ns)
            try:
                metadata: Metadata = request.get_metadata()
                if self._complete is not None:
                    metadata = self._complete(metadata)
                if keys := missing(metadata):
                    raise _unproven(keys)
                if began_ns(metadata) >= fresh_ns:
                    yield request, metadata
                    return
            finally:
                _give_back(request)

    def _borrow(self, fresh_ns: int | None, deadline_ns: int) -> Request:
        if self._cancelled.is_set():
            raise CaptureCancelled("The exposure was not begun: a stop was asked for.")
        job = self._picam.capture_request(False, flush=fresh_ns if self._flushes else None)
        try:
            return self._await(job, deadline_ns)
        except KeyError as error:
            # picamera2 stumbled over a frame without its times, and left it in the queue to stumble again.
            stumbled_over = self._borrow(None, deadline_ns)
            if self._complete is not None:
                self._flushes = False
                return stumbled_over
            _give_back(stumbled_over)
            raise _unproven((str(error.args[0]),)) from error
        except RuntimeError as error:
            raise CameraUnavailable(f"The camera failed while a frame was taken: {error}.") from error
        except BaseException:
            self._reclaim(job)
            raise

    def _await(self, job: object, deadline_ns: int) -> Request:
        asked_ns = self._clock.monotonic_ns()
        while True:
            self._heard()
            with suppress(TimeoutError):
                return cast(Request, self._picam.wait(job, timeout=POLL_S))
            if self._cancelled.is_set():
                raise CaptureCancelled("The exposure was given up: a stop was asked for.")
            now_ns = self._clock.monotonic_ns()
            if now_ns >= deadline_ns:
                waited_s = (now_ns - asked_ns) / 1e9
                raise CameraTimeout(
                    f"No frame came within {waited_s:.1f} s. Check that the camera's ribbon cable sits "
                    "firmly, then try again; if that does not help, reboot, for a hanging driver.",
                    waited_s=waited_s,
                )

    def _reclaim(self, job: object) -> None:
        """Take back a job nobody waits for, and return the frame that it may have got in the meantime."""
        self._picam.cancel_all_and_flush()
        with suppress(TimeoutError, CancelledError, KeyError, RuntimeError):
            cast(Request, self._picam.wait(job, timeout=POLL_S)).release()


def array_of(request: Request, stream: str) -> NDArray[Any]:
    """Copy a frame's pixels out; raises `CameraUnavailable` where the driver has lost them."""
    try:
        return request.make_array(stream)
    except RuntimeError as error:
        raise CameraUnavailable(f"The camera failed as a frame was read: {error}.") from error


def _give_back(request: Request) -> None:
    """Return a frame to the camera, which takes it for the next exposure there and then."""
    try:
        request.release()
    except RuntimeError as error:
        raise CameraUnavailable(f"The camera failed as a frame was given back: {error}.") from error


def _unproven(keys: tuple[str, ...]) -> ProofMissing:
    return ProofMissing(
        f"A frame came without {', '.join(keys)}, so nobody can say when and how it was exposed.", keys=keys
    )
