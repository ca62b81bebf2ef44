"""Acts of the motion process on the kernel's pins; each gives a report of what was seen."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from carriage import Carriage
from patience import wait_until
from rig import RAMP, TRACE_S, TRAVEL_STEPS, WIRING, Report, Rig, open_stepper

from rail.errors import Halted, MotionLost, PinsUnavailable, Stopped
from rail.pins import line_users


def home() -> Report:
    rig = Rig(position_steps=150)
    rig.home()
    return rig.report(counted_steps=rig.stepper.count_steps())


def move() -> Report:
    rig = Rig(position_steps=30)
    before = rig.home()
    rig.axis.move_to(350)
    rig.axis.move_to(300)
    rig.axis.move_to(310)
    return rig.report(before)


def stop() -> Report:
    rig = Rig(position_steps=30)
    before = rig.home()
    asked_us: list[int] = []

    def stop_on_the_way() -> None:
        wait_until(lambda: rig.carriage.position_steps > 200)
        asked_us.append(time.monotonic_ns() // 1000)
        rig.axis.stop()

    threading.Thread(target=stop_on_the_way).start()
    said = _said(Stopped, lambda: rig.axis.move_to(500))
    refused = _said(Stopped, lambda: rig.axis.move_to(500))
    stopped = rig.report(before, said=said, refused=refused, asked_us=asked_us[0])
    rig.axis.arm()
    rig.axis.move_to(500)
    return {"stopped": stopped, "resumed": rig.report()}


def limit() -> Report:
    rig = Rig(position_steps=30, travel_steps=250)  # something stands in the way of the configured travel
    rig.home()
    said = _said(Halted, lambda: rig.axis.move_to(500))
    halted = rig.report(said=said)
    again = _said(Halted, lambda: rig.axis.jog(20))
    pressed = rig.report(said=again)
    rig.axis.jog(-100)
    away = rig.report()
    rig.home()
    return {"halted": halted, "again": pressed, "away": away, "homed": rig.report()}


def enable() -> Report:
    carriage = Carriage(WIRING, 100, TRAVEL_STEPS)
    stepper = open_stepper()
    carriage.await_switches()

    def seen() -> list[bool]:
        time.sleep(TRACE_S)
        return carriage.levels(WIRING.enable)

    opened = seen()
    stepper.run(5, RAMP)
    ran = seen()
    held_us = [event.at_us for event in carriage.events if event.line == WIRING.enable][-1]
    stepper.release()
    return {
        "opened": opened,
        "ran": ran,
        "released": seen(),
        "waking_us": carriage.pulses_us()[0] - held_us,
    }


def taken() -> Report:
    rig = Rig(position_steps=30)
    said = _said(PinsUnavailable, open_stepper)
    rig.home()
    return rig.report(said=said)


def orphan() -> Report:
    carriage = Carriage(WIRING, 30, TRAVEL_STEPS)
    drive_it = [sys.executable, "-c", "import moves; moves.drive()"]
    parent = subprocess.Popen(drive_it, cwd=Path(__file__).parent)
    wait_until(lambda: len(carriage.pulses_us()) > 100)
    killed_us = time.monotonic_ns() // 1000
    parent.kill()
    parent.wait()
    time.sleep(1)
    return {
        "pulses_after": len([at_us for at_us in carriage.pulses_us() if at_us > killed_us]),
        "left": [words for words in _commands() if "focusd.motion" in words],
        "enable": carriage.levels(WIRING.enable),
    }


def drive() -> None:
    """Be the parent that does not live to see the end of this."""
    open_stepper().run(500, RAMP)


def lost() -> Report:
    rig = Rig(position_steps=30)
    rig.home()

    def kill_on_the_way() -> None:
        wait_until(lambda: rig.carriage.position_steps > 200)
        os.kill(rig.stepper.pid, signal.SIGKILL)

    threading.Thread(target=kill_on_the_way).start()
    return rig.report(said=_said(MotionLost, lambda: rig.axis.move_to(500)))


def users() -> Report:
    free = line_users(Path("/run"))
    stepper = open_stepper()
    held = line_users(Path("/run"))
    stepper.close()
    return {"free": sorted(free), "held": sorted(held), "left": sorted(line_users(Path("/run")))}


def _said(kind: type[Exception], act: Callable[[], object]) -> str:
    try:
        act()
    except kind as e:
        return str(e)
    raise AssertionError(f"{kind.__name__} was not raised")


def _commands() -> list[str]:
    pids = [path for path in Path("/proc").iterdir() if path.name.isdigit() and int(path.name) != os.getpid()]
    return [(pid / "cmdline").read_bytes().replace(b"\0", b" ").decode() for pid in pids]
