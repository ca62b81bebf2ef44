import tempfile
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rail_rig import SCALE, SETTINGS, SPEC, EventfulClock, Rig

from rail.drivers import DRIVERS
from rail.errors import Halted, Stopped
from rail.profile import Ramp
from rail.stepper import Ending, LocalStepper, Standstill
from rail.stepper_axis import StepperAxis


class StallingClock(EventfulClock):
    """A clock that jumps ahead, as it does for a process that the scheduler forgot."""

    def __init__(self, stalls):
        super().__init__()
        self._stalls = iter(stalls)

    def monotonic_ns(self):
        now_ns = super().monotonic_ns()
        self.stall()
        return now_ns

    def stall(self):
        self.pass_ns(next(self._stalls, 0))


@contextmanager
def rig_with(**parts):
    with tempfile.TemporaryDirectory() as folder:
        yield Rig(Path(folder), **parts)


@st.composite
def ramps(draw):
    """Draw a ramp gentle enough that a motor could follow: no step much quicker than the one before."""
    start = draw(st.integers(50, 800))
    return Ramp(start, start + draw(st.integers(0, 2_000)), start**2 // draw(st.integers(2, 20)))


stalls_ns = st.lists(
    st.one_of(st.just(0), st.integers(1, 1_000_000), st.integers(1_000_000, 50_000_000)), max_size=400
)


@settings(max_examples=60, deadline=None)
@given(ramps(), st.integers(-150, 150), stalls_ns)
def test_no_stall_brings_two_steps_closer_together_than_the_profile(ramp, distance, stalls):
    clock = StallingClock(stalls)
    with rig_with(clock=clock) as rig:
        edges_ns, raise_step = [], rig.pins.raise_step

        def edge():
            clock.stall()
            edges_ns.append(EventfulClock.monotonic_ns(clock))
            raise_step()
            clock.stall()

        rig.pins.raise_step = edge
        run = rig.stepper.run(distance, ramp)
    assert (run.issued_steps, run.ending, len(edges_ns)) == (distance, Ending.DONE, abs(distance))
    gaps_ns = [later - earlier for earlier, later in pairwise(edges_ns)]
    levels_ns = ramp.levels_ns
    for number, gap_ns in enumerate(gaps_ns):
        level = min(number, abs(distance) - 1 - number, len(levels_ns) - 1)
        assert gap_ns >= levels_ns[level]


@settings(max_examples=60, deadline=None)
@given(ramps(), st.integers(-600, 600), st.integers(0, 700))
def test_a_stop_at_any_step_leaves_count_and_carriage_agreed(ramp, distance, when):
    spec = replace(
        SPEC, pull_in_steps_s=1.1 * ramp.start_steps_s, braking_steps_s2=ramp.acceleration_steps_s2
    )
    with rig_with(spec=spec) as rig:
        rig.after_edges(when, rig.stepper.stop)
        run = rig.stepper.run(distance, ramp)
        assert rig.edges == run.issued_steps == rig.stepper.count_steps()
        assert abs(run.issued_steps) <= min(abs(distance), when + ramp.length_steps)
        assert rig.lost_steps == 0


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(992, 2_600), st.integers(0, 1_500)), min_size=1, max_size=3))
def test_stopped_at_any_step_of_any_moves_a_second_homing_finds_nothing_lost(moves):
    with rig_with(position_um=310.0) as rig:
        rig.axis.home()
        lost_in_homing, offset = rig.lost_steps, rig.edges - rig.axis.position().steps
        for target, when in moves:
            rig.after_edges(when, rig.axis.stop)
            with suppress(Stopped):
                rig.axis.move_to(target)
            rig.clock.forget()
            rig.axis.arm()
            assert rig.edges - rig.axis.position().steps == offset
        assert rig.lost_steps == lost_in_homing
        rig.axis.move_to(1_500)
        first_um = rig.carriage_um
        rig.axis.home()
        rig.axis.move_to(1_500)
        assert rig.carriage_um == pytest.approx(first_um, abs=0.001)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1_200))
def test_halted_at_any_step_the_position_is_true_or_unknown(when):
    with rig_with(position_um=310.0) as rig:
        rig.axis.home()
        lost = rig.lost_steps
        rig.after_edges(when, rig.stepper.halt)
        with suppress(Halted):
            rig.axis.move_to(2_000)
        rig.clock.pass_ns(1_000_000_000)
        assert rig.lost_steps == lost or rig.axis.position().trust == "unknown"


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1_200), st.integers(1_000_000, 50_000_000))
def test_stalled_at_any_step_the_position_is_true_or_unknown(when, stall_ns):
    """Of a motor that forgives no missing pulse, for the simulated one forgives hardly any."""
    with rig_with(position_um=310.0) as rig:
        rig.axis.home()
        rig.stepper = LocalStepper(
            rig.pins,
            DRIVERS["A4988"],
            rig.clock,
            standstill=Standstill(pull_in_steps_s=int(SPEC.pull_in_steps_s), full_step_steps=0),
        )
        rig.axis = StepperAxis(rig.stepper, SCALE, SETTINGS, rig.store)
        rig.clock.pass_ns(1_000_000_000)  # the new stepper does not know when the old one gave its last pulse
        rig.axis.zero(992)
        lost = rig.lost_steps
        rig.after_edges(when, lambda: rig.clock.pass_ns(stall_ns))
        with suppress(Halted):
            rig.axis.move_to(2_000)
        rig.clock.pass_ns(1_000_000_000)
        assert rig.lost_steps == lost or rig.axis.position().trust == "unknown"
