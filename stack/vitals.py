"""How the Pi is while it shoots: whether it is too hot, or its supply too low, to go on. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Final

COOL_BY_C: Final = 5.0
"""What was too hot goes on once it is cooler than the limit by this, so that it does not flutter."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """What a Pi says of itself; None where it says nothing.

    Attributes
    ----------
    temperature_c
        Of the processor.
    under_voltage
        Whether the supply is too low now: the Pi may falter, and a motor lose steps.
    """

    temperature_c: float | None = None
    under_voltage: bool | None = None

    def after(self, earlier: "Vitals") -> "Vitals":
        """Give these for a time that began with `earlier`: a supply that was too low in it was too low."""
        return replace(self, under_voltage=earlier.under_voltage or self.under_voltage)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a Pi may bear while it shoots and merges.

    Attributes
    ----------
    too_hot_c
        Above this it rests; None: never for heat.
    power_patience_s
        A supply that has been too low for so long pauses the stack.
    """

    too_hot_c: float | None = 80.0
    power_patience_s: float = 60.0


UNKNOWN: Final = Vitals()
USUAL: Final = Limits()


class Strain(StrEnum):
    """Why motion and merge rest."""

    HEAT = "heat"
    POWER = "power"


def strain(vitals: Vitals, limits: Limits, before: Strain | None = None) -> Strain | None:
    """Say why the rig should rest, None where it need not; `before` is why it rests already."""
    if vitals.under_voltage:
        return Strain.POWER
    if vitals.temperature_c is None or limits.too_hot_c is None:
        return None
    cool_c = limits.too_hot_c - (COOL_BY_C if before is Strain.HEAT else 0)
    return Strain.HEAT if vitals.temperature_c > cool_c else None


def strain_words(found: Strain, vitals: Vitals, limits: Limits) -> str:
    """Say what is the matter, and what ends it."""
    if found is Strain.POWER:
        return (
            "the supply of the Pi is too low: look at its cable and power supply, and give the motor one of "
            "its own"
        )
    assert limits.too_hot_c is not None
    return (
        f"the Pi is at {vitals.temperature_c:.0f} °C and rests above {limits.too_hot_c:g} °C until it has "
        f"cooled to {limits.too_hot_c - COOL_BY_C:g} °C: give it air, or a heat sink"
    )


def vitals_record(vitals: Vitals) -> dict[str, Any]:
    """Write them as plain JSON values."""
    return asdict(vitals)


def vitals_of(record: Mapping[str, Any]) -> Vitals:
    """Read them; what is not said is not known."""
    return Vitals(record.get("temperature_c"), record.get("under_voltage"))
