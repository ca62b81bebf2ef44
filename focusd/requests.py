"""What clients may ask, read as strictly as the configuration: every problem is named at once."""

from typing import Annotated, Any, Literal, TypeVar

from fastapi import Depends, Request
from pydantic import Field, ValidationError
from starlette.requests import ClientDisconnect

from focusd.errors import RequestInvalid
from focusd.problems import problems_of
from focusd.strict import Strict
from rail.screw import Unit

LARGEST_BODY = 65_536

Body = TypeVar("Body", bound=Strict)


class HomeRequest(Strict):
    """Whether the owner says that the way to the home switch is free."""

    allow: bool = False


class JogRequest(Strict):
    """How far to move, in the axis's unit; negative towards near."""

    distance_u: float
    unit: Unit | None = None


class GotoRequest(Strict):
    """Where to move, in the axis's unit."""

    position_u: float
    unit: Unit | None = None


class ZeroRequest(Strict):
    """Where the axis stands, in its unit; null: at the reference."""

    position_u: float | None = None
    unit: Unit | None = None


class AcknowledgeRequest(Strict):
    """Nothing more to say."""


class MarkRequest(Strict):
    """Which end to mark, and where; without a place, here."""

    end: Literal["near", "far"]
    position_u: float | None = None
    unit: Unit | None = None


class ResumeRequest(Strict):
    """Which session to go on with; null: the latest that lacks slices."""

    session: str | None = Field(default=None, min_length=1, max_length=200)


class EventsRequest(Strict):
    """The number of the last event that was heard; null: none of those that were."""

    since: int | None = Field(default=None, ge=0)


class RemovalRequest(Strict):
    """Whether a session goes that is unfinished or not merged."""

    forced: bool = False


class SessionsRequest(Strict):
    """How many sessions to list, the newest, or those next before the one of that number or id.

    Weeks of a time-lapse leave thousands, and to read them all takes longer than a client waits.
    """

    limit: Annotated[int, Field(ge=1, le=500)] = 50
    before: str | None = Field(default=None, min_length=1, max_length=200)


IndexRange = tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]


class MergeRequest(Strict):
    """Which session to merge anew, and how; what is not said is as configured.

    `slices` and `exclude` are ranges of indices, both ends in.
    """

    session: str = Field(min_length=1, max_length=200)
    method: Literal["auto", "weighted", "depthmap", "pyramid"] | None = None
    front_wins: bool = False
    keep_borders: bool = False
    align: bool = True
    even_light: bool = True
    unveil: bool = True
    skip_bad: bool = False
    slices: list[IndexRange] = Field(default=[], max_length=1000)
    exclude: list[IndexRange] = Field(default=[], max_length=1000)
    memory_bytes: int | None = Field(default=None, ge=1_000_000)
    quality: int | None = Field(default=None, ge=1, le=100)
    um_per_slice: float | None = Field(default=None, gt=0, lt=1e6)
    um_per_px: float | None = Field(default=None, gt=0, lt=1e6)


def taken(model: type[Body]) -> Any:
    """Read a request's body as `model`, strictly; every problem with it is named at once."""

    async def read(request: Request) -> Body:
        text = b""
        try:
            async for part in request.stream():
                text += part
                if len(text) > LARGEST_BODY:
                    raise RequestInvalid([f"a request has {LARGEST_BODY} bytes at most"])
        except ClientDisconnect as error:
            raise RequestInvalid(["it ended before all of it had come"]) from error
        try:
            return model.model_validate_json(text or b"{}")
        except ValidationError as error:
            raise RequestInvalid(problems_of(error, model)) from error

    return Depends(read)


def queried(request: Request, model: type[Body]) -> Body:
    """Read what follows the question mark as `model`; every problem with it is named at once."""
    try:
        return model.model_validate(dict(request.query_params), strict=False)
    except ValidationError as error:
        raise RequestInvalid(problems_of(error, model)) from error


def documented(model: type[Strict]) -> dict[str, Any]:
    """Show a request's body on the OpenAPI page."""
    return {"requestBody": {"content": {"application/json": {"schema": model.model_json_schema()}}}}
