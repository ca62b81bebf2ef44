"""`focusctl sessions`: what there is on the disk, shown, checked, thrown away or handed out."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from focusd.call import Call
from focusd.client import Answer
from focusd.exits import Exit
from focusd.session_screens import checks_screen, session_screen, session_words, sessions_screen

_PART = 200
"""How many stacks are asked for at once where all are wanted."""


def sessions(call: Call) -> Exit:
    """Do what was asked of the sessions."""
    match call.typed.action:
        case "show":
            return _show(call)
        case "check":
            return _check(call)
        case "rm":
            return _remove(call)
        case "export":
            return _export(call)
        case _:
            listed = _listed(call)
            return call.result(listed, sessions_screen(listed["sessions"], listed.get("earlier", 0)))


def _listed(call: Call) -> Answer:
    """Ask for the newest, or for what was typed; for all of them a part at a time: no part takes long."""
    typed, query = call.typed, {"limit": call.typed.limit, "before": call.typed.before}
    typed_query = {name: value for name, value in query.items() if value is not None}
    listed = call.daemon.ask("/sessions", **typed_query)
    while typed.all and listed.get("earlier") and listed["sessions"]:
        earliest = listed["sessions"][0]["session"]
        part = call.daemon.ask("/sessions", limit=_PART, before=earliest)
        listed = {"sessions": part["sessions"] + listed["sessions"], "earlier": part["earlier"]}
    return listed


def _show(call: Call) -> Exit:
    wanted = call.typed.id or (call.daemon.ask("/status").get("last_session") or {}).get("session")
    if wanted is None:
        return call.problem("Nothing to show", "there are no stacks yet", Exit.REFUSED)
    session = call.daemon.session(wanted)
    return call.result(session, session_screen(session, call.out))


def _check(call: Call) -> Exit:
    """Read every file here and now; a folder needs no daemon to be named. Fails where something is wrong."""
    from stack.check import check
    from stack.errors import SessionError
    from stack.sessions import Sessions

    wanted = call.typed.id
    try:
        if wanted is not None and "/" in wanted:
            folders = [Path(wanted).resolve(strict=True)]
        else:
            there = Sessions(Path(call.daemon.ask("/status")["disk"]["folder"]))
            folders = [there.find(one) for one in ([wanted] if wanted else there.ids())]
        checked = [check(folder) for folder in folders]
    except SessionError as error:
        return call.problem("Not checked", str(error), Exit.REFUSED)
    except OSError as error:
        words = f"{error.filename or wanted}: {error.strerror or error}"
        return call.problem("Not checked", words, Exit.REFUSED)
    answer = {"sessions": [{**asdict(one), "problems": one.problems} for one in checked]}
    call.result(answer, checks_screen(answer["sessions"], call.out))
    return Exit.FAILED if any(one.problems for one in checked) else Exit.DONE


def _remove(call: Call) -> Exit:
    found = [call.daemon.session(wanted) for wanted in call.typed.ids]
    if not call.typed.yes and not _agreed(call, found):
        return call.problem("Not removed", "nobody said yes; --yes says it beforehand", Exit.REFUSED)
    forced = "?forced=true" if call.typed.force else ""
    removed = [call.daemon.drop(f"/sessions/{one['session']}{forced}")["removed"] for one in found]
    return call.result({"removed": removed}, [f"removed: {one}" for one in removed])


def _agreed(call: Call, found: Sequence[Answer]) -> bool:
    """Ask whoever sits there; where nobody does, the answer is no."""
    if not (sys.stdin.isatty() and call.err.live):
        return False
    for line in (*map(session_words, found), "Remove for good? [y/N] "):
        call.err.line(line)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _export(call: Call) -> Exit:
    """Copy here and now, as whoever typed it: where the daemon may not write is no matter."""
    from stack.errors import StackError
    from stack.export import export_folder

    typed, folder = call.typed, Path(call.daemon.session(call.typed.id)["folder"])
    try:
        exported = export_folder(folder, typed.destination, typed.template, slices=typed.slices)
    except StackError as error:
        return call.problem("Not exported", str(error), Exit.REFUSED)
    except OSError as error:
        words = f"{error.filename or typed.destination}: {error.strerror or error}"
        return call.problem("Not exported", words, Exit.REFUSED)
    files = [{"name": one.name, "bytes": one.bytes, "sha256": one.sha256} for one in exported]
    answer = {"session": folder.name, "destination": str(typed.destination), "files": files}
    return call.result(answer, [str(typed.destination / one.name) for one in exported])
