"""A stack as a value: what was asked for. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from camera.camera import AS_METERED, Aim, Exposure
from rail.axis import Trust
from stack.optics import DEFAULT_OVERLAP, Optics

MOST_SLICES = 2000
"""More than this is a slip of the finger: at two seconds a slice it is an hour of shooting."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The two ends that somebody set by eye, in the axis's unit; either may be missing.

    `assumed`: one was set where the axis was only assumed to stand, and lies elsewhere once it has homed.
    """

    near_u: float | None = None
    far_u: float | None = None
    assumed: bool = False


@dataclass(frozen=True, slots=True)
class BetweenMarks:
    """From one mark to the other."""


@dataclass(frozen=True, slots=True)
class Between:
    """From one position to another, both from home."""

    near_u: float
    far_u: float


@dataclass(frozen=True, slots=True)
class FromHere:
    """From where the axis stands, `length_u` towards far; a negative length goes towards near."""

    length_u: float


@dataclass(frozen=True, slots=True)
class AroundHere:
    """Half of `length_u` to either side of where the axis stands."""

    length_u: float


Range = BetweenMarks | Between | FromHere | AroundHere


@dataclass(frozen=True, slots=True)
class Pitch:
    """Slices at most `pitch_u` apart."""

    pitch_u: float


@dataclass(frozen=True, slots=True)
class Count:
    """Exactly `slices` slices."""

    slices: int


@dataclass(frozen=True, slots=True)
class FromOptics:
    """Slices at most `overlap` times the depth of field apart: see `stack.optics.pitch_u`."""

    overlap: float = DEFAULT_OVERLAP


Spacing = Pitch | Count | FromOptics


class Park(StrEnum):
    """Where the axis goes when every slice is saved."""

    START = "start"
    """Where the same plan can be shot again: the first slice, or for a plan around here, here."""
    STAY = "stay"
    """Nowhere."""
    PARK = "park"
    """The end of its reach next to home, away from the subject."""


@dataclass(frozen=True, slots=True)
class StackPlan:
    """What somebody asked for.

    Attributes
    ----------
    name
        Names the session; any text.
    range, spacing
        Where, and how closely.
    optics
        Needed by `FromOptics`; otherwise recorded, and used to warn.
    settle_ms
        How long after the last step an exposure may begin.
    after
        Where the axis goes at the end.
    delay_s
        Wait before anything moves.
    exposure
        Used as it is; None meters once at the middle slice.
    aim
        How bright that is to be.
    frames
        How many are taken of each slice, to be averaged.
    recycle_s
        What a flash needs to recharge: so long after an exposure no other begins.
    recheck
        Home again after the last slice, to see whether steps were lost on the way.
    shading
        The name of the optics whose white field and dark frame correct every slice; None: none do.
    rehearse
        Move and settle, photograph nothing.
    assumed_is_enough
        Whether a plan in absolute positions may trust a position that was stored at rest rather than homed.
    """

    name: str
    range: Range
    spacing: Spacing
    optics: Optics | None = None
    settle_ms: int = 150
    after: Park = Park.START
    delay_s: float = 0.0
    exposure: Exposure | None = None
    aim: Aim = AS_METERED
    frames: int = 1
    recycle_s: float = 0.0
    recheck: bool = False
    shading: str | None = None
    rehearse: bool = False
    assumed_is_enough: bool = False

    @property
    def recycle_ns(self) -> int:
        """What a flash needs to recharge."""
        return round(self.recycle_s * 1e9)

    @property
    def needs(self) -> Trust:
        """The least trust in the axis's place with which this can be shot; unknown: it counts from here."""
        if self.relative:
            return Trust.UNKNOWN
        return Trust.ASSUMED if self.assumed_is_enough else Trust.KNOWN

    @property
    def relative(self) -> bool:
        """Whether the places are counted from where the axis stands, wherever that is."""
        return isinstance(self.range, FromHere | AroundHere)
