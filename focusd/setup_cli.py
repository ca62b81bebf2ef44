"""`focusctl setup`: the walk at the terminal; what is asked, and what follows, is in `focusd.setup`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from focusd.calibrate_cli import NotWritten, agreed, difference, edited, write
from focusd.call import Call
from focusd.exits import Exit
from focusd.places import config_file, state_folder
from focusd.setup import SETTINGS, NotUnderstood, Question, Sight, Walk, answered, question


def setup(call: Call) -> Exit:
    """Walk, from where it was left; at the end write what was found, after a yes."""
    path = config_file(call.typed.config) or Path("/etc/focusrail/config.yaml")
    notes = state_folder() / "setup.json"
    notes.parent.mkdir(parents=True, exist_ok=True)
    try:
        walk = _taken_up(notes, _running(path), anew=call.typed.anew)
        released = _sight(call)  # before anybody is asked to press anything: fingers leave a switch late
        while (asked := question(walk)) is not None:
            if asked.move_mm and not walk.fit_to_move:
                call.out.line("By these settings the rig misreads its switches, and must not move.")
                return _written(call, path, walk, then="then focusctl setup goes on where it is")
            walk = _asked(call, walk, asked, released)
            notes.write_text(json.dumps({"found": dict(walk.found), "step": walk.step}))
    except (KeyboardInterrupt, EOFError):
        words = "focusctl setup goes on where you left; --anew begins again"
        return call.problem("Left", words, Exit.INTERRUPTED)
    return _written(call, path, walk, _AT_THE_END, notes)


_AT_THE_END = "Then: focusctl home, focusctl calibrate settle, focusctl calibrate backlash"


def _written(call: Call, path: Path, walk: Walk, then: str, notes: Path | None = None) -> Exit:
    """Show what would change, and write it after a yes; the walk's notes, where given, are then done with."""
    changes = walk.changes()
    try:
        before, after = edited(path, [_proposal(*change) for change in changes.items()])
        if not call.json:
            for line in difference(path, before, after):
                call.out.line(line)
        if before != after:
            if not call.typed.yes and not agreed(call, "Write this?"):
                words = ["nothing was written; focusctl setup asks again, --yes says yes beforehand"]
                return call.result({"changes": changes, "written": None}, words)
            write(path, before, after)
    except NotWritten as error:
        return call.problem("Not written", str(error), Exit.FAILED)
    if notes is not None:
        notes.unlink(missing_ok=True)
    done = f"written: {path}; start focusd again" if before != after else "nothing changes: all is right"
    return call.result({"changes": changes, "written": str(path)}, [done, then])


def _proposal(name: str, value: Any) -> dict[str, Any]:
    return {"keys": name.split("."), "value": value, "group": None}


def _asked(call: Call, walk: Walk, asked: Question, released: Sight) -> Walk:
    """Ask until the answer is one; what the switches read is compared with what they read `released`."""
    if walk.said:
        call.out.line(walk.said)
    if asked.move_mm:
        _move(call, asked.move_mm, back=walk.step == "direction")
    before = released if asked.looks else Sight()
    while True:
        default = f" ({asked.default})" if asked.default is not None else ""
        call.out.line(f"{asked.words}{default}")
        typed = input("> ")
        try:
            after = answered(walk, typed, before, _sight(call) if asked.looks else Sight())
        except NotUnderstood as error:
            call.out.line(str(error))
            continue
        if asked.acknowledges:
            call.daemon.tell("/acknowledge")
        return after


def _move(call: Call, length_mm: float, *, back: bool) -> None:
    input(
        f"The carriage is about to move {abs(length_mm):g} mm, or as many times that as settings are wrong. "
        "See that it stands in the middle of its way, and that this is free; then Enter. "
    )
    for length_u in (length_mm * 1000, -length_mm * 1000) if back else (length_mm * 1000,):
        call.daemon.wait_for("/jog", distance_u=length_u, unit="um")


def _sight(call: Call) -> Sight:
    seen = call.daemon.ask("/axis")
    return Sight(seen["switches"]["near"], seen["switches"]["far"], seen["emergency_stop"]["pressed"])


def _taken_up(notes: Path, running: Mapping[str, Any], *, anew: bool) -> Walk:
    """Go on with an earlier walk; one whose notes cannot be read is begun again."""
    try:
        kept = {} if anew else json.loads(notes.read_text())
        return Walk(running, kept.get("found", {}), kept.get("step", "lead"))
    except (OSError, ValueError):
        return Walk(running)


def _running(path: Path) -> dict[str, Any]:
    """Give the settings that the daemon runs with, as far as the walk asks about them."""
    from focusd.config import load_config

    config = load_config(path if path.exists() else None)
    settings = {}
    for name in SETTINGS:
        value: Any = config
        for key in name.split("."):
            value = getattr(value, key)
        settings[name] = value
    return settings
