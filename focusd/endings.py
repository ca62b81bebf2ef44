"""How a job ends, told from what went wrong in it or from how its stack ended. Pure."""

from typing import Any

from focusd.exits import Exit
from focusd.jobs import JobEnding
from focusd.outcomes import outcome_of, words_of
from stack.ending import Ending


def ending_of_stack(ending: Ending) -> tuple[JobEnding, Exception | None]:
    """Give a stack's ending as its job's, and what went wrong, if anything."""
    return JobEnding(ending.kind.value), ending.error


def ending_of_error(error: Exception) -> JobEnding:
    """Say how a job ended that raised."""
    match outcome_of(error).exit_code:
        case Exit.INTERRUPTED:
            return JobEnding.STOPPED
        case Exit.REFUSED | Exit.BUSY:
            return JobEnding.REFUSED
        case _:
            return JobEnding.FAILED


def why(error: Exception | None, wish: str | None) -> dict[str, Any]:
    """Say why a job did not simply end: what went wrong, or else who wished it."""
    if error is not None:
        return {"reason": words_of(error), "exit_code": int(outcome_of(error).exit_code)}
    return {} if wish is None else {"reason": wish, "exit_code": int(Exit.INTERRUPTED)}
