import tempfile
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rail_rig import RAMP, SCALE, SETTINGS, SPEC, EventfulClock, Rig

from rail.drivers import DRIVERS, DriverTiming
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


@settings(max_examples=60)
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


@settings(max_examples=60)
@given(ramps(), st.integers(-600, 600), st.integers(0, 700))
def test_a_stop_at_any_step_leaves_count_and_carriage_agreed(ramp, distance, when):
    pull_in, torque = 1.1 * ramp.start_steps_s, 3 * ramp.acceleration_steps_s2
    spec = replace(SPEC, pull_in_steps_s=pull_in, lag_steps=pull_in**2 / (2 * torque))
    with rig_with(spec=spec) as rig:
        rig.after_edges(when, rig.stepper.stop)
        run = rig.stepper.run(distance, ramp)
        assert rig.edges == run.issued_steps == rig.stepper.count_steps()
        assert abs(run.issued_steps) <= min(abs(distance), when + ramp.length_steps)
        assert rig.lost_steps == 0


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(992, 2_600), st.integers(0, 1_500)), min_size=1, max_size=3))
def test_stopped_at_any_step_of_any_moves_a_second_homing_finds_nothing_lost(moves):
    with rig_with(position_um=60.0) as rig:
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


@settings(max_examples=15)
@given(st.integers(0, 1_200))
def test_halted_at_any_step_the_position_is_true_or_unknown(when):
    with rig_with(position_um=60.0) as rig:
        rig.axis.home()
        lost = rig.lost_steps
        rig.after_edges(when, rig.stepper.halt)
        with suppress(Halted):
            rig.axis.move_to(2_000)
        rig.clock.pass_ns(1_000_000_000)
        assert rig.lost_steps == lost or rig.axis.position().trust == "unknown"


def unforgiving(rig):
    """Go on with a stepper that trusts its motor to forgive no missing pulse."""
    rig.stepper = LocalStepper(
        rig.pins,
        DRIVERS["A4988"],
        rig.clock,
        emergency=rig.emergency.pressed,
        standstill=Standstill(pull_in_steps_s=int(SPEC.pull_in_steps_s), full_step_steps=0),
    )
    rig.axis = StepperAxis(rig.stepper, SCALE, SETTINGS, rig.store)
    rig.clock.pass_ns(1_000_000_000)  # the new stepper does not know when the old one gave its last pulse
    rig.axis.zero(992)


@settings(max_examples=30)
@given(st.integers(0, 1_200), st.integers(1_000_000, 50_000_000))
def test_stalled_at_any_step_the_position_is_true_or_unknown(when, stall_ns):
    """Of a motor that forgives no missing pulse, for the simulated one forgives hardly any."""
    with rig_with(position_um=60.0) as rig:
        rig.axis.home()
        unforgiving(rig)
        lost = rig.lost_steps
        rig.after_edges(when, lambda: rig.clock.pass_ns(stall_ns))
        with suppress(Halted):
            rig.axis.move_to(2_000)
        rig.clock.pass_ns(1_000_000_000)
        assert rig.lost_steps == lost or rig.axis.position().trust == "unknown"


microseconds_ns = st.integers(0, 50).map(lambda us: us * 1_000)


@settings(max_examples=40)
@given(
    st.builds(
        DriverTiming,
        st.just("any"),
        pulse_ns=microseconds_ns,
        low_ns=microseconds_ns,
        dir_setup_ns=st.integers(0, 5_000_000),
        wake_ns=st.integers(0, 200_000_000),
    ),
    st.lists(st.integers(-120, 120), min_size=1, max_size=4),
    stalls_ns,
)
def test_whatever_times_a_driver_needs_it_misses_no_pulse(timing, distances, stalls):
    times = {name: getattr(timing, name) for name in ("pulse_ns", "low_ns", "dir_setup_ns", "wake_ns")}
    with rig_with(clock=StallingClock(stalls), spec=replace(SPEC, **times)) as rig:
        rig.stepper = LocalStepper(rig.pins, timing, rig.clock)
        for distance in distances:
            assert rig.stepper.run(distance, RAMP.slowest()).issued_steps == distance
        assert (rig.edges, rig.stepper.count_steps(), rig.lost_steps) == (sum(distances), sum(distances), 0)


@settings(max_examples=25)
@given(st.floats(400, 1_400), st.integers(0, 8_000_000), st.booleans())
def test_a_limit_met_anywhere_ends_the_move_and_leaves_only_the_way_back(switch_um, bounce_ns, slowly):
    """Something presses the far switch in mid-travel, where nobody expected it; its contacts chatter."""
    spec = replace(SPEC, far_switch_um=switch_um, bounce_ns=bounce_ns)
    ramp = RAMP.slowest() if slowly else RAMP
    with rig_with(spec=spec, position_um=60.0, settings=replace(SETTINGS, ramp=ramp)) as rig:
        rig.axis.home()
        lost, offset = rig.lost_steps, rig.edges - rig.axis.position().steps
        with pytest.raises(Halted):
            rig.axis.move_to(8_300)
        at_limit = rig.edges
        rig.clock.pass_ns(1_000_000_000)
        assert rig.edges - rig.axis.position().steps == offset
        assert rig.lost_steps == lost or rig.axis.position().trust == "unknown"
        assert slowly is (rig.axis.position().trust == "known")
        with pytest.raises(Halted):
            rig.axis.jog(50)
        assert rig.edges == at_limit
        rig.axis.jog(-400)
        assert rig.edges == at_limit - 400


@settings(max_examples=15)
@given(st.floats(0, 2_900), st.integers(0, 8_000_000))
def test_a_switch_that_chatters_is_the_same_reference_from_everywhere(position_um, bounce_ns):
    with rig_with(spec=replace(SPEC, bounce_ns=bounce_ns), position_um=position_um) as rig:
        rig.axis.home()
        first_um = rig.carriage_um
        rig.axis.move_to(2_000)
        again = rig.axis.home()
        assert rig.carriage_um == pytest.approx(first_um, abs=0.001 + 2 * float(SCALE.per_step))
        assert abs(again.missed_steps) <= 2
        assert rig.carriage.state.crashes_near == 0


@settings(max_examples=25)
@given(st.integers(0, 1_500), st.sampled_from(["stop", "halt", "e_stop"]), st.integers(0, 50_000_000))
def test_however_a_move_ends_every_step_is_counted_and_the_place_is_true_or_unknown(when, how, stall_ns):
    with rig_with(position_um=60.0) as rig:
        rig.axis.home()
        unforgiving(rig)
        lost, offset = rig.lost_steps, rig.edges - rig.axis.position().steps

        def interfere():
            rig.clock.pass_ns(stall_ns)
            rig.world.press("e_stop") if how == "e_stop" else getattr(rig.stepper, how)()

        rig.after_edges(when, interfere)
        with suppress(Stopped, Halted):
            rig.axis.move_to(2_000)
        rig.clock.pass_ns(1_000_000_000)
        assert rig.edges - rig.axis.position().steps == offset
        assert rig.lost_steps == lost or rig.axis.position().trust == "unknown"
