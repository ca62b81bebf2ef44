"""Stacks that failed one after the other before their first slice, as while a camera is gone for days.

Each left a folder that says nothing new: the newest one of each reason is enough.
"""

import logging
import re
from itertools import takewhile

from stack.errors import SessionError
from stack.session import Session
from stack.session_state import Phase, SessionState
from stack.sessions import Sessions

_log = logging.getLogger(__name__)

LOOK_BACK = 10
"""So many stacks before the newest are looked at: with one removed at each failure there are few to find."""


def drop_repeats(sessions: Sessions, failed: Session) -> tuple[str, ...]:
    """Remove what failed in vain just before `failed`, for the same reason; give the ids.

    Nothing goes unless `failed` was in vain too, and of the same plan and specimen: it has the words, and can
    be resumed as well. What cannot be removed now stays until the next time.
    """
    why = _why_in_vain(failed)
    if why is None:
        return ()
    before = reversed(sessions.page(LOOK_BACK, failed.id).sessions)
    in_vain = takewhile(lambda found: found[1] is not None, ((one, _why_in_vain(one)) for one in before))
    repeats = [one for one, words in in_vain if words == why and _same(one, failed)]
    return tuple(one.id for one in repeats if _removed(sessions, one))


def _why_in_vain(session: Session) -> str | None:
    """Give why a stack failed before its first slice, figures left out; None where it did not."""
    state = session.state()
    return re.sub(r"\d+", "", state.reason or "") if _in_vain(session, state) else None


def _in_vain(session: Session, state: SessionState) -> bool:
    """Say whether a stack failed and nothing was saved, by its journal and by its files alike."""
    folders = (session.path / name for name in ("slices", "aside", "merges"))
    files = (path for folder in folders for path in folder.rglob("*") if not path.is_dir())
    return state.phase is Phase.FAILED and not (state.saved or state.damage or any(files))


def _same(one: Session, other: Session) -> bool:
    return (one.plan, one.facts.fields) == (other.plan, other.facts.fields)


def _removed(sessions: Sessions, session: Session) -> bool:
    try:
        sessions.remove(session)
    except (SessionError, OSError) as error:
        _log.warning("%s failed before its first slice and could not be removed: %s", session.id, error)
        return False
    return True
