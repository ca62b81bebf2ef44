"""What stacks are shot with."""

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime
from typing import Literal, Protocol

from camera.camera import Camera
from rail.axis import Axis
from rail.clock import Clock
from stack.slice_files import Encode
from stack.vitals import USUAL, Limits, Vitals
from stack.writer import SliceWriter, failure_of


def _now() -> datetime:
    return datetime.now(UTC)


class Light(Protocol):
    """What the subject is lit by."""

    def on(self) -> int:
        """Put it on, if it is not; give the instant before which nothing is metered or exposed by it."""

    def out(self) -> None:
        """Put it out."""


class Daylight:
    """The light there is, which nobody switches."""

    def on(self) -> int:
        """Give that it is steady already."""
        return 0

    def out(self) -> None:
        """Leave it as it is."""


@dataclass(slots=True)
class Kit:
    """One axis, one camera, and what saves their frames; parts of it may change between stacks.

    Attributes
    ----------
    axis, camera
        Owned by the thread that shoots, and armed by it beforehand.
    writer
        Runs the saving.
    clock
        Of axis and camera too.
    encode
        Frame to file.
    free_bytes
        How much room the disk of the sessions has; raises `DiskGone`.
    reserve_bytes
        How much of it must stay.
    subject_side
        The end of the axis where the subject is; it parks at the other.
    suffix
        Of the files that `encode` makes.
    companions
        What else is saved of a frame, by suffix: a raw file beside the one that is merged.
    bytes_a_pixel
        Room to set aside for a slice's files, before any is saved.
    now
        UTC.
    vitals, limits
        How the Pi is, and what it may bear: beyond that nothing moves until it is better.
    light
        What the subject is lit by; it is out while the rig rests.
    """

    axis: Axis
    camera: Camera
    writer: SliceWriter
    clock: Clock
    _: KW_ONLY
    encode: Encode
    free_bytes: Callable[[], int]
    reserve_bytes: int
    subject_side: Literal["near", "far"] = "far"
    suffix: str = ".jpg"
    companions: Mapping[str, Encode] = field(default_factory=dict)
    bytes_a_pixel: int = 1
    now: Callable[[], datetime] = _now
    vitals: Callable[[], Vitals] = Vitals
    limits: Limits = USUAL
    light: Light = field(default_factory=Daylight)

    def calm(self) -> tuple[str, ...]:
        """Make axis and camera rest whatever they were doing; give what went wrong with that, in words."""
        failures = (failure_of(self.axis.stop), failure_of(self.camera.cancel))
        return tuple(f"while the hardware was stopped: {failure}" for failure in failures if failure)
