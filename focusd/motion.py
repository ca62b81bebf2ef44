"""The motion process: `python -m focusd.motion DESCRIPTION`, started by `focusd.hardware` and by nobody else.

It owns the motor's pins and the limit switches, and imports nothing that a rail does not need, for it has to
start quickly and stay small: what it must know comes as one JSON object, written by `focusd.hardware`.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rail.clock import MonotonicClock, PromptClock
from rail.coils import CoilPins, CoilWiring
from rail.drivers import DriverTiming
from rail.errors import PinsUnavailable
from rail.pins import EmergencyPin, Factory, MotionPins, MotionWiring, MotorPins, open_factory
from rail.process import inherit, serve
from rail.signals import Signals
from rail.stepper import LocalStepper, Standstill


def main(argv: list[str]) -> int:
    """Serve the parent until it says close or is gone."""
    parser = argparse.ArgumentParser(prog="focusd.motion")
    parser.add_argument("description", type=json.loads)
    parser.add_argument("--channel-fd", type=int, required=True)
    parser.add_argument("--signals-fd", type=int, required=True)
    given = parser.parse_args(argv)
    try:
        with inherit(given.channel_fd, given.signals_fd) as channel:
            serve(stepper_of(given.description, channel.signals), channel)
    except PinsUnavailable:
        return 1  # the channel has told the parent, who says it in words
    return 0


def rest_motor(description: dict[str, Any]) -> None:
    """Leave the motor as a motion process does that ends: let go, or held where gravity pulls."""
    stepper_of(description, Signals()).close()


def stepper_of(description: dict[str, Any], signals: Signals) -> LocalStepper:
    """Claim the pins that a description names, and give what steps by them."""
    gravity, factory = bool(description["gravity"]), _factory(description)
    timing = DriverTiming(**description["timing"])
    pins = _pins(factory, description["wiring"], timing, energised=gravity)
    emergency = _emergency(factory, description["e_stop"])
    return LocalStepper(
        pins,
        timing,
        PromptClock(),
        signals,
        gravity=gravity,
        emergency=emergency,
        standstill=Standstill(**description["standstill"]),
        reversal_pause_ns=description["reversal_pause_ms"] * 1_000_000,
    )


def _emergency(factory: Factory, e_stop: int | None) -> Callable[[], bool] | None:
    return None if e_stop is None else EmergencyPin(factory, e_stop).pressed


def _pins(factory: Factory, wiring: dict[str, Any], timing: DriverTiming, *, energised: bool) -> MotorPins:
    """Claim the motor's pins: STEP, DIR and ENABLE, or four coils."""
    if timing.four_phase:
        coils = CoilWiring(**{**wiring, "coils": tuple(wiring["coils"])})
        return CoilPins(factory, coils, energised=energised)
    return MotionPins(factory, MotionWiring(**wiring), energised=energised)


def _factory(description: dict[str, Any]) -> Factory:
    """Open the real pins, or those of the simulated world that the description names."""
    simulation = description["simulation"]
    if simulation is None:
        run_folder = description["run_folder"]
        return open_factory(Path(run_folder) if run_folder else None)
    return _simulated_factory(simulation)


def _simulated_factory(simulation: dict[str, Any]) -> Factory:
    from simulator.carriage import Carriage, CarriageSpec
    from simulator.four_phase import FourPhaseCarriage
    from simulator.pins import SimulatedFactory, Wiring
    from simulator.world import World, WorldError

    clock = MonotonicClock()
    try:
        world = World.open(Path(simulation["world"]))
        spec, coils = CarriageSpec(**simulation["carriage"]), simulation["wiring"]["coils"]
        full_steps = bool(simulation["full_steps"])
        carriage = (
            FourPhaseCarriage(world, clock, spec, full_steps=full_steps)
            if coils
            else Carriage(world, clock, spec)
        )
    except WorldError as error:
        raise PinsUnavailable(str(error)) from error
    wiring = {**simulation["wiring"], "coils": tuple(coils) if coils else None}
    return SimulatedFactory(world, clock, carriage, Wiring(**wiring))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
