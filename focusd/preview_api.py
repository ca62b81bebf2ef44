"""The camera's view over HTTP: one picture, or a stream as motion JPEG; and the picture that is merged.

Pictures are made in a thread of their own at a low priority, one after the other, and clients that look alike
share them. Nobody holds up the rig: who cannot follow sees fewer pictures.
"""

import asyncio
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Request
from pydantic import AfterValidator, Field
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from focusd.errors import Refused
from focusd.event_stream import hung_up
from focusd.finder import SHARE_AT_REST, SHARE_AT_WORK, WANTED_NS, Finder
from focusd.house import House
from focusd.operator import Operator
from focusd.requests import queried
from focusd.strict import Strict

if TYPE_CHECKING:
    from camera.view import Shown, View

MOST_WATCHERS = 16

GROWS_S = 8.0
"""A child that merges answers when the slice at hand is done; on a small board that takes seconds."""

PATIENCE_S = 10.0
"""A picture that has not come by then is not waited for."""

BETWEEN_S = 1.0
"""How long a stream waits for a camera that fails before it asks again."""

_BOUNDARY = "focusrail"


def _place(typed: str | None) -> tuple[float, float] | None:
    if typed is None:
        return None
    try:
        x, y = (float(part) for part in typed.split(","))
    except ValueError:
        raise ValueError("is not a place: two parts of width and height, as in 0.5,0.5") from None
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise ValueError("lies outside the frame: both parts are from 0 to 1")
    return x, y


class ViewRequest(Strict):
    """How to look at what the camera sees."""

    width: Annotated[int, Field(ge=64, le=4096)] = 960
    crop: Annotated[str | None, AfterValidator(_place)] = None
    peaking: bool = False
    clipping: bool = False
    quality: Annotated[int, Field(ge=10, le=100)] = 80


def add_preview(app: FastAPI, house: House) -> None:
    """Let clients look through the camera."""
    watch = _Watch(house.finder, house.operator)
    one_by_one = asyncio.Lock()

    @app.get("/preview.jpg")
    async def still(request: Request) -> Response:
        number, shown = await watch.picture(_view(request), watch.latest())
        return Response(shown.jpeg, media_type="image/jpeg", headers=_figures(number, shown))

    @app.get("/growing.jpg")
    async def growing() -> Response:
        async with one_by_one:
            growth = await asyncio.to_thread(house.merges.growing, GROWS_S)
        if growth is None:
            raise Refused(
                "no picture grows just now: nothing is merged, or no slice is in it yet, or all are"
            )
        figures = {"X-Session": growth.session, "X-Slices": str(growth.slices), "Cache-Control": "no-store"}
        return Response(growth.jpeg, media_type="image/jpeg", headers=figures)

    @app.get("/preview.mjpeg")
    async def motion(request: Request) -> Response:
        watch.admit()
        return _Motion(watch, _view(request))


def _view(request: Request) -> "View":
    """Read how somebody wants to look; every problem with that is named at once."""
    from camera.view import View

    asked = queried(request, ViewRequest)
    crop: Any = asked.crop
    return View(asked.width, crop, asked.peaking, asked.clipping, asked.quality)


def _figures(number: int, shown: "Shown") -> dict[str, str]:
    return {
        "X-Frame": str(number),
        "X-Sharpness": f"{shown.sharpness:.2f}",
        "X-Clipped-Percent": f"{shown.clipped_percent:.2f}",
        "Cache-Control": "no-store",
    }


class _Watch:
    """What all who look share: the thread that makes pictures, and the budget it keeps to."""

    def __init__(self, finder: Finder, operator: Operator) -> None:
        self._finder = finder
        self._operator = operator
        self._turn = asyncio.Lock()
        self._darkroom = ThreadPoolExecutor(1, "preview", _step_back)
        self._watchers = 0

    @property
    def over(self) -> bool:
        """Whether there will be no more pictures."""
        return self._finder.closed

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Count somebody who looks all the time."""
        self._watchers += 1
        try:
            yield
        finally:
            self._watchers -= 1

    def admit(self) -> None:
        """Raise `Refused` where enough look all the time already."""
        if self._watchers >= MOST_WATCHERS:
            raise Refused(f"{MOST_WATCHERS} are looking already; end one of them first")

    def latest(self) -> int:
        """Give the number of the frame after which one is new: at rest the latest, at work the one before."""
        return self._finder.latest.number - (self._operator.busy and self._finder.latest.frame is not None)

    async def picture(self, view: "View", number: int) -> "tuple[int, Shown]":
        """Give a picture of a frame later than `number`; raises `Refused` where none comes."""
        deadline_s = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            patience = asyncio.timeout_at(deadline_s)
            with suppress(TimeoutError):
                async with patience:
                    await self._news(number)
            if (problem := self._finder.latest.problem) is not None:
                raise Refused(f"there is no picture: {problem}")
            if patience.expired():
                raise Refused(
                    f"there is no picture: none was taken within {PATIENCE_S:.0f} s"
                    + (f" of {self._operator.glance().job}" if self._operator.busy else "")
                )
            if (shown := await self._made(view)) is not None:
                return shown

    async def _news(self, number: int) -> None:
        """Wait for a frame later than `number`; at rest, have a frame taken."""
        news = asyncio.Event()
        with self._finder.listening(partial(asyncio.get_running_loop().call_soon_threadsafe, news.set)):
            while not (self.over or self._finder.latest.is_later(number)):
                self._finder.want()
                self._operator.look()
                await news.wait()
                news.clear()

    async def _made(self, view: "View") -> "tuple[int, Shown] | None":
        """Make a picture when it is this one's turn and the budget allows."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            await asyncio.sleep(self._finder.wait_s(view))
            share = SHARE_AT_WORK if self._operator.busy else SHARE_AT_REST
            shown = await loop.run_in_executor(self._darkroom, self._finder.show, view, share)
        loop.call_later(WANTED_NS / 1e9 + 1, self._finder.forget)
        return shown


def _step_back() -> None:
    """Let everything else go first; on Linux a thread has a priority of its own."""
    from camera.view import in_this_thread

    in_this_thread()
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 15)


class _Motion(Response):
    """Pictures without end, each in place of the one before (multipart/x-mixed-replace)."""

    def __init__(self, watch: _Watch, view: "View") -> None:
        super().__init__(media_type=f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        del self.headers["content-length"]
        self._watch = watch
        self._view = view
        self._number = watch.latest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until somebody hangs up, or the daemon ends."""
        gone = asyncio.create_task(hung_up(receive))
        try:
            with self._watch.one_more():
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                while not gone.done() and not self._watch.over:
                    part = asyncio.create_task(self._part())
                    await asyncio.wait((part, gone), return_when=asyncio.FIRST_COMPLETED)
                    if not part.done():
                        part.cancel()
                        return
                    await send({"type": "http.response.body", "body": part.result(), "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()

    async def _part(self) -> bytes:
        """Give the next picture as a part of the whole; nothing where there is none for long."""
        try:
            self._number, shown = await self._watch.picture(self._view, self._number)
        except Refused:
            await asyncio.sleep(BETWEEN_S)
            return b""
        figures = {**_figures(self._number, shown), "Content-Type": "image/jpeg"}
        lines = [f"--{_BOUNDARY}", *(f"{name}: {value}" for name, value in figures.items())]
        head = "\r\n".join([*lines, f"Content-Length: {len(shown.jpeg)}", "", ""])
        return head.encode() + shown.jpeg + b"\r\n"
