"""The processes whose steps `steps.py` times; it starts them, nobody else.

`step_makers.py rail|thread|lgpio|urgent EDGES`. All drive pins that cost the same and do nothing but note
when they rose. `rail` is our motion process and is spoken to by `rail.process.StepperProcess`; the peers read
lines of `interval_us steps seconds` and answer each with an empty line when that run is over.
"""

import argparse
import json
import mmap
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rail.clock import PromptClock
from rail.drivers import DRIVERS
from rail.pins import MotionPins, MotionWiring
from rail.process import inherit, serve
from rail.profile import Ramp
from rail.stepper import LocalStepper

CAPACITY = 200_000
"""Edges that one run may have."""
GPIO_NS = 3_000
"""What one look at a pin, or one write, takes on a Pi 5 (vitiral/gpio #30: 2.8 us)."""

_WIRING = MotionWiring(pressed_level=False)


class Line:
    """A pin, as far as `rail.pins` asks for one; it takes its time, and STEP notes when it has risen."""

    def __init__(self, edges_ns: memoryview | None) -> None:
        self._edges_ns = edges_ns
        self._level = False

    def output_with_state(self, level: bool) -> None:
        """Be an output."""
        self._level = level

    def input_with_pull(self, pull: str) -> None:
        """Be an input."""
        self._level = pull == "up"

    @property
    def state(self) -> bool:
        """The level."""
        _spend()
        return self._level

    @state.setter
    def state(self, level: bool) -> None:
        now_ns = _spend()
        edges_ns = self._edges_ns
        if edges_ns is not None and level and (number := edges_ns[0] + 1) < CAPACITY:
            edges_ns[number] = now_ns
            edges_ns[0] = number
        self._level = level

    def close(self) -> None:
        """Do nothing; there is nothing to give back."""


class Lines:
    """A factory of them."""

    def __init__(self, edges: Path) -> None:
        with edges.open("r+b") as file:
            self._edges_ns = memoryview(mmap.mmap(file.fileno(), 0)).cast("q")

    def pin(self, number: int) -> Line:
        """Give the pin of that number."""
        return Line(self._edges_ns if number == _WIRING.step else None)


def _spend() -> int:
    done_ns = time.monotonic_ns() + GPIO_NS
    while (now_ns := time.monotonic_ns()) < done_ns:
        pass
    return now_ns


def rail(edges: Path, channel_fd: int, signals_fd: int) -> None:
    """Be the motion process, as `focusd.motion` is, on these pins."""
    with inherit(channel_fd, signals_fd) as channel:
        pins = MotionPins(Lines(edges), _WIRING)
        serve(LocalStepper(pins, DRIVERS["A4988"], PromptClock(), channel.signals), channel)


def thread(edges: Path) -> None:
    """Run the same loop in a thread, beside another that does what a daemon does: JSON, without a pause."""
    stepper = LocalStepper(MotionPins(Lines(edges), _WIRING), DRIVERS["A4988"], PromptClock())
    threading.Thread(target=_serve_clients, daemon=True).start()

    def run(interval_us: int, steps: int, seconds: float) -> None:
        rate_steps_s = 1_000_000 // interval_us
        stepper.arm()
        timer = threading.Timer(seconds, stepper.halt)
        timer.start()
        stepper.run(steps, Ramp(rate_steps_s, rate_steps_s, 1_000_000))
        timer.cancel()

    _obey(run)


def _serve_clients() -> None:
    status = {"slices": [{"index": index, "position_u": index * 0.3} for index in range(200)]}
    while True:
        status = json.loads(json.dumps(status))


def lgpio(urgent: bool) -> None:
    """Have lgpio's own thread pulse the pin; `no_chip.c` is preloaded and notes the edges.

    lgpio asks for no priority; `urgent` gives it that of our motion process, which its thread inherits.
    """
    import lgpio

    if urgent:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(40))

    handle = lgpio.gpiochip_open(0)
    lgpio.gpio_claim_output(handle, _WIRING.step, 0)

    def run(interval_us: int, steps: int, seconds: float) -> None:
        lgpio.tx_pulse(handle, _WIRING.step, 10, interval_us - 10, 0, steps)
        end_s = time.monotonic() + seconds
        while lgpio.tx_busy(handle, _WIRING.step, lgpio.TX_PWM) and time.monotonic() < end_s:
            time.sleep(0.02)
        if lgpio.tx_busy(handle, _WIRING.step, lgpio.TX_PWM):
            lgpio.tx_pulse(handle, _WIRING.step, 0, 0)
        time.sleep(0.05)  # its thread looks every 20 ms, and drops the finished pulses only then

    _obey(run)


def _obey(run: Callable[[int, int, float], Any]) -> None:
    print(flush=True)
    for line in sys.stdin:
        interval_us, steps, seconds = line.split()
        run(int(interval_us), int(steps), float(seconds))
        print(flush=True)


def main() -> None:
    """Be one of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("maker", choices=("rail", "thread", "lgpio", "urgent"))
    parser.add_argument("edges", type=Path)
    parser.add_argument("--channel-fd", type=int)
    parser.add_argument("--signals-fd", type=int)
    asked = parser.parse_args()
    match asked.maker:
        case "rail":
            rail(asked.edges, asked.channel_fd, asked.signals_fd)
        case "thread":
            thread(asked.edges)
        case name:
            lgpio(urgent=name == "urgent")


if __name__ == "__main__":
    main()
