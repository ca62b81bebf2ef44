"""Which sessions may be removed, and why not. Pure; the files are `stack.sessions.Sessions`' to remove."""

from collections.abc import Sequence

from stack.session_state import MergeState, Phase, SessionState


def objection(
    state: SessionState, *, at_work: str | None, undelivered: Sequence[str] = (), forced: bool
) -> str | None:
    """Say why a session must not be removed; None where it may be.

    Parameters
    ----------
    state
        The fold of its journal.
    at_work
        What is being done with it now, in words such as "being shot"; nothing overrides that.
    undelivered
        Where it was to be delivered to and has not arrived.
    forced
        The owner knows that there may be no picture of it.
    """
    if at_work is not None:
        return f"it is {at_work}"
    if forced or not state.saved:
        return None
    if state.phase in (Phase.SHOOTING, Phase.PAUSED, Phase.FAILED):
        return f"only {len(state.saved)} of its {state.slices} slices are saved, and the rest may yet be shot"
    if undelivered:
        return f"it has not yet arrived at {', '.join(undelivered)}"
    if not merges_of_all(state):
        return "its slices are not merged: there would be no picture of it left"
    return None


def merges_of_all(state: SessionState) -> list[MergeState]:
    """Give the merges that ended well and hold every saved slice."""
    slices = len(state.saved)
    return [merge for merge in state.merges if merge.ended and not merge.error and merge.slices >= slices]
