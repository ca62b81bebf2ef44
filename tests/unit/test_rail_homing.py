from dataclasses import replace

import pytest
from rail_rig import RAMP, SETTINGS, SPEC, Rig

from rail.axis import Position, Trust
from rail.errors import Halted, HomingFailed, HomingFault, HomingNotAllowed, Stopped
from rail.pins import MotionWiring


def test_homing_finds_the_switch_and_rests_at_the_near_end_of_the_reach(unhomed):
    arrival = unhomed.axis.home()
    assert arrival.position == unhomed.axis.position() == Position(992, Trust.KNOWN)
    assert unhomed.carriage_um == pytest.approx(992 * 0.3125 - SPEC.backlash_um, abs=0.4)
    assert unhomed.world.carriage().crashes_near == 0


def test_homing_goes_away_from_a_subject_at_the_near_side(tmp_path):
    rig = Rig(tmp_path, settings=replace(SETTINGS, subject_side="near"))
    rig.axis.home()
    assert rig.axis.position() == Position(9_600 - 640, Trust.KNOWN)
    assert rig.world.carriage().nearest_um >= 600 - SPEC.backlash_um
    assert rig.carriage_um == pytest.approx((9_600 - 640) * 0.3125, abs=0.4)


def test_homing_leads_the_whole_way_from_the_other_switch(tmp_path):
    rig = Rig(tmp_path, position_um=3_020.0)
    assert rig.axis.look().limits.far
    assert rig.axis.home().position == Position(992, Trust.KNOWN)


def test_a_reference_at_the_far_end_is_found_again_from_a_known_place(tmp_path):
    rig = Rig(tmp_path, position_um=2_900.0, settings=replace(SETTINGS, subject_side="near"))
    rig.axis.home()
    rig.axis.move_to(8_500)
    again = rig.axis.home()
    assert (again.position, again.missed_steps) == (Position(9_600 - 640, Trust.KNOWN), 0)


def test_homing_is_refused_until_allowed_and_says_how(tmp_path):
    rig = Rig(tmp_path, settings=replace(SETTINGS, home_allowed=False))
    with pytest.raises(HomingNotAllowed, match="home_allowed"):
        rig.axis.home()
    assert rig.edges == 0
    rig.axis.allow_homing()
    assert rig.axis.home().position.trust is Trust.KNOWN


def test_homing_from_a_pressed_switch_backs_off_first(tmp_path):
    rig = Rig(tmp_path, position_um=-20.0)
    run, ends_um = rig.stepper.run, []

    def noted(*way, **seek):
        ended = run(*way, **seek)
        ends_um.append(rig.carriage_um)
        return ended

    rig.stepper.run = noted
    assert rig.axis.home().position == Position(992, Trust.KNOWN)
    opened_um, clear_um, touched_um, *_ = ends_um
    assert clear_um - opened_um == SETTINGS.clearance_steps * 0.3125 and touched_um <= opened_um
    assert rig.carriage_um == pytest.approx(992 * 0.3125 - SPEC.backlash_um, abs=0.4)
    assert rig.world.carriage().nearest_um == -20.0


@pytest.mark.parametrize(
    ("fault", "expected"),
    [("limit_near_stuck", HomingFault.NO_SWITCH), ("limit_near_open", HomingFault.STUCK)],
)
def test_homing_tells_a_dead_switch_from_a_stuck_one(unhomed, fault, expected):
    unhomed.world.break_down(fault)
    with pytest.raises(HomingFailed, match="the near limit switch") as failure:
        unhomed.axis.home()
    assert failure.value.fault is expected
    assert unhomed.axis.position().trust is Trust.UNKNOWN


def test_a_known_place_bounds_the_search_for_a_dead_switch(unhomed):
    """With the place known the switch can be no farther off; on and on would be into the end stop."""
    unhomed.axis.home()
    unhomed.axis.move_to(3000)
    unhomed.world.break_down("limit_near_stuck")
    began = unhomed.edges
    with pytest.raises(HomingFailed, match="homing again searches the whole travel"):
        unhomed.axis.home()
    searched_steps = began - unhomed.edges
    assert 3000 <= searched_steps < 3000 + 2000 < SETTINGS.travel_steps
    assert unhomed.axis.position().trust is Trust.UNKNOWN


def test_a_carriage_that_was_pushed_away_is_found_by_homing_again(unhomed):
    unhomed.axis.home()
    unhomed.axis.zero(at_steps=1000)  # somebody's wrong word: it stands farther off
    unhomed.axis.move_to(6000)
    unhomed.axis.zero(at_steps=1000)
    with pytest.raises(HomingFailed):
        unhomed.axis.home()
    assert unhomed.axis.home().position.trust is Trust.KNOWN


def test_a_switch_that_comes_early_at_speed_is_touched_again_slowly(homed):
    """The motor ran on past the first touch: that alone is no reference."""
    homed.axis.move_to(3_000)
    homed.axis.zero(at_steps=6_000)  # somebody's wrong word: it stands nearer
    arrival = homed.axis.home()
    assert arrival.position == Position(992, Trust.KNOWN)
    assert arrival.missed_steps == pytest.approx(3_000, abs=16)
    assert homed.carriage_um == pytest.approx(992 * 0.3125 - SPEC.backlash_um, abs=0.4)


def test_homing_with_both_switches_pressed_moves_nothing(unhomed):
    unhomed.world.break_down("limit_near_open")
    unhomed.world.break_down("limit_far_open")
    with pytest.raises(HomingFailed) as failure:
        unhomed.axis.home()
    assert (failure.value.fault, unhomed.edges) == (HomingFault.ALREADY_PRESSED, 0)


def test_homing_without_a_switch_moves_nothing(tmp_path):
    rig = Rig(tmp_path, wiring=MotionWiring(limit_near=None))
    with pytest.raises(HomingFailed) as failure:
        rig.axis.home()
    assert (failure.value.fault, rig.edges) == (HomingFault.NO_SWITCH, 0)


def test_homing_an_inverted_motor_ends_at_the_wrong_switch_without_a_crash(tmp_path):
    rig = Rig(tmp_path, wiring=MotionWiring(far_level=False))
    with pytest.raises(Halted, match="invert"):
        rig.axis.home()
    assert (rig.world.carriage().crashes_far, rig.axis.position().trust) == (0, Trust.UNKNOWN)


def test_an_inverted_rail_is_put_right_by_its_wiring(tmp_path):
    rig = Rig(tmp_path, wiring=MotionWiring(far_level=False), spec=replace(SPEC, invert=True))
    rig.axis.home()
    rig.axis.move_to(3_000)
    assert rig.carriage_um == pytest.approx(3_000 * 0.3125 - SPEC.backlash_um, abs=0.4)


def test_a_stop_while_homing_from_a_known_place_keeps_it(homed):
    homed.axis.move_to(8_000)
    homed.after_edges(500, homed.axis.stop)
    with pytest.raises(Stopped):
        homed.axis.home()
    assert homed.axis.position().trust is Trust.KNOWN
    homed.axis.arm()
    homed.axis.move_to(4_000)
    assert homed.carriage_um == pytest.approx(4_000 * 0.3125 - SPEC.backlash_um, abs=0.4)


def test_homing_from_a_known_place_measures_what_was_lost_since(homed):
    homed.axis.move_to(5000)
    assert homed.axis.home().missed_steps == 0
    before_steps = homed.lost_steps
    homed.after_edges(300, lambda: homed.world.break_down("carriage_jammed"))
    homed.after_edges(420, lambda: homed.world.mend("carriage_jammed"))
    homed.axis.move_to(5000)
    assert homed.lost_steps - before_steps == 120
    assert homed.axis.home().missed_steps == 120
    assert homed.axis.home().missed_steps == 0


def test_homing_from_an_assumed_place_tells_how_far_that_was_off(homed):
    homed.axis.move_to(5_000)
    homed.axis.release()
    homed.axis._reckoning._origin_steps += 2_000  # as if the screw had been turned by hand meanwhile
    assert homed.axis.position() == Position(7_000, Trust.ASSUMED)
    # The rotor runs on a little where it meets the switch at full speed.
    assert homed.axis.home().missed_steps == pytest.approx(2_000, abs=3 * 16)


def test_homing_from_an_unknown_place_has_nothing_to_compare_with(unhomed):
    assert unhomed.axis.home().missed_steps is None


def test_homing_is_never_faster_than_homing_may_be_wherever_it_begins(tmp_path):
    careful = replace(RAMP, max_steps_s=400)
    rig = Rig(tmp_path, settings=replace(SETTINGS, homing_ramp=careful))
    rig.axis.home()
    rig.axis.move_to(5000)
    run, ramps = rig.stepper.run, []

    def noted(distance_steps, ramp, *, seek=None):
        if distance_steps < 0:
            ramps.append(ramp)
        return run(distance_steps, ramp, seek=seek)

    rig.stepper.run = noted
    rig.axis.home()
    assert ramps and max(ramp.max_steps_s for ramp in ramps[:-1]) <= 400


@pytest.mark.parametrize("bounce_ns", [1_000_000, 5_000_000, 8_000_000, 9_900_000])
@pytest.mark.parametrize("position_um", [310.0, 2_000.0])
def test_contacts_that_chatter_after_the_touch_are_not_taken_for_a_switch_behind(
    tmp_path, bounce_ns, position_um
):
    rig = Rig(tmp_path, position_um=position_um, spec=replace(SPEC, bounce_ns=bounce_ns))
    for _ in range(3):
        rig.axis.home()
    assert rig.axis.position() == Position(992, Trust.KNOWN)
