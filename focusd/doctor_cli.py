"""`focusctl doctor`: what is wrong with the rig, and what to do about it; with a daemon or without one."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from focusd.call import Call
from focusd.client import NoDaemon
from focusd.exits import Exit
from focusd.terminal import Terminal

_COLUMNS = 15


def doctor(call: Call) -> Exit:
    """Look the rig over; ends with 1 where something is bad."""
    verdicts = examined(call)
    call.result({"verdicts": verdicts}, _lines(verdicts, call.out))
    return Exit.FAILED if any(verdict["health"] == "bad" for verdict in verdicts) else Exit.DONE


def examined(call: Call) -> list[dict[str, Any]]:
    """Give the verdicts of the daemon, or where none answers, of this process."""
    try:
        verdicts: list[dict[str, Any]] = call.daemon.ask("/doctor")["verdicts"]
    except NoDaemon as error:
        return _alone(call, str(error))
    return verdicts


def _alone(call: Call, unanswered: str) -> list[dict[str, Any]]:
    from dataclasses import asdict

    from focusd.doctor import examine_alone

    found = examine_alone(unanswered, call.typed.config, call.typed.state_dir)
    return [asdict(verdict) for verdict in found]


def _lines(verdicts: Iterable[Mapping[str, str]], terminal: Terminal) -> Iterator[str]:
    for verdict in verdicts:
        marks = {"good": "ok  ", "doubtful": terminal.warning("hm  "), "bad": terminal.alarm("BAD ")}
        yield f"{marks[verdict['health']]} {verdict['thing']:<{_COLUMNS}} {verdict['words']}"
        if verdict["remedy"]:
            yield f"{'':<{_COLUMNS + 6}}{terminal.faint('-> ' + verdict['remedy'])}"
