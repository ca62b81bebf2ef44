"""A focus ring as an axis: no switch, a mark, degrees."""

from dataclasses import replace

import pytest
from ring_rig import SETTINGS, RingRig

from rail.axis import Position, Trust
from rail.errors import BeyondReach, Halted, HomingFailed, HomingFault, PositionUnknown, Stopped


@pytest.fixture(params=[True, False], ids=["half", "full"])
def ring(request, tmp_path):
    slow = SETTINGS if request.param else replace(SETTINGS, ramp=SLOW, homing_ramp=SLOW, touch_steps_s=200)
    return RingRig(tmp_path, half_steps=request.param, settings=slow)


SLOW = replace(SETTINGS.ramp, start_steps_s=200, max_steps_s=400)


def half_steps(ring, steps):
    return steps if ring.half_steps else 2 * steps


def zeroed(ring):
    """Zero the ring, and give what its rotor had done until then."""
    ring.axis.zero()
    ring.clock.sleep_until_ns(ring.clock.monotonic_ns() + 10**9)
    return ring.world.carriage()


def test_a_ring_wakes_nowhere_and_is_somewhere_by_its_owners_word(ring):
    assert ring.axis.position().trust is Trust.UNKNOWN
    ring.axis.jog(300)
    place = ring.axis.zero()
    assert (place.steps, place.trust) == (0, Trust.KNOWN)
    assert ring.world.carriage().enabled


def test_both_sides_of_the_mark_are_reached_and_the_rotor_is_where_the_axis_says(ring):
    begun = zeroed(ring)
    for target_steps in (500, -700, 1_200, -1_500, 0):
        assert ring.axis.move_to(target_steps).position.steps == target_steps
        rotor = ring.world.carriage()
        assert rotor.motor_steps - begun.motor_steps == half_steps(ring, target_steps)
        assert rotor.net_edges - begun.net_edges == target_steps
        assert rotor.lost_steps == begun.lost_steps


def test_a_place_is_the_same_from_both_sides_its_gears_having_play(ring):
    zeroed(ring)
    ring.axis.move_to(400)
    from_near_um = ring.world.carriage().carriage_um
    ring.axis.move_to(900)
    ring.axis.move_to(400)
    assert ring.world.carriage().carriage_um == pytest.approx(from_near_um, abs=1e-6)


def test_soft_ends_are_kept_on_both_sides_of_the_mark(ring):
    zeroed(ring)
    edges, reach = ring.world.carriage().edges, ring.axis.reach
    assert (reach.nearest_steps, reach.farthest_steps) == (-4_000 + 70, 8_000)
    for beyond_steps in (reach.nearest_steps - 1, reach.farthest_steps + 1):
        with pytest.raises(BeyondReach, match="°") as refusal:
            ring.axis.move_to(beyond_steps)
        assert refusal.value.beyond_steps == 1
    assert ring.world.carriage().edges == edges


def test_the_owner_may_say_where_it_stands_but_not_outside_the_travel(ring):
    assert ring.axis.zero(-3_999).steps == -3_999
    for outside_steps in (-4_001, 8_001):
        with pytest.raises(BeyondReach, match="outside the travel") as refusal:
            ring.axis.zero(outside_steps)
        assert refusal.value.beyond_steps == 1
    assert ring.axis.position().steps == -3_999


def test_an_unknown_place_allows_no_more_than_the_travel(ring):
    with pytest.raises(PositionUnknown):
        ring.axis.jog(12_001)
    assert ring.world.carriage().edges == 0


def test_there_is_nothing_to_home_to(tmp_path):
    ring = RingRig(tmp_path, settings=replace(SETTINGS, home_allowed=True))
    with pytest.raises(HomingFailed) as failure:
        ring.axis.home()
    assert failure.value.fault is HomingFault.NO_SWITCH
    assert ring.world.carriage().edges == 0


def test_a_ring_let_go_and_held_again_stands_where_it_stood(ring):
    begun = zeroed(ring)
    ring.axis.move_to(333)
    ring.axis.release()
    assert ring.axis.position().trust is Trust.ASSUMED
    assert not ring.world.carriage().enabled
    ring.axis.move_to(111)
    rotor = ring.world.carriage()
    assert rotor.motor_steps - begun.motor_steps == half_steps(ring, 111)
    assert rotor.lost_steps == begun.lost_steps


def test_a_stop_at_speed_keeps_the_position_and_the_rotor_agrees(ring):
    begun = zeroed(ring)
    ring.after_edges(300, ring.axis.stop)
    with pytest.raises(Stopped):
        ring.axis.move_to(4_000)
    place, rotor = ring.axis.position(), ring.world.carriage()
    assert place.trust is Trust.KNOWN
    assert rotor.motor_steps - begun.motor_steps == half_steps(ring, place.steps)
    assert rotor.lost_steps == begun.lost_steps


def test_a_halt_at_speed_leaves_the_position_unknown(ring):
    zeroed(ring)
    ring.after_edges(300, ring.stepper.halt)
    with pytest.raises(Halted):
        ring.axis.move_to(4_000)
    assert ring.axis.position().trust is Trust.UNKNOWN


def test_a_mark_outside_the_travel_is_no_setting():
    with pytest.raises(ValueError, match="mark"):
        replace(SETTINGS, near_end_steps=10)
    with pytest.raises(ValueError, match="mark"):
        replace(SETTINGS, near_end_steps=-12_001)


@pytest.mark.parametrize("half_steps", [True, False])
def test_a_ring_let_go_in_step_with_its_first_pattern_is_where_it_was_after_a_restart(tmp_path, half_steps):
    turn, ramp = (8, SETTINGS.ramp) if half_steps else (4, SLOW)
    settings = replace(
        SETTINGS, turn_steps=turn, forgets_pattern=True, ramp=ramp, homing_ramp=ramp, touch_steps_s=200
    )
    ring = RingRig(tmp_path, half_steps=half_steps, settings=settings)
    zeroed(ring)
    ring.axis.move_to(333)
    ring.axis.close()
    place, rotor = ring.axis.position().steps, ring.world.carriage()
    assert 0 <= 333 - place < turn
    ring.switch_on()
    assert ring.axis.position() == Position(place, Trust.ASSUMED)
    ring.axis.hold()
    assert ring.world.carriage().motor_steps == rotor.motor_steps


def test_a_ring_killed_between_two_turns_of_the_pattern_is_nowhere(tmp_path):
    ring = RingRig(tmp_path, settings=replace(SETTINGS, turn_steps=8, forgets_pattern=True))
    zeroed(ring)
    ring.axis.move_to(333)
    ring.axis.rest()
    ring.switch_on()
    assert ring.axis.position() == Position(0, Trust.UNKNOWN)
