"""The unit of an axis, and lengths that were given in another."""

from focusd.errors import Refused
from rail.screw import Scale, Unit

_AXES = {
    "um": ("a rail", "give millimetres or micrometres, as in 4mm or 250um"),
    "deg": ("a focus ring", "give degrees, as in 12.5deg"),
    "d": ("a lens", "give dioptres, as in 0.5d"),
}

_NAMES = {"um": "millimetres or micrometres", "deg": "degrees", "d": "dioptres"}


def check_unit(unit: Unit | None, scale: Scale) -> None:
    """Raise `Refused` where lengths were given in another unit than the axis's; None: they are in that."""
    if unit is not None and unit != scale.unit:
        axis, remedy = _AXES[scale.unit]
        raise Refused(f"this axis is {axis}, and a length was given in {_NAMES[unit]}: {remedy}")
