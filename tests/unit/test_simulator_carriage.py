from dataclasses import replace

import pytest

from simulator.carriage import Carriage, CarriageSpec
from simulator.clock import VirtualClock
from simulator.world import Resonance, World

MS_NS = 1_000_000
SPEC = CarriageSpec(
    um_per_step=1.0,
    backlash_um=0.0,
    pull_in_steps_s=1000.0,
    max_steps_s=5000.0,
    lag_steps=25.0,
    near_switch_um=0.0,
    far_switch_um=2000.0,
    near_end_um=-50.0,
    far_end_um=2050.0,
    bounce_ns=0,
)


class Bench:
    """A carriage on a virtual clock, its motor enabled, and a hand on its pins."""

    def __init__(self, folder, spec=SPEC, start_um=1000.0):
        self.clock = VirtualClock()
        self.world = World.create(folder / "world", position_um=start_um, resonance=Resonance(decay_ms=0.001))
        self.carriage = Carriage(self.world, self.clock, spec)
        self.carriage.enable(False)
        self.clock.pass_ns(5 * MS_NS)

    def go(self, far=True, intervals_ns=(), pulse_ns=2_000):
        """Set DIR, then give a pulse after each interval."""
        self.carriage.turn(far)
        for interval_ns in intervals_ns:
            self.clock.pass_ns(interval_ns - pulse_ns)
            self.carriage.step(True)
            self.clock.pass_ns(pulse_ns)
            self.carriage.step(False)
        return self.carriage.state

    def steps(self, count, far=True, rate=500):
        return self.go(far, [int(1e9 / rate)] * count)


def ramp(lowest, highest, acceleration=4000.0):
    """Intervals from `lowest` steps a second to `highest`."""
    rate, intervals_ns = lowest, []
    while rate < highest:
        intervals_ns.append(int(1e9 / rate))
        rate = (rate**2 + 2 * acceleration) ** 0.5
    return intervals_ns


def test_it_counts_and_obeys_both_directions(tmp_path):
    bench = Bench(tmp_path)
    bench.steps(10)
    state = bench.steps(4, far=False)
    assert (state.carriage_um, state.edges, state.net_edges, state.motor_steps) == (1006.0, 14, 6, 6)
    assert (state.nearest_um, state.farthest_um, state.lost_steps) == (1000.0, 1010.0, 0)


def test_inverted_wiring_turns_the_other_way(tmp_path):
    state = Bench(tmp_path, replace(SPEC, invert=True)).steps(10, far=True)
    assert (state.carriage_um, state.net_edges) == (990.0, -10)


def test_the_carriage_stands_until_the_slack_is_taken_up(tmp_path):
    bench = Bench(tmp_path, replace(SPEC, backlash_um=5.0))
    bench.steps(3)
    places = [bench.steps(1, far=False).carriage_um for _ in range(7)]
    assert places == [1003.0, 1003.0, 1003.0, 1003.0, 1003.0, 1002.0, 1001.0]
    places = [bench.steps(1).carriage_um for _ in range(6)]
    assert places == [1001.0, 1001.0, 1001.0, 1001.0, 1001.0, 1002.0]
    assert bench.carriage.state.lost_steps == 0


def test_a_disabled_or_waking_driver_loses_steps(tmp_path):
    bench = Bench(tmp_path)
    bench.carriage.enable(True)
    assert bench.steps(5).lost_steps == 5
    bench.clock.pass_ns(100 * MS_NS)
    bench.carriage.enable(False)
    assert bench.go(True, [800_000, 2 * MS_NS]).lost_steps == 6
    assert bench.carriage.state.carriage_um == 1001.0


@pytest.mark.parametrize(
    "ruined",
    [
        pytest.param(lambda bench: bench.go(True, [MS_NS], pulse_ns=900), id="pulse too short"),
        pytest.param(lambda bench: bench.go(False, [100 + 2000]), id="too soon after DIR"),
    ],
)
def test_the_driver_misses_what_is_too_quick_for_it(tmp_path, ruined):
    bench = Bench(tmp_path)
    before = bench.steps(10)
    bench.clock.pass_ns(100 * MS_NS)
    after = ruined(bench)
    assert (after.edges, after.lost_steps) == (before.edges + 1, 1)
    assert after.carriage_um == before.carriage_um
    bench.clock.pass_ns(MS_NS)
    assert bench.world.position_um_at(bench.clock.monotonic_ns()) == pytest.approx(before.carriage_um)


def test_a_gap_too_short_is_missed(tmp_path):
    bench = Bench(tmp_path, replace(SPEC, pull_in_steps_s=1e6, max_steps_s=1e7, pulse_ns=500))
    bench.go(True, [MS_NS, 2_500], pulse_ns=2_000)
    assert bench.carriage.state.lost_steps == 1


@pytest.mark.parametrize("acceleration", [4_000.0, 8_000.0])
def test_a_ramp_within_the_motor_loses_nothing(tmp_path, acceleration):
    bench = Bench(tmp_path, start_um=100.0)
    up = ramp(800.0, 2500.0, acceleration)
    state = bench.go(True, [*up, *reversed(up)])
    bench.clock.pass_ns(1000 * MS_NS)
    assert bench.carriage.state == state
    assert (state.lost_steps, state.carriage_um) == (0, 100.0 + 2 * len(up))


CRUISE, SLOW = [400_000] * 50, [1_250_000] * 40
GENTLE, STEEP = ramp(800.0, 2500.0), ramp(800.0, 2500.0, 40_000.0)


@pytest.mark.parametrize(
    ("pulses_ns", "far", "further_ns"),
    [
        pytest.param([MS_NS, MS_NS, 600_000, *CRUISE], True, [], id="started at full speed"),
        pytest.param([*STEEP, *CRUISE], True, [], id="brought up to speed too quickly"),
        pytest.param([*GENTLE, *CRUISE], True, [*STEEP[::-1], *SLOW], id="slowed down too quickly"),
        pytest.param([*GENTLE, *CRUISE], True, [790_000, *SLOW], id="stopped dead"),
        pytest.param([*GENTLE, *CRUISE], False, [790_000, *SLOW], id="turned round at full speed"),
    ],
)
def test_a_motor_of_which_too_much_is_asked_loses_steps(tmp_path, pulses_ns, far, further_ns):
    """No interval is much shorter than the one before, and none after which the pulses count as ended."""
    bench = Bench(tmp_path, start_um=100.0)
    bench.go(True, pulses_ns)
    state = bench.go(far, further_ns)
    assert state.lost_steps > 0
    assert state.motor_steps != state.net_edges


def test_a_start_above_the_pull_in_rate_stalls_until_pulses_are_slow(tmp_path):
    bench = Bench(tmp_path)
    state = bench.steps(20, rate=1500)
    assert state.stalled
    assert (state.carriage_um, state.lost_steps) == (1001.0, 19)  # the first pulse comes from rest
    state = bench.steps(3, rate=500)
    assert (state.carriage_um, state.lost_steps, state.stalled) == (1004.0, 19, False)


def test_a_burst_after_a_late_pulse_loses_steps(tmp_path):
    bench = Bench(tmp_path)
    cruise = [int(1e9 / 2000)] * 5
    state = bench.go(True, [*ramp(800.0, 2000.0), *cruise, 250_000, 250_000])
    assert state.lost_steps == 2


def test_pulses_beyond_the_motors_speed_are_lost(tmp_path):
    state = Bench(tmp_path).go(True, ramp(800.0, 6000.0))
    assert state.stalled
    assert 0 < state.lost_steps < len(ramp(800.0, 6000.0))


def test_pulses_that_end_without_a_ramp_leave_the_motor_running_on(tmp_path):
    bench = Bench(tmp_path)
    stopped = bench.go(True, ramp(800.0, 2500.0))
    overrun = 131  # (2500^2 - 1000^2) / (2 * 20000), rounded up
    at_once = bench.clock.monotonic_ns()
    bench.clock.pass_ns(500 * MS_NS)

    assert bench.world.position_um_at(at_once) == pytest.approx(stopped.carriage_um, abs=1)
    seen_by_camera = bench.world.position_um_at(bench.clock.monotonic_ns())
    state = bench.carriage.state
    assert state.carriage_um == pytest.approx(stopped.carriage_um + overrun, abs=2)
    assert seen_by_camera == state.carriage_um
    assert state.lost_steps == state.motor_steps - state.net_edges > 0
    assert bench.world.position_um_at(bench.clock.monotonic_ns()) == state.carriage_um


def test_turning_round_at_speed_loses_step(tmp_path):
    bench = Bench(tmp_path)
    bench.go(True, ramp(800.0, 2500.0))
    assert bench.go(False, [500_000] * 10).lost_steps >= 9


def test_switches_close_at_the_ends_and_let_go_a_little_later(tmp_path):
    bench = Bench(tmp_path, replace(SPEC, switch_play_um=8.0), start_um=20.0)
    where = [
        (state.carriage_um, bench.carriage.at_limit(near=True))
        for state in (bench.steps(1, far=False) for _ in range(25))
    ]
    assert [um for um, closed in where if closed] == [0.0, -1.0, -2.0, -3.0, -4.0, -5.0]
    where = [
        (state.carriage_um, bench.carriage.at_limit(near=True))
        for state in (bench.steps(1) for _ in range(15))
    ]
    assert max(um for um, closed in where if closed) == 8.0
    assert not bench.carriage.at_limit(near=False)


def test_the_far_switch_closes_too_and_its_contacts_chatter(tmp_path):
    bench = Bench(tmp_path, replace(SPEC, bounce_ns=400_000), start_um=1999.0)
    bench.steps(1)
    levels = []
    for _ in range(10):
        levels.append(bench.carriage.at_limit(near=False))
        bench.clock.pass_ns(50_000)
    assert levels[-2:] == [True, True]
    assert False in levels


@pytest.mark.parametrize(("far", "place_um"), [(False, -50.0), (True, 2050.0)])
def test_the_hard_end_holds_and_each_crash_is_recorded_once(tmp_path, far, place_um):
    bench = Bench(tmp_path, start_um=2040.0 if far else -40.0)
    state = bench.steps(15, far=far)
    assert (state.carriage_um, state.lost_steps) == (place_um, 5)
    assert (state.crashes_near, state.crashes_far) == (not far, far)
    bench.steps(5, far=not far)
    state = bench.steps(8, far=far)
    assert state.crashes_near + state.crashes_far == 2


def test_touching_the_specimen_is_recorded(tmp_path):
    bench = Bench(tmp_path, replace(SPEC, specimen_um=1010.0))
    assert bench.steps(10).specimen_contacts == 0
    state = bench.steps(5)
    assert (state.specimen_contacts, state.farthest_um) == (1, 1015.0)


def test_a_jammed_carriage_loses_every_step(tmp_path):
    bench = Bench(tmp_path)
    bench.world.break_down("carriage_jammed")
    state = bench.steps(7)
    assert (state.carriage_um, state.lost_steps, state.edges) == (1000.0, 7, 7)


def test_the_carriage_stays_when_its_process_dies_and_another_takes_over(tmp_path):
    bench = Bench(tmp_path)
    bench.steps(10)
    bench.clock.pass_ns(2 * MS_NS)
    bench.carriage.step(True)  # killed between the two edges of a pulse
    bench.world.close()

    world = World.open(tmp_path / "world")
    successor = Carriage(world, bench.clock, SPEC)
    assert (successor.state.carriage_um, successor.state.edges) == (1011.0, 11)
    bench.carriage, bench.world = successor, world
    state = bench.steps(1)
    assert (state.carriage_um, state.edges, state.lost_steps) == (1012.0, 12, 0)


def test_trajectory_follows_every_step(tmp_path):
    bench = Bench(tmp_path)
    begin_ns = bench.clock.monotonic_ns()
    bench.steps(100, rate=500)
    instants_ns = [begin_ns + 2 * MS_NS * n + MS_NS for n in range(100)]
    along_um, _ = bench.world.motion_um(instants_ns)
    assert along_um.tolist() == pytest.approx([1000.0 + n for n in range(100)])
