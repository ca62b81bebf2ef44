"""The time-lapse over HTTP: start one, see it, stop it, go on, end it."""

import asyncio
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Literal

from fastapi import FastAPI
from pydantic import Field

from focusd.errors import RequestInvalid
from focusd.house import House
from focusd.requests import documented, taken
from focusd.strict import Strict
from focusd.timelapse import Asked, Shown
from stack.schedule import Schedule, Window
from stack.timelapse import SlotEnd

Answer = dict[str, Any]


class TimelapseRequest(Strict):
    """A plan by its name, and when it is shot.

    Times without a zone are local; a window is two of a day, over midnight where the second is earlier. At
    most one of `until` and `for_s`.
    """

    plan: str = "default"
    name: str | None = Field(default=None, min_length=1, max_length=60)
    every_s: float = Field(ge=1, le=30 * 86_400)
    count: int | None = Field(default=None, ge=1, le=1_000_000)
    until: datetime | None = None
    for_s: float | None = Field(default=None, gt=0, le=3660 * 86_400)
    start_at: datetime | None = None
    window: tuple[time, time] | None = None
    missed: Literal["skip", "once"] = "skip"
    overlaps: bool = False


def add_timelapse(app: FastAPI, house: House) -> None:
    """Let clients run a series."""
    timelapse = house.timelapse

    @app.post("/timelapse", status_code=202, openapi_extra=documented(TimelapseRequest))
    async def start(body: Annotated[TimelapseRequest, taken(TimelapseRequest)]) -> Answer:
        return shown(await asyncio.to_thread(timelapse.start, _asked(body)))

    @app.get("/timelapse")
    def current() -> Answer:
        return shown(timelapse.shown())

    @app.get("/timelapse/all")
    def every() -> Answer:
        return {"series": [shown(one) for one in timelapse.all()]}

    @app.post("/timelapse/stop")
    def stop() -> Answer:
        return shown(timelapse.stop())

    @app.post("/timelapse/resume")
    def resume() -> Answer:
        return shown(timelapse.resume())

    @app.post("/timelapse/abort")
    def abort() -> Answer:
        return shown(timelapse.abort())


def _asked(body: TimelapseRequest) -> Asked:
    if body.until is not None and body.for_s is not None:
        raise RequestInvalid(["give only one of until and for_s"])
    start = None if body.start_at is None else body.start_at.astimezone()
    begins = start or datetime.now().astimezone()
    until = body.until and body.until.astimezone()
    if body.for_s is not None:
        until = begins + timedelta(seconds=body.for_s)
    if until is not None and until <= begins:
        raise RequestInvalid([f"until: {until:%Y-%m-%d %H:%M} is not after the start"])
    schedule = Schedule(
        body.every_s, body.count, until, body.window and Window(*body.window), missed=body.missed
    )
    name = body.name or body.plan
    return Asked(name, schedule, {"plan": body.plan, "name": name}, start, body.overlaps)


def brief(one: Shown | None) -> Answer | None:
    """Show in few words a series that is not over."""
    if one is None:
        return None
    whole = shown(one)
    return {name: whole[name] for name in ("series", "phase", "done", "count", "next_at", "attention")}


def shown(one: Shown) -> Answer:
    """Show a series and how far it has come."""
    series, state, schedule = one.series, one.state, one.series.schedule
    slots = sorted(state.slots.values(), key=lambda slot: slot.number)
    return {
        "series": series.id,
        "folder": str(series.path),
        "phase": state.phase.value,
        "reason": state.reason,
        "every_s": schedule.every_s,
        "count": schedule.count,
        "until": schedule.until and schedule.until.isoformat(),
        "window": schedule.window
        and [f"{edge:%H:%M}" for edge in (schedule.window.opens, schedule.window.closes)],
        "done": state.count(SlotEnd.DONE),
        "failed": state.count(SlotEnd.FAILED),
        "skipped": state.count(SlotEnd.SKIPPED),
        "next_at": one.next_at and one.next_at.isoformat(timespec="seconds"),
        "attention": one.attention,
        "slots": [
            {"slot": slot.number, "end": slot.end.value, "session": slot.session, "reason": slot.reason}
            for slot in slots
        ],
    }
