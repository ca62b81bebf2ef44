from dataclasses import replace

import pytest
from ring_rig import COILS, ring_spec

from simulator.carriage import Carriage
from simulator.clock import VirtualClock
from simulator.four_phase import FourPhaseCarriage
from simulator.pins import SimulatedFactory, Wiring
from simulator.world import World

HALF = ("A", "AB", "B", "BC", "C", "CD", "D", "AD")
SLOW_NS = 4_000_000


class Bench:
    """Coils named A to D, and what the rotor made of them."""

    def __init__(self, folder, full_steps=False):
        self.clock = VirtualClock()
        self.world = World.create(folder / "world")
        self.full_steps = full_steps
        self.motor = FourPhaseCarriage(self.world, self.clock, ring_spec(), full_steps=full_steps)

    def show(self, coils, then_ns=SLOW_NS):
        """Turn these coils on and the others off, one after the other, and wait."""
        for place, name in enumerate("ABCD"):
            self.clock.sleep_until_ns(self.clock.monotonic_ns() + 1_000)
            self.motor.coil(place, name in coils)
        self.clock.sleep_until_ns(self.clock.monotonic_ns() + then_ns)

    def wake(self, coils="A"):
        self.show(coils, 10**9)

    @property
    def state(self):
        return self.world.carriage()


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    bench.wake()
    return bench


def test_the_rotor_follows_the_patterns_there_and_back(bench):
    for n in range(1, 21):
        bench.show(HALF[n % 8])
    assert (bench.state.motor_steps, bench.state.net_edges, bench.state.lost_steps) == (20, 20, 0)
    for n in range(19, -6, -1):
        bench.show(HALF[n % 8])
    assert (bench.state.motor_steps, bench.state.net_edges, bench.state.lost_steps) == (-5, -5, 0)


def test_a_turn_moves_the_plane_of_focus_by_what_the_gear_says(bench):
    spec = ring_spec()
    for n in range(1, 41):
        bench.show(HALF[n % 8])
    assert bench.state.carriage_um == pytest.approx(40 * spec.um_per_step)


def test_full_steps_count_once_whatever_the_coils_do_in_between(tmp_path):
    bench = Bench(tmp_path, full_steps=True)
    bench.wake("AB")
    begun = bench.state
    for n in range(1, 11):
        bench.show(HALF[(2 * n + 1) % 8])
    assert bench.state.edges == bench.state.net_edges == 10
    assert bench.state.motor_steps - begun.motor_steps == 20
    assert bench.state.lost_steps == begun.lost_steps


def test_a_single_coil_that_stands_between_two_full_steps_is_no_step(tmp_path):
    bench = Bench(tmp_path, full_steps=True)
    bench.wake("AB")
    begun = bench.state
    bench.show("B")
    assert (bench.state.edges, bench.state.motor_steps - begun.motor_steps) == (0, 1)
    bench.show("BC")
    assert (bench.state.edges, bench.state.motor_steps - begun.motor_steps) == (1, 2)
    assert bench.state.lost_steps == begun.lost_steps


@pytest.mark.parametrize("apart_ns", [1_000, 300_000, 700_000, 900_000, 3_000_000])
def test_a_writer_that_is_held_up_between_two_coils_loses_nothing(tmp_path, apart_ns):
    bench = Bench(tmp_path, full_steps=True)
    bench.wake("AB")
    begun = bench.state
    for n in range(1, 41):
        single, pair = HALF[2 * n % 8], HALF[(2 * n + 1) % 8]
        bench.show(single, then_ns=apart_ns)
        bench.show(pair)
    assert bench.state.motor_steps - begun.motor_steps == 80
    assert bench.state.edges == 40
    assert bench.state.lost_steps == begun.lost_steps


def test_coils_wired_in_the_wrong_order_do_not_turn_it(bench):
    swapped = str.maketrans("BC", "CB")
    for n in range(1, 81):
        bench.show(HALF[n % 8].translate(swapped))
    assert abs(bench.state.motor_steps) < 8
    assert bench.state.lost_steps > 10


def test_a_field_that_jumps_to_the_other_side_leaves_the_rotor_where_it_is(bench):
    bench.show("C")
    assert (bench.state.motor_steps, bench.state.lost_steps) == (0, 1)
    bench.show("BC")
    assert bench.state.motor_steps == 3


def test_patterns_that_follow_too_fast_are_lost(bench):
    for n in range(1, 101):
        bench.show(HALF[n % 8], then_ns=400_000)
    assert bench.state.motor_steps < 50
    assert bench.state.lost_steps > 20


def test_it_runs_faster_than_it_starts_when_it_is_brought_up_to_speed(bench):
    interval_ns = SLOW_NS
    for n in range(1, 101):
        interval_ns = max(int(0.9 * interval_ns), 1_100_000)
        bench.show(HALF[n % 8], then_ns=interval_ns)
    assert (bench.state.motor_steps, bench.state.lost_steps) == (100, 0)


def test_a_step_before_the_rotor_has_come_to_rest_in_its_place_is_lost(tmp_path):
    bench = Bench(tmp_path)
    bench.show("A", then_ns=5_000_000)
    bench.show("AB")
    assert (bench.state.motor_steps, bench.state.lost_steps) == (0, 1)


def test_without_current_it_stays_and_is_pulled_when_current_comes_back(bench):
    bench.show("AB")
    bench.show("")
    assert not bench.state.enabled
    assert bench.state.motor_steps == 1
    bench.show("AB")
    assert (bench.state.motor_steps, bench.state.lost_steps) == (1, 0)
    bench.show("")
    bench.show("C")
    assert (bench.state.motor_steps, bench.state.lost_steps) == (4, 3)


def test_opposite_coils_hold_nothing(bench):
    bench.show("AC")
    assert bench.state.motor_steps == 0
    assert bench.state.net_edges == 0


def test_a_jammed_ring_loses_every_step(bench):
    bench.world.break_down("carriage_jammed")
    for name in HALF[1:4]:
        bench.show(name)
    assert (bench.state.motor_steps, bench.state.lost_steps) == (0, 3)


def test_the_next_process_finds_the_coils_off_and_the_rotor_where_it_was(tmp_path):
    bench = Bench(tmp_path)
    bench.wake()
    bench.show("AB")
    bench.show("B")
    bench.world.close()
    world = World.open(tmp_path / "world")
    motor = FourPhaseCarriage(world, bench.clock, ring_spec())
    assert not world.carriage().enabled
    motor.coil(0, True)
    assert world.carriage().motor_steps == 0
    assert world.carriage().lost_steps == 2


def test_the_trajectory_tells_where_the_focus_was(bench):
    begun_ns = bench.clock.monotonic_ns()
    for n in range(1, 9):
        bench.show(HALF[n % 8])
    instants_ns, positions_um = bench.world.trajectory(begun_ns)
    assert list(instants_ns) == sorted(instants_ns)
    assert positions_um[-1] == bench.state.carriage_um > positions_um[0]


def test_the_coils_need_a_motor_that_has_some(tmp_path):
    clock, world = VirtualClock(), World.create(tmp_path / "world")
    factory = SimulatedFactory(world, clock, Carriage(world, clock, ring_spec()), Wiring(coils=COILS))
    with pytest.raises(TypeError, match="coil"):
        factory.pin(COILS[0])


def test_a_motor_mounted_the_other_way_round_turns_the_other_way(tmp_path):
    clock, world = VirtualClock(), World.create(tmp_path / "world")
    motor = FourPhaseCarriage(world, clock, replace(ring_spec(), invert=True))
    for name in ("A", *HALF[1:7]):
        for place, coil in enumerate("ABCD"):
            motor.coil(place, coil in name)
        clock.sleep_until_ns(clock.monotonic_ns() + 10**9)
    state = world.carriage()
    assert (state.motor_steps, state.net_edges, state.lost_steps) == (-6, -6, 0)
