"""The hub's events as an endless HTTP response, a JSON object a line."""

import asyncio
import json
import logging
from functools import partial

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from focusd.events import EventHub

_log = logging.getLogger(__name__)

ALIVE_S = 5.0
"""A stream of events says at least this often that it is alive."""

STALLED_S = 20.0
"""A listener that takes nothing for so long is dropped."""

HANG_UP = "focusrail.hang_up"
"""The extension of a request by which its connection is ended at once, whatever waits to be taken."""


class EventStream(Response):
    """Events as JSON lines, from one place in the hub on, until the client or the daemon ends.

    The client holds up nobody: what it does not take in time it loses, and is told how much; one that takes
    nothing at all is dropped.
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
                while not gone.done() and not self._hub.closed:
                    await self._say(send, more=True)
                    await _first_of(ALIVE_S, gone, news)
                    news.clear()
                await self._say(send, more=False)
        except TimeoutError:
            _log.warning("a listener took no event for %.0f s and was dropped", STALLED_S)
            await hang_up(scope, gone)
        finally:
            gone.cancel()

    async def _say(self, send: Send, *, more: bool) -> None:
        async with asyncio.timeout(STALLED_S):
            await send({"type": "http.response.body", "body": self._unheard(), "more_body": more})

    def _unheard(self) -> bytes:
        """Give what happened since the last time as lines; an empty line is a sign of life."""
        batch = self._hub.after(self._since)
        self._since = batch.last_seq
        missed = [{"event": "missed", "count": batch.missed}] if batch.missed else []
        lines = [json.dumps(event, ensure_ascii=False) for event in (*missed, *batch.events)]
        return ("\n".join(lines) + "\n").encode()


async def hung_up(receive: Receive) -> None:
    """Wait until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def hang_up(scope: Scope, gone: "asyncio.Task[None]") -> None:
    """End the connection of a client that takes nothing, and wait until it is `gone`.

    Closed in the usual way it would stay until the client had taken what was sent before.
    """
    if end := scope.get("extensions", {}).get(HANG_UP):
        end()
        await asyncio.wait((gone,), timeout=ALIVE_S)


async def _first_of(within_s: float, gone: "asyncio.Task[None]", news: asyncio.Event) -> None:
    """Wait until there is news, the client is gone, or it is time for a sign of life."""
    waiting = asyncio.create_task(news.wait())
    await asyncio.wait((gone, waiting), timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
