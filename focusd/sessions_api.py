"""The sessions on the disk, over HTTP: list them, show one, remove one."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from fastapi import FastAPI, Request

from focusd.delivery import outstanding
from focusd.house import House, work_on
from focusd.reports import reported
from focusd.requests import RemovalRequest, SessionsRequest, queried
from focusd.views import session_view
from stack.errors import RemovalRefused
from stack.removal import objection
from stack.session import Session

Answer = dict[str, Any]


def add_sessions(app: FastAPI, house: House) -> None:
    """Let clients see what was shot, and throw away what they do not want."""

    @app.get("/sessions")
    def sessions(request: Request) -> Answer:
        asked = queried(request, SessionsRequest)
        page = house.sessions.page(asked.limit, asked.before)
        return {
            "sessions": list(shown_sessions(house, page.sessions)),
            "earlier": page.earlier,
        }

    @app.get("/sessions/{wanted}")
    def session(wanted: str) -> Answer:
        session = house.sessions.open(wanted)
        told = reported(session, underway=house.operator.session == session.id)
        coverage = told["coverage"]
        return {
            **shown_session(house, session),
            "coverage": coverage["words"] if coverage else [],
            "warnings": told["warnings"],
            "faults": told["faults"],
        }

    @app.delete("/sessions/{wanted}")
    def remove(wanted: str, request: Request) -> Answer:
        forced = queried(request, RemovalRequest).forced
        session = house.sessions.open(wanted)
        state = session.state()
        waiting, at_work = outstanding(session, state), work_on(house.operator, house.merges, session)
        if why := objection(state, at_work=at_work, undelivered=waiting, forced=forced):
            raise RemovalRefused(f"{session.id} stays: {why}", session=session.id)
        house.sessions.remove(session)
        house.hub.publish("session_removed", session=session.id)
        return {"removed": session.id}


def latest_session(house: House) -> Answer | None:
    """Show the newest session that can be read."""
    with suppress(OSError):  # of a disk that is gone, which the status tells elsewhere
        return next(shown_sessions(house, house.sessions.newest_first()), None)
    return None


def shown_sessions(house: House, sessions: Iterable[Session]) -> Iterator[Answer]:
    """Show sessions, without those whose journal cannot be read; asked for by itself, such a one says why."""
    for session in sessions:
        with suppress(OSError):
            yield shown_session(house, session)


def shown_session(house: House, session: Session) -> Answer:
    """Show a session as it is, and what this daemon is doing with it."""
    running, merge = house.operator.session, house.merges.stage(session)
    return session_view(session, session.state(), running=running, merge=merge)
