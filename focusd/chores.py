"""What is due while nobody orders anything: the motor is released after a long rest, the light put out.

Pure but for the two things it does: the instants are given by who asks, in seconds of one clock.
"""

from collections.abc import Callable

from focusd.finder import WANTED_NS


class Chores:
    """Remembers what is due when, and does it once; for one thread.

    Parameters
    ----------
    release
        Lets the motor cool.
    darken
        Puts the light out that was put on for somebody to look.
    idle_release_s
        Rest after which the motor is released; None: never.
    """

    def __init__(
        self, release: Callable[[], object], darken: Callable[[], object], idle_release_s: float | None
    ) -> None:
        self._release = release
        self._darken = darken
        self._idle_release_s = idle_release_s
        self.release_due_s: float | None = None
        self.dark_due_s: float | None = None

    def rest_from(self, now_s: float) -> None:
        """Let the rest of the motor begin; looking through the camera does not put its end off."""
        self.release_due_s = None if self._idle_release_s is None else now_s + self._idle_release_s

    def looked(self, now_s: float) -> None:
        """Have the light stay on for a while: who looked now will look again."""
        self.dark_due_s = now_s + WANTED_NS / 1e9

    def idle_s(self, now_s: float) -> float | None:
        """Give how long nothing is due if no order comes; None: for ever."""
        dues_s = [due_s for due_s in (self.release_due_s, self.dark_due_s) if due_s is not None]
        return max(0.0, min(dues_s) - now_s) if dues_s else None

    def do(self, now_s: float) -> None:
        """Do what is due by now."""
        if self.release_due_s is not None and now_s >= self.release_due_s:
            self.release_due_s = None
            self._release()
        if self.dark_due_s is not None and now_s >= self.dark_due_s:
            self.dark_due_s = None
            self._darken()
