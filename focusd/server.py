"""uvicorn, quiet, on a socket that is already open, and without a say in signals, which are the daemon's."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from focusd.api import create_app
from focusd.door import HEADERS
from focusd.errors import StartFailed
from focusd.house import House

GRACE_S = 2
"""How long an answer may still take once the daemon ends."""

SILENT_S = 5
"""A connection over which nothing was asked for so long, or no more of what was begun to be, is closed."""

STALLED_S = 60
"""One whose client takes nothing of what it asked for in so long is ended.

A socket tells that something is taken when three quarters of what it holds are, 150 kB: over weak Wi-Fi
that is half a minute."""

MOST_CONNECTIONS = 256
"""More are closed as they come: each takes one of the files that a process may have open, as a slice does."""

_log: Final = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """A server that says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._begun = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        try:
            await super().startup(sockets)
        finally:
            self._begun.set()

    async def until_up(self) -> None:
        """Wait until requests are answered; raises `StartFailed` when they will not be."""
        await self._begun.wait()
        if not self.started:
            raise StartFailed("the HTTP server did not start; see the log")

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the daemon."""
        yield


class Connection(H11Protocol):
    """A connection that ends when its client falls silent amid what it asks, or takes no answer."""

    _untaken: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to take requests; uvicorn itself would wait for the first for ever."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
            return
        transport.set_write_buffer_limits(0)  # whatever waits to be taken is told by `pause_writing`
        self._be_patient()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        super().connection_lost(exc)
        self.resume_writing()

    def handle_events(self) -> None:
        """Take what came; of half a request the rest is waited for as long as for a first word."""
        super().handle_events()
        if self.cycle is None or self.cycle.response_complete or self.cycle.more_body:
            self._be_patient()

    def timeout_keep_alive_handler(self) -> None:
        """Close it; uvicorn itself could not where the body of a request is missing."""
        self.transport.close()

    def pause_writing(self) -> None:
        """Watch whether an answer is taken: it is in memory, and even a closed connection waits for it."""
        super().pause_writing()
        self._await_taking()

    def resume_writing(self) -> None:
        """Watch no more: all is taken."""
        super().resume_writing()
        if self._untaken is not None:
            self._untaken.cancel()

    def _await_taking(self) -> None:
        left_bytes = self.transport.get_write_buffer_size()
        self._untaken = self.loop.call_later(STALLED_S, self._end_unless_taken, left_bytes)

    def _end_unless_taken(self, left_bytes: int) -> None:
        if self.transport.get_write_buffer_size() < left_bytes:
            self._await_taking()
            return
        _log.warning("a client took nothing of its answer for %.0f s and was dropped", STALLED_S)
        self.transport.abort()

    def _be_patient(self) -> None:
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(SILENT_S, self.timeout_keep_alive_handler)


def create_server(house: House) -> Server:
    """Make the server of a house's faces; a rig that is not there can be reached into."""
    app = create_app(house)
    if house.rig.simulation is not None:
        from focusd.simulation_api import add_simulation

        add_simulation(app, house.rig.simulation)
    return server_of(app)


def server_of(app: ASGIApp) -> Server:
    """Make the server of an application."""
    return Server(
        uvicorn.Config(
            app,
            http=Connection,
            log_config=None,  # its own would close the handlers that are there
            log_level="warning",
            access_log=False,
            headers=list(HEADERS),
            lifespan="off",
            ws="none",
            timeout_keep_alive=SILENT_S,
            backlog=64,  # so many are taken at once, before any of them can be closed again
            timeout_graceful_shutdown=GRACE_S,
        )
    )
