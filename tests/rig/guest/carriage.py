"""A carriage on a kernel's lines: what the kernel has set on STEP moves it, and it works its own switches."""

import threading
import time

from chip import Chip, Event
from patience import LOOK_S, wait_until

from rail.pins import MotionWiring


class Carriage:
    """Follows the trace in a thread until the machine ends; knows nothing of the software that drives it.

    Attributes
    ----------
    chip
        Whose lines these are.
    events
        All that happened on them.
    path_steps
        Where it began, every place where it turned round, and where it is; 0 is the touch of the near switch.
    lost_steps
        Pulses while the motor was not held.
    """

    def __init__(self, wiring: MotionWiring, position_steps: int, travel_steps: int) -> None:
        self.events: list[Event] = []
        self.path_steps = [position_steps]
        self.lost_steps = 0
        self._travel_steps = travel_steps
        self._wiring = wiring
        self._levels: dict[int, bool] = {}
        self.chip = Chip()
        threading.Thread(target=self._follow, daemon=True).start()

    @property
    def position_steps(self) -> int:
        """Where the carriage is."""
        return self.path_steps[-1]

    def levels(self, line: int) -> list[bool]:
        """Give every level that a line was set to."""
        return [event.level for event in self.events if event.line == line and event.what == "set"]

    def await_switches(self) -> None:
        """Wait until claimed inputs read what the switches say: the claim pulled them up for a moment."""
        wait_until(lambda: all(self.chip.level(line) == on for line, on in self._switches().items()))

    def pulses_us(self, since: int = 0) -> list[int]:
        """Give when STEP rose, from the event numbered `since` on."""
        return [e.at_us for e in self.events[since:] if e.line == self._wiring.step and e.level]

    def _follow(self) -> None:
        while True:
            for event in self.chip.events():
                self._feel(event)
                self.events.append(event)
            time.sleep(LOOK_S)

    def _feel(self, event: Event) -> None:
        wiring = self._wiring
        if event.what == "in" and event.line in self._switches():
            self._work_switches()  # the claim pulled the line up, as a Pi does; a closed switch is stronger
        if event.what != "set":
            return
        rose = event.level and not self._levels.get(event.line, False)
        self._levels[event.line] = event.level
        if event.line == wiring.step and rose:
            if self._levels[wiring.enable] != wiring.energised_level:
                self.lost_steps += 1
                return
            self._go(1 if self._levels[wiring.dir] == wiring.far_level else -1)
            self._work_switches()

    def _go(self, sense: int) -> None:
        path = self.path_steps
        if len(path) > 1 and (path[-1] - path[-2]) * sense > 0:
            path[-1] += sense
        else:
            path.append(path[-1] + sense)

    def _switches(self) -> dict[int, bool]:
        pressed = self._wiring.pressed_level
        near, far = self.position_steps <= 0, self.position_steps >= self._travel_steps
        return {
            self._wiring.limit_near: near == pressed,
            self._wiring.limit_far: far == pressed,
        }

    def _work_switches(self) -> None:
        for line, level in self._switches().items():
            if self.chip.level(line) != level:
                self.chip.pull(line, level)
