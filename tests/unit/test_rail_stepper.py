from dataclasses import replace
from itertools import pairwise

import pytest
from rail_rig import RAMP, SETTINGS, SPEC, Rig

from rail.drivers import DRIVERS
from rail.pins import MotionWiring
from rail.profile import Ramp, intervals_ns
from rail.signals import Limits
from rail.stepper import Ending, LocalStepper, Seek, Standstill


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


def rising_edges_ns(rig):
    """Record the instant of every rising edge from here on."""
    instants_ns, raise_step = [], rig.pins.raise_step

    def record():
        instants_ns.append(rig.clock.monotonic_ns())
        raise_step()

    rig.pins.raise_step = record
    return instants_ns


@pytest.mark.parametrize("distance", [0, 1, -1, 2, 5, -37, 1_000])
def test_the_count_is_exact(rig, distance):
    run = rig.stepper.run(distance, RAMP)
    assert (run.issued_steps, run.ending, run.abrupt) == (distance, Ending.DONE, False)
    assert (rig.edges, rig.stepper.count_steps(), rig.lost_steps) == (distance, distance, 0)


@pytest.mark.parametrize(("acceleration_steps_s2", "followed"), [(19_200, True), (64_000, False)])
def test_the_motor_follows_three_times_the_ramp_and_not_ten_times(rig, acceleration_steps_s2, followed):
    """Ramps that come out much too steep are seen by whatever looks at the carriage."""
    rig.stepper.run(1_000, replace(RAMP, acceleration_steps_s2=acceleration_steps_s2))
    assert (rig.lost_steps == 0) is followed


def test_steps_come_at_the_profile_when_nothing_stalls(rig):
    instants_ns = rising_edges_ns(rig)
    run = rig.stepper.run(300, RAMP)
    gaps_ns = [later - earlier for earlier, later in pairwise(instants_ns)]
    assert gaps_ns == list(intervals_ns(RAMP, 300))[:-1]
    assert run.at_rest_ns == instants_ns[-1]
    assert run.max_late_ns == 0


def test_after_a_stall_the_schedule_slips_and_does_not_burst(rig):
    instants_ns = rising_edges_ns(rig)
    rig.after_edges(150, lambda: rig.clock.pass_ns(20_000_000))
    run = rig.stepper.run(300, RAMP)
    gaps_ns = [later - earlier for earlier, later in pairwise(instants_ns)]
    assert min(gaps_ns) >= RAMP.levels_ns[-1]
    assert run.max_late_ns > 19_000_000
    assert run.issued_steps == 300


def test_after_a_stall_the_motor_is_brought_up_to_speed_again(tmp_path):
    rig = Rig(
        tmp_path, spec=replace(SPEC, pull_in_steps_s=1_000)
    )  # stands where it is held up, but starts slowly
    instants_ns = rising_edges_ns(rig)
    rig.after_edges(60, lambda: rig.clock.pass_ns(20_000_000))
    rig.stepper.run(300, RAMP)
    gaps_ns = [later - earlier for earlier, later in pairwise(instants_ns)]
    assert gaps_ns[60:100] == list(RAMP.levels_ns[:40])
    assert rig.lost_steps == 0


def test_a_stall_in_the_middle_of_a_write_does_not_shorten_the_next_interval(rig):
    instants_ns, raise_step = [], rig.pins.raise_step

    def late():
        rig.clock.pass_ns(300_000 if len(instants_ns) == 60 else 0)
        instants_ns.append(rig.clock.monotonic_ns())
        raise_step()

    rig.pins.raise_step = late
    rig.stepper.run(300, RAMP)
    assert instants_ns[61] - instants_ns[60] >= RAMP.levels_ns[60]


def test_two_moves_in_a_row_keep_the_start_interval_between_them(rig):
    instants_ns = rising_edges_ns(rig)
    rig.stepper.run(1, RAMP)
    rig.stepper.run(1, RAMP)
    assert instants_ns[1] - instants_ns[0] >= RAMP.levels_ns[0]


def test_the_driver_is_woken_before_its_first_step(rig):
    assert not rig.pins.energised
    rig.stepper.run(10, RAMP)
    rig.stepper.release()
    rig.stepper.run(10, RAMP)
    assert rig.lost_steps == 0


def test_stop_at_cruising_speed_ramps_down(rig):
    rig.after_edges(400, rig.stepper.stop)
    run = rig.stepper.run(4_000, RAMP)
    assert run.ending is Ending.STOPPED
    assert not run.abrupt
    assert run.issued_steps == 400 + RAMP.length_steps
    assert (rig.edges, rig.lost_steps) == (run.issued_steps, 0)


def test_stop_at_start_speed_is_immediate(rig):
    rig.after_edges(7, rig.stepper.stop)
    assert rig.stepper.run(4_000, RAMP.slowest()).issued_steps == 7


def test_stop_never_lengthens_a_move(rig):
    rig.after_edges(295, rig.stepper.stop)
    assert rig.stepper.run(300, RAMP).issued_steps == 300


def test_stop_holds_until_armed(rig):
    rig.stepper.stop()
    for _ in range(2):
        run = rig.stepper.run(10, RAMP)
        assert (run.issued_steps, run.ending) == (0, Ending.STOPPED)
    rig.stepper.arm()
    assert rig.stepper.run(10, RAMP).ending is Ending.DONE


def test_halt_gives_no_further_pulse(rig):
    rig.after_edges(400, rig.stepper.halt)
    run = rig.stepper.run(4_000, RAMP)
    assert (run.issued_steps, run.ending, run.abrupt) == (400, Ending.HALTED, True)


def test_halt_at_start_speed_loses_nothing(rig):
    rig.after_edges(400, rig.stepper.halt)
    run = rig.stepper.run(4_000, RAMP.slowest())
    assert (run.issued_steps, run.abrupt, rig.lost_steps) == (400, False, 0)


def test_a_limit_halts_and_then_allows_only_the_way_back(tmp_path):
    rig = Rig(tmp_path, position_um=2_950.0)
    run = rig.stepper.run(4_000, RAMP)
    assert run.ending is Ending.LIMIT
    assert run.abrupt
    assert "far limit switch is pressed" in run.detail
    assert rig.stepper.limits() == Limits(near=False, far=True)
    again = rig.stepper.run(1, RAMP)
    assert (again.issued_steps, again.ending, again.abrupt) == (0, Ending.LIMIT, False)
    assert rig.stepper.run(-1_000, RAMP).ending is Ending.DONE
    assert rig.stepper.limits() == Limits(near=False, far=False)


@pytest.mark.parametrize(("position_um", "sense", "end"), [(2_950.0, 1, "far"), (60.0, -1, "near")])
def test_a_limit_ahead_is_called_by_its_end(tmp_path, position_um, sense, end):
    run = Rig(tmp_path, position_um=position_um).stepper.run(sense * 4_000, RAMP)
    assert run.ending is Ending.LIMIT
    assert f"the {end} limit switch is pressed, or its wire is off" in run.detail


@pytest.mark.parametrize(("position_um", "sense", "end"), [(2_950.0, -1, "far"), (60.0, 1, "near")])
def test_an_inverted_motor_is_halted_by_the_limit_behind(tmp_path, position_um, sense, end):
    rig = Rig(tmp_path, position_um=position_um, wiring=MotionWiring(far_level=False))
    run = rig.stepper.run(sense * 4_000, RAMP.slowest())
    assert run.ending is Ending.LIMIT
    assert f"the {end} limit switch closed" in run.detail and "wrong way" in run.detail
    assert (rig.world.carriage().crashes_near, rig.world.carriage().crashes_far) == (0, 0)


def test_a_limit_behind_that_opened_and_closes_again_halts(rig):
    rig.stepper.run(-4_000, RAMP.slowest(), seek=Seek.PRESSED)
    rig.after_edges(600, lambda: rig.world.break_down("limit_near_open"))
    run = rig.stepper.run(4_000, RAMP.slowest())
    assert (run.ending, 600 <= run.issued_steps < 610) == (Ending.LIMIT, True)
    assert "its wire is off" in run.detail


def test_seeking_ends_where_the_switch_closes_and_where_it_opens(rig):
    closed = rig.stepper.run(-4_000, RAMP.slowest(), seek=Seek.PRESSED)
    assert closed.ending is Ending.FOUND
    assert rig.carriage_um == pytest.approx(0.0, abs=1.0)
    opened = rig.stepper.run(4_000, RAMP.slowest(), seek=Seek.RELEASED)
    assert opened.ending is Ending.FOUND
    assert rig.carriage_um == pytest.approx(80.0, abs=1.0)


def test_failing_pins_are_a_fault_and_not_a_crash(rig):
    def fail():
        raise OSError("GPIO busy")

    rig.pins.lower_step = fail
    run = rig.stepper.run(100, RAMP)
    assert (run.ending, run.abrupt, run.detail) == (Ending.FAULT, True, "OSError: GPIO busy")
    assert not rig.stepper.running()


def test_running_and_count_are_live(rig):
    seen = []
    rig.after_edges(30, lambda: seen.append((rig.stepper.running(), rig.stepper.count_steps())))
    rig.stepper.run(100, Ramp(100, 100, 1))
    assert seen == [(True, 30)]
    assert not rig.stepper.running()


def test_gravity_holds_from_the_first_moment_and_after_the_last(tmp_path):
    rig = Rig(tmp_path, settings=replace(SETTINGS, gravity=True))
    assert rig.world.carriage().enabled
    rig.stepper.run(10, RAMP)
    rig.stepper.close()
    assert rig.world.carriage().enabled


def test_closed_during_a_run_no_further_pulse_is_given(tmp_path):
    rig = Rig(tmp_path, settings=replace(SETTINGS, gravity=True))
    rig.after_edges(400, rig.stepper.close)
    run = rig.stepper.run(4_000, RAMP)
    assert (run.issued_steps, run.ending, rig.edges) == (400, Ending.HALTED, 400)


def test_without_gravity_closing_lets_the_motor_go(rig):
    rig.stepper.run(10, RAMP)
    rig.stepper.close()
    assert not rig.world.carriage().enabled


# --- the emergency stop -----------------------------------------------------------------------------------


@pytest.mark.parametrize("when", [0, 1, 2, 17, 200, 400])
def test_the_emergency_stop_ends_a_run_between_any_two_steps(rig, when):
    rig.after_edges(when, lambda: rig.world.press("e_stop"))
    run = rig.stepper.run(4_000, RAMP)
    assert (run.issued_steps, run.ending, run.abrupt) == (when, Ending.EMERGENCY, when > 1)
    assert "emergency stop" in run.detail


def test_the_emergency_stop_holds_until_acknowledged_and_no_arming_lifts_it(rig):
    rig.after_edges(20, lambda: rig.world.press("e_stop"))
    rig.stepper.run(4_000, RAMP)
    assert not rig.stepper.acknowledge()
    rig.world.release("e_stop")
    rig.stepper.arm()
    assert rig.stepper.emergency()
    assert (rig.stepper.run(10, RAMP).ending, rig.edges) == (Ending.EMERGENCY, 20)
    assert rig.stepper.acknowledge()
    assert rig.stepper.run(10, RAMP).ending is Ending.DONE


def test_an_emergency_stop_pressed_and_released_at_rest_is_remembered(rig):
    rig.world.press("e_stop")
    assert rig.stepper.look().emergency_pressed
    rig.world.release("e_stop")
    assert not rig.stepper.look().emergency_pressed
    assert rig.stepper.emergency()


def test_a_broken_wire_reads_as_an_emergency_stop(rig):
    rig.world.break_down("e_stop_open")
    assert rig.stepper.run(10, RAMP).ending is Ending.EMERGENCY
    assert rig.edges == 0


def test_the_emergency_stop_leaves_the_motor_as_it_is(rig):
    rig.after_edges(20, lambda: rig.world.press("e_stop"))
    rig.stepper.run(4_000, RAMP)
    assert rig.world.carriage().enabled


def test_without_an_emergency_stop_none_is_seen(rig):
    stepper = LocalStepper(rig.pins, DRIVERS["A4988"], rig.clock)
    assert stepper.look().emergency_pressed is None
    assert (stepper.emergency(), stepper.acknowledge()) == (False, True)


def test_what_is_seen_of_switches_motor_and_late_steps(tmp_path):
    rig = Rig(tmp_path, position_um=2_990.0, wiring=MotionWiring(limit_near=None))
    before = rig.stepper.look()
    assert (before.limits, before.energised, before.late_steps) == (Limits(near=None, far=False), False, 0)
    rig.after_edges(5, lambda: rig.clock.pass_ns(20_000_000))
    rig.stepper.run(1_000, RAMP)
    after = rig.stepper.look()
    assert (after.limits, after.energised, after.late_steps) == (Limits(near=None, far=True), True, 1)
    assert 16_000_000 < after.max_late_ns < 20_000_000
    assert after.looked_ns == rig.clock.monotonic_ns()


def test_what_a_run_has_changed_is_seen_when_it_ends(rig):
    rig.stepper.run(-4_000, RAMP.slowest(), seek=Seek.PRESSED)
    report = rig.stepper._signals.see()
    assert (report.limits, report.energised) == (Limits(near=True, far=False), True)


# --- stalls -----------------------------------------------------------------------------------------------


FULL_STEP = Standstill(pull_in_steps_s=640, full_step_steps=16)


def stalled(tmp_path, edges, missing, ramp=RAMP, seek=None):
    """Run 4000 steps and let `missing` intervals of the ramp's last level pass after so many edges."""
    rig = Rig(tmp_path)
    rig.stepper = LocalStepper(rig.pins, DRIVERS["A4988"], rig.clock, standstill=FULL_STEP)
    rig.after_edges(edges, lambda: rig.clock.pass_ns(missing * ramp.levels_ns[-1]))
    return rig.stepper.run(4_000, ramp, seek=seek), rig


def test_a_long_stall_at_speed_ends_the_run_and_the_count_is_in_doubt(tmp_path):
    run, rig = stalled(tmp_path, 400, 20)
    assert (run.ending, run.abrupt, run.issued_steps) == (Ending.STALLED, True, 401)
    assert "ms late" in run.detail
    assert rig.edges == 401


@pytest.mark.parametrize("missing", [1, 4, 15])
def test_a_rotor_that_ran_on_by_less_than_a_full_step_comes_back(tmp_path, missing):
    run, _ = stalled(tmp_path, 400, missing)
    assert (run.ending, run.abrupt, run.issued_steps) == (Ending.DONE, False, 4_000)


def test_below_its_pull_in_rate_a_motor_stands_at_once_however_long(tmp_path):
    run, _ = stalled(tmp_path, 400, 2_000, ramp=Ramp(320, 640, 6_400))
    assert (run.ending, run.issued_steps) == (Ending.DONE, 4_000)


def test_a_stall_on_the_way_to_a_switch_costs_nothing(tmp_path):
    run, _ = stalled(tmp_path, 400, 200, seek=Seek.PRESSED)
    assert run.ending is Ending.FOUND or run.issued_steps == 4_000


def test_the_motor_rests_before_it_turns_back_and_only_then(rig):
    stepper = LocalStepper(rig.pins, DRIVERS["A4988"], rig.clock, reversal_pause_ns=50_000_000)
    instants_ns = rising_edges_ns(rig)
    for distance in (1, 1, -1, -1):
        stepper.run(distance, RAMP)
    gaps_ns = [later - earlier for earlier, later in pairwise(instants_ns)]
    assert [gap_ns >= 50_000_000 for gap_ns in gaps_ns] == [False, True, False]


def test_a_move_with_a_jerk_is_stepped_as_its_profile_says(rig):
    smooth = replace(RAMP, jerk_steps_s3=60_000)
    for steps in (1, 7, 60, 900):
        instants_ns = rising_edges_ns(rig)
        assert rig.stepper.run(steps, smooth).issued_steps == steps
        gaps_ns = [later - earlier for earlier, later in pairwise(instants_ns)]
        assert gaps_ns == list(intervals_ns(smooth, steps))[:-1]
