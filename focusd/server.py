"""uvicorn, quiet, on a socket that is already open, and without a say in signals, which are the daemon's."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from focusd.api import create_app
from focusd.errors import StartFailed
from focusd.event_stream import HANG_UP
from focusd.house import House

GRACE_S = 2
"""How long an answer may still take once the daemon ends."""


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
    """A connection that can be ended at once, by an extension of its requests."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to take requests."""
        super().connection_made(transport)
        app: ASGIApp = self.app

        async def extended(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[HANG_UP] = transport.abort
            await app(scope, receive, send)

        self.app = extended


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
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=GRACE_S,
        )
    )
