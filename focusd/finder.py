"""What the camera sees, for whoever looks: one frame at most is held, a stated share of one core is spent.

At rest a frame is taken when somebody wants one. While the rig works, the frames of the work itself are
shown: none is taken for looking then, and no control is changed.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from camera.errors import CameraError, CaptureCancelled
from focusd.listeners import Listeners, Wake
from rail.clock import Clock

if TYPE_CHECKING:
    from camera.camera import Frame
    from camera.view import Shown, View

SHARE_AT_REST: Final = 0.5
SHARE_AT_WORK: Final = 0.1
"""Parts of one core's time that looking may take, by what it was measured to take."""

WANTED_NS: Final = 15_000_000_000
"""For so long after somebody looked, frames are kept for the next look."""

KEPT: Final = 4
"""Pictures of the latest frame that are remembered, one for each way of looking at it."""


@dataclass(frozen=True, slots=True)
class LatestFrame:
    """The latest frame, counted from 1; or why there is none, in words."""

    number: int = 0
    frame: "Frame | None" = None
    problem: str | None = None

    def is_later(self, number: int) -> bool:
        """Say whether it shows more than frame `number` did; one whose frame was let go shows nothing."""
        return self.number > number and (self.frame is not None or self.problem is not None)


class Budget:
    """Spreads work out so that it takes no more than a share of the time."""

    def __init__(self) -> None:
        self._free_ns = 0

    def wait_ns(self, now_ns: int) -> int:
        """Give how long the next piece of work has to wait."""
        return max(0, self._free_ns - now_ns)

    def spend(self, now_ns: int, spent_ns: int, share: float) -> None:
        """Account for work that ended now: nothing follows before it is but a `share` of the time."""
        self._free_ns = max(self._free_ns, now_ns) + round(spent_ns * (1 / share - 1))


class Finder:
    """Holds the latest frame and makes pictures of it. Any thread may use it; one at a time makes pictures.

    Parameters
    ----------
    clock
        For the budget, and to forget a frame that nobody wants.
    spent_ns
        The processor time of the thread that calls.
    """

    def __init__(self, clock: Clock, spent_ns: Callable[[], int] = time.thread_time_ns) -> None:
        self._clock = clock
        self._spent_ns = spent_ns
        self._lock = threading.Lock()
        self._listeners = Listeners()
        self._wanted_ns: int | None = None
        self._shown: OrderedDict[View, Shown] = OrderedDict()
        self._shown_number = 0
        self.latest = LatestFrame()
        self.budget = Budget()
        self.closed = False

    def listening(self, wake: Wake) -> AbstractContextManager[None]:
        """Call `wake` whenever there is another frame, or none any more."""
        return self._listeners.listening(wake)

    def want(self) -> None:
        """Have frames kept for a while."""
        self._wanted_ns = self._clock.monotonic_ns()

    def see(self, frame: "Frame") -> None:
        """Take note of a frame of the rig's work, where somebody wants to see it; returns at once."""
        if self._wanted():
            self._tell(frame, None)
        else:
            self.forget()

    def look(self, take: Callable[[], "Frame"]) -> None:
        """Take a frame to be looked at, or note why there is none; the wait for it costs nothing."""
        began_ns = self._spent_ns()
        try:
            self._tell(take(), None)
        except CaptureCancelled:
            return
        except CameraError as error:
            self._tell(None, str(error))
            raise
        finally:
            self._spend(began_ns, SHARE_AT_REST)

    def show(self, view: "View", share: float) -> "tuple[int, Shown] | None":
        """Give a picture of the latest frame, made now unless it was before, and the number of the frame."""
        from camera.view import show

        latest = self.latest
        if latest.frame is None:
            return None
        if latest.number != self._shown_number:
            self._shown.clear()
            self._shown_number = latest.number
        if view not in self._shown:
            began_ns = self._spent_ns()
            self._shown[view] = show(latest.frame.pixels, view)
            self._spend(began_ns, share)
            if len(self._shown) > KEPT:
                self._shown.popitem(last=False)
        return latest.number, self._shown[view]

    def turn_over(self) -> None:
        """Let go of what was seen before the rig began to work, or came to rest, and wake whoever waits."""
        with self._lock:
            if not self.closed:
                self.latest = LatestFrame(self.latest.number)
        self._listeners.wake()

    def wait_s(self, view: "View") -> float:
        """Give how long the budget wants a picture to wait; one that was made already need not."""
        made = self.latest.number == self._shown_number and view in self._shown
        return 0.0 if made else self.budget.wait_ns(self._clock.monotonic_ns()) / 1e9

    def close(self) -> None:
        """Let nobody wait any more, whatever the rig still does and shows as it comes to rest."""
        with self._lock:
            self.latest = LatestFrame(self.latest.number + 1, problem="the daemon is ending")
            self.closed = True
        self._listeners.wake()

    def forget(self) -> None:
        """Let go of the frame, unless somebody wants it."""
        with self._lock:
            if not self.closed and not self._wanted():
                self.latest = LatestFrame(self.latest.number)

    def _spend(self, began_ns: int, share: float) -> None:
        spent_ns = self._spent_ns() - began_ns
        self.budget.spend(self._clock.monotonic_ns(), spent_ns, share)

    def _wanted(self) -> bool:
        wanted_ns = self._wanted_ns
        return wanted_ns is not None and self._clock.monotonic_ns() - wanted_ns <= WANTED_NS

    def _tell(self, frame: "Frame | None", problem: str | None) -> None:
        with self._lock:
            if not self.closed:
                self.latest = LatestFrame(self.latest.number + 1, frame, problem)
        self._listeners.wake()
