import pytest
from rail_rig import RAMP, SETTINGS, Rig, homed_rig

from rail.axis import Position, Trust
from rail.errors import BeyondReach, PositionUnknown
from rail.position_store import StoredPosition


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


@pytest.fixture
def homed(tmp_path):
    return homed_rig(tmp_path)


def test_the_keep_out_is_never_entered(homed):
    farthest = SETTINGS.reach.farthest_steps
    homed.axis.move_to(farthest)
    with pytest.raises(BeyondReach, match="beyond the far end") as refusal:
        homed.axis.move_to(farthest + 32)
    assert (refusal.value.target_steps, refusal.value.beyond_steps) == (farthest + 32, 32)
    assert "10 um" in str(refusal.value)
    with pytest.raises(BeyondReach):
        homed.axis.jog(1)
    with pytest.raises(BeyondReach):
        homed.axis.check(SETTINGS.reach.nearest_steps - 1)
    assert homed.world.carriage().farthest_um <= farthest * 0.3125


def test_the_run_up_to_the_nearest_place_stays_off_the_switch(homed):
    homed.axis.move_to(5_000)
    homed.axis.move_to(SETTINGS.reach.nearest_steps)
    assert homed.axis.position().trust is Trust.KNOWN


def test_from_outside_the_reach_a_jog_may_only_lead_towards_it(rig):
    rig.store.save(StoredPosition(100, Trust.KNOWN, False, "5/16 um"))
    rig.switch_on()
    with pytest.raises(BeyondReach):
        rig.axis.jog(-1)
    assert rig.axis.jog(10).position == Position(110, Trust.ASSUMED)
    rig.axis.zero(9_000)
    with pytest.raises(BeyondReach):
        rig.axis.jog(1)
    assert rig.axis.jog(-10).position == Position(8_990, Trust.KNOWN)


def test_an_unknown_position_moves_slowly_and_not_beyond_the_travel(rig):
    assert rig.axis.position() == Position(0, Trust.UNKNOWN)
    before_ns = rig.clock.monotonic_ns()
    assert rig.axis.jog(640).position == Position(640, Trust.UNKNOWN)
    assert rig.clock.monotonic_ns() - before_ns >= 639 * 1e9 / RAMP.start_steps_s
    rig.axis.move_to(320)
    assert rig.edges == 320
    for refused in (lambda: rig.axis.jog(9_601), lambda: rig.axis.move_to(-9_281)):
        with pytest.raises(PositionUnknown, match="home first"):
            refused()


def test_a_zeroed_axis_reaches_as_far_as_a_homed_one(rig):
    assert rig.axis.zero(3_000) == Position(3_000, Trust.KNOWN)
    assert rig.axis.move_to(4_000).position == Position(4_000, Trust.KNOWN)
    with pytest.raises(BeyondReach):
        rig.axis.move_to(SETTINGS.reach.farthest_steps + 1)
    with pytest.raises(BeyondReach):
        rig.axis.jog(SETTINGS.reach.nearest_steps - 1 - 4_000)


@pytest.mark.parametrize(("place", "beyond"), [(-1, 1), (9_664, 64)])
def test_no_place_outside_the_travel_can_be_declared(rig, place, beyond):
    with pytest.raises(BeyondReach, match="outside the travel") as refusal:
        rig.axis.zero(place)
    assert refusal.value.beyond_steps == beyond
    assert rig.axis.position() == Position(0, Trust.UNKNOWN)
