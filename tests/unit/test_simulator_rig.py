import signal
import subprocess
import sys

import pytest
from gpiozero import DigitalOutputDevice

from simulator.carriage import CarriageSpec
from simulator.clock import VirtualClock
from simulator.rig import RigSpec, SimulatedRig, virtual_rig
from simulator.world import CarriageBusy, World, WorldMismatch

SPEC = RigSpec(start_um=500.0)


def test_virtual_time_passes_only_by_being_waited_for():
    clock = VirtualClock(start_ns=5)
    assert [clock.monotonic_ns() for _ in range(3)] == [5, 5, 5]
    clock.sleep_until_ns(90)
    clock.sleep_until_ns(40)
    assert clock.monotonic_ns() == 90
    clock.pass_ns(10)
    assert clock.monotonic_ns() == 100


def test_a_rig_is_joined_where_it_was_left(tmp_path):
    folder = tmp_path / "state" / "simulation"
    rig, clock = virtual_rig(folder, SPEC)
    pins = rig.motor_pins()
    enable = DigitalOutputDevice(16, active_high=False, initial_value=True, pin_factory=pins)
    direction = DigitalOutputDevice(20, initial_value=True, pin_factory=pins)
    step = DigitalOutputDevice(21, pin_factory=pins)
    clock.pass_ns(2_000_000)
    for _ in range(8):
        step.on()
        clock.pass_ns(1_000_000)
        step.off()
        clock.pass_ns(1_000_000)
    for device in (step, direction, enable):
        device.close()
    rig.world.close()

    again = SimulatedRig.open(folder, clock, RigSpec(start_um=9999.0))
    assert again.world.position_um_at(clock.monotonic_ns()) == pytest.approx(502.5, abs=0.5)
    assert again.world.carriage().edges == 8


def test_two_views_of_one_rig_only_one_of_which_moves_it(tmp_path):
    daemon, clock = virtual_rig(tmp_path, SPEC)
    child = SimulatedRig.open(tmp_path, clock, SPEC)
    pins = child.motor_pins()
    with pytest.raises(CarriageBusy):
        daemon.motor_pins()
    panel = daemon.panel_pins(watch=False)
    panel.press("shoot")
    assert child.world.pressed("shoot", clock.monotonic_ns())
    panel.close()
    pins.close()


def test_a_machine_that_started_anew_finds_its_carriage(tmp_path):
    rig, _ = virtual_rig(tmp_path, SPEC)
    rig.motor_pins().pin(16).output_with_state(False)
    rig.world.close()
    young = VirtualClock(start_ns=1_000)
    rebooted = SimulatedRig.open(tmp_path, young, SPEC)
    rebooted.motor_pins()
    assert rebooted.world.carriage().changed_ns <= 1_000
    assert rebooted.world.position_um_at(1_000) == 500.0


def test_a_world_of_another_version_is_not_overwritten(tmp_path):
    (tmp_path / "world").write_bytes(b"something else")
    with pytest.raises(WorldMismatch):
        virtual_rig(tmp_path, SPEC)
    assert (tmp_path / "world").read_bytes() == b"something else"


WALKER = """
import sys
from pathlib import Path
from simulator.carriage import CarriageSpec
from simulator.rig import RigSpec, virtual_rig
rig, clock = virtual_rig(Path(sys.argv[1]), RigSpec())
pins = rig.motor_pins()
step, direction, enable = (pins.pin(number) for number in (21, 20, 16))
for pin in (step, direction, enable):
    pin.output_with_state(False)
clock.pass_ns(2_000_000)
while True:
    direction.state = not direction.state
    clock.pass_ns(1_000_000)
    for _ in range(1000):
        step.state = True
        clock.pass_ns(2_000)
        step.state = False
        clock.pass_ns(500_000)
"""


def test_the_world_survives_the_death_of_its_writer_at_any_moment(tmp_path):
    World.create(tmp_path / "world", position_um=5000.0)
    eyes = World.open(tmp_path / "world")
    counts = []
    for death in range(3):
        walker = subprocess.Popen([sys.executable, "-c", WALKER, str(tmp_path)])
        try:
            target = eyes.carriage().edges + 1500 + 411 * death
            while eyes.carriage().edges < target:
                assert walker.poll() is None
        finally:
            walker.send_signal(signal.SIGKILL)
            walker.wait()
        state = eyes.carriage()
        nut_um = 5000.0 + state.motor_steps * CarriageSpec().um_per_step
        assert state.lost_steps == 0
        assert state.motor_steps == state.net_edges
        assert nut_um <= state.carriage_um <= nut_um + CarriageSpec().backlash_um
        instants_ns, positions_um = eyes.trajectory(state.changed_ns - 10**9)
        assert (instants_ns[1:] >= instants_ns[:-1]).all()
        assert positions_um[-1] == state.carriage_um
        counts.append(state.edges)
    assert counts == sorted(counts)
