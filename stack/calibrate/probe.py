"""Goes to places and photographs them: what every calibration does with an axis and a camera.

Every move goes through the axis, with its limits and its keep-out, and no picture is kept longer than it
takes to measure it. A stop is heard wherever one is heard in a stack.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from camera.camera import Camera, Frame, Pixels
from camera.sharpness import detail, green, plane_detail
from rail.axis import Arrival, Axis
from rail.clock import Clock
from stack.calibrate.backlash import LEAST_OVERLAP
from stack.calibrate.curves import Sweep, sweep_of
from stack.calibrate.settle import Look
from stack.calibrate.shift import shift_px
from stack.stop import StopSignal, wait
from stack.travel import travel

Tell = Callable[[int, int], None]
"""Hears how many pictures are taken, and of how many."""

ROWS: Final = 12
COLUMNS: Final = 16
"""Tiles of a picture, each with a focus of its own."""

BANDS: Final = 5
WINDOW_PX: Final = 256
MIDDLE_PX: Final = 768
"""Side of the part by which the shift of a whole picture is found; up to a quarter of it at a time."""
MOST_LOOKS: Final = 48
"""Pictures while one move is watched: windows of so many are held in memory at once ..."""
AT_REST: Final = 3
"""... and of these, taken after that. With the last the others are compared."""

Window = tuple[slice, slice]


def _unseen(_frame: Frame) -> None:
    """Show nobody."""


@dataclass(frozen=True, slots=True)
class Probe:
    """An axis and a camera, at work for a calibration, owned by the thread that calls.

    Attributes
    ----------
    axis, camera, clock
        The camera is locked to an exposure.
    stop
        The wish to end.
    settle_ns
        How long after the last step a picture may begin.
    tell
        Hears how far the work is.
    seen
        Is shown every picture; must return at once.
    """

    axis: Axis
    camera: Camera
    clock: Clock
    stop: StopSignal
    settle_ns: int
    tell: Tell
    seen: Callable[[Frame], None] = _unseen

    def go(self, steps: int) -> Arrival:
        """Go to a place, from the near side."""
        self.stop.check()
        return travel(self.axis, steps)

    def jog(self, steps: int) -> Arrival:
        """Go so far from here, whatever play there is."""
        self.stop.check()
        return self.axis.jog(steps)

    def photograph(self, arrival: Arrival) -> Frame:
        """Take a picture once the axis has settled."""
        self.stop.check()
        frame = self.camera.capture(arrival.at_rest_ns + self.settle_ns)
        self.seen(frame)
        return frame

    def tiles(self, arrival: Arrival) -> NDArray[np.float64]:
        """Take a picture and give the detail of its tiles."""
        return detail(self.photograph(arrival).pixels, *tiling(self.camera.size_px))

    def check(self, *places_steps: int) -> None:
        """Raise `rail.errors.MoveRefused` unless every place can be gone to."""
        for steps in places_steps:
            self.axis.check(steps)


def tiling(size_px: tuple[int, int]) -> tuple[int, int]:
    """Give rows and columns of tiles for a frame of that width and height: none smaller than ten pixels."""
    width, height = size_px
    return max(1, min(ROWS, height // 10)), max(1, min(COLUMNS, width // 10))


def both_ways(probe: Probe, middle_steps: int, gaps: int, pitch_steps: int) -> tuple[Sweep, Sweep]:
    """Sweep towards far and back about a place, photographing the same step counts both ways.

    Before the way there, as much play is taken up as the two sweeps can show: what the axis itself is told of
    its play does not matter. Raises `rail.errors.MoveRefused` before anything moves.
    """
    first = middle_steps - gaps * pitch_steps // 2
    lead = round((1 - LEAST_OVERLAP) * gaps * pitch_steps)
    probe.check(first - lead, first + gaps * pitch_steps)
    of = 2 * gaps + 1
    probe.go(first - lead)
    arrival = probe.jog(lead)
    seen = []
    for index in range(of):
        if index:
            arrival = probe.jog(pitch_steps if index <= gaps else -pitch_steps)
        seen.append((probe.axis.scale.length_u(arrival.position.steps), probe.tiles(arrival)))
        probe.tell(index + 1, of)
    there, back = seen[: gaps + 1], seen[gaps:]
    return _swept(there), _swept(back)


def sweep(probe: Probe, places_steps: Sequence[int]) -> Sweep:
    """Photograph places from near to far. Raises `rail.errors.MoveRefused` before anything moves."""
    probe.check(places_steps[0], places_steps[-1])
    seen = []
    for index, steps in enumerate(places_steps):
        seen.append((probe.axis.scale.length_u(steps), probe.tiles(probe.go(steps))))
        probe.tell(index + 1, len(places_steps))
    return _swept(seen)


def frames_here(probe: Probe, count: int) -> Iterator[Frame]:
    """Take frames where the axis stands, one when the next is wanted."""
    after_ns = probe.clock.monotonic_ns()
    for number in range(count):
        probe.stop.check()
        frame = probe.camera.capture(after_ns)
        yield frame
        after_ns = frame.began_ns + 1
        probe.tell(number + 1, count)


def shifts_along(probe: Probe, places_steps: Sequence[int]) -> list[tuple[float, float]]:
    """Photograph places one after the other; give how far the middle of each lies from that of the first."""
    probe.check(places_steps[0], places_steps[-1])
    before: NDArray[np.uint8] | None = None
    shifts = [(0.0, 0.0)]
    for index, steps in enumerate(places_steps):
        middle = _middle(probe.photograph(probe.go(steps)).pixels)
        if before is not None:
            right, down = shift_px(before, middle)
            shifts.append((shifts[-1][0] + right, shifts[-1][1] + down))
        before = middle
        probe.tell(index + 1, len(places_steps))
    return shifts


def _middle(pixels: Pixels) -> NDArray[np.uint8]:
    """Cut out the middle of a picture, in green."""
    top, left = (max(0, (side - MIDDLE_PX) // 2) for side in pixels.shape[:2])
    return green(pixels[top : top + MIDDLE_PX, left : left + MIDDLE_PX])


def tile_middle(tile: int, size_px: tuple[int, int]) -> tuple[float, float]:
    """Give where the middle of a tile lies, as parts of width and height."""
    rows, columns = tiling(size_px)
    row, column = divmod(tile, columns)
    return (column + 0.5) / columns, (row + 0.5) / rows


def looks_after_moves(probe: Probe, move_steps: int, rounds: int, watch_ns: int) -> list[Look]:
    """Move over and over to where the axis stands, and look at how the picture comes to rest each time.

    The camera's frames come when they come, and some are missed while others are handed over. So every move
    begins a part of a frame later than the one before, and every watch a part of the time between pictures:
    together they show all delays.
    """
    here = probe.axis.position().steps
    start = here - move_steps
    probe.check(start, here)
    windows = detailed_windows(probe.photograph(probe.go(here)).pixels)
    frame_ns = probe.camera.frame_duration_ns()
    looks: list[Look] = []
    apart_ns = 0
    for turn in range(rounds):
        rested = probe.go(start)
        resume_ns = rested.at_rest_ns + watch_ns + turn * frame_ns // rounds
        wait(probe.clock, max(0, resume_ns - probe.clock.monotonic_ns()), probe.stop)
        seen = list(_watched(probe, probe.go(here), windows, turn * apart_ns // rounds, watch_ns))
        apart_ns = round(1e6 * (seen[-1][0] - seen[0][0]) / (len(seen) - 1))
        looks += _compared(seen)
        probe.tell(turn + 1, rounds)
    return looks


def detailed_windows(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> list[Window]:
    """Give in each of `BANDS` bands of rows the window with most detail.

    Bands, for the rows of most sensors are exposed one after the other: a shake bends their picture.
    """
    height, width = pixels.shape[:2]
    tall, wide = min(WINDOW_PX, height // BANDS), min(WINDOW_PX, width)
    columns = max(1, width // wide)
    windows: list[Window] = []
    for row in detail(pixels, BANDS, columns).argmax(axis=1):
        top = len(windows) * height // BANDS + (height // BANDS - tall) // 2
        left = int(row) * width // columns + (width // columns - wide) // 2
        windows.append((slice(top, top + tall), slice(left, left + wide)))
    return windows


def _watched(
    probe: Probe, arrival: Arrival, windows: Sequence[Window], late_ns: int, watch_ns: int
) -> Iterator[tuple[float, list[NDArray[np.uint8]]]]:
    """Take picture after picture; give of each its delay in milliseconds, and the windows, in green."""
    after_ns, resting = arrival.at_rest_ns + late_ns, 0
    while resting < AT_REST:
        probe.stop.check()
        frame = probe.camera.capture(after_ns)
        delay_ns = frame.began_ns - arrival.at_rest_ns
        yield delay_ns / 1e6, [green(frame.pixels[window]) for window in windows]
        resting += delay_ns >= watch_ns
        after_ns = frame.began_ns + watch_ns // MOST_LOOKS


def _compared(watched: Sequence[tuple[float, list[NDArray[np.uint8]]]]) -> Iterator[Look]:
    """Compare every picture after a move with the last."""
    *earlier, (_, resting) = watched
    rest = _detail(resting)
    for delay_ms, windows in earlier:
        shifts = [np.hypot(*shift_px(*pair)) for pair in zip(resting, windows, strict=True)]
        yield Look(delay_ms, float(max(shifts)), float(np.log(rest / _detail(windows))))


def _detail(windows: Sequence[NDArray[np.uint8]]) -> float:
    return sum(float(plane_detail(window, 1, 1)[0, 0]) for window in windows) + 1e-6


def _swept(seen: Sequence[tuple[float, NDArray[np.float64]]]) -> Sweep:
    places_u, tiles = zip(*seen, strict=True)
    return sweep_of(places_u, tiles)
