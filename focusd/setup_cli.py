"""`focusctl setup`: the walk at the terminal; what is asked, and what follows, is in `focusd.setup`."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from focusd.calibrate_cli import NotWritten, agreed, difference, edited, measured, propose, write
from focusd.call import Call
from focusd.client import Problem
from focusd.config import load_config
from focusd.errors import ConfigInvalid
from focusd.exits import Exit
from focusd.places import config_file, state_folder
from focusd.setup import answered, named, notes_of, question, taken_up
from focusd.switches import Switches
from focusd.walk import UNSEEN, Errand, NotUnderstood, Question, Walk

UNIT = "focusd.service"

_LATER = "start focusd again; focusctl setup then goes on where it is"


def setup(call: Call) -> Exit:
    """Walk, from where it was left; what was found is written, after a yes, where it is needed to go on."""
    try:
        return _Guide(call).led()
    except _Busy as error:
        return call.problem("Busy", str(error), Exit.BUSY)
    except (_OtherSettings, ConfigInvalid) as error:
        return call.problem("Not begun", str(error), Exit.REFUSED)
    except NotWritten as error:
        return call.problem("Not written", str(error), Exit.FAILED)
    except (KeyboardInterrupt, EOFError):
        words = "focusctl setup goes on where you left; --anew begins again"
        return call.problem("Left", words, Exit.INTERRUPTED)


class _Busy(Exception):
    """The rig does something else now."""


class _OtherSettings(Exception):
    """The daemon does not run by what its file says."""


@dataclass(frozen=True, slots=True)
class _Runs:
    """What the daemon runs by, and the file that says so."""

    settings: Mapping[str, Any]
    path: Path
    supervised: bool


class _Guide:
    """Leads through a walk: asks, moves, looks, writes down."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._notes = state_folder() / "setup.json"

    def led(self) -> Exit:
        """Lead from where it was left to the end, or to where somebody has to start the daemon again."""
        call = self._call
        self._see_that_it_rests()
        runs = self._runs()
        walk = self._noted(runs, anew=call.typed.anew)
        released = _switches(call)  # before anybody is asked to press anything: fingers leave a switch late
        while (asked := question(walk)) is not None:
            if walk.may_ask(asked):
                walk = self._asked(walk, asked, released)
                self._note(walk, runs)
                continue
            if not self._written(runs.path, walk.changes()):
                return call.result({"written": None}, ["nothing was written; focusctl setup asks again"])
            if not (runs.supervised and self._restarted()):
                return call.result({"written": str(runs.path)}, [_LATER])
            runs = self._runs()
            walk, released = replace(walk, running=runs.settings), _switches(call)
        return self._ended(runs.path)

    def _see_that_it_rests(self) -> None:
        """Raise `_Busy` while something is done: no stack is to end for want of a pin's number."""
        if (job := self._call.daemon.ask("/status")["job"]) is not None:
            raise _Busy(f"{job['kind']} is under way: wait for its end, or focusctl stop")

    def _ended(self, path: Path) -> Exit:
        self._notes.unlink(missing_ok=True)
        words = f"That was all. What {path} says now holds from the daemon's next start on."
        return self._call.result({"written": str(path)}, [words])

    def _runs(self) -> _Runs:
        """Give what the daemon runs by; raises `_OtherSettings` where its file says something else."""
        told = self._call.daemon.ask("/settings")
        path = self._call.typed.config or told["config_file"] or config_file()
        path = Path(path or "/etc/focusrail/config.yaml")
        written = load_config(path if path.exists() else None).model_dump(mode="json")
        running, there = named(told), named(written)
        for name, value in running.items():
            if there[name] != value:
                raise _OtherSettings(
                    f"focusd runs with {name} {value}, and {path} says {there[name]}: start focusd again, "
                    "without --set, or name the file it goes by with --config"
                )
        return _Runs(running, path, told["supervised"])

    def _noted(self, runs: _Runs, *, anew: bool) -> Walk:
        try:
            noted = {} if anew else json.loads(self._notes.read_text())
        except (OSError, ValueError):
            noted = {}
        return taken_up(runs.settings, noted if isinstance(noted, dict) else {}, str(runs.path.resolve()))

    def _note(self, walk: Walk, runs: _Runs) -> None:
        noted = json.dumps(notes_of(walk, str(runs.path.resolve())))
        try:
            self._notes.parent.mkdir(parents=True, exist_ok=True)
            self._notes.write_text(noted)
        except OSError as error:
            raise NotWritten(f"{self._notes}, where the walk is noted: {error.strerror or error}") from error

    def _asked(self, walk: Walk, asked: Question, released: Switches) -> Walk:
        """Ask until the answer is one, and see to what it leads to; where that fails, ask again."""
        if walk.told.said:
            self._call.out.line(walk.told.said)
        if asked.move_u:
            self._move(asked, walk.running["axis.kind"])
        before = released if asked.looks else UNSEEN
        while True:
            default = f" ({asked.default})" if asked.default is not None else ""
            self._call.out.line(f"{asked.words}{default}")
            typed = input("> ")
            try:
                after = answered(walk, typed, before, _switches(self._call) if asked.looks else UNSEEN)
            except NotUnderstood as error:
                self._call.out.line(str(error))
                continue
            if asked.acknowledges:
                self._call.daemon.tell("/acknowledge")
            if after.told.errand is None or self._ran(after.told.errand):
                return after

    def _move(self, asked: Question, kind: str) -> None:
        far, what, unit = f"{abs(asked.move_u) / 1000:g} mm", "carriage", "um"
        if kind == "ring":
            far, what, unit = f"{abs(asked.move_u):g} degrees", "ring", "deg"
        input(
            f"The {what} is about to move {far}, or as many times that as settings are wrong. See that it "
            "stands in the middle of its way, and that this is free; then Enter. "
        )
        for distance_u in (asked.move_u, -asked.move_u)[: 2 if asked.returns else 1]:
            self._call.daemon.wait_for("/jog", distance_u=distance_u, unit=unit)

    def _ran(self, errand: Errand) -> bool:
        """Have the daemon do it, and write what it finds after a yes; say so where it cannot."""
        try:
            if errand.path == "/home":
                self._call.daemon.wait_for(errand.path, **errand.body)
                return True
            return measured(self._call, errand.path, errand.body, propose) is Exit.DONE
        except Problem as error:
            self._call.problem(error.title, str(error), error.exit_code)
            return False

    def _written(self, path: Path, changes: Mapping[str, Any]) -> bool:
        """Show what would change, and write it after a yes; give whether it stands there now."""
        if not changes:
            return True
        call = self._call
        before, after = edited(path, [_proposal(*change) for change in changes.items()])
        for line in difference(path, before, after):
            call.out.line(line)
        if not call.typed.yes and not agreed(call, "Write this?"):
            return False
        write(path, before, after)
        call.out.line(f"written: {path}")
        return True

    def _restarted(self) -> bool:
        """Have systemd start the daemon again where somebody says yes; give whether it did."""
        self._see_that_it_rests()
        self._call.out.line("To go on, focusd has to start again with these settings.")
        if not self._call.typed.yes and not agreed(self._call, "Start it again now?"):
            return False
        if subprocess.run(["systemctl", "restart", UNIT], check=False).returncode != 0:
            self._call.out.line(f"It did not start: see journalctl -u {UNIT}; it may need sudo.")
            return False
        return True


def _proposal(name: str, value: Any) -> dict[str, Any]:
    return {"keys": name.split("."), "value": value, "group": None}


def _switches(call: Call) -> Switches:
    seen = call.daemon.ask("/axis")
    switches, e_stop = seen.get("switches", {}), seen.get("emergency_stop", {})
    return Switches(switches.get("near"), switches.get("far"), e_stop.get("pressed"))
