import asyncio
import json
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

import focusd.event_stream
import focusd.server
from focusd.event_stream import EventStream
from focusd.events import EventHub
from focusd.server import server_of


class Client:
    """The other end of a stream: takes `takes` parts and then no more, or hangs up after `stays` parts."""

    def __init__(self, takes: int = 1000, stays: int = 1000) -> None:
        self.takes = takes
        self.stays = stays
        self.heard: list[dict[str, Any]] = []
        self.parts = 0
        self.more: list[bool] = []
        self.tasks: list[int] = []
        self.gone = asyncio.Event()

    async def send(self, message: Message) -> None:
        if message["type"] != "http.response.body":
            return
        if self.parts == self.takes:
            await asyncio.Event().wait()
        self.parts += 1
        self.more.append(message["more_body"])
        self.tasks.append(len(asyncio.all_tasks()))
        self.heard += [json.loads(line) for line in message["body"].splitlines() if line]
        if self.parts == self.stays:
            self.gone.set()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def listen(self, hub: EventHub, since: int) -> None:
        await asyncio.wait_for(EventStream(hub, since)({"type": "http"}, self.receive, self.send), 20)


def test_a_listener_hears_what_was_what_comes_and_the_end() -> None:
    hub = EventHub()

    async def scene() -> list[object]:
        hub.publish("a")
        client = Client()
        listening = asyncio.create_task(client.listen(hub, 0))
        await asyncio.sleep(0)
        await asyncio.to_thread(hub.publish, "b")
        await asyncio.to_thread(hub.publish, "c")
        hub.close()
        await listening
        return [event["event"] for event in client.heard]

    assert asyncio.run(scene()) == ["a", "b", "c"]


def test_between_events_a_listener_is_sent_nothing_and_its_stream_ends_with_the_hub() -> None:
    hub, client = EventHub(), Client()

    async def scene() -> None:
        listening = asyncio.create_task(client.listen(hub, 0))
        while not client.parts:
            await asyncio.sleep(0)
        await asyncio.to_thread(hub.publish, "a")
        while not client.heard:
            await asyncio.sleep(0)
        heard = client.parts
        for _ in range(20):
            await asyncio.sleep(0)
        assert client.parts == heard
        hub.close()
        await listening

    asyncio.run(scene())
    assert client.more == [True] * (client.parts - 1) + [False]


def test_a_listener_that_comes_late_is_told_how_much_it_missed() -> None:
    hub = EventHub(keep=2)
    for name in "abcde":
        hub.publish(name)
    hub.close()
    client = Client()
    asyncio.run(client.listen(hub, 1))
    assert client.heard[0] == {"event": "missed", "count": 2}
    assert [event["event"] for event in client.heard[1:]] == ["d", "e"]


def test_a_listener_is_given_no_more_at_once_than_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written out for one that does not take it stays in memory meanwhile."""
    monkeypatch.setattr(focusd.event_stream, "MOST_AT_ONCE", 2)
    hub, client = EventHub(), Client()
    for name in "abcde":
        hub.publish(name)
    hub.close()
    asyncio.run(client.listen(hub, 0))
    assert [event["event"] for event in client.heard] == list("abcde")
    assert client.parts == 4, "two, two, one, and the end"


def test_a_listener_that_hangs_up_is_forgotten() -> None:
    hub = EventHub()
    hub.publish("a")
    asyncio.run(Client(stays=1).listen(hub, 0))
    assert hub._listeners._wakers == []


def test_a_silent_stream_gives_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(focusd.event_stream, "ALIVE_S", 0.01)
    client = Client(stays=8)
    asyncio.run(client.listen(EventHub(), 0))
    assert client.parts >= 8
    assert client.heard == []
    assert client.tasks[-1] <= client.tasks[0] + 1, "for weeks"


def test_the_socket_of_a_listener_that_takes_nothing_is_closed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(focusd.server, "STALLED_S", 0.1)
    monkeypatch.setattr(focusd.event_stream, "ALIVE_S", 0.1)
    hub = EventHub()
    for _ in range(100):
        hub.publish("a", words="x" * 20_000)  # more than the socket and the buffers about it hold

    async def events(scope: Scope, receive: Receive, send: Send) -> None:
        await EventStream(hub, 0)(scope, receive, send)

    async def scene() -> None:
        server = server_of(events)
        with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
            listener.bind(str(tmp_path / "s"))
            serving = asyncio.create_task(server.serve([listener]))
            await server.until_up()
            client.connect(str(tmp_path / "s"))
            client.sendall(b"GET /events HTTP/1.1\r\nHost: focusd\r\n\r\n")
            async with asyncio.timeout(20):
                while not server.server_state.connections:
                    await asyncio.sleep(0)
                while server.server_state.connections:
                    await asyncio.sleep(0.01)
            client.settimeout(5)
            with suppress(ConnectionResetError):
                while client.recv(1 << 20):
                    pass  # what was under way, and then the end
            server.should_exit = True
            await serving

    asyncio.run(scene())
    told = [record.getMessage() for record in caplog.records if record.levelname in ("WARNING", "ERROR")]
    assert told == ["a client took nothing of its answer for 0 s and was dropped"]
