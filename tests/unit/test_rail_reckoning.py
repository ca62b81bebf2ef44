from dataclasses import replace

import pytest
from rail_rig import SETTINGS, SPEC, Rig

from rail.axis import Position, Trust
from rail.errors import Halted


def test_every_place_is_the_same_place_from_either_side(homed):
    places_um = []
    for target in (4_000, 6_000, 4_000, 2_000, 4_000, 4_010, 4_000):
        homed.axis.move_to(target)
        if target == 4_000:
            places_um.append(homed.carriage_um)
    assert places_um == [4_000 * 0.3125 - SPEC.backlash_um] * 4


def test_a_jog_back_costs_the_next_move_its_run_up(homed):
    homed.axis.move_to(4_000)
    homed.axis.jog(-400)
    homed.axis.move_to(3_610)
    assert homed.carriage_um == 3_610 * 0.3125 - SPEC.backlash_um


def test_going_on_forward_needs_no_run_up(homed):
    homed.axis.move_to(4_000)
    before = homed.world.carriage().edges
    homed.axis.move_to(4_032)
    homed.axis.move_to(4_032)
    assert homed.world.carriage().edges - before == 32


def test_a_limit_ends_an_unknown_move(unhomed):
    with pytest.raises(Halted, match="near limit switch") as halt:
        unhomed.axis.jog(-9_000)
    assert halt.value.position.trust is Trust.UNKNOWN
    assert unhomed.world.carriage().crashes_near == 0
    with pytest.raises(Halted):
        unhomed.axis.jog(-1)
    unhomed.axis.jog(600)


def test_a_halt_above_start_speed_leaves_the_position_unknown(homed):
    homed.after_edges(500, homed.stepper.halt)
    with pytest.raises(Halted, match="unknown"):
        homed.axis.move_to(6_000)
    assert homed.axis.position().trust is Trust.UNKNOWN
    homed.axis.rest()
    assert homed.store.load().trust is Trust.UNKNOWN
    homed.switch_on()
    assert homed.axis.position() == Position(0, Trust.UNKNOWN)


@pytest.mark.parametrize(("self_holding", "trust"), [(True, Trust.ASSUMED), (False, Trust.UNKNOWN)])
def test_a_released_motor_is_trusted_less(tmp_path, self_holding, trust):
    rig = Rig(tmp_path, settings=replace(SETTINGS, self_holding=self_holding))
    rig.axis.home()
    rig.axis.release()
    assert rig.axis.position().trust is trust
    assert not rig.world.carriage().enabled
    rig.axis.hold()
    assert rig.world.carriage().enabled
    assert rig.axis.position().trust is trust


def test_backlash_is_taken_up_anew_after_zeroing(homed):
    homed.axis.move_to(4_000)
    homed.axis.zero(4_000)
    edges = homed.world.carriage().edges
    homed.axis.move_to(4_001)
    assert homed.world.carriage().edges - edges > 2 * SETTINGS.run_up_steps - 2


def test_backlash_is_taken_up_anew_after_the_motor_was_let_go(homed):
    """The screw may have turned meanwhile."""
    homed.axis.move_to(4_000)
    homed.axis.release()
    edges = homed.world.carriage().edges
    homed.axis.move_to(4_001)
    assert homed.world.carriage().edges - edges == 2 * SETTINGS.run_up_steps - 1


def test_backlash_is_taken_up_anew_after_a_halt_at_speed(homed):
    """The rotor ran on and swung back, nobody knows how far."""
    homed.after_edges(500, homed.stepper.halt)
    with pytest.raises(Halted):
        homed.axis.move_to(6_000)
    homed.axis.arm()
    edges = homed.world.carriage().edges
    homed.axis.move_to(homed.axis.position().steps + 1)
    assert homed.world.carriage().edges - edges == 2 * SETTINGS.run_up_steps - 1


def test_a_zeroed_position_is_known_only_while_the_motor_is_held(unhomed):
    unhomed.axis.zero(3_000)
    unhomed.axis.release()
    assert unhomed.axis.position().trust is Trust.ASSUMED
