"""Connections: how many there may be, and for how long over which nothing is asked."""

import asyncio
from pathlib import Path
from socket import AF_UNIX, socket

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

import focusd.server
from focusd.server import server_of

REQUEST = b"GET / HTTP/1.1\r\nHost: focusd\r\nConnection: close\r\n\r\n"


async def answers(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("here")(scope, receive, send)


async def told(path: Path, *requests: bytes) -> list[bytes]:
    """Open a connection for each request, one after the other; give what came over each until its end."""
    server = server_of(answers)
    with socket(AF_UNIX) as listener:
        listener.bind(str(path))
        serving = asyncio.create_task(server.serve([listener]))
        await server.until_up()
        streams = [await asyncio.open_unix_connection(str(path)) for _ in requests]
        for request, (_, writer) in zip(requests, streams, strict=True):
            writer.write(request)
        async with asyncio.timeout(20):
            came = await asyncio.gather(*(reader.read() for reader, _ in streams), return_exceptions=True)
        for _, writer in streams:
            writer.close()
        server.should_exit = True
        await serving
    return [one.splitlines()[-1] if isinstance(one, bytes) and one else b"" for one in came]


@pytest.mark.parametrize("begun", [b"", REQUEST[:9]])
def test_a_connection_over_which_nothing_is_asked_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(focusd.server, "SILENT_S", 0.01)
    assert asyncio.run(told(tmp_path / "s", begun)) == [b""]


def test_too_many_connections_leave_those_that_were_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes an open file, and slices could not be written for want of one."""
    monkeypatch.setattr(focusd.server, "MOST_CONNECTIONS", 2)
    said = asyncio.run(told(tmp_path / "s", REQUEST, REQUEST, REQUEST))
    assert said == [b"here", b"here", b""]
