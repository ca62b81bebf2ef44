"""The time-lapse over HTTP: start one, see it, stop it, go on, end it."""

import asyncio
from typing import Annotated, Any

from fastapi import FastAPI

from focusd.film_api import FILM, PAGE
from focusd.house import House
from focusd.requests import documented, taken
from focusd.series import series_asked_for
from focusd.settings import SeriesRequest
from focusd.timelapse import Shown
from stack.timelapse import SlotEnd

Answer = dict[str, Any]


def add_timelapse(app: FastAPI, house: House) -> None:
    """Let clients run a series."""
    timelapse = house.timelapse

    @app.post("/timelapse", status_code=202, openapi_extra=documented(SeriesRequest))
    async def start(body: Annotated[SeriesRequest, taken(SeriesRequest)]) -> Answer:
        asked = series_asked_for(body, timelapse.now())
        return shown(await asyncio.to_thread(timelapse.start, asked))

    @app.get("/timelapse")
    def current() -> Answer:
        return shown(timelapse.shown())

    @app.get("/timelapse/all")
    def every() -> Answer:
        series, unreadable = timelapse.told()
        return {"series": [shown(one) for one in series], "unreadable": unreadable}

    @app.post("/timelapse/stop")
    def stop() -> Answer:
        return shown(timelapse.stop())

    @app.post("/timelapse/resume")
    def resume() -> Answer:
        return shown(timelapse.resume())

    @app.post("/timelapse/abort")
    def abort() -> Answer:
        return shown(timelapse.abort())


def brief(one: Shown | None) -> Answer | None:
    """Show in few words a series that is not over."""
    if one is None:
        return None
    return {
        "series": one.series.id,
        "phase": one.state.phase.value,
        "done": one.state.count(SlotEnd.DONE),
        "count": one.series.schedule.count,
        "next_at": _next_at(one),
        "attention": one.attention,
    }


def shown(one: Shown) -> Answer:
    """Show a series and how far it has come, its latest slots one by one."""
    series, state = one.series, one.state
    files = {"film": series.path / FILM, "report": series.path / PAGE}
    return {
        "series": series.id,
        "folder": str(series.path),
        "phase": state.phase.value,
        "files": {name: str(path) for name, path in files.items() if path.is_file()},
        "reason": state.reason,
        **series.terms,
        "fits": one.fits,
        "left": one.left,
        "done": state.count(SlotEnd.DONE),
        "failed": state.count(SlotEnd.FAILED),
        "skipped": state.count(SlotEnd.SKIPPED),
        "next_at": _next_at(one),
        "attention": one.attention,
        "shooting": one.shooting,
        "slots": [
            {"slot": slot.number, "end": slot.end.value, "session": slot.session, "reason": slot.reason}
            for slot in state.slots.values()
        ],
    }


def _next_at(one: Shown) -> str | None:
    return None if one.next_at is None else one.next_at.isoformat(timespec="seconds")
