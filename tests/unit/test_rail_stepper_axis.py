from dataclasses import replace

import pytest
from rail_rig import RAMP, SCALE, SETTINGS, SPEC, Rig

from rail.axis import Position, Trust
from rail.errors import BeyondReach, DriverFault, EmergencyStopInForce, Halted, MoveRefused, Stopped
from rail.position_store import StoredPosition


def test_duration_is_that_of_the_move(homed):
    homed.axis.move_to(2_000)
    before_ns = homed.clock.monotonic_ns()
    homed.axis.move_to(3_000)
    took_ns = homed.clock.monotonic_ns() - before_ns
    assert homed.axis.duration_ns(-1_000) == pytest.approx(took_ns, rel=0.01)
    assert homed.axis.scale == SCALE


def test_a_run_up_is_taken_where_the_backlash_is_not_taken_up_yet_and_only_there(homed, monkeypatch):
    runs, run = [], homed.stepper.run

    def noted(distance_steps, ramp, seek=None):
        runs.append(distance_steps)
        return run(distance_steps, ramp, seek=seek)

    monkeypatch.setattr(homed.stepper, "run", noted)
    run_up = SETTINGS.run_up_steps
    homed.axis.move_to(2_000)
    homed.axis.move_to(2_001)
    homed.axis.move_to(1_900)
    homed.axis.jog(-1)
    homed.axis.move_to(1_900)
    homed.axis.jog(-1)
    homed.axis.move_to(1_899 + run_up)
    homed.axis.zero(3_000)  # by whom the carriage may have been turned
    homed.axis.move_to(3_001)
    assert runs == [1_008, 1, -101 - run_up, run_up, -1, 1 - run_up, run_up, -1, run_up, 1 - run_up, run_up]


# --- a motor let go ---------------------------------------------------------------------------------------


def test_a_vertical_rig_is_never_let_go(tmp_path):
    rig = Rig(tmp_path, settings=replace(SETTINGS, gravity=True))
    rig.axis.home()
    with pytest.raises(MoveRefused, match="fall"):
        rig.axis.release()
    rig.axis.stop()
    assert rig.world.carriage().enabled
    rig.axis.close()
    assert rig.world.carriage().enabled


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


@pytest.mark.parametrize("stopped", [False, True])
def test_a_vertical_axis_is_closed_where_it_stands_and_held_there(tmp_path, stopped):
    rig = Rig(
        tmp_path,
        settings=replace(SETTINGS, gravity=True, turn_steps=TURN),
        spec=replace(SPEC, turn_steps=TURN),
    )
    rig.axis.home()
    rig.axis.move_to(2_001)
    there = rig.carriage.state.motor_steps
    if stopped:
        rig.axis.stop()
    with pytest.raises(MoveRefused, match="fall"):
        rig.axis.release()
    rig.axis.close()
    assert (rig.carriage.state.motor_steps, rig.world.carriage().enabled) == (there, True)
    rig.cut_power()
    assert rig.axis.position().steps == 2_001


def test_it_is_parked_by_its_own_turn_wherever_places_count_from(turning):
    turning.axis.jog(-7 * turning.settings.home_sense)
    turning.axis.zero(2_000)
    turning.axis.release()
    assert turning.stepper.count_steps() % TURN == 0
    assert turning.axis.position().steps % TURN != 0


def test_closed_after_a_stop_the_motor_is_parked_all_the_same(turning):
    turning.axis.move_to(2_001)
    turning.axis.stop()
    turning.axis.close()
    place, rotor = turning.axis.position(), turning.carriage.state.motor_steps
    assert place.steps != 2_001
    turning.cut_power()
    assert turning.carriage.state.motor_steps == rotor
    assert turning.axis.position() == Position(place.steps, Trust.ASSUMED)


def test_a_motor_held_when_the_power_goes_is_turned_by_two_full_steps_at_most(turning):
    turning.axis.move_to(2_001)
    turning.axis.rest()
    rotor = turning.carriage.state.motor_steps
    turning.cut_power()
    assert abs(turning.carriage.state.motor_steps - rotor) <= TURN // 2
    assert turning.axis.position() == Position(2_001, Trust.ASSUMED)


@pytest.mark.parametrize("side", ["near", "far"])
@pytest.mark.parametrize(
    ("self_holding", "known", "jog_steps"), [(True, False, 7), (False, True, 7), (True, True, TURN)]
)
def test_where_parking_would_keep_nothing_the_motor_is_let_go_where_it_is(
    tmp_path, side, self_holding, known, jog_steps
):
    """The place is unknown, or lost without current, or the motor stands at the end of its turn already."""
    changes = {"turn_steps": TURN, "subject_side": side, "self_holding": self_holding}
    rig = Rig(tmp_path, position_um=900.0, settings=replace(SETTINGS, **changes))
    if known:
        rig.axis.zero(3_000)
    rig.axis.jog(jog_steps)
    edges = rig.edges
    rig.axis.release()
    assert rig.edges == edges
    assert not rig.world.carriage().enabled


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


@pytest.mark.parametrize("let_go", ["release", "close"])
def test_where_the_way_to_the_place_for_parking_is_barred_the_motor_is_let_go_all_the_same(turning, let_go):
    turning.axis.move_to(2_001)
    place, edges = turning.axis.position(), turning.edges
    turning.world.break_down("limit_near_open" if turning.settings.home_sense < 0 else "limit_far_open")
    getattr(turning.axis, let_go)()
    assert turning.edges == edges
    assert not turning.world.carriage().enabled
    turning.switch_on()
    assert turning.axis.position() == Position(place.steps, Trust.ASSUMED)


# --- zeroed by hand ---------------------------------------------------------------------------------------


def test_zeroing_makes_the_present_place_the_reference_and_holds_it(unhomed):
    unhomed.axis.jog(77)
    unhomed.axis.release()
    edges = unhomed.edges
    assert unhomed.axis.zero() == unhomed.axis.position() == Position(0, Trust.KNOWN)
    assert (unhomed.edges, unhomed.world.carriage().enabled) == (edges, True)
    unhomed.axis.rest()
    assert unhomed.store.load() == StoredPosition(0, Trust.KNOWN, False, "5/16 um", parked=True)


def test_with_the_subject_near_the_reference_is_the_far_end(tmp_path):
    rig = Rig(tmp_path, settings=replace(SETTINGS, subject_side="near"))
    assert rig.axis.zero() == Position(9_600, Trust.KNOWN)


def test_a_defect_in_mid_move_leaves_the_position_unknown(homed, monkeypatch):
    def defect(*_run, **_seek):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(homed.stepper, "run", defect)
    with pytest.raises(ZeroDivisionError):
        homed.axis.move_to(2_000)
    assert homed.axis.position().trust is Trust.UNKNOWN
    homed.axis.rest()
    assert homed.store.load().trust is Trust.UNKNOWN


def test_a_stop_in_force_refuses_before_anything_is_recorded_or_issued(homed):
    homed.axis.rest()
    homed.axis.stop()
    recorded, edges = homed.store.load(), homed.edges
    for refused in (
        lambda: homed.axis.move_to(2_000),
        lambda: homed.axis.jog(1),
        homed.axis.home,
        homed.axis.zero,
    ):
        with pytest.raises(Stopped, match="arm the axis first"):
            refused()
    assert (homed.store.load(), homed.edges) == (recorded, edges)
    homed.axis.arm()
    assert homed.axis.jog(1).position.steps == 993


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


def test_to_acknowledge_what_did_not_happen_takes_nothing_away(homed):
    assert homed.axis.acknowledge() == Position(992, "known")


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
    rig.axis.rest()
    recorded = rig.store.load()
    with pytest.raises(BeyondReach, match="outside the travel"):
        rig.axis.zero(4_801)
    assert rig.store.load() == recorded


def test_a_move_that_is_stopped_after_its_driver_lost_its_power_ends_at_an_unknown_place(tmp_path, caplog):
    class Driver:
        def check(self):
            if rig.world.broken("motor_unpowered"):
                raise DriverFault("it does not answer")

    rig = Rig(tmp_path, position_um=60.0, driver=Driver())
    rig.axis.home()
    rig.after_edges(400, lambda: rig.world.break_down("motor_unpowered"))
    rig.after_edges(800, rig.axis.stop)
    with pytest.raises(Stopped):
        rig.axis.move_to(5000)
    assert rig.lost_steps > 300
    assert rig.axis.position().trust is Trust.UNKNOWN
    assert caplog.messages == ["it does not answer. Steps may be lost, so the position is unknown"]
