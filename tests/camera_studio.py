"""A simulated camera behind a Picamera2 that a test can make misbehave, and the adapter that talks to it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from camera_bench import SPEC, camera_rig

from camera.camera import Exposure
from camera.configuration import PicamSettings
from camera.picam import PicamCamera
from simulator.clock import VirtualClock
from simulator.rig import RigSpec

ASKED = Exposure(10_000, 1.5, (2.1, 1.6))
SETTLE_NS = 150_000_000


class Lent:
    """A request that is counted until it comes back, and says what `doctor` makes of its metadata."""

    def __init__(self, request: Any, owner: "Unruly") -> None:
        self._request, self._owner = request, owner
        self._metadata = owner.doctor(request.get_metadata())
        owner.out += 1
        owner.lent += 1

    def get_metadata(self) -> dict[str, Any]:
        return self._metadata

    def make_array(self, name: str) -> Any:
        return self._owner.develop(self._request.make_array(name))

    def release(self) -> None:
        self._owner.out -= 1
        self._request.release()


class Unruly:
    """A Picamera2 that writes down what it is told; tests make it misbehave by replacing its hooks."""

    def __init__(self, picam2: Any, tuning: Any, clock: VirtualClock) -> None:
        self._picam2, self.clock, self.tuning = picam2, clock, tuning
        self.out = self.lent = self.closed = 0
        self.told: list[tuple[str, Any]] = []
        self.doctor: Callable[[dict[str, Any]], dict[str, Any]] = dict
        self.develop: Callable[[Any], Any] = lambda pixels: pixels
        self.before_wait: Callable[[], None] = lambda: None
        self.dead = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._picam2, name)

    def configure(self, config: dict[str, Any]) -> None:
        self.told.append(("configure", dict(config)))
        self._picam2.configure(config)

    def start(self, **how: Any) -> None:
        self.told.append(("start", how))
        self._picam2.start(**how)

    def set_controls(self, controls: dict[str, Any]) -> None:
        self.told.append(("set_controls", dict(controls)))
        self._picam2.set_controls(controls)

    def capture_request(self, wait: bool, *, flush: int | None) -> Any:
        self.told.append(("capture_request", flush))
        return self._picam2.capture_request(wait, flush=flush)

    def wait(self, job: Any, timeout: float) -> Lent:
        self.before_wait()
        if self.dead:
            self.clock.pass_ns(int(timeout * 1e9))
            raise TimeoutError
        return Lent(self._picam2.wait(job, timeout=timeout), self)

    def close(self) -> None:
        self.closed += 1
        self._picam2.close()

    def times_told(self, name: str) -> list[Any]:
        return [what for told, what in self.told if told == name]


class Studio:
    """A simulated rig; `studio.picam2` is what the adapter talks to, a simulated camera behind it."""

    def __init__(self, folder: Path, spec: RigSpec = SPEC) -> None:
        self.rig, self.clock = camera_rig(folder, spec)
        self.wrap: Callable[..., Unruly] = Unruly
        self.picam2: Unruly
        self.load_tuning_file = self.rig.picamera2.func.load_tuning_file
        self.find_tuning_algo = self.rig.picamera2.func.find_tuning_algo

    def __call__(self, camera_num: int, *, tuning: Any) -> Unruly:
        self.picam2 = self.wrap(self.rig.picamera2(camera_num, tuning=tuning), tuning, self.clock)
        return self.picam2

    def camera(self, index: int = 0, **settings: Any) -> PicamCamera:
        return PicamCamera(self, PicamSettings(index, **settings), self.clock)  # type: ignore[arg-type]

    def locked(self) -> PicamCamera:
        camera = self.camera()
        camera.lock(ASKED)
        return camera

    def soon_ns(self) -> int:
        return self.clock.monotonic_ns() + SETTLE_NS


def studio_in(folder: Path) -> Iterator[Studio]:
    """Give a studio, for a fixture, and see afterwards that every request came back."""
    studio = Studio(folder)
    yield studio
    if hasattr(studio, "picam2"):
        assert studio.picam2.out == 0, "a request was kept"
    studio.rig.world.close()
