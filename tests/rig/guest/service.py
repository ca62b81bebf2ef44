"""Acts of the daemon under systemd: the real unit, hardening and all, on the kernel's pins."""

import grp
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from carriage import Carriage
from patience import wait_until
from rig import TRAVEL_STEPS, WIRING, Report

from rail.pins import PanelWiring

_FOCUSCTL = "/opt/focusrail/current/bin/focusctl"
_SOCKET = Path("/run/focusrail/focusd.sock")
_SESSIONS = Path("/var/lib/focusrail/sessions")
_GPIO_SIM = Path("/sys/kernel/config/gpio-sim")
_TRACING = Path("/sys/kernel/tracing")
_LOOK_S = 0.2
_PROPERTIES = ("ActiveState", "Result", "MainPID", "NRestarts", "StatusText")


class Service:
    """focusd under systemd, beside a carriage that follows the kernel's lines."""

    def __init__(self) -> None:
        _make_chip()
        self.carriage = Carriage(WIRING, position_steps=150, travel_steps=TRAVEL_STEPS)
        self.carriage.await_switches()
        _systemctl("start", "focusd")

    def shown(self) -> dict[str, str]:
        """Give what systemd knows of it."""
        lines = _systemctl("show", "focusd", "--property", ",".join(_PROPERTIES)).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def await_restart(self, restarts: int) -> None:
        """Wait until systemd has started it once more, and it is ready."""
        wait_until(
            lambda: (
                (shown := self.shown())["NRestarts"] == str(restarts) and shown["ActiveState"] == "active"
            ),
            _LOOK_S,
        )

    def tell(self, *typed: str, user: str = "root", groups: str = "focusrail") -> Any:
        """Run focusctl as somebody; give its answer, or its exit code where it has none."""
        who = ("setpriv", "--reuid", user, "--regid", user, "--groups", groups)
        done = subprocess.run(
            [*who, _FOCUSCTL, "--socket", _SOCKET, *typed, "--json"],
            capture_output=True,
            text=True,
            check=False,
        )
        return json.loads(done.stdout) if done.stdout.startswith("{") else done.returncode

    def press(self) -> None:
        """Press the shoot button, as a finger does."""
        line = PanelWiring().shoot
        self.carriage.chip.pull(line, False)
        time.sleep(0.1)
        self.carriage.chip.pull(line, True)

    def mark(self) -> None:
        """Home, and say where the subject is."""
        self.tell("home")
        self.tell("mark", "near", "0.6mm")
        self.tell("mark", "far", "0.7mm")

    def events(self, session: str) -> list[str]:
        """Give what the journal of a session tells, in its order."""
        lines = (_SESSIONS / session / "journal.jsonl").read_text().splitlines()
        return [json.loads(line)["event"] for line in lines]


def shoots() -> Report:
    """Start, be asked, be pressed; be killed in mid-stack, and go on."""
    service = Service()
    started = service.shown()
    stat = _SOCKET.stat()
    report = {
        "state": started["ActiveState"],
        "line": started["StatusText"],
        "socket": [oct(stat.st_mode & 0o777), grp.getgrgid(stat.st_gid).gr_name],
        "member": service.tell("status", user="guest")["camera"],
        "stranger": service.tell("status", user="guest", groups="guest"),
        "doctor": [one for one in service.tell("doctor")["verdicts"] if one["health"] == "bad"],
        "motion": [one for one in service.tell("doctor")["verdicts"] if one["thing"] == "motion"],
    }
    service.mark()
    service.press()
    wait_until(lambda: list(_SESSIONS.glob("*/merged.jpg")) != [], _LOOK_S)
    first = min(path.name for path in _SESSIONS.iterdir())
    wait_until(lambda: service.shown()["StatusText"] == "at rest", _LOOK_S)
    service.press()
    wait_until(lambda: len(list(_SESSIONS.glob("0002*/slices/*.jpg"))) >= 2)
    shooting = service.shown()
    os.kill(int(shooting["MainPID"]), signal.SIGKILL)
    service.await_restart(1)
    second = max(path.name for path in _SESSIONS.iterdir())
    service.tell("resume", second)
    wait_until(lambda: "stack_done" in service.events(second), _LOOK_S)
    return {
        **report,
        "first": service.events(first),
        "shooting": shooting["StatusText"],
        "second": service.events(second),
        "logged": _logged(first),
        "lost_steps": service.carriage.lost_steps,
    }


def sets_up() -> Report:
    """Say that a pin is otherwise: setup writes it, has the daemon started again, and goes on."""
    service = Service()
    before = service.shown()
    typed = subprocess.run(
        [_FOCUSCTL, "--socket", _SOCKET, "setup", "--yes"],
        input="\nled none\n\n",
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": "/root"},
    )
    after = service.shown()
    return {
        "code": typed.returncode,
        "said": typed.stdout + typed.stderr,
        "restarted": after["MainPID"] != before["MainPID"],
        "state": after["ActiveState"],
    }


def hangs() -> Report:
    """Stand still as a hung process does: the watchdog ends it, and it is started again."""
    service = Service()
    pid = int(service.shown()["MainPID"])
    began_s = time.monotonic()
    os.kill(pid, signal.SIGSTOP)
    service.await_restart(1)
    hung_s = time.monotonic() - began_s
    motion = _beside(int(service.shown()["MainPID"]))
    began_s = time.monotonic()
    for child in motion:
        os.kill(child, signal.SIGSTOP)
    service.await_restart(2)
    return {"hung_s": hung_s, "motion": len(motion), "motion_hung_s": time.monotonic() - began_s}


def stops() -> Report:
    """Hold the motor, then be stopped; and be killed with all that is there."""
    service = Service()
    service.tell("home")
    held = service.carriage.levels(WIRING.enable)[-1]
    _systemctl("stop", "focusd")
    stopped = service.shown()
    time.sleep(0.05)
    after_stop = service.carriage.levels(WIRING.enable)[-1]
    _systemctl("start", "focusd")
    service.tell("home")
    _systemctl("kill", "--signal=SIGKILL", "--kill-whom=all", "focusd")
    service.await_restart(1)
    return {
        "held": held,
        "result": stopped["Result"],
        "after_stop": after_stop,
        "after_kill": service.carriage.levels(WIRING.enable)[-1],
    }


def _logged(session: str) -> list[str]:
    """Give what the journal has of a session, by its field."""
    search = ["journalctl", "--unit=focusd", f"FOCUSRAIL_SESSION={session}", "--output=cat", "--no-pager"]
    return subprocess.run(search, stdout=subprocess.PIPE, text=True, check=False).stdout.splitlines()


def _make_chip() -> None:
    """Plug a chip in that is labelled like a Pi's; udev then lets the group gpio use it. Trace its lines."""
    bank = _GPIO_SIM / "rail" / "bank0"
    bank.mkdir(parents=True)
    (bank / "num_lines").write_text("28")
    (bank / "label").write_text("pinctrl-bcm2835")
    (bank.parent / "live").write_text("1")
    wait_until(lambda: any(path.group() == "gpio" for path in Path("/dev").glob("gpiochip*")))
    (_TRACING / "trace_clock").write_text("mono")
    (_TRACING / "events/gpio/gpio_value/filter").write_text("get == 0")
    (_TRACING / "events/gpio/enable").write_text("1")


def _systemctl(*typed: str) -> str:
    done = subprocess.run(["systemctl", *typed], capture_output=True, text=True, check=False)
    if done.returncode:
        log = subprocess.run(
            ["journalctl", "-n60", "--no-pager"], stdout=subprocess.PIPE, text=True, check=False
        )
        raise RuntimeError(f"systemctl {' '.join(typed)}: {done.stderr}\n{log.stdout}")
    return done.stdout


def _beside(pid: int) -> list[int]:
    """Give the processes of the service beside its main one: at rest, the motion process."""
    processes = Path("/sys/fs/cgroup/system.slice/focusd.service/cgroup.procs").read_text()
    return [int(process) for process in processes.split() if int(process) != pid]
