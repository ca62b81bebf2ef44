"""focusctl: the rig from a shell. Results go to standard output, what went wrong to standard error."""

import contextlib
import io
import os
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from focusd.arguments import parse
from focusd.axis_screens import axis_screen, marked_words, moved_words
from focusd.calibrate_cli import calibrate
from focusd.call import Call
from focusd.client import Answer, ClientError, Daemon, NoDaemon
from focusd.doctor_cli import doctor
from focusd.exits import Exit
from focusd.lengths import in_units
from focusd.merge_cli import MergingDaemon
from focusd.places import sockets_to_try
from focusd.plan_arguments import plan_request
from focusd.preview_cli import preview
from focusd.progress_line import JsonLines, LiveLine, PlainLines
from focusd.range_cli import range_
from focusd.screens import plan_screen, status_screen, waiting_words, world_screen
from focusd.session_screens import findings, results, same_specimen_words
from focusd.sessions_cli import sessions
from focusd.support_cli import support
from focusd.terminal import Terminal
from focusd.timelapse_cli import timelapse
from focusd.watch import Progress, current_stack, next_stack, watch


def main(argv: Sequence[str] | None = None) -> int:
    """Run focusctl and give its exit code."""
    from stack.merge.interrupts import ended_at_once, swallow

    sys.stdout, sys.stderr = _writable(sys.stdout), _writable(sys.stderr)
    out, err = Terminal(sys.stdout), Terminal(sys.stderr)
    call = Call(Namespace(), Daemon(()), out, err)
    try:
        with ended_at_once():
            typed = _typed(sys.argv[1:] if argv is None else argv)
        call = Call(typed, Daemon(_sockets(typed, os.environ)), out, err)
        return _merge(typed.rest, call) if typed.command == "merge" else int(_COMMANDS[typed.command](call))
    except ClientError as error:
        return int(call.problem(error.title, str(error), error.exit_code))
    except KeyboardInterrupt:
        words = "what was already begun goes on. See with: focusctl status"
        return int(call.problem("Interrupted", words, Exit.INTERRUPTED))
    except UnicodeEncodeError:
        words = "what was typed is not UTF-8: set the terminal to that, or do without accents"
        return int(call.problem("Not understood", words, Exit.USAGE))
    except BrokenPipeError:
        swallow(sys.stdout)
        return int(Exit.FAILED)
    except OSError as error:
        swallow(sys.stdout)
        words = f"{error.filename or 'standard output'}: {error.strerror or error}"
        return int(call.problem("Not written", words, Exit.FAILED))


def _typed(argv: Sequence[str]) -> Namespace:
    """Read what was typed; where that ends the program, see that what it says of itself leaves before."""
    try:
        return parse(argv)
    except SystemExit:
        sys.stdout.flush()
        raise


def _sockets(typed: Namespace, environment: Mapping[str, str]) -> tuple[Path, ...]:
    return (typed.socket,) if hasattr(typed, "socket") else sockets_to_try(environment)


def _writable(stream: TextIO | None) -> TextIO:
    """Give a stream that takes every letter; where a shell has closed it (`>&-`), one that leads nowhere."""
    if stream is None:
        return io.StringIO()
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    return stream


def _status(call: Call) -> Exit:
    status = call.daemon.ask("/status")
    return call.result(status, status_screen(status, call.out))


def _plan(call: Call) -> Exit:
    plan = call.daemon.tell("/plan", **plan_request(call.typed))
    return call.result(plan, plan_screen(plan, call.out))


def _home(call: Call) -> Exit:
    return _moved(call, "home", "/home", allow=call.typed.allow)


def _jog(call: Call) -> Exit:
    return _moved(call, "moved", "/jog", distance_u=call.typed.length)


def _goto(call: Call) -> Exit:
    return _moved(call, "there", "/goto", position_u=call.typed.position)


def _zero(call: Call) -> Exit:
    here = {} if call.typed.position is None else {"position_u": call.typed.position}
    return _moved(call, "declared", "/zero", **here)


def _acknowledge(call: Call) -> Exit:
    return _moved(call, "acknowledged", "/acknowledge")


def _axis(call: Call) -> Exit:
    axis = call.daemon.ask("/axis")
    return call.result(axis, axis_screen(axis, call.out))


def _moved(call: Call, done: str, path: str, **body: object) -> Exit:
    with _interrupt_stops(call.daemon):
        place = call.daemon.wait_for(path, **in_units(body))
    return call.result(place, moved_words(done, place))


@contextlib.contextmanager
def _interrupt_stops(daemon: Daemon) -> Iterator[None]:
    """Make what ends this program stop the motion that it waits for; the wait goes on and hears of its end.

    Ctrl-C, or a connection over SSH that drops: nobody watches any more. Where nothing was moving the
    interrupt ends the wait as usual, and what was not yet asked for never is.
    """
    from stack.merge.interrupts import ENDINGS, handled

    def stop(_signal: int, _frame: object) -> None:
        for _ in range(_STOP_TRIES):
            if daemon.tell("/stop").get("stopped"):
                return
            time.sleep(_STOP_AGAIN_S)
        raise KeyboardInterrupt

    with handled((signal.SIGINT, *ENDINGS), stop):
        yield


_STOP_TRIES, _STOP_AGAIN_S = 10, 0.05
"""An interrupt can overtake the request whose motion it is to stop: a stop of nothing is sent again."""


def _mark(call: Call) -> Exit:
    if call.typed.end == "clear":
        marks = call.daemon.drop("/marks")
    else:
        here = {} if call.typed.position is None else {"position_u": call.typed.position}
        marks = call.daemon.tell("/mark", end=call.typed.end, **in_units(here))
    return call.result(marks, marked_words(marks))


def _stop(call: Call) -> Exit:
    return _ended(call, "/stop", "stopped")


def _abort(call: Call) -> Exit:
    return _ended(call, "/abort", "aborted")


def _ended(call: Call, path: str, done: str) -> Exit:
    answer = call.daemon.tell(path)
    what = answer.get("stopped")
    return call.result(answer, [f"{done}: {what}" if what else "nothing was running"])


def _shoot(call: Call) -> Exit:
    return _begun(call, "/shoot", plan_request(call.typed))


def _resume(call: Call) -> Exit:
    return _begun(call, "/resume", {"session": call.typed.id} if call.typed.id else {})


def _begun(call: Call, path: str, body: Mapping[str, object]) -> Exit:
    """Ask for a stack; then say how to watch it, or do."""
    begun = call.daemon.wait_for(path, **body)  # many large slices are looked over first
    if not call.typed.wait:
        return call.result(begun, _begun_words(begun))
    if (again := same_specimen_words(begun)) and not call.json:
        call.out.line(again)
    progress = Progress(
        begun.get("session"),
        job=begun["job"],
        slices=begun.get("slices") or 0,
        saved=begun.get("saved") or 0,
    )
    return _followed(call, progress, begun["since"])


def _begun_words(begun: Answer) -> Iterator[str]:
    slices = begun.get("slices", "unknown")
    if begun.get("session") is None:
        yield f"rehearsing {slices} slices"
        yield "stop it: focusctl stop"
    else:
        yield f"shooting {begun['session']}: {slices} slices"
        if again := same_specimen_words(begun):
            yield again
        yield "watch it: focusctl watch    stop it: focusctl stop"


def _watch(call: Call) -> Exit:
    status = call.daemon.ask("/status")
    current, seq = current_stack(call.daemon, status), status["seq"]
    if current is None:
        if not call.json:
            call.out.line(waiting_words(status.get("job")))
        current, seq = next_stack(call.daemon, seq, _shower(call).show)
    return _followed(call, current, seq)


def _followed(call: Call, progress: Progress, since: int) -> Exit:
    """Show a stack until it is over; Ctrl-C leaves it alone."""
    shower = _shower(call)
    try:
        progress = watch(call.daemon, progress, since, shower.show)
        shower.end()
    except KeyboardInterrupt:
        shower.end()
        words = "the stack goes on without you. Watch it again: focusctl watch. Stop it: focusctl stop"
        return call.problem("Detached", words, Exit.INTERRUPTED)
    except NoDaemon as error:
        shower.end()
        saved = f"What was saved of {progress.session} is on the disk; once the daemon runs: focusctl resume"
        raise NoDaemon(f"{error} {saved}") from error
    return _summed_up(call, progress)


def _summed_up(call: Call, progress: Progress) -> Exit:
    """Say what a stack that is over left behind, and if it did not end well, what to do."""
    session = call.daemon.session(progress.session) if progress.session else {}
    if not call.json:
        for line in (*findings(session, call.out), *results(session, call.out)):
            call.out.line(line)
    if progress.outcome is Exit.DONE:
        return Exit.DONE
    title, words = _shortfall(progress, session)
    return call.problem(title, words, progress.outcome)


def _shortfall(progress: Progress, session: Answer) -> tuple[str, str]:
    reason = f"{progress.reason.rstrip('.')}. " if progress.reason else ""
    saved = f"{progress.saved} of {progress.slices} slices are saved."
    resume = f"Shoot the rest with: focusctl resume {progress.session} --wait"
    match progress.shot:
        case "done":
            again = f"Merge again with: focusctl merge {session.get('session')}"
            return "Merge failed", f"{reason}All slices are saved. {again}"
        case "paused":
            return "Paused", f"{reason}{saved} {resume}"
        case "aborted" | "stopped" | "refused":
            return progress.shot.capitalize(), f"{reason}{saved}"
        case _:
            return "Stack failed", f"{reason}{saved} {resume}" if progress.saved else reason + saved


def _shower(call: Call) -> JsonLines | LiveLine | PlainLines:
    if call.json:
        return JsonLines(call.out)
    return LiveLine(call.out) if call.out.live else PlainLines(call.out)


def _sim(call: Call) -> Exit:
    typed = call.typed
    match typed.action:
        case "press":
            hold = {} if typed.hold is None else {"hold_s": typed.hold}
            answer = call.daemon.wait_for("/sim/press", button=typed.button, **hold)
            return call.result(answer, [f"pressed: {typed.button}"])
        case "fault":
            answer = call.daemon.tell("/sim/fault", name=typed.name, on=not typed.off)
            return call.result(answer, [f"{typed.name}: {'off' if typed.off else 'on'}"])
        case _:
            answer = call.daemon.ask("/sim/state")
            return call.result(answer, world_screen(answer))


def _setup(call: Call) -> Exit:
    from focusd.setup_cli import setup

    return setup(call)


def _merge(argv: Sequence[str], call: Call) -> int:
    """Merge here and now, or have a session merged: only this command loads numpy and OpenCV."""
    from stack.merge.interrupts import ended_at_once

    try:
        with ended_at_once():
            from stack.merge import command
    except ImportError as error:
        print(
            f"focusctl: cannot merge here: {error}. Merging needs numpy and OpenCV, which come with "
            "focusrail: install it anew",
            file=sys.stderr,
        )
        return int(Exit.FAILED)
    return command.main(argv, MergingDaemon(call))


_COMMANDS: Mapping[str, Callable[[Call], Exit]] = {
    "status": _status,
    "plan": _plan,
    "shoot": _shoot,
    "watch": _watch,
    "stop": _stop,
    "resume": _resume,
    "abort": _abort,
    "home": _home,
    "jog": _jog,
    "goto": _goto,
    "zero": _zero,
    "axis": _axis,
    "acknowledge": _acknowledge,
    "doctor": doctor,
    "setup": _setup,
    "support": support,
    "mark": _mark,
    "calibrate": calibrate,
    "range": range_,
    "preview": preview,
    "sessions": sessions,
    "sim": _sim,
    "timelapse": timelapse,
}


if __name__ == "__main__":
    sys.exit(main())
