"""Connections: how many there may be, and for how long over which nothing is asked or nothing is taken."""

import asyncio
from contextlib import suppress
from pathlib import Path
from socket import AF_UNIX, socket, socketpair

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

import focusd.server
from focusd.server import Connection, server_of

REQUEST = b"GET / HTTP/1.1\r\nHost: focusd\r\nConnection: close\r\n\r\n"
HALF_A_BODY = b"POST / HTTP/1.1\r\nHost: focusd\r\nContent-Length: 9\r\n\r\n{"
LONG = b"x" * 2_000_000
"""Far more than a socket holds."""


async def answers(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("here")(scope, receive, send)


async def reads(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["method"] == "POST":
        await Request(scope, receive).body()
    await answers(scope, receive, send)


def room_of_a_socket() -> int:
    ours, theirs = socketpair()
    with ours, theirs:
        ours.setblocking(False)
        return ours.send(LONG)


async def told(path: Path, *requests: bytes, app: ASGIApp = answers) -> list[bytes]:
    """Open a connection for each request, one after the other; give what came over each until its end."""
    server = server_of(app)
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


@pytest.mark.parametrize("before", [b"", b"GET / HTTP/1.1\r\nHost: focusd\r\n\r\n"], ids=["alone", "behind"])
def test_a_connection_over_which_the_rest_of_a_body_does_not_come_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bytes
) -> None:
    monkeypatch.setattr(focusd.server, "SILENT_S", 0.01)
    said = asyncio.run(told(tmp_path / "s", before + HALF_A_BODY, app=reads))
    assert said == [b"here" if before else b""]


async def asked(path: Path, client: socket, app: ASGIApp) -> None:
    """Ask for a long answer, and wait until the connection is over."""
    server = server_of(app)
    with socket(AF_UNIX) as listener:
        listener.bind(str(path))
        serving = asyncio.create_task(server.serve([listener]))
        await server.until_up()
        client.connect(str(path))
        client.sendall(REQUEST)
        async with asyncio.timeout(20):
            for there in (True, False):
                while bool(server.server_state.connections) is not there:
                    await asyncio.sleep(0)
        server.should_exit = True
        await serving


@pytest.mark.parametrize("more_bytes", [9_000, 1_000_000])
def test_who_takes_nothing_of_an_answer_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, more_bytes: int
) -> None:
    """What the socket does not hold would be in memory for as long as the client likes."""
    monkeypatch.setattr(focusd.server, "STALLED_S", 0.01)
    content = LONG[: room_of_a_socket() + more_bytes]
    with socket(AF_UNIX) as client:
        asyncio.run(asked(tmp_path / "s", client, PlainTextResponse(content)))
        assert len(all_from(client)) < len(content)
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert record.getMessage() == "a client took nothing of its answer for 0 s and was dropped"


def test_of_an_answer_without_an_end_no_more_is_made_than_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events, or a film, for a client that stalls would fill the memory until it is dropped."""
    monkeypatch.setattr(focusd.server, "STALLED_S", 0.01)
    drop, part = Connection._end_unless_taken, LONG[:100_000]
    made, made_by_then = [0], []

    async def tells_much(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for made[0] in range(1, 201):
            await send({"type": "http.response.body", "body": part, "more_body": True})

    def note_and_drop(connection: Connection, left_bytes: int) -> None:
        made_by_then.append(made[0])
        drop(connection, left_bytes)

    monkeypatch.setattr(Connection, "_end_unless_taken", note_and_drop)
    with socket(AF_UNIX) as client:
        asyncio.run(asked(tmp_path / "s", client, tells_much))
    assert max(made_by_then) <= room_of_a_socket() / len(part) + 2


async def tells_in_parts(scope: Scope, receive: Receive, send: Send) -> None:
    length = [(b"content-length", b"%d" % len(LONG))]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    for begin in range(0, len(LONG), 100_000):
        await send({"type": "http.response.body", "body": LONG[begin : begin + 100_000], "more_body": True})
        await asyncio.sleep(0)
    await send({"type": "http.response.body"})


@pytest.mark.parametrize("app", [PlainTextResponse(LONG), tells_in_parts], ids=["at once", "in parts"])
def test_who_takes_an_answer_slowly_is_given_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, app: ASGIApp
) -> None:
    monkeypatch.setattr(focusd.server, "STALLED_S", 0.01)
    wait_again, came = Connection._await_taking, bytearray()
    with socket(AF_UNIX) as client:

        def take_a_little_and_wait_again(connection: Connection) -> None:
            wait_again(connection)
            came.extend(client.recv(1 << 18))

        monkeypatch.setattr(Connection, "_await_taking", take_a_little_and_wait_again)
        asyncio.run(asked(tmp_path / "s", client, app))
        assert (came + all_from(client)).endswith(LONG)


def all_from(client: socket) -> bytes:
    """Give what has come, until the end."""
    client.settimeout(5)
    came = bytearray()
    with suppress(ConnectionResetError):
        while part := client.recv(1 << 20):
            came += part
    return bytes(came)


def test_too_many_connections_leave_those_that_were_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes an open file, and slices could not be written for want of one."""
    monkeypatch.setattr(focusd.server, "MOST_CONNECTIONS", 2)
    said = asyncio.run(told(tmp_path / "s", REQUEST, REQUEST, REQUEST))
    assert said == [b"here", b"here", b""]
