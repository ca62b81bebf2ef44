"""Wherever an axis has been and whatever was done to it, a move ends with the backlash taken up."""

import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rail_rig import SPEC, Rig

from rail.errors import Halted, MoveRefused, Stopped
from simulator.world import changed

jogs = st.tuples(st.just("jog"), st.one_of(st.integers(-300, -1), st.integers(1, 40)))
cut_short = st.tuples(st.sampled_from(["stop", "halt"]), st.integers(0, 900))
let_go = st.tuples(st.sampled_from(["release", "e_stop", "zero"]), st.integers(0, 192))


class Handled(Rig):
    """A homed rail that somebody jogs, stops, lets go, and pushes by the play that its carriage has."""

    @property
    def nut_um(self):
        return self.world.start_um + self.carriage.state.motor_steps * SPEC.um_per_step

    def push(self, steps):
        place_um = self.nut_um + steps * SPEC.um_per_step
        self.carriage._publish(changed(self.carriage.state, carriage_um=place_um))

    def handle(self, how, amount):
        match how:
            case "jog":
                self.axis.jog(amount)
            case "stop" | "halt":
                self.after_edges(amount, getattr(self.stepper, how))
                with suppress(Stopped, Halted):
                    self.axis.move_to(3_000)
                self.clock.forget()
                self.axis.arm()
            case "e_stop":
                self.world.press(how)
                self.stepper.watch()
                self.push(amount)
                self.world.release(how)
                self.axis.acknowledge()
            case "release":
                self.axis.release()
                self.push(amount)
            case "zero":
                self.push(amount)
                self.axis.zero(self.axis.position().steps)


@settings(max_examples=30)
@example([("jog", -100), ("jog", 1)], 1)
@given(st.lists(st.one_of(jogs, cut_short, let_go), max_size=5), st.integers(-40, 60))
def test_a_move_ends_with_the_carriage_on_its_nut(handled, by):
    with tempfile.TemporaryDirectory() as folder:
        rig = Handled(Path(folder), position_um=60.0)
        rig.axis.home()
        rig.axis.move_to(2_500)
        for how, amount in handled:
            with suppress(MoveRefused):
                rig.handle(how, amount)
        with suppress(MoveRefused):
            rig.axis.move_to(rig.axis.position().steps + by)
            assert rig.carriage_um == pytest.approx(rig.nut_um, abs=1e-6)
