"""The whole daemon, put together and taken apart in the test's own process, its simulated rig with it."""

import asyncio
import faulthandler
import gc
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from unittest.mock import MagicMock

import pytest
from daemon_process import PATIENCE_S, QUICK, children_of
from starlette.types import Receive, Scope, Send

import focusd.opening
import focusd.server
from focusd import daemon
from focusd.carriers import NotDelivered
from focusd.config import load_config
from focusd.errors import Refused
from focusd.house import House
from focusd.jobs import Jog
from focusd.opening import open_house
from focusd.operator import Operator
from focusd.panel import Panel
from focusd.redo import Redo
from focusd.server import Server, server_of
from focusd.settings import Config
from focusd.timelapse import Timelapse
from rail.errors import Stopped
from rail.stepper_axis import StepperAxis
from stack.plan import BetweenMarks, Count, Marks, StackPlan


def opened(folder: Path) -> House:
    return open_house(load_config(None, QUICK), folder, None, simulate=True)


def bystanders() -> set[threading.Thread | int]:
    """Give what runs beside the test: threads, and processes by number."""
    return {*threading.enumerate(), *children_of(os.getpid())}


def broken(*args: object, **settings: object) -> None:
    raise RuntimeError("it breaks here")


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (focusd.opening, "Card"),
        (focusd.opening, "Timelapse"),
        (focusd.opening, "take_up"),
        (Operator, "start"),
        (Panel, "start"),
        (Timelapse, "begin"),
    ],
)
def test_whatever_breaks_while_the_house_is_opened_nothing_is_left_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str
) -> None:
    before = bystanders()
    closed: list[str] = []
    monkeypatch.setattr(owner, name, broken)
    noted(monkeypatch, closed)
    with pytest.raises(RuntimeError, match="it breaks here"):
        opened(tmp_path)
    assert bystanders() <= before
    assert closed == ["axis"]


def test_it_is_open_and_closes_while_what_was_left_undone_is_still_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After weeks of a time-lapse that takes longer than systemd waits for a start."""
    looking, ended = threading.Event(), threading.Event()

    def long_look(redo: Redo) -> tuple[str, ...]:
        looking.set()
        assert redo._ended.wait(PATIENCE_S)
        ended.set()
        return ()

    monkeypatch.setattr(Redo, "make_up", long_look)
    house = opened(tmp_path)
    assert looking.wait(PATIENCE_S)
    assert not ended.is_set()
    assert house.deliveries.held_up()
    house.close()
    assert ended.is_set()


def test_motion_ends_and_the_motor_is_let_go_while_the_time_lapse_is_still_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work, enough = threading.Event(), threading.Event()

    def long_tick(timelapse: Timelapse) -> None:
        at_work.set()
        enough.wait(PATIENCE_S)

    monkeypatch.setattr(Timelapse, "tick", long_tick)
    house = opened(tmp_path)
    closing = threading.Thread(target=house.close)
    try:
        assert at_work.wait(PATIENCE_S)
        job = house.operator.order(Jog(30_000.0))
        until(house.rig.axis.moving)
        closing.start()
        assert isinstance(job.ended.exception(PATIENCE_S), Stopped)
        until(lambda: not house.operator._thread.is_alive())
        assert not house.rig.axis.moving()
        assert closing.is_alive()
        assert house.timelapse._thread.is_alive()
        with pytest.raises(Refused, match="focusd is ending"):
            house.operator.order(Jog(10.0))
    finally:
        enough.set()
        closing.join()


def until(true: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    until_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < until_s
        time.sleep(0.01)


def noted(monkeypatch: pytest.MonkeyPatch, closed: list[str]) -> None:
    """Note every time the axis is closed."""
    close: Callable[[object], None] = StepperAxis.close

    def close_and_note(axis: object) -> None:
        closed.append("axis")
        close(axis)

    monkeypatch.setattr(StepperAxis, "close", close_and_note)


def test_a_series_is_asked_for_by_the_places_that_are_marked_in_this_house() -> None:
    at_hand = MagicMock()  # of which nothing else is asked
    at_hand.book.marks = Marks(500.0, 700.0)
    stacks = focusd.opening._stacks(at_hand, at_hand, at_hand)
    plan = StackPlan("moss", BetweenMarks(), Count(5))
    assert stacks.placed({}, plan) == {"near_u": 500.0, "far_u": 700.0}


def test_of_two_deliveries_to_one_place_by_two_names_one_is_no_second_copy(tmp_path: Path) -> None:
    at_hand, place = MagicMock(), tmp_path / "stick"  # of which nothing else is asked
    for folder in (place, tmp_path / "sessions" / "0001"):
        folder.mkdir(parents=True)
    (tmp_path / "link").symlink_to(place)
    to = tuple({"to": str(tmp_path / name), "same_disk": True} for name in ("stick", "link"))
    at_hand.config = Config.model_validate({"delivery": to})
    after = focusd.opening._aftermath(at_hand)
    after.merges.close()
    one, other = (errands.destination.carrier for errands in after.deliveries._to.values())
    one.carry(tmp_path / "sessions" / "0001", [])
    with pytest.raises(NotDelivered, match="by another name, and so no second copy"):
        other.carry(tmp_path / "sessions" / "0001", [])


def test_a_house_that_is_closed_leaves_nothing_running(tmp_path: Path) -> None:
    before = bystanders()
    opened(tmp_path).close()
    assert bystanders() <= before


def test_requests_that_hang_do_not_hold_up_the_end() -> None:
    ended: list[str] = []
    enough = threading.Event()

    class Home:
        def close(self) -> None:
            ended.append("house")
            enough.set()

    def hang() -> None:
        enough.wait(PATIENCE_S)
        ended.append("request")

    async def serve() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        request = asyncio.create_task(asyncio.to_thread(hang))
        await asyncio.sleep(0)
        await daemon._closed(cast(House, Home()))
        await request

    asyncio.run(serve())
    assert ended == ["house", "request"]


def test_asked_to_end_while_it_starts_it_ends_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("nobody asks")

    def told_meanwhile(house: House) -> Server:
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        signal.raise_signal(signal.SIGTERM)
        return server_of(app)

    house = SimpleNamespace(close=lambda: closed.append(True))
    monkeypatch.setattr(focusd.opening, "open_house", lambda *_, **__: house)
    monkeypatch.setattr(focusd.server, "create_server", told_meanwhile)
    for owner, name in ((faulthandler, "enable"), (gc, "freeze")):  # for a whole process, as this is not
        monkeypatch.setattr(owner, name, lambda: None)
    before = {number: signal.getsignal(number) for number in daemon.ENDINGS}
    try:
        assert daemon.main(["--state-dir", str(tmp_path), "--socket", str(tmp_path / "s")]) == 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert closed == [True]
