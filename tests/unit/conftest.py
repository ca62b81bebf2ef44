"""Rigs that the tests of several modules begin with."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import rail_rig
import stack_rig
from daemon_rig import DaemonRig
from examples import take_their_time
from series_machine import Machine
from stack_rig import InlineWriter, LateWriter
from stand_in_daemon import StandIn, listening

from stack.writer import SliceWriter, ThreadedWriter

take_their_time()

WRITERS: list[Callable[[], SliceWriter]] = [InlineWriter, LateWriter, ThreadedWriter]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A daemon's time-lapse with a disk and a clock of its own, months of it in moments."""
    return Machine(tmp_path)


@pytest.fixture
def rig(tmp_path: Path) -> DaemonRig:
    """The operator and all that is below it, switched on for the first time."""
    return DaemonRig(tmp_path)


@pytest.fixture
def unhomed(tmp_path: Path) -> rail_rig.Rig:
    """A rail that was just switched on for the first time."""
    return rail_rig.Rig(tmp_path)


@pytest.fixture
def homed(tmp_path: Path) -> rail_rig.Rig:
    """A rail that stands at the near end of its reach, and knows it."""
    return rail_rig.homed_rig(tmp_path)


@pytest.fixture
def inline_rig(tmp_path: Path) -> stack_rig.Rig:
    """A rig that shoots and saves in one thread."""
    return stack_rig.Rig(tmp_path)


@pytest.fixture(params=WRITERS)
def slice_writer(request: pytest.FixtureRequest) -> Iterator[SliceWriter]:
    """Each way to save slices."""
    writer: SliceWriter = request.param()
    yield writer
    writer.close()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where focusctl looks for a daemon; nobody is there."""
    socket = tmp_path / "focusd.sock"
    monkeypatch.setenv("FOCUSRAIL_SOCKET", str(socket))
    return socket


@pytest.fixture
def daemon(place: Path) -> Iterator[StandIn]:
    """A daemon that focusctl finds, and that has no rig."""
    with listening(place) as stand_in:
        yield stand_in
