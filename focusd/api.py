"""The daemon's face: HTTP and JSON on a Unix socket. Thin: it translates, and asks those who know.

Nothing here blocks the loop: what looks at the disk runs in a thread, what lasts is awaited.
"""

import asyncio
from concurrent.futures import Future
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from camera.errors import CameraError
from camera.lens import LensAxis
from focusd.doctor import examine_running
from focusd.door import no_page
from focusd.errors import FocusdError
from focusd.event_stream import EventStream
from focusd.exits import Exit
from focusd.film_api import add_film
from focusd.house import House
from focusd.jobs import Acknowledge, Goto, Home, Job, Jog, Resume, Shoot, Zero
from focusd.notify import supervised
from focusd.outcomes import outcome_of, words_of
from focusd.plans import PlanRequest, fields_asked_for, plan_asked_for
from focusd.preview_api import add_preview
from focusd.redo import Choice
from focusd.requests import (
    AcknowledgeRequest,
    EventsRequest,
    GotoRequest,
    HomeRequest,
    JogRequest,
    MarkRequest,
    MergeRequest,
    ResumeRequest,
    ZeroRequest,
    documented,
    queried,
    taken,
)
from focusd.sessions_api import add_sessions, latest_session
from focusd.survey_api import add_surveys
from focusd.timelapse_api import add_timelapse, brief
from focusd.units import check_unit
from focusd.views import axis_view, lens_view, marks_view, place_view, plan_view, status_view
from rail.axis import Trust
from rail.errors import RailError
from stack.errors import StackError

Answer = dict[str, Any]

Outcome = TypeVar("Outcome")


def create_app(house: House) -> FastAPI:
    """Make the application; every answer is one JSON object, every refusal a problem in words."""
    app = FastAPI(
        title="focusrail",
        version=house.versions["focusrail"],
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(no_page)],
    )
    for kind in (FocusdError, RailError, CameraError, StackError, Exception):
        app.add_exception_handler(kind, _told)
    app.add_exception_handler(HTTPException, _told_by_http)
    _add_looking(app, house)
    _add_moving(app, house)
    _add_stacks(app, house)
    add_sessions(app, house)
    add_surveys(app, house)
    add_preview(app, house)
    add_timelapse(app, house)
    add_film(app, house)
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
            "timelapse": brief(house.timelapse.current()),
            **status_view(
                now,
                house.merges.progress(),
                house.sessions.root,
                latest_session(house),
                house.deliveries.backlog(),
                house.config.axis.distances,
                house.rig.board.vitals(),
            ),
        }

    @app.get("/axis")
    def axis() -> Answer:
        axis, now = house.rig.axis, operator.now()
        if isinstance(axis, LensAxis):
            return lens_view(now, axis.settings)
        return axis_view(
            now, axis.look(), axis.settings, house.rig.complaints, house.rig.clock.monotonic_ns()
        )

    @app.get("/settings")
    def settings() -> Answer:
        source = house.config_file
        config = house.config.model_dump(mode="json", include={"axis", "panel"})
        place = None if source is None else str(source)
        return {"config_file": place, "supervised": supervised(), **config}

    @app.get("/doctor")
    def doctor() -> Answer:
        return {"verdicts": [asdict(verdict) for verdict in examine_running(house)]}

    @app.get("/events")
    async def events(request: Request) -> Response:
        since = queried(request, EventsRequest).since
        return EventStream(hub, hub.last_seq if since is None else since)


def _add_moving(app: FastAPI, house: House) -> None:
    operator, scale = house.operator, house.rig.axis.scale

    async def rested(order: Home | Jog | Goto | Zero | Acknowledge) -> Answer:
        return await ended(operator.order(order))

    async def ended(job: Job) -> Answer:
        place = place_view(await _outcome(job.ended), scale)
        return {**place, "marks_lapsed": job.marks_lapsed}

    @app.post("/home", openapi_extra=documented(HomeRequest))
    async def home(body: Annotated[HomeRequest, taken(HomeRequest)]) -> Answer:
        job = operator.order(Home(body.allow))
        return {**await ended(job), "missed_u": job.missed_u}

    @app.post("/jog", openapi_extra=documented(JogRequest))
    async def jog(body: Annotated[JogRequest, taken(JogRequest)]) -> Answer:
        check_unit(body.unit, scale)
        return await rested(Jog(body.distance_u))

    @app.post("/goto", openapi_extra=documented(GotoRequest))
    async def goto(body: Annotated[GotoRequest, taken(GotoRequest)]) -> Answer:
        check_unit(body.unit, scale)
        return await rested(Goto(body.position_u))

    @app.post("/zero", openapi_extra=documented(ZeroRequest))
    async def zero(body: Annotated[ZeroRequest, taken(ZeroRequest)]) -> Answer:
        check_unit(body.unit, scale)
        if operator.now().position.trust is Trust.KNOWN:  # else it finds the reference again, which was lost
            await asyncio.to_thread(house.timelapse.check_zero)
        return await rested(Zero(body.position_u))

    @app.post("/acknowledge", openapi_extra=documented(AcknowledgeRequest))
    async def acknowledge(body: Annotated[AcknowledgeRequest, taken(AcknowledgeRequest)]) -> Answer:
        return await rested(Acknowledge())

    @app.post("/stop")
    async def stop() -> Answer:
        return {"stopped": operator.stop(reason="focusctl stop")}

    @app.post("/abort")
    async def abort() -> Answer:
        return {"stopped": operator.abort(reason="focusctl abort")}


def _add_stacks(app: FastAPI, house: House) -> None:
    operator, scale = house.operator, house.rig.axis.scale

    @app.post("/mark", openapi_extra=documented(MarkRequest))
    async def mark(body: Annotated[MarkRequest, taken(MarkRequest)]) -> Answer:
        check_unit(body.unit, scale)
        marks, changed = await asyncio.to_thread(house.book.mark, body.end, body.position_u)
        return {**marks_view(marks, scale), "changed_places": changed}

    @app.delete("/marks")
    async def unmark() -> Answer:
        return marks_view(await asyncio.to_thread(house.book.clear), scale)

    @app.post("/plan", openapi_extra=documented(PlanRequest))
    async def plan(body: Annotated[PlanRequest, taken(PlanRequest)]) -> Answer:
        asked = plan_asked_for(house.config, body)
        fields = fields_asked_for(house.config, body)
        preview = await asyncio.to_thread(house.studio.preview, asked, fields)
        return plan_view(asked, preview, scale, house.config.axis.distances)

    @app.post("/shoot", status_code=202, openapi_extra=documented(PlanRequest))
    async def shoot(body: Annotated[PlanRequest, taken(PlanRequest)]) -> Answer:
        fields = fields_asked_for(house.config, body)
        return await _begun(operator.order(Shoot(plan_asked_for(house.config, body), fields)))

    @app.post("/resume", status_code=202, openapi_extra=documented(ResumeRequest))
    async def resume(body: Annotated[ResumeRequest, taken(ResumeRequest)]) -> Answer:
        return await _begun(operator.order(Resume(body.session)))

    @app.post("/merge", status_code=202, openapi_extra=documented(MergeRequest))
    async def merge(body: Annotated[MergeRequest, taken(MergeRequest)]) -> Answer:
        asked, since = body.model_dump(exclude={"session"}), house.hub.last_seq
        session, slices = await asyncio.to_thread(house.redo.begin, body.session, Choice(**asked))
        return {"session": session.id, "slices": slices, "since": since}


async def _begun(job: Job) -> Answer:
    """Wait until a stack is accepted, and say what it will be."""
    accepted = await _outcome(job.accepted)
    return {"job": job.number, "since": job.since, **asdict(accepted)}


async def _outcome(future: "Future[Outcome]") -> Outcome:
    return await asyncio.shield(asyncio.wrap_future(future))


async def _told(_request: Request, error: Exception) -> JSONResponse:
    """Say what went wrong, by the one table."""
    outcome = outcome_of(error)
    return _problem(outcome.title, words_of(error), outcome.exit_code, outcome.http_status)


async def _told_by_http(request: Request, error: Exception) -> JSONResponse:
    """Say that there is no such thing to ask for."""
    assert isinstance(error, HTTPException)
    detail = f"{request.method} {request.url.path}: {error.detail}; GET /openapi.json shows what there is"
    return _problem("Not understood", detail, Exit.USAGE, error.status_code)


def _problem(title: str, detail: str, exit_code: int, status: int) -> JSONResponse:
    """Give a problem as RFC 9457 has it."""
    content = {"title": title, "detail": detail, "exit_code": int(exit_code), "status": status}
    return JSONResponse(content, status, media_type="application/problem+json")
