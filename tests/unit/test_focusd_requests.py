"""What is asked over HTTP, read as strictly as the configuration, and told in words where it cannot be."""

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from focusd.errors import RequestInvalid
from focusd.plans import PlanRequest
from focusd.requests import (
    LARGEST_BODY,
    EventsRequest,
    JogRequest,
    RemovalRequest,
    ZeroRequest,
    queried,
    taken,
)
from focusd.settings import SeriesRequest
from focusd.strict import Strict
from focusd.survey_api import RangeRequest


def read(model: type[Strict], *parts: bytes, whole: bool = True) -> Strict:
    """Read a body that comes in parts, and of which the rest does not come where it is not `whole`."""
    messages: list[Message] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages.append({"type": "http.request"} if whole else {"type": "http.disconnect"})

    async def receive() -> Message:
        return messages.pop(0)

    found: Strict = asyncio.run(taken(model).dependency(Request({"type": "http"}, receive)))
    return found


def asked(query: str) -> Request:
    return Request({"type": "http", "query_string": query.encode()})


def test_a_body_is_read_from_its_parts_and_none_is_all_defaults() -> None:
    assert read(JogRequest, b'{"dista', b'nce_u": 2.5}') == JogRequest(distance_u=2.5)
    assert read(ZeroRequest) == ZeroRequest()


@pytest.mark.parametrize(
    ("model", "parts", "whole", "said"),
    [
        (JogRequest, [b'{"distance_u": 2.5}'], False, "it ended before all of it had come"),
        (JogRequest, [b" " * LARGEST_BODY, b" "], True, "a request has 65536 bytes at most"),
        (JogRequest, [b"[" * 9000], True, "this is not JSON: recursion limit exceeded at line 1 column 202"),
        (JogRequest, [b'{"distance_u": NaN}'], True, "distance_u: nan is not a number"),
        (JogRequest, [b'{"distance_u": 1e999}'], True, "distance_u: inf is not a number"),
        (PlanRequest, [b'{"plan": "\\u001b[2J"}'], True, "plan: give 1 to 60 printable"),
        (SeriesRequest, [b'{"plan": "\\u0000", "every_s": 60}'], True, "plan: give 1 to 60 printable"),
        (SeriesRequest, [b'{"name": "\\u0000", "every_s": 60}'], True, "name: give 1 to 60 printable"),
        (RangeRequest, [b'{"save_as": "a\\nb"}'], True, "save_as: give 1 to 60 printable"),
        (PlanRequest, [b'{"optics": "a\\nb"}'], True, "optics: give 1 to 60 printable"),
        (PlanRequest, [b'{"name": "%s"}' % (b"x" * 61)], True, "name: "),
    ],
)
def test_a_body_that_cannot_be_taken_is_told(
    model: type[Strict], parts: list[bytes], whole: bool, said: str
) -> None:
    with pytest.raises(RequestInvalid) as caught:
        read(model, *parts, whole=whole)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("model", "query", "said"),
    [
        (EventsRequest, "since=1e9", 'since: "1e9" is not a whole number from 0, or null'),
        (EventsRequest, "since=-5", 'since: "-5" is not a whole number from 0, or null'),
        (EventsRequest, "snce=5", "snce: the top level has no such setting; did you mean since?"),
        (RemovalRequest, "forced=maybe", 'forced: "maybe" is not true or false'),
    ],
)
def test_what_follows_a_question_mark_is_read_as_strictly(model: type[Strict], query: str, said: str) -> None:
    with pytest.raises(RequestInvalid) as caught:
        queried(asked(query), model)
    assert caught.value.problems == (said,)


def test_what_follows_a_question_mark_is_taken() -> None:
    assert queried(asked("since=17"), EventsRequest).since == 17
    assert queried(asked("forced=true"), RemovalRequest).forced is True
