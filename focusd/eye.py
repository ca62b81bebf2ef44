"""The camera as the operator has it: opened when needed, given up when it fails, cancelled by anybody."""

import logging
import threading
from collections.abc import Callable

from camera.camera import Camera, Frame
from camera.errors import CameraError, CameraTimeout, CameraUnavailable, CaptureCancelled
from focusd.now import CameraFacts
from rail.axis import Axis, Trust

_log = logging.getLogger(__name__)


class Eye:
    """Owns the camera on behalf of one thread, the operator's; `cancel`, `end` and `facts` are for any.

    Parameters
    ----------
    open_camera
        Opens it, and gives it what it calls again and again while it waits; raises `CameraError` in words.
    beat
        Called as often.
    """

    def __init__(
        self, open_camera: Callable[[Callable[[], object]], Camera], beat: Callable[[], object]
    ) -> None:
        self._open_camera = open_camera
        self._beat = beat
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._camera: Camera | None = None
        self.facts = CameraFacts()

    def camera(self) -> Camera:
        """Give the camera, opened if it is not; raises `CameraError`."""
        camera = self._camera
        if camera is None:
            try:
                camera = self._open_camera(self._wait_on)
            except CameraError as error:
                self._is_away(str(error))
                raise
            with self._lock:
                self._camera = camera
            self.look()
        return camera

    def camera_with(self, lens: Axis) -> Camera:
        """Give the camera that `lens` is a part of, anew where a move has lost that; raises `CameraError`.

        A lens that did not do as it was told knows its place no more, and only a camera just opened tells it.
        """
        if lens.position().trust is Trust.UNKNOWN:
            self.close()
        return self.camera()

    def frame(self) -> Frame:
        """Give a frame to look at, of a camera that is open and exposes by itself; raises `CameraError`.

        One that is not open stays closed: opening it takes long, and somebody waits with an order perhaps.
        """
        camera = self._camera
        if camera is None:
            raise CameraUnavailable(
                f"the camera is not open, and the next stack opens it anew: {self.facts.problem}"
            )
        if camera.exposure is not None:
            camera.unlock()
        return camera.look()

    def try_camera(self) -> None:
        """Open the camera if that is possible; what is wrong with it stands in `facts`."""
        try:
            self.camera()
        except CameraError as error:
            _log.warning("%s", error)
        except Exception as error:  # whatever a camera library throws, the rail is as good without it
            self._is_away(f"{type(error).__name__}: {error}")
            _log.exception("the camera could not be opened")

    def look(self) -> None:
        """Bring `facts` up to date."""
        if (camera := self._camera) is not None:
            self.facts = CameraFacts(
                model=camera.identity.model,
                identity=camera.identity,
                size_px=camera.size_px,
                problem=None,
                frame_ns=camera.frame_duration_ns(),
            )

    def arm(self) -> None:
        """Forget an earlier `cancel`."""
        if self._camera is not None:
            self._camera.arm()

    def cancel(self) -> None:
        """Give up the exposure in progress."""
        with self._lock:
            if self._camera is not None:
                self._camera.cancel()

    def take_note(self, error: Exception) -> None:
        """Give the camera up if `error` means that it is wedged or gone; the next stack opens it anew.

        Of one that is not open, `facts` say why already: who looks all the time must not add to that.
        """
        if self._camera is None:
            return
        wedged = (CameraTimeout, CameraUnavailable)
        if isinstance(error, wedged) or isinstance(error.__cause__, wedged):
            self.close()
            self._is_away(str(error))

    def end(self) -> None:
        """Wait for the camera no more, now nor later: a driver that hangs must not hold up who ends."""
        self._over.set()
        self.cancel()

    def close(self) -> None:
        """Give the camera back, as far as it lets itself be."""
        with self._lock:
            camera, self._camera = self._camera, None
        if camera is not None:
            try:
                camera.close()
            except Exception as failure:  # what is wedged may not let go either, whatever it throws
                _log.warning("%s", failure)

    def _wait_on(self) -> None:
        self._beat()
        if self._over.is_set():
            raise CaptureCancelled("The camera is not waited for any more: focusd is ending.")

    def _is_away(self, problem: str) -> None:
        """Note why there is no camera; which it was last is what is known of the next."""
        self.facts = CameraFacts(problem=problem, identity=self.facts.identity)
