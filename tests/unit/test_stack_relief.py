"""Resting: nothing moves while the Pi is too hot or its supply too low, and then it goes on."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from stack_rig import Rig, pictures

from stack.ending import EndingKind
from stack.errors import PowerLow
from stack.faults import faults
from stack.report import report
from stack.session_state import Phase
from stack.vitals import Limits, Vitals

LIMITS = Limits(too_hot_c=80.0, power_patience_s=60.0)
FINE = Vitals(55.0, under_voltage=False)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    rig.kit.limits = LIMITS
    rig.kit.vitals = lambda: FINE
    return rig


def from_slice(rig: Rig, index: int, begin: Callable[[], None]) -> Callable[[Mapping[str, Any]], None]:
    """Call `begin` once a slice is saved."""
    return lambda event: begin() if event["event"] == "slice_saved" and event["index"] == index else None


def until_s(rig: Rig, vitals: Vitals, seconds: float) -> Callable[[], None]:
    """Give what makes the Pi be like `vitals` from then on, for so long by the rig's clock."""

    def begin() -> None:
        end_ns = rig.clock.monotonic_ns() + round(seconds * 1e9)
        rig.kit.vitals = lambda: vitals if rig.clock.monotonic_ns() < end_ns else FINE

    return begin


@pytest.mark.parametrize("vitals", [Vitals(91.0, under_voltage=False), Vitals(55.0, under_voltage=True)])
def test_nothing_moves_or_is_photographed_meanwhile_and_then_it_goes_on(rig: Rig, vitals: Vitals) -> None:
    session = rig.session()
    rig.telling = from_slice(rig, 2, until_s(rig, vitals, 30))
    moved_ns: list[int] = []
    rig.rail.halfway = lambda: moved_ns.append(rig.clock.monotonic_ns())
    assert rig.shoot(session).kind is EndingKind.DONE
    events = rig.events()
    assert events.count("slice_saved") == 6
    began, ended = events.index("rest_began"), events.index("rest_ended")
    assert "slice_saved" not in events[began:ended]
    pauses_s = [(later - earlier) / 1e9 for earlier, later in pairwise(moved_ns)]
    assert 29 <= max(pauses_s) <= 33
    assert [event["phase"] for event in rig.told if event["event"] == "progress"].count("resting") >= 29
    told_of = [event.get("phase") or event["event"] for event in rig.told]
    assert told_of[told_of.index("rest_began") - 1] == "resting", "who hears of it may ask for the phase"
    told = [fault.words for fault in faults(session.entries())]
    assert told[0].startswith("Rested: the ")
    assert told[1] == "Went on after 30 s."


def test_a_pi_that_is_hot_before_the_first_move_rests_before_homing_or_metering(rig: Rig) -> None:
    session = rig.session()
    until_s(rig, Vitals(91.0), 10)()
    assert rig.shoot(session).kind is EndingKind.DONE
    assert rig.events()[:4] == ["stack_started", "rest_began", "rest_ended", "exposure_locked"]


def test_a_supply_that_stays_too_low_pauses_the_stack_which_is_resumed_when_it_is_mended(rig: Rig) -> None:
    session = rig.session()
    rig.telling = from_slice(rig, 2, until_s(rig, Vitals(50.0, under_voltage=True), 1000))
    began_ns = rig.clock.monotonic_ns()
    ending = rig.shoot(session)
    assert (ending.kind, ending.saved) == (EndingKind.PAUSED, 3)
    assert rig.clock.monotonic_ns() - began_ns < 70e9
    assert isinstance(ending.error, PowerLow)
    assert "power supply" in str(ending.reason) and "60 s later" in str(ending.reason)
    assert session.state().phase is Phase.PAUSED
    rig.telling = lambda event: None
    rig.kit.vitals = lambda: FINE
    assert rig.shoot(session).kind is EndingKind.DONE
    assert len(pictures(session)) == 6


def test_heat_is_waited_for_as_long_as_it_takes(rig: Rig) -> None:
    session = rig.session()
    rig.telling = from_slice(rig, 2, until_s(rig, Vitals(91.0), 3600))
    assert rig.shoot(session).kind is EndingKind.DONE


def test_a_rest_ends_at_once_when_somebody_asks(rig: Rig) -> None:
    session = rig.session()
    until_s(rig, Vitals(91.0), 3600)()
    rig.telling = lambda event: rig.ask() if event.get("phase") == "resting" else None
    began_ns = rig.clock.monotonic_ns()
    assert rig.shoot(session).kind is EndingKind.PAUSED
    assert rig.clock.monotonic_ns() - began_ns < 100e6


def test_how_the_pi_was_stands_beside_every_slice_and_a_low_supply_is_told(rig: Rig) -> None:
    """The supply falters during the exposure of slice 3 alone, after the look before its move."""
    session = rig.session()
    low = Vitals(60.0, under_voltage=True)

    def look() -> Vitals:
        seen.append(len(rig.camera.captured))
        after_slice_3 = seen[-2:] == [3, 4]
        return low if after_slice_3 else FINE

    seen: list[int] = []
    rig.kit.vitals = look
    assert rig.shoot(session).kind is EndingKind.DONE
    saved = session.state().saved
    assert [index for index in range(6) if saved[index].vitals.under_voltage] == [3]
    rows = report(session, session.state())["slices"]
    assert [row["temperature_c"] for row in rows] == [55, 55, 55, 60, 55, 55]
    (fault,) = faults(session.entries())
    assert fault.index == 3
    assert fault.words.startswith("The supply of the Pi was too low at slice 3")
