"""From what somebody asked of a time-lapse, over HTTP or in config.yaml, to the values that it runs by."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from focusd.errors import RequestInvalid
from focusd.settings import SeriesRequest
from stack.manner import AS_USUAL, Exposing, Manner, WhenHot
from stack.retention import Keep
from stack.schedule import Schedule, Window

START_WITHIN: Final = timedelta(days=3660)
END_WITHIN: Final = timedelta(days=36600)
"""A start or an end farther off is a slip of the pen; the last day of all is no day in every zone."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a series is to be.

    Attributes
    ----------
    name
        Part of its folder's name.
    request
        What each stack is asked for, as `/shoot` is.
    start
        When slot 0 is due; None: now.
    manner
        How it goes about its stacks.
    """

    name: str
    schedule: Schedule
    request: Mapping[str, Any]
    start: datetime | None = None
    manner: Manner = AS_USUAL


def series_asked_for(request: SeriesRequest, now: datetime) -> Asked:
    """Give the series; `now` bears the zone of this place. Raises `RequestInvalid` for a contradiction."""
    if request.until is not None and request.for_s is not None:
        raise RequestInvalid(["give only one of until and for_s"])
    if "ramp_stops" in request.model_fields_set and request.exposure != "ramp":
        raise RequestInvalid([f"ramp_stops: is of a ramp, and the exposure is {request.exposure}"])
    start = request.start_at and _zoned(request.start_at, now)
    begins = start or now
    until = request.until and _zoned(request.until, now)
    for name, moment, within in (("start_at", begins, START_WITHIN), ("until", until, END_WITHIN)):
        if moment is not None and abs(moment - now) > within:
            years = within.days // 366
            raise RequestInvalid([f"{name}: {moment:%Y-%m-%d} is more than {years} years from now"])
    if until is not None and until <= begins:
        raise RequestInvalid([f"until: {until:%Y-%m-%d %H:%M} is not after the start"])
    window = request.window and Window(*request.window)
    if window is not None and window.opens == window.closes:
        raise RequestInvalid([f"window: {window.opens:%H:%M} to {window.closes:%H:%M} holds no slot at all"])
    schedule = Schedule(request.every_s, request.count, until, window, request.missed, request.for_s)
    name = request.name or request.plan
    return Asked(name, schedule, {"plan": request.plan, "name": name}, start, _manner(request))


def _zoned(time: datetime, now: datetime) -> datetime:
    """Give a time with its zone: its own, or that of this place."""
    return time if time.tzinfo else time.replace(tzinfo=now.tzinfo)


def _manner(request: SeriesRequest) -> Manner:
    return Manner(
        exposure=Exposing(request.exposure),
        ramp_stops=request.ramp_stops,
        follow=request.range == "follow",
        keep=Keep.named(request.keep),
        hot=WhenHot(request.hot),
        overlaps=request.overlaps,
    )
