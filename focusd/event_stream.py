"""The hub's events as an endless HTTP response, a JSON object a line."""

import asyncio
import json
from functools import partial

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from focusd.events import EventHub

ALIVE_S = 5.0
"""A stream of events says at least this often that it is alive."""

MOST_AT_ONCE = 100
"""So many events are written out for a listener; those after them when it has taken these."""


class EventStream(Response):
    """Events as JSON lines, from one place in the hub on, until the client or the daemon ends.

    The client holds up nobody: what it does not take in time it loses, and is told how much; the connection
    of one that takes nothing at all is ended by the server.
    """

    def __init__(self, hub: EventHub, since: int) -> None:
        super().__init__(media_type="application/x-ndjson")
        del self.headers["content-length"]
        self._hub = hub
        self._since = since

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until somebody hangs up."""
        gone = asyncio.create_task(hung_up(receive))
        news = asyncio.Event()
        loop = asyncio.get_running_loop()
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            with self._hub.listening(partial(loop.call_soon_threadsafe, news.set)):
                while not (gone.done() or (self._hub.closed and self._has_heard_all)):
                    await send({"type": "http.response.body", "body": self._unheard(), "more_body": True})
                    if self._has_heard_all and not self._hub.closed:
                        await _first_of(ALIVE_S, gone, news)
                        news.clear()
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()

    @property
    def _has_heard_all(self) -> bool:
        return self._since == self._hub.last_seq

    def _unheard(self) -> bytes:
        """Give what happened since the last time as lines; an empty line is a sign of life."""
        batch = self._hub.after(self._since, MOST_AT_ONCE)
        self._since = batch.last_seq
        missed = [{"event": "missed", "count": batch.missed}] if batch.missed else []
        lines = [json.dumps(event, ensure_ascii=False) for event in (*missed, *batch.events)]
        return ("\n".join(lines) + "\n").encode()


async def hung_up(receive: Receive) -> None:
    """Wait until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _first_of(within_s: float, gone: "asyncio.Task[None]", news: asyncio.Event) -> None:
    """Wait until there is news, the client is gone, or it is time for a sign of life."""
    waiting = asyncio.create_task(news.wait())
    await asyncio.wait((gone, waiting), timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
