"""The rest of a rig whose Pi is too hot, or its supply too low."""

from stack.errors import PowerLow
from stack.kit import Kit
from stack.stop import StopSignal, wait
from stack.telling import Telling
from stack.vitals import Strain, Vitals, strain, strain_words, vitals_record

LOOK_AGAIN_NS = 1_000_000_000
"""How often a rig that rests looks whether it need not any more."""


def await_relief(kit: Kit, stop: StopSignal, telling: Telling) -> Vitals:
    """Rest in the dark while the Pi is too hot or its supply too low; give how it is then. Raises `PowerLow`.

    The light is on again after that, and not warm yet.
    """
    vitals, limits = kit.vitals(), kit.limits
    found = strain(vitals, limits)
    if found is None:
        return vitals
    began_ns, reason = kit.clock.monotonic_ns(), strain_words(found, vitals, limits)
    kit.light.out()
    telling.progress("resting")
    telling.record("rest_began", why=found.value, reason=reason, vitals=vitals_record(vitals))
    while found is not None:
        telling.progress("resting")
        wait(kit.clock, LOOK_AGAIN_NS, stop)
        rested_s = (kit.clock.monotonic_ns() - began_ns) / 1e9
        if found is Strain.POWER and rested_s >= limits.power_patience_s:
            raise PowerLow(f"{reason}; {rested_s:.0f} s later it still is. Mend it, then resume")
        vitals = kit.vitals()
        found = strain(vitals, limits, found)
    kit.light.on()
    telling.record("rest_ended", seconds=rested_s, vitals=vitals_record(vitals))
    return vitals
