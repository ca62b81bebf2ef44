"""A motion process on the simulated rail of `rail_rig`: `rail_child.py WORLD [--broken] [--gravity]`."""

import argparse
from pathlib import Path

from rail_rig import E_STOP, REAL_TIME_SPEC

from rail.clock import MonotonicClock
from rail.drivers import DRIVERS
from rail.errors import PinsUnavailable
from rail.pins import EmergencyPin, MotionPins, MotionWiring
from rail.process import inherit, serve
from rail.stepper import LocalStepper
from simulator.carriage import Carriage
from simulator.pins import SimulatedFactory, Wiring
from simulator.world import World


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("world", type=Path)
    parser.add_argument("--broken", action="store_true")
    parser.add_argument("--gravity", action="store_true")
    parser.add_argument("--channel-fd", type=int, required=True)
    parser.add_argument("--signals-fd", type=int, required=True)
    args = parser.parse_args()
    channel = inherit(args.channel_fd, args.signals_fd)
    with channel:
        if args.broken:
            raise PinsUnavailable("GPIO 21 cannot be had")
        clock = MonotonicClock()
        factory = SimulatedFactory(
            world := World.open(args.world),
            clock,
            Carriage(world, clock, REAL_TIME_SPEC),
            Wiring(e_stop=E_STOP),
        )
        pins = MotionPins(factory, MotionWiring(), energised=args.gravity)
        stepper = LocalStepper(
            pins,
            DRIVERS["A4988"],
            clock,
            channel.signals,
            gravity=args.gravity,
            emergency=EmergencyPin(factory, E_STOP).pressed,
        )
        serve(stepper, channel)


if __name__ == "__main__":
    main()
