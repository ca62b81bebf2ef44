"""What every Axis promises, whatever moves it."""

import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from lens_rig import LensRig
from rail_rig import SCALE, SETTINGS, Rig
from ring_rig import RingRig

from rail.axis import Axis, Trust
from rail.errors import BeyondReach, MoveRefused, Stopped
from rail.position_store import FilePositionStore
from rail.process import StepperProcess
from rail.profile import Ramp
from rail.stepper_axis import StepperAxis
from simulator.world import World

FAST = Ramp(start_steps_s=2_000, max_steps_s=3_000, acceleration_steps_s2=200_000)
CHILD = [sys.executable, str(Path(__file__).parents[1] / "rail_child.py")]


class RailBench:
    """What the benches of rails and rings have alike: places are steps."""

    releases = True

    def place(self, steps):
        return steps

    def way(self, steps):
        return steps

    def come_to_rest(self):
        pass


class VirtualBench(RailBench):
    """A stepper in this process on a virtual clock; what happens during a move happens on the clock."""

    def __init__(self, folder):
        self._rig = Rig(folder, position_um=310.0)
        self.axis: Axis = self._rig.axis
        self.world = self._rig.world

    def find_reference(self):
        self.axis.home()

    def during_a_move(self, act):
        self._rig.after_edges(60, act)

    def now_ns(self):
        return self._rig.clock.monotonic_ns()


class RingBench(VirtualBench):
    """A focus ring, zeroed by hand; as the rail in this process, on a virtual clock."""

    def __init__(self, folder):
        self._rig = RingRig(folder)
        self.axis: Axis = self._rig.axis
        self.world = self._rig.world

    def find_reference(self):
        self._rig.axis.zero()


class ProcessBench(RailBench):
    """A stepper in a child process in real time; what happens during a move happens on another thread."""

    def __init__(self, folder):
        self.world = World.create(folder / "world", position_um=100.0)
        stepper = StepperProcess([*CHILD, str(self.world.path)])
        settings = replace(
            SETTINGS, ramp=FAST, homing_ramp=FAST, touch_steps_s=FAST.start_steps_s, clearance_steps=300
        )
        self.axis: Axis = StepperAxis(stepper, SCALE, settings, FilePositionStore(folder / "position.json"))

    def find_reference(self):
        self.axis.home()

    def during_a_move(self, act):
        target = self.world.carriage().edges + 60

        def wait():
            while self.world.carriage().edges < target:
                time.sleep(0.001)
            act()

        threading.Thread(target=wait, daemon=True).start()

    def now_ns(self):
        return time.monotonic_ns()


class LensBench:
    """A camera's own lens, on a virtual clock: 480 steps in all, counted from infinity to near."""

    releases = False

    def __init__(self, folder):
        self._rig = LensRig(folder)
        self.axis: Axis = self._rig.axis
        self.world = self._rig.world

    def place(self, steps):
        return self.way(steps) - 480

    def way(self, steps):
        return int(steps / 4)

    def find_reference(self):
        self.axis.home()

    def during_a_move(self, act):
        self._rig.after_edges(15, act)

    def come_to_rest(self):
        """Let the frames come by that carry the last command."""
        for _ in range(4):
            self._rig.camera.arm()
            self._rig.camera.report(self.now_ns())

    def now_ns(self):
        return self._rig.clock.monotonic_ns()


@pytest.fixture(
    scope="module",
    params=[VirtualBench, RingBench, ProcessBench, LensBench],
    ids=["virtual", "ring", "process", "lens"],
)
def any_bench(request, tmp_path_factory):
    bench = request.param(tmp_path_factory.mktemp("bench"))
    yield bench
    bench.axis.close()


@pytest.fixture
def bench(any_bench):
    """A bench whose axis is armed and knows where it is."""
    any_bench.axis.arm()
    if any_bench.axis.position().trust is not Trust.KNOWN:
        any_bench.find_reference()
    return any_bench


def test_a_reference_makes_the_position_known_and_within_reach(bench):
    place = bench.axis.position()
    assert place.trust is Trust.KNOWN
    assert bench.axis.reach.holds(place.steps)
    assert not bench.axis.moving()


def test_a_move_arrives_where_it_says_and_when(bench):
    before_ns = bench.now_ns()
    arrival = bench.axis.move_to(bench.place(1_500))
    assert arrival.position == bench.axis.position()
    assert arrival.position.steps == bench.place(1_500)
    assert before_ns < arrival.at_rest_ns <= bench.now_ns()


def test_the_carriage_comes_to_the_same_place_from_both_sides(bench):
    bench.axis.move_to(bench.place(1_200))
    from_near_um = bench.world.carriage().carriage_um
    bench.axis.move_to(bench.place(1_300))
    bench.axis.move_to(bench.place(1_200))
    assert bench.world.carriage().carriage_um == pytest.approx(from_near_um, abs=0.001)


def test_a_jog_goes_as_far_as_it_says(bench):
    here = bench.axis.position().steps
    there, back = bench.way(80), bench.way(-30)
    assert bench.axis.jog(there).position.steps == here + there
    assert bench.axis.jog(back).position.steps == here + there + back


def test_a_target_out_of_reach_is_refused_without_a_step(bench):
    edges = bench.world.carriage().edges
    beyond = bench.axis.reach.farthest_steps + 16
    for refused in (bench.axis.check, bench.axis.move_to):
        with pytest.raises(BeyondReach) as refusal:
            refused(beyond)
        assert refusal.value.beyond_steps == 16
    with pytest.raises(MoveRefused):
        bench.axis.move_to(bench.axis.reach.nearest_steps - 1)
    assert bench.world.carriage().edges == edges


def test_a_stop_ends_the_move_keeps_the_position_and_holds_until_armed(bench):
    bench.axis.move_to(bench.place(1_200))
    edges, here = bench.world.carriage().net_edges, bench.axis.position().steps
    bench.during_a_move(bench.axis.stop)
    with pytest.raises(Stopped) as stop:
        bench.axis.move_to(bench.axis.reach.farthest_steps)
    place = stop.value.position
    assert place == bench.axis.position()
    assert place.trust is Trust.KNOWN
    bench.come_to_rest()
    assert place.steps - here == bench.world.carriage().net_edges - edges
    assert place.steps < bench.axis.reach.farthest_steps
    with pytest.raises(Stopped):
        bench.axis.jog(1)
    with pytest.raises(Stopped):
        bench.find_reference()
    assert bench.axis.position() == place
    bench.axis.arm()
    assert bench.axis.jog(1).position.steps == place.steps + 1


def test_position_and_moving_are_live_during_a_move(bench):
    seen = []
    bench.axis.move_to(bench.place(1_000))
    bench.during_a_move(lambda: seen.append((bench.axis.moving(), bench.axis.position().steps)))
    here = bench.axis.position().steps
    bench.axis.move_to(here + bench.way(600))
    ((moving, steps),) = seen
    assert moving
    assert here < steps < here + bench.way(600)


def test_duration_grows_with_distance_and_not_with_direction(bench):
    assert bench.axis.duration_ns(0) == 0
    assert 0 < bench.axis.duration_ns(10) < bench.axis.duration_ns(1_000) == bench.axis.duration_ns(-1_000)


def test_a_released_motor_is_not_trusted_as_before(bench):
    if not bench.releases:
        with pytest.raises(MoveRefused, match="nothing to release"):
            bench.axis.release()
        assert bench.axis.position().trust is Trust.KNOWN
        return
    bench.axis.release()
    assert bench.axis.position().trust is not Trust.KNOWN
    bench.axis.hold()
    assert bench.axis.position().trust is not Trust.KNOWN
