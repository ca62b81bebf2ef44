"""A darkroom in a process of its own gives what one at hand gives, and ends with whoever started it."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from daemon_process import await_death, children_of

from simulator.laboratory import Laboratory, _say
from simulator.photograph import Darkroom
from simulator.scene import SceneError, SceneSpec
from simulator.scenes import open_scene
from simulator.sensor import CameraSpec
from simulator.stream import Shot
from simulator.world import World

CAMERA = CameraSpec(size_px=(128, 96))
SCENE = SceneSpec(near_um=100.0, far_um=900.0)
SOON_DRAWN = SceneSpec(kind="ruler", near_um=100.0, far_um=900.0)
SHOT = Shot(
    number=3,
    readout_ns=50_000_000,
    stamp_ns=50_000_000,
    lines=100,
    exposure_ns=10_000_000,
    gain=1.0,
    digital_gain=1.0,
    colour_gains=(2.0, 1.6),
    frame_ns=30_000_000,
    ae_state=2,
    light=1.0,
    before_ns=None,
    done_ns=90_000_000,
)
BGR = {"format": "RGB888", "size": (128, 96), "stride": 384}
DEEP = {"format": "BGR161616", "size": (128, 96), "stride": 768}
PLANES = {"format": "YUV420", "size": (128, 96), "stride": 128}
RAW = {"format": "SRGGB12", "size": (128, 96), "stride": 256}

HOST = """
import sys
from pathlib import Path
from test_simulator_laboratory import CAMERA, SOON_DRAWN, Laboratory, World
laboratory = Laboratory(CAMERA, SOON_DRAWN, World.open(Path(sys.argv[1])))
laboratory.open()
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.create(tmp_path / "world", position_um=500.0)


def test_every_pixel_is_as_from_a_darkroom_at_hand(world: World) -> None:
    at_hand = Darkroom(CAMERA, open_scene(SCENE, CAMERA.size_px), world, SCENE.px_per_um(CAMERA.size_px))
    with closing(Laboratory(CAMERA, SCENE, world)) as apart:
        for stream in (BGR, DEEP, PLANES):
            theirs, ours = apart.picture(SHOT, stream), at_hand.picture(SHOT, stream)
            assert (theirs.dtype, theirs.shape) == (ours.dtype, ours.shape)
            np.testing.assert_array_equal(theirs, ours)
            theirs[:] = 0  # a frame is the caller's own
        np.testing.assert_array_equal(apart.raw(SHOT, RAW), at_hand.raw(SHOT, RAW))
        assert apart.wanted_us() == at_hand.wanted_us()


def test_a_scene_that_cannot_be_opened_is_told_as_ever(world: World, tmp_path: Path) -> None:
    nothing = SceneSpec(kind="replay", replay_folder=tmp_path / "nothing")
    with closing(Laboratory(CAMERA, nothing, world)) as laboratory:
        for _ in range(2):
            with pytest.raises(SceneError, match="nothing is not a folder"):
                laboratory.open()


def test_a_scene_that_is_still_being_drawn_is_given_up_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of focusd waited for it, half a minute where others work."""
    large = CameraSpec(size_px=(4056, 3040))
    with closing(Laboratory(large, SCENE, world)) as laboratory:

        def told_and_given_up(line: socket.socket, order: object) -> None:
            _say(line, order)
            laboratory.give_up()

        with monkeypatch.context() as meanwhile:
            meanwhile.setattr("simulator.laboratory._say", told_and_given_up)
            with pytest.raises(SceneError, match="is gone"):
                laboratory.open()
        with pytest.raises(SceneError, match="is gone"):
            laboratory.open()


def test_one_that_died_is_told_and_started_again_when_asked_next(world: World) -> None:
    others = set(children_of(os.getpid()))
    with closing(Laboratory(CAMERA, SOON_DRAWN, world)) as laboratory:
        laboratory.open()
        (process,) = set(children_of(os.getpid())) - others
        os.kill(process, signal.SIGKILL)
        with pytest.raises(SceneError, match="is gone"):
            laboratory.wanted_us()
        assert laboratory.wanted_us() > 0
    assert set(children_of(os.getpid())) <= others


def test_it_ends_with_whoever_started_it(world: World) -> None:
    host = subprocess.Popen(
        [sys.executable, "-c", HOST, str(world.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with host:
        assert host.stdout is not None
        assert host.stdout.readline() == "open\n"
        family = children_of(host.pid)
        assert len(family) == 1
        host.kill()
        host.wait()
        await_death(family)
