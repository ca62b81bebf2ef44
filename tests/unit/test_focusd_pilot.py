"""Orders to the axis alone: home, jog, go to a place, say where it stands."""

from pathlib import Path

import pytest
from daemon_rig import DaemonRig

from focusd.errors import Busy, Refused
from focusd.jobs import Acknowledge, Goto, Home, Jog, Zero
from rail.axis import Position, Trust
from rail.errors import (
    BeyondReach,
    EmergencyStopInForce,
    HomingNotAllowed,
    PositionUnknown,
)


def test_nothing_homes_until_the_owner_has_said_that_it_is_safe(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path, home_allowed=False)
    with pytest.raises(HomingNotAllowed, match="--allow"):
        rig.tell(Home()).ended.result(0)
    assert rig.rail.edges == 0
    assert rig.tell(Home(allow=True)).ended.result(0).trust is Trust.KNOWN
    assert rig.consent.given()
    assert rig.told("refused", "job_ended") == ["refused", "job_ended", "job_ended"]


def test_an_absolute_place_is_refused_while_the_position_is_unknown(rig: DaemonRig) -> None:
    with pytest.raises(PositionUnknown, match="focusctl home"):
        rig.tell(Goto(1000.0)).ended.result(0)
    assert rig.rail.edges == 0
    assert rig.tell(Jog(-50.0)).ended.result(0).steps == -160
    rig.home()
    assert rig.tell(Goto(1000.0)).ended.result(0).steps == 3200


def test_a_job_over_the_place_is_on_record(rig: DaemonRig) -> None:
    rig.home()
    place = rig.tell(Goto(1000.0)).ended.result(0)
    stored = rig.rail.store.load()
    assert stored is not None
    assert (stored.moving, stored.steps, stored.trust) == (False, place.steps, Trust.KNOWN)


def test_a_place_by_the_owners_word_is_as_good_as_a_homed_one(rig: DaemonRig) -> None:
    assert rig.tell(Zero(600.0)).ended.result(0) == Position(1920, Trust.KNOWN)
    assert rig.rail.edges == 0
    assert rig.tell(Goto(700.0)).ended.result(0) == Position(2240, Trust.KNOWN)
    with pytest.raises(BeyondReach, match="travel"):
        rig.tell(Zero(3_001.0)).ended.result(0)


def test_nothing_is_declared_while_another_job_runs(rig: DaemonRig) -> None:
    rig.operator.order(Home())
    for order in (Zero(), Acknowledge()):
        with pytest.raises(Busy, match="home is running"):
            rig.operator.order(order)


def test_after_an_emergency_stop_orders_are_refused_until_it_is_acknowledged(rig: DaemonRig) -> None:
    rig.home()
    rig.rail.world.press("e_stop")
    rig.rail.stepper.watch()
    assert rig.operator.now().emergency
    with pytest.raises(EmergencyStopInForce, match="still pressed"):
        rig.tell(Acknowledge()).ended.result(0)
    rig.rail.world.release("e_stop")
    with pytest.raises(EmergencyStopInForce, match="focusctl acknowledge"):
        rig.tell(Jog(10.0)).ended.result(0)
    assert rig.last("refused")["kind"] == "jog"
    assert rig.tell(Acknowledge()).ended.result(0).trust is Trust.ASSUMED
    assert rig.tell(Jog(10.0)).ended.result(0).trust is Trust.ASSUMED


def test_a_jog_shorter_than_a_step_is_refused_in_words(rig: DaemonRig) -> None:
    with pytest.raises(Refused, match=r"0\.1 µm is less than one step of this axis, 0\.3125 µm"):
        rig.tell(Jog(0.1)).ended.result(0)


def test_homing_says_what_was_lost_since_the_last_time(rig: DaemonRig) -> None:
    assert rig.tell(Home()).missed_u is None
    assert rig.tell(Home()).missed_u == 0


def test_homing_says_how_far_off_it_was_only_where_the_place_was_known(rig: DaemonRig) -> None:
    assert rig.tell(Home()).missed_u is None
    rig.axis.release()
    assert rig.tell(Home()).missed_u is None
    assert rig.tell(Home()).missed_u == 0
