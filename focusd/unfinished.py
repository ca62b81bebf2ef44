"""Which stack goes on where nobody says which."""

from collections.abc import Callable
from itertools import islice
from typing import Final

from focusd.paused import shot_elsewhere
from stack.errors import NotResumable
from stack.session import Session
from stack.sessions import Sessions

LOOK_BACK: Final = 50
"""So many sessions are looked at for one that lacks slices: to read thousands takes minutes, and nobody means
one from so long ago without saying which."""


def newest_unfinished(
    sessions: Sessions, elsewhere: Callable[[Session], str | None], *, simulated: bool
) -> Session:
    """Find what goes on unnamed: the newest of this kind of rig, unless it is over. Raises `NotResumable`.

    Before the lens may be another specimen than that of an older one, so that has to be named; but not one
    that `elsewhere` says would be refused for its places.
    """
    over: str | None = None
    others: list[Session] = []
    for session in islice(sessions.newest_first(), LOOK_BACK):
        try:
            state = session.state()
        except OSError as error:
            if over is not None:
                continue
            raise NotResumable(
                f"{session.id}, the newest, cannot be read: {error.filename}: {error.strerror}; another "
                "goes on by its number: `focusctl resume NUMBER`",
                session=session.id,
            ) from error
        if shot_elsewhere(session, simulated=simulated):
            others += [session] if state.resumable else []
        elif over is not None and state.resumable and elsewhere(session):
            others.append(session)
        elif not state.resumable:
            over = over or f"{session.id}, the newest, is {state.phase}"
        elif over is None:
            return session
        else:
            raise NotResumable(
                f"{over}, and {session.id} before it lacks slices: if its subject is still before the "
                f"lens, `focusctl resume {session.number}` goes on with it",
                session=session.id,
            )
    for session in others:
        raise NotResumable(elsewhere(session) or "", session=session.id)
    if len(sessions.ids()) <= LOOK_BACK:
        raise NotResumable("no session has slices left to shoot", session="")
    raise NotResumable(
        f"none of the newest {LOOK_BACK} sessions has slices left to shoot; an older one goes on by its "
        "number: `focusctl resume NUMBER`",
        session="",
    )
