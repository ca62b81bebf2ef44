"""The daemon's face: HTTP and JSON on a Unix socket. Thin: it translates, and asks those who know.

Nothing here blocks the loop: what looks at the disk runs in a thread, what lasts is awaited.
"""

import asyncio
import json
import logging
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from camera.errors import CameraError
from focusd.errors import FocusdError
from focusd.events import EventHub
from focusd.exits import Exit
from focusd.house import House
from focusd.jobs import Goto, Home, Job, Jog, Resume, Shoot
from focusd.outcomes import outcome_of, words_of
from focusd.plans import PlanRequest, plan_asked_for
from focusd.requests import (
    GotoRequest,
    HomeRequest,
    JogRequest,
    MarkRequest,
    ResumeRequest,
    documented,
    taken,
)
from focusd.views import marks_view, place_view, plan_view, session_view, status_view
from rail.errors import RailError
from stack.errors import SessionError, StackError
from stack.session import Session

_log = logging.getLogger(__name__)

Answer = dict[str, Any]

ALIVE_S = 5.0
"""A stream of events says at least this often that it is alive."""

STALLED_S = 20.0
"""A listener that takes nothing for so long is dropped."""

Outcome = TypeVar("Outcome")


def create_app(house: House) -> FastAPI:
    """Make the application; every answer is one JSON object, every refusal a problem in words."""
    app = FastAPI(title="focusrail", version=house.versions["focusrail"])
    for kind in (FocusdError, RailError, CameraError, StackError, OSError):
        app.add_exception_handler(kind, _told)
    app.add_exception_handler(HTTPException, _told_by_http)
    _add_looking(app, house)
    _add_moving(app, house)
    _add_stacks(app, house)
    return app


def _add_looking(app: FastAPI, house: House) -> None:
    operator, hub = house.operator, house.hub

    @app.get("/status")
    def status() -> Answer:
        now = operator.now()
        return {
            "version": house.versions["focusrail"],
            "simulated": house.rig.simulation is not None,
            "seq": hub.last_seq,
            **status_view(now, house.merges.progress(), house.sessions.root, _latest_session(house)),
        }

    @app.get("/events")
    async def events(since: int | None = None) -> Response:
        return EventStream(hub, hub.last_seq if since is None else since)

    @app.get("/sessions")
    def sessions() -> Answer:
        return {"sessions": [_shown_session(house, session) for session in house.sessions.all()]}

    @app.get("/sessions/{wanted}")
    def session(wanted: str) -> Answer:
        return _shown_session(house, house.sessions.open(wanted))


def _add_moving(app: FastAPI, house: House) -> None:
    operator, scale = house.operator, house.rig.axis.scale

    async def rested(order: Home | Jog | Goto) -> Answer:
        return place_view(await _outcome(operator.order(order).ended), scale)

    @app.post("/home", openapi_extra=documented(HomeRequest))
    async def home(body: Annotated[HomeRequest, taken(HomeRequest)]) -> Answer:
        return await rested(Home(body.allow))

    @app.post("/jog", openapi_extra=documented(JogRequest))
    async def jog(body: Annotated[JogRequest, taken(JogRequest)]) -> Answer:
        return await rested(Jog(body.distance_u))

    @app.post("/goto", openapi_extra=documented(GotoRequest))
    async def goto(body: Annotated[GotoRequest, taken(GotoRequest)]) -> Answer:
        return await rested(Goto(body.position_u))

    @app.post("/stop")
    async def stop() -> Answer:
        return {"stopped": operator.stop(reason="focusctl stop")}

    @app.post("/abort")
    async def abort() -> Answer:
        return {"stopped": operator.abort(reason="focusctl abort")}


def _add_stacks(app: FastAPI, house: House) -> None:
    operator = house.operator

    @app.post("/mark", openapi_extra=documented(MarkRequest))
    async def mark(body: Annotated[MarkRequest, taken(MarkRequest)]) -> Answer:
        return marks_view(await asyncio.to_thread(house.book.mark, body.end, body.position_u))

    @app.delete("/marks")
    async def unmark() -> Answer:
        return marks_view(await asyncio.to_thread(house.book.clear))

    @app.post("/plan", openapi_extra=documented(PlanRequest))
    async def plan(body: Annotated[PlanRequest, taken(PlanRequest)]) -> Answer:
        asked = plan_asked_for(house.config, body)
        return plan_view(asked, house.studio.preview(asked), house.rig.axis.scale)

    @app.post("/shoot", status_code=202, openapi_extra=documented(PlanRequest))
    async def shoot(body: Annotated[PlanRequest, taken(PlanRequest)]) -> Answer:
        return await _begun(operator.order(Shoot(plan_asked_for(house.config, body))))

    @app.post("/resume", status_code=202, openapi_extra=documented(ResumeRequest))
    async def resume(body: Annotated[ResumeRequest, taken(ResumeRequest)]) -> Answer:
        return await _begun(operator.order(Resume(body.session)))


class EventStream(Response):
    """Events as JSON lines, from one place in the hub on, until the client or the daemon ends.

    The client holds up nobody: what it does not take in time it loses, and is told how much; one that takes
    nothing at all is dropped.
    """

    def __init__(self, hub: EventHub, since: int) -> None:
        super().__init__(media_type="application/x-ndjson")
        del self.headers["content-length"]
        self._hub = hub
        self._since = since

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until somebody hangs up."""
        gone = asyncio.create_task(_hung_up(receive))
        news = asyncio.Event()
        loop = asyncio.get_running_loop()
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            with self._hub.listening(partial(loop.call_soon_threadsafe, news.set)):
                while not gone.done() and not self._hub.closed:
                    async with asyncio.timeout(STALLED_S):
                        await send(_more(self._unheard()))
                    await _first_of(ALIVE_S, gone, news)
                    news.clear()
                await send({"type": "http.response.body", "body": self._unheard()})
        except TimeoutError:
            _log.warning("a listener took no event for %.0f s and was dropped", STALLED_S)
        finally:
            gone.cancel()

    def _unheard(self) -> bytes:
        """Give what happened since the last time as lines; an empty line is a sign of life."""
        batch = self._hub.after(self._since)
        self._since = batch.last_seq
        missed = [{"event": "missed", "count": batch.missed}] if batch.missed else []
        lines = [json.dumps(event, ensure_ascii=False) for event in (*missed, *batch.events)]
        return ("\n".join(lines) + "\n").encode()


def _more(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _first_of(within_s: float, gone: "asyncio.Task[None]", news: asyncio.Event) -> None:
    """Wait until there is news, the client is gone, or it is time for a sign of life."""
    waiting = asyncio.create_task(news.wait())
    await asyncio.wait((gone, waiting), timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def _begun(job: Job) -> Answer:
    """Wait until a stack is accepted, and say what it will be."""
    accepted = await _outcome(job.accepted)
    return {"job": job.number, "since": job.since, **asdict(accepted)}


async def _outcome(future: "Future[Outcome]") -> Outcome:
    return await asyncio.shield(asyncio.wrap_future(future))


def _latest_session(house: House) -> Answer | None:
    for session in reversed(house.sessions.ids()):
        with suppress(SessionError):
            return _shown_session(house, house.sessions.open(session))
    return None


def _shown_session(house: House, session: Session) -> Answer:
    running, merge = house.operator.session, house.merges.stage(session)
    return session_view(session, session.state(), running=running, merge=merge)


async def _told(_request: Request, error: Exception) -> JSONResponse:
    """Say what went wrong, by the one table."""
    outcome = outcome_of(error)
    return _problem(outcome.title, words_of(error), outcome.exit_code, outcome.http_status)


async def _told_by_http(request: Request, error: Exception) -> JSONResponse:
    """Say that there is no such thing to ask for."""
    assert isinstance(error, HTTPException)
    detail = f"{request.method} {request.url.path}: {error.detail}; GET /docs shows what there is"
    return _problem("Not understood", detail, Exit.USAGE, error.status_code)


def _problem(title: str, detail: str, exit_code: int, status: int) -> JSONResponse:
    """Give a problem as RFC 9457 has it."""
    content = {"title": title, "detail": detail, "exit_code": int(exit_code), "status": status}
    return JSONResponse(content, status, media_type="application/problem+json")
