"""The rig at one instant, as a value that anybody may look at."""

from dataclasses import dataclass

from camera.camera import CameraIdentity
from focusd.paused import Paused
from rail.axis import Position, Reach
from rail.screw import Scale
from stack.estimate import Estimate
from stack.layout import Layout
from stack.plan import Marks

FRAME_GUESS_NS = 200_000_000
"""Taken for the time of a frame while no camera is open."""


OPENING = "it is being opened"
"""Why a camera cannot be used yet, right after the start."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the running job is; what does not apply is None. `rests` says why it does, in words."""

    phase: str | None = None
    session: str | None = None
    index: int | None = None
    slices: int | None = None
    seconds_left: float | None = None
    rests: str | None = None


@dataclass(frozen=True, slots=True)
class CameraFacts:
    """What is known of the camera without asking it.

    Attributes
    ----------
    problem
        Why it cannot be used, in words; None when it can.
    frame_ns
        About how long a frame takes.
    identity
        Of the camera that was opened last, whether it can be used or not; None while none was.
    """

    model: str | None = None
    size_px: tuple[int, int] | None = None
    problem: str | None = OPENING
    frame_ns: int = FRAME_GUESS_NS
    identity: CameraIdentity | None = None

    @property
    def sensor(self) -> str | None:
        """The name of its sensor; None while no camera was opened."""
        return self.identity.sensor if self.identity else None


@dataclass(frozen=True, slots=True)
class Glance:
    """What the panel needs to know, many times a second."""

    job: str | None
    progress: Progress
    failed: bool
    emergency: bool
    paused: Paused | None = None


@dataclass(frozen=True, slots=True)
class Now:
    """All there is to know without touching the hardware.

    Attributes
    ----------
    job, job_number, progress
        The word for what runs, its number, how far it is; None at rest.
    paused
        The stack that waits to go on, if any.
    position, moving
        Where the axis is.
    emergency
        An emergency stop is in force.
    scale, reach, homing_allowed
        What its numbers mean, how far it goes, and whether it may find its reference by itself.
    marks, camera
        What was marked; which camera.
    free_bytes, reserve_bytes
        What the disk has, None where it is gone, and what must stay.
    last_error
        How the last job failed, in words; None when it did not.
    lit
        The light is on.
    """

    job: str | None
    paused: Paused | None
    job_number: int | None
    progress: Progress
    position: Position
    moving: bool
    emergency: bool
    scale: Scale
    reach: Reach
    homing_allowed: bool
    marks: Marks
    camera: CameraFacts
    free_bytes: int | None
    reserve_bytes: int
    last_error: str | None
    lit: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """What a plan comes to, here and now; `doubt` says why that may be told wrong."""

    layout: Layout
    cost: Estimate
    free_bytes: int
    homes_first: bool
    same_specimen: tuple[str, ...] = ()
    doubt: str | None = None
