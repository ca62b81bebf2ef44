"""The motion process: `python -m focusd.motion DESCRIPTION`, started by `focusd.hardware` and by nobody else.

It owns STEP, DIR, ENABLE and the limit switches, and imports nothing that a rail does not need, for it has to
start quickly and stay small: what it must know comes as one JSON object, written by `focusd.hardware`.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rail.clock import MonotonicClock, PromptClock
from rail.drivers import DRIVERS
from rail.errors import PinsUnavailable
from rail.pins import Factory, MotionPins, MotionWiring, open_factory
from rail.process import inherit, serve
from rail.stepper import LocalStepper, Signals


def main(argv: list[str]) -> int:
    """Serve the parent until it says close or is gone."""
    parser = argparse.ArgumentParser(prog="focusd.motion")
    parser.add_argument("description", type=json.loads)
    parser.add_argument("--channel-fd", type=int, required=True)
    parser.add_argument("--signals-fd", type=int, required=True)
    given = parser.parse_args(argv)
    try:
        with inherit(given.channel_fd, given.signals_fd) as channel:
            serve(_stepper(given.description, channel.signals), channel)
    except PinsUnavailable:
        return 1  # the channel has told the parent, who says it in words
    return 0


def _stepper(description: dict[str, Any], signals: Signals) -> LocalStepper:
    gravity = bool(description["gravity"])
    pins = MotionPins(_factory(description), MotionWiring(**description["wiring"]), energised=gravity)
    timing = DRIVERS[description["driver"]]
    return LocalStepper(pins, timing, PromptClock(), signals, gravity=gravity)


def _factory(description: dict[str, Any]) -> Factory:
    """Open the real pins, or those of the simulated world that the description names."""
    simulation = description["simulation"]
    if simulation is None:
        run_folder = description["run_folder"]
        return open_factory(Path(run_folder) if run_folder else None)
    return _simulated_factory(simulation)


def _simulated_factory(simulation: dict[str, Any]) -> Factory:
    from simulator.carriage import Carriage, CarriageSpec
    from simulator.pins import SimulatedFactory, Wiring
    from simulator.world import World, WorldError

    clock = MonotonicClock()
    try:
        world = World.open(Path(simulation["world"]))
        carriage = Carriage(world, clock, CarriageSpec(**simulation["carriage"]))
    except WorldError as error:
        raise PinsUnavailable(str(error)) from error
    return SimulatedFactory(world, clock, carriage, Wiring(**simulation["wiring"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
