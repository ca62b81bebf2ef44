"""`focusctl timelapse`: start a series of stacks, see how it goes, stop it, go on, end it, show it."""

from collections.abc import Iterator
from datetime import datetime

from focusd.call import Call
from focusd.client import Answer, Problem
from focusd.durations import duration_words
from focusd.exits import Exit
from focusd.film_cli import show
from focusd.terminal import Terminal

_COLUMNS = 10
_LATEST = 5
_OVER = ("done", "aborted")
_NONE_YET = "no series yet: focusctl timelapse start PLAN --every 30min"


def timelapse(call: Call) -> Exit:
    """Do what was typed after `focusctl timelapse`."""
    match call.typed.what:
        case "start":
            answer = call.daemon.tell("/timelapse", **_asked(call))
        case "film" | "sheet" | "report":
            return show(call)
        case "status":
            return _status(call)
        case "list":
            answer = call.daemon.ask("/timelapse/all")
            return call.result(answer, _list_lines(answer, call.out))
        case what:
            answer = call.daemon.tell(f"/timelapse/{what}")
    return call.result(answer, [*_lines(answer, call.out), *_goes_on(call.typed.what, answer)])


def _goes_on(what: str, one: Answer) -> Iterator[str]:
    """Say that a stack outlasts the wish to have no more of them."""
    if what in ("stop", "abort") and (session := one.get("shooting")):
        yield f"note: {session} is still being shot and goes on to its end; `focusctl abort` ends it too"


def _status(call: Call) -> Exit:
    """Show the series that is not over, else how the last one ended."""
    try:
        answer = call.daemon.ask("/timelapse")
    except Problem as problem:
        if problem.exit_code is not Exit.REFUSED:
            raise
        every = call.daemon.ask("/timelapse/all")["series"]
        if not every:
            return call.result({"series": None}, [_NONE_YET])
        answer = every[-1]
        if answer["phase"] not in _OVER:
            raise
    return call.result(answer, _lines(answer, call.out))


def _asked(call: Call) -> dict[str, object]:
    typed = call.typed
    given = {
        "plan": typed.plan,
        "name": typed.name,
        "every_s": typed.every,
        "count": typed.count,
        "until": typed.until,
        "for_s": typed.lasting,
        "start_at": typed.start_at,
        "window": typed.window,
        "missed": typed.missed,
        "overlaps": typed.overlaps or None,
        "exposure": typed.exposure,
        "ramp_stops": typed.ramp_stops,
        "range": typed.range,
        "keep": typed.keep,
        "hot": typed.hot,
    }
    return {name: value for name, value in given.items() if value is not None}


def _list_lines(answer: Answer, terminal: Terminal) -> Iterator[str]:
    series, unreadable = answer["series"], answer.get("unreadable") or ()
    if not series and not unreadable:
        yield _NONE_YET
    for one in series:
        yield f"{one['series']:<32} {one['phase']:<8} {_tally(one)}"
    yield from map(terminal.warning, unreadable)


def _lines(one: Answer, terminal: Terminal) -> Iterator[str]:
    rows = {
        "series": f"{one['series']}, {one['phase']}{_why(one)}",
        "rhythm": f"every {duration_words(one['every_s'])}{_bounds(one)}",
        "stacks": _tally(one),
        "next": _moment(one["next_at"]),
        "disk": _disk(one, terminal),
        **(_made(one) if one["phase"] in _OVER else {}),
    }
    for label, words in rows.items():
        if words:
            yield f"{label:<{_COLUMNS}} {words}"
    if one["attention"]:
        yield f"{'attention':<{_COLUMNS}} {terminal.warning(one['attention'])}"
    for slot in one["slots"][-_LATEST:]:
        reason = f": {slot['reason']}" if slot["reason"] else ""
        words = f"{slot['end']} {slot['session'] or ''}".rstrip()
        yield f"{'slot ' + str(slot['slot']):<{_COLUMNS}} {words}{reason}"


def _made(one: Answer) -> dict[str, str]:
    """Say of what can be shown of a series where it is, or what makes it: a film only of pictures."""
    files, number = one.get("files") or {}, int(one["series"].partition("-")[0])
    whats = ("film", "report") if one["done"] else ("report",)
    return {what: files.get(what) or f"make it: focusctl timelapse {what} {number}" for what in whats}


def _tally(one: Answer) -> str:
    of = f" of {one['count']}" if one["count"] else ""
    return f"{one['done']}{of} done, {one['failed']} failed, {one['skipped']} left out"


def _disk(one: Answer, terminal: Terminal) -> str:
    """Say how many more stacks there is room for, beside how many are to come."""
    if one["fits"] is None:
        return ""
    fits, left = one["fits"], one["left"]
    words = f"fits {fits} more {'stack' if fits == 1 else 'stacks'}, keeping {one['manner']['keep']}"
    if left is None:
        return words
    words += f"; {left} {'is' if left == 1 else 'are'} to come"
    return words if fits >= left else terminal.warning(words)


def _why(one: Answer) -> str:
    return f" ({one['reason']})" if one["reason"] else ""


def _bounds(one: Answer) -> str:
    window = f", from {one['window'][0]} to {one['window'][1]}" if one["window"] else ""
    return window + (f", until {_moment(one['until'])}" if one["until"] else "")


def _moment(at: str | None) -> str:
    return "" if at is None else f"{datetime.fromisoformat(at).astimezone():%Y-%m-%d %H:%M:%S}"
