import pytest
from rail_rig import RAMP, SETTINGS
from stack_rig import MICRON

from rail.axis import Position, Trust
from rail.bounds import Bounds
from rail.errors import BeyondReach, PositionUnknown
from rail.position_store import StoredPosition


def test_the_keep_out_is_never_entered(homed):
    farthest = SETTINGS.reach.farthest_steps
    homed.axis.move_to(farthest)
    with pytest.raises(BeyondReach, match="beyond the far end") as refusal:
        homed.axis.move_to(farthest + 32)
    assert (refusal.value.target_steps, refusal.value.beyond_steps) == (farthest + 32, 32)
    assert " is 10 µm beyond" in str(refusal.value)
    with pytest.raises(BeyondReach):
        homed.axis.jog(1)
    with pytest.raises(BeyondReach):
        homed.axis.check(SETTINGS.reach.nearest_steps - 1)
    assert homed.world.carriage().farthest_um <= farthest * 0.3125


def test_the_run_up_to_the_nearest_place_stays_off_the_switch(homed):
    homed.axis.move_to(5_000)
    homed.axis.move_to(SETTINGS.reach.nearest_steps)
    assert homed.axis.position().trust is Trust.KNOWN


def test_from_outside_the_reach_a_jog_may_only_lead_towards_it(unhomed):
    unhomed.store.save(StoredPosition(100, Trust.KNOWN, False, "5/16 um"))
    unhomed.switch_on()
    with pytest.raises(BeyondReach):
        unhomed.axis.jog(-1)
    assert unhomed.axis.jog(10).position == Position(110, Trust.ASSUMED)
    unhomed.axis.zero(9_000)
    with pytest.raises(BeyondReach):
        unhomed.axis.jog(1)
    assert unhomed.axis.jog(-10).position == Position(8_990, Trust.KNOWN)


def test_an_unknown_position_moves_slowly_and_not_beyond_the_travel(unhomed):
    assert unhomed.axis.position() == Position(0, Trust.UNKNOWN)
    before_ns = unhomed.clock.monotonic_ns()
    assert unhomed.axis.jog(640).position == Position(640, Trust.UNKNOWN)
    assert unhomed.clock.monotonic_ns() - before_ns >= 639 * 1e9 / RAMP.start_steps_s
    unhomed.axis.move_to(320)
    assert unhomed.edges == 320
    for refused in (lambda: unhomed.axis.jog(9_601), lambda: unhomed.axis.move_to(-9_281)):
        with pytest.raises(PositionUnknown, match="home first"):
            refused()


def test_a_zeroed_axis_reaches_as_far_as_a_homed_one(unhomed):
    assert unhomed.axis.zero(3_000) == Position(3_000, Trust.KNOWN)
    assert unhomed.axis.move_to(4_000).position == Position(4_000, Trust.KNOWN)
    with pytest.raises(BeyondReach):
        unhomed.axis.move_to(SETTINGS.reach.farthest_steps + 1)
    with pytest.raises(BeyondReach):
        unhomed.axis.jog(SETTINGS.reach.nearest_steps - 1 - 4_000)


@pytest.mark.parametrize(("place", "beyond"), [(-1, 1), (9_664, 64)])
def test_no_place_outside_the_travel_can_be_declared(unhomed, place, beyond):
    with pytest.raises(BeyondReach, match="outside the travel") as refusal:
        unhomed.axis.zero(place)
    assert refusal.value.beyond_steps == beyond
    assert unhomed.axis.position() == Position(0, Trust.UNKNOWN)


def test_whatever_moves_may_go_to_the_very_end_and_not_a_step_farther():
    bounds, reach = Bounds(SETTINGS, MICRON), SETTINGS.reach
    inside, unknown = Position(4_000, Trust.KNOWN), Position(0, Trust.UNKNOWN)
    bounds.check_place(0)
    bounds.check_place(SETTINGS.travel_steps)
    bounds.check_jog(unknown, SETTINGS.travel_steps)
    for end, end_steps, outwards in (("near", reach.nearest_steps, -1), ("far", reach.farthest_steps, 1)):
        bounds.check_move(inside, end_steps)
        bounds.check_jog(inside, end_steps - inside.steps)
        bounds.check_jog(Position(end_steps + 5 * outwards, Trust.KNOWN), -outwards)
        beyond = f"is 1 µm beyond the {end} end of the reach, which is 992 µm to 8.32 mm"
        with pytest.raises(BeyondReach, match=beyond) as refusal:
            bounds.check_jog(inside, end_steps + outwards - inside.steps)
        assert refusal.value.beyond_steps == 1
