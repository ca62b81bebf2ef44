"""What can be measured of a rig by its camera, as values: which, where, how closely."""

from dataclasses import dataclass

from stack.plan import StackPlan


@dataclass(frozen=True, slots=True)
class Setting:
    """What a survey is made with.

    Attributes
    ----------
    plan_name, plan
        The plan of the configuration whose settling time, exposure and optics hold.
    optics_name
        The name of its optics; None where it has none.
    """

    plan_name: str
    plan: StackPlan
    optics_name: str | None


@dataclass(frozen=True, slots=True)
class SettleSurvey:
    """How long the rig shakes after a move.

    Attributes
    ----------
    move_u
        How long the moves are; None: as between two slices of the plan.
    rounds, watch_s
        How many moves, and how long each is watched.
    """

    setting: Setting
    move_u: float | None = None
    rounds: int = 8
    watch_s: float = 1.0

    kind = "settle"


@dataclass(frozen=True, slots=True)
class BacklashSurvey:
    """The play of screw, gears and belt.

    Attributes
    ----------
    span_u, pitch_u
        How long the way there and back is, and how far apart pictures are taken; None: by what is configured
        and by the depth of field.
    """

    setting: Setting
    span_u: float | None = None
    pitch_u: float | None = None

    kind = "backlash"


@dataclass(frozen=True, slots=True)
class RangeSurvey:
    """Where the subject begins and ends.

    Attributes
    ----------
    near_u, far_u
        The way to go; None: half of `around_u` on each side of here, as far as the axis reaches.
    around_u
        None: five millimetres, or a quarter of the reach of a ring or lens.
    pitch_u
        How far apart pictures are taken; None: by the depth of field.
    save_as
        The name of a plan between the ends that are found; None: none is proposed.
    """

    setting: Setting
    near_u: float | None = None
    far_u: float | None = None
    around_u: float | None = None
    pitch_u: float | None = None
    save_as: str | None = None

    kind = "range"


@dataclass(frozen=True, slots=True)
class ScaleSurvey:
    """Micrometres for a pixel. One of the three is given.

    Attributes
    ----------
    division_um
        Between the lines of a ruler in the picture.
    travel_u
        How far to go with an axis that moves across the picture.
    length_um, ends_px
        Of something in the picture whose ends lie at these pixels, (x, y) each.
    """

    setting: Setting
    division_um: float | None = None
    travel_u: float | None = None
    length_um: float | None = None
    ends_px: tuple[tuple[float, float], tuple[float, float]] | None = None

    kind = "scale"


@dataclass(frozen=True, slots=True)
class FlatSurvey:
    """Shading and dust, by the mean of `frames` of something evenly white."""

    setting: Setting
    frames: int = 16

    kind = "flat"


@dataclass(frozen=True, slots=True)
class DarkSurvey:
    """Hot pixels, by the mean of `frames` in the dark."""

    setting: Setting
    frames: int = 16

    kind = "dark"


Survey = SettleSurvey | BacklashSurvey | RangeSurvey | ScaleSurvey | FlatSurvey | DarkSurvey
