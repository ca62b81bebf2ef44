"""The stack that waits to go on: stopped by somebody, or cut short with an earlier daemon or the power.

Which one that is, whether it goes on by itself, and in what words it is told. What decides is pure.
"""

from dataclasses import dataclass
from typing import Literal

from stack.session import Session
from stack.session_state import Phase, SessionState
from stack.sessions import Sessions

ResumeAtBoot = Literal["ask", "auto", "never"]
"""What becomes of a stack that was cut short: it is told and waits, goes on by itself, or is left alone."""

DAEMON_ENDED = "focusd was stopped"
"""Why a stack is paused whose daemon was asked to end."""

TRIES = 3
"""A stack that was begun so often without a slice may be what ends the daemon: it waits for a person."""


@dataclass(frozen=True, slots=True)
class Paused:
    """A stack that waits; `why` says since when, in words."""

    session: str
    saved: int
    slices: int
    why: str

    @property
    def words(self) -> str:
        """Say what waits and how it goes on."""
        return (
            f"{self.session} waits with {self.saved} of {self.slices} slices saved ({self.why}): "
            "`focusctl resume` or a press of the button goes on with it, `focusctl abort` gives it up"
        )

    @property
    def words_of_loss(self) -> str:
        """Say that it cannot go on, the count of its places being lost, and what can be done."""
        merge = f"; `focusctl merge {self.session}` merges what there is" if self.saved > 1 else ""
        return (
            f"{self.session} has {self.saved} of {self.slices} slices saved ({self.why}) and cannot go on: "
            f"its places were counted from where the axis stood{merge}"
        )


def left_over(sessions: Sessions) -> tuple[Session, SessionState] | None:
    """Give the stack that an earlier daemon left unfinished: the one that was shot last, unless it is over.

    After an older one somebody has shot another, and so let it be.
    """
    latest = sessions.latest()
    if latest is None:
        return None
    state = latest.state()
    waits = state.phase in (Phase.CREATED, Phase.SHOOTING, Phase.PAUSED)
    return (latest, state) if waits else None


def paused(session: Session, state: SessionState) -> Paused:
    """Describe a stack that waits."""
    why = state.reason if state.phase is Phase.PAUSED else "it was interrupted: the power failed, or focusd"
    return Paused(session.id, len(state.saved), state.slices, why or "somebody paused it")


def shot_elsewhere(session: Session, *, simulated: bool) -> str | None:
    """Say that a stack belongs to the other kind of rig, and so cannot go on here; None where it may.

    Of older stacks nobody recorded where they were shot.
    """
    before = session.facts.simulated
    if before is None or before is simulated:
        return None
    was, now, how = (
        ("a simulated rig", "the real one", "with `--simulate`")
        if before
        else ("the real rig", "a simulated one", "without `--simulate`")
    )
    return (
        f"{session.id} was begun on {was}, and focusd runs on {now}, where its places mean nothing: start "
        f"focusd {how} to go on with it; `focusctl merge {session.id}` merges what there is"
    )


def cut_short(state: SessionState) -> bool:
    """Say whether a stack ended against everybody's wish: then it may go on without being asked."""
    return state.phase is not Phase.PAUSED or state.reason == DAEMON_ENDED or state.lacked_room


def goes_on(state: SessionState, at_boot: ResumeAtBoot) -> bool:
    """Say whether a stack that was left over is gone on with by itself."""
    return at_boot == "auto" and cut_short(state) and state.begun_in_vain < TRIES
