from dataclasses import replace
from fractions import Fraction

import pytest
from rail_rig import RAMP, SCALE, SETTINGS, SPEC, Rig

from rail.axis import Position, Reach, Trust
from rail.errors import (
    BeyondReach,
    EmergencyStopInForce,
    Halted,
    HomingFailed,
    HomingFault,
    HomingNotAllowed,
    MoveRefused,
    PositionUnknown,
    Stopped,
)
from rail.pins import MotionWiring
from rail.position_store import StoredPosition
from rail.screw import Scale
from rail.stepper_axis import StepperAxis


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


@pytest.fixture
def homed(tmp_path):
    rig = Rig(tmp_path, position_um=60.0)
    rig.axis.home()
    return rig


def test_the_reach_is_travel_less_keep_out_less_run_up():
    assert SETTINGS.reach == Reach(640 + 320 + 32, 9_600 - 1_280)
    near = replace(SETTINGS, subject_side="near")
    assert near.reach == Reach(1_280 + 320 + 32, 9_600 - 640)


def test_settings_that_leave_no_room_are_refused():
    with pytest.raises(ValueError, match="no room"):
        replace(SETTINGS, keep_out_steps=9_000)
    with pytest.raises(ValueError, match="second touch"):
        replace(SETTINGS, touch_steps_s=321)


# --- homing -----------------------------------------------------------------------------------------------


def test_homing_finds_the_switch_and_rests_at_the_near_end_of_the_reach(rig):
    arrival = rig.axis.home()
    assert arrival.position == rig.axis.position() == Position(992, Trust.KNOWN)
    assert rig.carriage_um == pytest.approx(992 * 0.3125 - SPEC.backlash_um, abs=0.4)
    assert rig.world.carriage().crashes_near == 0


def test_homing_goes_away_from_a_subject_at_the_near_side(tmp_path):
    rig = Rig(tmp_path, settings=replace(SETTINGS, subject_side="near"))
    rig.axis.home()
    assert rig.axis.position() == Position(9_600 - 640, Trust.KNOWN)
    assert rig.world.carriage().nearest_um >= 600 - SPEC.backlash_um
    assert rig.carriage_um == pytest.approx((9_600 - 640) * 0.3125, abs=0.4)


def test_homing_is_refused_until_allowed_and_says_how(tmp_path):
    rig = Rig(tmp_path, settings=replace(SETTINGS, home_allowed=False))
    with pytest.raises(HomingNotAllowed, match="home_allowed"):
        rig.axis.home()
    assert rig.edges == 0
    rig.axis.allow_homing()
    assert rig.axis.home().position.trust is Trust.KNOWN


def test_homing_from_a_pressed_switch_backs_off_first(tmp_path):
    rig = Rig(tmp_path, position_um=-20.0)
    assert rig.axis.home().position == Position(992, Trust.KNOWN)
    assert rig.carriage_um == pytest.approx(992 * 0.3125 - SPEC.backlash_um, abs=0.4)
    assert rig.world.carriage().nearest_um == -20.0


@pytest.mark.parametrize(
    ("fault", "expected"),
    [("limit_near_stuck", HomingFault.NO_SWITCH), ("limit_near_open", HomingFault.STUCK)],
)
def test_homing_tells_a_dead_switch_from_a_stuck_one(rig, fault, expected):
    rig.world.break_down(fault)
    with pytest.raises(HomingFailed) as failure:
        rig.axis.home()
    assert failure.value.fault is expected
    assert rig.axis.position().trust is Trust.UNKNOWN


def test_a_known_place_bounds_the_search_for_a_dead_switch(rig):
    """With the place known the switch can be no farther off; on and on would be into the end stop."""
    rig.axis.home()
    rig.axis.move_to(3000)
    rig.world.break_down("limit_near_stuck")
    began = rig.edges
    with pytest.raises(HomingFailed, match="homing again searches the whole travel"):
        rig.axis.home()
    searched_steps = began - rig.edges
    assert 3000 <= searched_steps < 3000 + 2000 < SETTINGS.travel_steps
    assert rig.axis.position().trust is Trust.UNKNOWN


def test_a_carriage_that_was_pushed_away_is_found_by_homing_again(rig):
    rig.axis.home()
    rig.axis.zero(at_steps=1000)  # somebody's wrong word: it stands farther off
    rig.axis.move_to(6000)
    rig.axis.zero(at_steps=1000)
    with pytest.raises(HomingFailed):
        rig.axis.home()
    assert rig.axis.home().position.trust is Trust.KNOWN


def test_homing_with_both_switches_pressed_moves_nothing(rig):
    rig.world.break_down("limit_near_open")
    rig.world.break_down("limit_far_open")
    with pytest.raises(HomingFailed) as failure:
        rig.axis.home()
    assert (failure.value.fault, rig.edges) == (HomingFault.ALREADY_PRESSED, 0)


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


# --- the one-sided approach -------------------------------------------------------------------------------


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


# --- what is refused --------------------------------------------------------------------------------------


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


def test_a_vertical_rig_is_never_let_go(tmp_path):
    rig = Rig(tmp_path, settings=replace(SETTINGS, gravity=True))
    rig.axis.home()
    with pytest.raises(MoveRefused, match="fall"):
        rig.axis.release()
    rig.axis.stop()
    assert rig.world.carriage().enabled
    rig.axis.close()
    assert rig.world.carriage().enabled


# --- trust ------------------------------------------------------------------------------------------------


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


def test_a_limit_ends_an_unknown_move(rig):
    with pytest.raises(Halted, match="near limit switch") as halt:
        rig.axis.jog(-9_000)
    assert halt.value.position.trust is Trust.UNKNOWN
    assert rig.world.carriage().crashes_near == 0
    with pytest.raises(Halted):
        rig.axis.jog(-1)
    rig.axis.jog(600)


def test_a_halt_above_start_speed_leaves_the_position_unknown(homed):
    homed.after_edges(500, homed.stepper.halt)
    with pytest.raises(Halted, match="unknown"):
        homed.axis.move_to(6_000)
    assert homed.axis.position().trust is Trust.UNKNOWN
    homed.axis.rest()
    assert homed.store.load().trust is Trust.UNKNOWN


def saves_of(rig):
    """Note what is saved from here on."""
    saved, save = [], rig.store.save

    def note(position):
        saved.append(position)
        save(position)

    rig.store.save = note
    return saved


def test_the_store_says_moving_while_it_moves_and_at_rest_where_that_is(homed):
    homed.axis.rest()
    seen = []
    homed.after_edges(100, lambda: seen.append(homed.store.load()))
    homed.axis.move_to(2_000)
    assert seen == [StoredPosition(992, Trust.KNOWN, True, "5/16 um", parked=True)]
    homed.axis.rest()
    assert homed.store.load() == StoredPosition(2_000, Trust.KNOWN, False, "5/16 um", parked=True)


def test_many_moves_wait_for_the_disk_once(homed):
    homed.axis.rest()
    saved = saves_of(homed)
    for target in (2_000, 2_032, 2_064, 1_500):
        homed.axis.move_to(target)
    homed.axis.jog(10)
    assert [position.moving for position in saved] == [True]
    homed.axis.rest()
    homed.axis.rest()
    assert [(position.moving, position.steps) for position in saved[1:]] == [(False, 1_510)]


def test_no_step_is_taken_on_the_record_of_a_rest(homed):
    """Whatever is called in whatever order: while steps are issued the store says moving."""
    told = []
    for act in (homed.axis.rest, homed.axis.release, homed.axis.hold, homed.axis.home, homed.axis.rest):
        act()
        homed.after_edges(5, lambda: told.append(homed.store.load().moving))
        homed.after_edges(6, homed.axis.rest)  # from another thread, say: it must not call this a rest
        homed.after_edges(7, lambda: told.append(homed.store.load().moving))
        homed.axis.jog(20)
    assert told == [True] * 10


def test_a_rest_that_cannot_be_recorded_leaves_no_doubt_about_the_next_move(homed):
    homed.axis.rest()
    saved = saves_of(homed)
    homed.axis.jog(20)
    save, homed.store.save = homed.store.save, broken_save
    homed.axis.rest()
    homed.store.save = save
    homed.axis.jog(20)
    assert [position.moving for position in saved] == [True, True]


def broken_save(_position):
    raise OSError("read-only file system")


def test_closing_records_the_rest(homed):
    homed.axis.move_to(2_000)
    homed.axis.close()
    assert homed.store.load() == StoredPosition(2_000, Trust.KNOWN, False, "5/16 um", parked=True)


def test_power_lost_during_a_move_leaves_the_position_unknown(homed):
    class PowerCut(BaseException):
        pass

    kept = homed.folder / "kept"
    homed.axis.rest()

    def cut():
        kept.write_bytes((homed.folder / "position.json").read_bytes())
        raise PowerCut

    homed.after_edges(100, cut)
    with pytest.raises(PowerCut):
        homed.axis.move_to(2_000)
    kept.replace(homed.folder / "position.json")
    homed.switch_on()
    assert homed.axis.position() == Position(0, Trust.UNKNOWN)


@pytest.mark.parametrize(("self_holding", "trust"), [(True, Trust.ASSUMED), (False, Trust.UNKNOWN)])
def test_after_a_rest_without_power(tmp_path, self_holding, trust):
    rig = Rig(tmp_path, settings=replace(SETTINGS, self_holding=self_holding))
    rig.axis.home()
    rig.axis.rest()
    rig.switch_on()
    assert rig.axis.position() == Position(992 if trust is Trust.ASSUMED else 0, trust)


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


TURN = 64


@pytest.fixture(params=["near", "far"])
def turning(request, tmp_path):
    """A rail whose driver, without power, forgets at which of the 64 steps of an electrical turn it was.

    It homes slowly: a real motor loses whole electrical turns, this one single steps.
    """
    side = request.param
    rig = Rig(
        tmp_path,
        position_um=60.0 if side == "far" else 2_900.0,
        settings=replace(SETTINGS, turn_steps=TURN, subject_side=side, homing_ramp=RAMP.slowest()),
        spec=replace(SPEC, turn_steps=TURN),
    )
    rig.axis.home()
    return rig


@pytest.mark.parametrize("let_go", ["release", "close"])
@pytest.mark.parametrize("target", [2_001, 2_031, 2_050])
def test_a_motor_let_go_is_parked_where_a_power_cut_does_not_turn_it(turning, target, let_go):
    turning.axis.move_to(3_000)
    there_um = turning.carriage_um
    turning.axis.move_to(target)
    getattr(turning.axis, let_go)()
    place, rotor = turning.axis.position(), turning.carriage.state.motor_steps
    away = target - place.steps if turning.settings.home_sense < 0 else place.steps - target
    assert 0 <= away < TURN
    turning.cut_power()
    assert turning.carriage.state.motor_steps == rotor
    assert turning.axis.position() == Position(place.steps, Trust.ASSUMED)
    turning.axis.move_to(3_000)
    assert turning.carriage_um == pytest.approx(there_um, abs=1e-9)


def test_a_motor_held_when_the_power_goes_is_turned_by_two_full_steps_at_most(turning):
    turning.axis.move_to(2_001)
    turning.axis.rest()
    rotor = turning.carriage.state.motor_steps
    turning.cut_power()
    assert abs(turning.carriage.state.motor_steps - rotor) <= TURN // 2
    assert turning.axis.position() == Position(2_001, Trust.ASSUMED)


def test_where_the_place_is_unknown_or_nobody_may_move_nothing_is_parked(turning):
    turning.axis.move_to(2_001)
    edges = turning.edges
    turning.axis.stop()
    turning.axis.release()
    assert turning.edges == edges
    turning.axis.arm()
    turning.axis.jog(7)
    turning.world.press("e_stop")
    turning.stepper.watch()
    edges = turning.edges
    turning.axis.close()
    assert turning.edges == edges


def test_a_position_on_another_grid_is_no_position(homed):
    axis = StepperAxis(homed.stepper, Scale("um", Fraction(5, 8)), SETTINGS, homed.store)
    assert axis.position().trust is Trust.UNKNOWN


def test_a_move_that_cannot_be_recorded_is_not_begun(homed):
    homed.axis.rest()
    before = homed.edges
    homed.store.save = broken_save
    with pytest.raises(MoveRefused, match="read-only"):
        homed.axis.move_to(2_000)
    assert homed.edges == before


def test_duration_is_that_of_the_move(homed):
    homed.axis.move_to(2_000)
    before_ns = homed.clock.monotonic_ns()
    homed.axis.move_to(3_000)
    took_ns = homed.clock.monotonic_ns() - before_ns
    assert homed.axis.duration_ns(-1_000) == pytest.approx(took_ns, rel=0.01)
    assert homed.axis.scale == SCALE


# --- zeroed by hand ---------------------------------------------------------------------------------------


def test_zeroing_makes_the_present_place_the_reference_and_holds_it(rig):
    rig.axis.jog(77)
    rig.axis.release()
    edges = rig.edges
    assert rig.axis.zero() == rig.axis.position() == Position(0, Trust.KNOWN)
    assert (rig.edges, rig.world.carriage().enabled) == (edges, True)
    rig.axis.rest()
    assert rig.store.load() == StoredPosition(0, Trust.KNOWN, False, "5/16 um", parked=True)


def test_a_zeroed_axis_reaches_as_far_as_a_homed_one(rig):
    assert rig.axis.zero(3_000) == Position(3_000, Trust.KNOWN)
    assert rig.axis.move_to(4_000).position == Position(4_000, Trust.KNOWN)
    with pytest.raises(BeyondReach):
        rig.axis.move_to(SETTINGS.reach.farthest_steps + 1)
    with pytest.raises(BeyondReach):
        rig.axis.jog(SETTINGS.reach.nearest_steps - 1 - 4_000)


def test_backlash_is_taken_up_anew_after_zeroing(homed):
    homed.axis.move_to(4_000)
    homed.axis.zero(4_000)
    edges = homed.world.carriage().edges
    homed.axis.move_to(4_001)
    assert homed.world.carriage().edges - edges > 2 * SETTINGS.run_up_steps - 2


def test_with_the_subject_near_the_reference_is_the_far_end(tmp_path):
    rig = Rig(tmp_path, settings=replace(SETTINGS, subject_side="near"))
    assert rig.axis.zero() == Position(9_600, Trust.KNOWN)


@pytest.mark.parametrize(("place", "beyond"), [(-1, 1), (9_664, 64)])
def test_no_place_outside_the_travel_can_be_declared(rig, place, beyond):
    with pytest.raises(BeyondReach, match="outside the travel") as refusal:
        rig.axis.zero(place)
    assert refusal.value.beyond_steps == beyond
    assert rig.axis.position() == Position(0, Trust.UNKNOWN)


def test_a_zeroed_position_is_known_only_while_the_motor_is_held(rig):
    rig.axis.zero(3_000)
    rig.axis.release()
    assert rig.axis.position().trust is Trust.ASSUMED


# --- the emergency stop -----------------------------------------------------------------------------------


def pressed_after(rig, edges):
    rig.after_edges(edges, lambda: rig.world.press("e_stop"))


def test_an_emergency_stop_at_speed_leaves_the_position_unknown(homed):
    pressed_after(homed, 500)
    with pytest.raises(Halted, match="emergency stop"):
        homed.axis.move_to(6_000)
    assert homed.axis.position().trust is Trust.UNKNOWN


@pytest.mark.parametrize(("self_holding", "trust"), [(True, Trust.ASSUMED), (False, Trust.UNKNOWN)])
def test_after_an_emergency_stop_the_motor_may_have_been_without_current(tmp_path, self_holding, trust):
    rig = Rig(tmp_path, settings=replace(SETTINGS, self_holding=self_holding))
    rig.axis.home()
    rig.world.press("e_stop")
    rig.stepper.watch()
    assert rig.axis.position() == Position(992, trust)
    rig.axis.rest()
    assert rig.store.load().trust is trust
    rig.world.release("e_stop")
    assert rig.axis.acknowledge() == Position(992, trust)
    assert rig.axis.position() == Position(992, trust)


def test_until_it_is_acknowledged_nothing_moves_and_the_words_say_what_to_do(homed):
    homed.world.press("e_stop")
    homed.stepper.watch()
    edges = homed.edges
    for refused in (
        lambda: homed.axis.move_to(2_000),
        lambda: homed.axis.jog(1),
        lambda: homed.axis.check(2_000),
        homed.axis.home,
        homed.axis.zero,
    ):
        with pytest.raises(EmergencyStopInForce, match="focusctl acknowledge"):
            refused()
    with pytest.raises(EmergencyStopInForce, match="still pressed"):
        homed.axis.acknowledge()
    homed.world.release("e_stop")
    homed.axis.arm()
    with pytest.raises(EmergencyStopInForce):
        homed.axis.jog(1)
    assert homed.edges == edges
    homed.axis.acknowledge()
    homed.axis.home()
    assert homed.axis.position() == Position(992, Trust.KNOWN)


def test_a_vertical_rig_is_held_through_an_emergency_stop(tmp_path):
    rig = Rig(tmp_path, settings=replace(SETTINGS, gravity=True))
    pressed_after(rig, 50)
    with pytest.raises(Halted):
        rig.axis.jog(2_000)
    assert rig.world.carriage().enabled


def test_an_axis_with_a_mark_inside_its_travel_is_zeroed_there(tmp_path):
    rig = Rig(tmp_path, settings=replace(SETTINGS, near_end_steps=-4_800))
    assert rig.axis.zero() == Position(0, Trust.KNOWN)
    assert rig.axis.zero(-4_800) == Position(-4_800, Trust.KNOWN)
    with pytest.raises(BeyondReach, match="outside the travel"):
        rig.axis.zero(4_801)


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


def test_homing_from_an_unknown_place_has_nothing_to_compare_with(rig):
    assert rig.axis.home().missed_steps is None


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
