"""What focusctl shows of stacks: what became of them, how sound they are, and where their pictures are."""

from collections.abc import Iterator, Sequence

from focusd.client import Answer
from focusd.rows import known, long, moment, part_of, row
from focusd.terminal import Terminal


def session_screen(session: Answer, terminal: Terminal) -> Iterator[str]:
    """Show one stack."""
    yield row("session", known(session.get("session")), terminal)
    yield row("state", _session_state(session), terminal)
    if session.get("began_at"):
        yield row("began", moment(session["began_at"]), terminal)
    if exposure := session.get("exposure"):
        yield row("exposure", exposure_words(exposure), terminal)
    if session.get("correction"):
        yield row("taken out", session["correction"], terminal)
    for name, value in (session.get("fields") or {}).items():
        yield row(name, str(value), terminal)
    yield row("merge", known(session.get("merge")) + _chosen_words(session), terminal)
    if session.get("missed_u") is not None:
        yield row("recheck", f"{long(abs(session['missed_u']))} off home after the last slice", terminal)
    for to, at in (session.get("delivered") or {}).items():
        yield row("delivered", f"to {to}, {moment(at)}", terminal)
    for to in session.get("undelivered") or ():
        yield row("delivered", terminal.warning(f"not yet to {to}"), terminal)
    yield from findings(session, terminal)
    yield from results(session, terminal)


def sessions_screen(sessions: list[Answer], earlier: int = 0) -> Iterator[str]:
    """List stacks, a line each, and say how many there are before them."""
    if not sessions:
        yield "no stacks here" if earlier else "no stacks yet"
    yield from map(session_words, sessions)
    if earlier and sessions:
        number = str(sessions[0].get("session")).partition("-")[0]
        yield f"and {earlier} earlier: focusctl sessions list --before {number}, or --all"


def checks_screen(checks: Sequence[Answer], terminal: Terminal) -> Iterator[str]:
    """Say of each stack what is intact, and what is not."""
    if not checks:
        yield "no stacks yet"
    for check in checks:
        sound = "sound" if not check["problems"] else terminal.alarm("damaged")
        yield f"{check['session']}  {sound}: {', '.join(_check_parts(check))}"
        yield from (f"  {problem}" for problem in check["problems"])
        unproven = [one["why"] for one in check["slices"] if one["verdict"] == "unproven"]
        yield from (terminal.faint(f"  {why}") for why in unproven)


def findings(session: Answer, terminal: Terminal) -> Iterator[str]:
    """Say how the slices cover the subject, what may have cost quality, what went wrong on the way."""
    for words in session.get("coverage") or ():
        yield row("coverage", words, terminal)
    for words in session.get("warnings") or ():
        yield row("note", terminal.warning(words), terminal)
    for fault in session.get("faults") or ():
        yield row("on the way", f"{str(fault.get('at'))[11:19]} {fault.get('words')}", terminal)


def results(session: Answer, terminal: Terminal) -> Iterator[str]:
    """Name what a stack left on the disk: the picture, the depth map, the folder."""
    files = session.get("files") or {}
    for name, file in (("picture", "merged"), ("depth map", "depth")):
        if files.get(file):
            yield row(name, files[file], terminal)
    if session.get("folder"):
        yield row("folder", session["folder"], terminal)


def same_specimen_words(stack: Answer) -> str:
    """Say that this view of this specimen has been shot before; nothing where it has not."""
    earlier = stack.get("same_specimen") or ()
    return f"the same view of the same specimen was shot before, as {', '.join(earlier)}" if earlier else ""


def session_words(session: Answer) -> str:
    """Name a stack and its state in a line."""
    return f"{session.get('session')}  {_session_state(session)}"


def exposure_words(exposure: Answer) -> str:
    """Write an exposure so that it can be given to --exposure again."""
    red, blue = exposure["colour_gains"]
    return f"{exposure['time_us']}us,{exposure['gain']:g},{red:g},{blue:g}"


def _session_state(session: Answer) -> str:
    reason = f" ({session['reason']})" if session.get("reason") else ""
    merge = session.get("merge")
    merged = {
        "done": ", merged",
        "failed": ", merge failed",
        "running": ", merging",
        "waiting": ", to be merged",
    }
    count = part_of(session.get("saved"), session.get("slices"))
    return f"{session.get('phase')}{reason}, {count} slices{merged.get(str(merge), '')}"


def _chosen_words(session: Answer) -> str:
    """Say which of a stack's merges is its picture; nothing where there is none."""
    chosen, there = session.get("merge_chosen"), session.get("merges") or ()
    if chosen is None:
        return ""
    if len(there) < 2:
        return f"; {chosen} is chosen, the only one"
    number = int(str(session.get("session")).partition("-")[0])
    numbers = ", ".join(map(str, there))
    return f"; {chosen} is chosen of {numbers} (another: focusctl merge --choose {number} N)"


def _check_parts(check: Answer) -> Iterator[str]:
    verdicts = [one["verdict"] for one in check["slices"]]
    for verdict in dict.fromkeys(("intact", *verdicts)):
        yield f"{verdicts.count(verdict)} slices {verdict}"
    if check["not_shot"]:
        yield f"{len(check['not_shot'])} not shot yet"
    if check["merges"]:
        intact = sum(one["verdict"] == "intact" for one in check["merges"])
        yield f"{intact} of {len(check['merges'])} merged files intact"
    if check["torn_bytes"]:
        yield "the journal's last line was being written"
    if check["unfinished"]:
        yield f"{len(check['unfinished'])} unfinished files"
