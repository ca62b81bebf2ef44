"""A darkroom in a process of its own: a camera's chip does not use the daemon's memory and time either.

`Laboratory` starts `python -m simulator.laboratory`, which opens the world and the scene, develops what it is
sent, and ends when nobody is left to send anything.
"""

import os
import pickle
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.photograph import Darkroom
from simulator.scene import SceneError, SceneSpec
from simulator.scenes import open_scene
from simulator.sensor import CameraSpec
from simulator.stream import Shot
from simulator.world import World

_LENGTH = struct.Struct("@Q")


class Laboratory:
    """Develops as `simulator.photograph.Darkroom` does, elsewhere; any thread may ask, one after another.

    Asking raises `SceneError` when the scene cannot be opened, or the process is gone.
    """

    def __init__(self, camera: CameraSpec, scene: SceneSpec, world: World) -> None:
        self._order = camera, scene, world.path
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._drawing: socket.socket | None = None
        self._given_up = False

    def open(self) -> None:
        """Start the process, which draws the scene, if that is not done yet."""
        with self._lock, self._in_touch():
            pass

    def give_up(self) -> None:
        """Wait for no scene any more, which may take a minute to draw; from any thread."""
        self._given_up = True
        if (line := self._drawing) is not None:
            with suppress(OSError):  # it is drawn by now
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def wanted_us(self) -> float:
        """Give the exposure at gain 1 and light 1 that brings the scene's mean to a middle grey."""
        return float(self._told("wanted_us"))

    def picture(self, shot: Shot, stream: dict[str, Any]) -> NDArray[Any]:
        """Give a shot's pixels in the stream's format and size."""
        return self._pixels("picture", shot, stream)

    def raw(self, shot: Shot, stream: dict[str, Any]) -> NDArray[np.uint8]:
        """Give what the sensor read, as the raw stream holds it, `(H, stride)` bytes."""
        return self._pixels("raw", shot, stream)

    def _told(self, *asked: Any) -> Any:
        with self._lock, self._in_touch() as line:
            return _answer(line, asked)

    def _pixels(self, *asked: Any) -> NDArray[Any]:
        with self._lock, self._in_touch() as line:
            dtype, shape = _answer(line, asked)
            pixels: NDArray[Any] = np.empty(shape, dtype)
            _fill(line, pixels.data.cast("B"))
        return pixels

    @contextmanager
    def _in_touch(self) -> Iterator[socket.socket]:
        """Lend the line to the process, started if need be; one that is gone by the next who asks."""
        try:
            if self._line is None:
                self._start()
            assert self._line is not None
            yield self._line
        except (OSError, EOFError) as error:
            self._end()
            raise SceneError("the process that draws what the simulated camera sees is gone") from error

    def _start(self) -> None:
        self._line, theirs = socket.socketpair()
        self._drawing = self._line
        if self._given_up:
            self._line.shutdown(socket.SHUT_RDWR)
        command = [sys.executable, "-m", "simulator.laboratory", str(theirs.fileno())]
        with theirs:
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        try:
            _answer(self._line, self._order)
        except SceneError:
            self._end()
            raise
        finally:
            self._drawing = None

    def _end(self) -> None:
        if self._line is not None and self._process is not None:
            self._line.close()
            self._process.wait()
        self._line = self._process = None


def _answer(line: socket.socket, asked: Any) -> Any:
    _say(line, asked)
    answer = _hear(line)
    if isinstance(answer, Exception):
        raise answer
    return answer


def _say(line: socket.socket, value: Any) -> None:
    data = pickle.dumps(value)
    line.sendall(_LENGTH.pack(len(data)) + data)


def _hear(line: socket.socket) -> Any:
    """Give what the other end says. Raises `EOFError` when it is gone."""
    head = bytearray(_LENGTH.size)
    _fill(line, memoryview(head))
    data = bytearray(_LENGTH.unpack(head)[0])
    _fill(line, memoryview(data))
    return pickle.loads(data)


def _fill(line: socket.socket, view: memoryview) -> None:
    while len(view):
        count = line.recv_into(view)
        if not count:
            raise EOFError
        view = view[count:]


def _end_with(line: socket.socket) -> None:
    """End this process as soon as the other end is gone, whatever it is drawing."""
    watched = select.poll()
    watched.register(line, select.POLLHUP)
    watched.poll()
    os._exit(0)


def _serve(line: socket.socket) -> None:
    camera, spec, path = _hear(line)
    try:
        scene = open_scene(spec, camera.size_px)
        darkroom = Darkroom(camera, scene, World.open(path), spec.px_per_um(camera.size_px))
    except SceneError as error:
        return _say(line, error)
    _say(line, None)
    while True:
        what, *given = _hear(line)
        try:
            found = getattr(darkroom, what)(*given)
        except Exception as error:
            _say(line, error)
            continue
        if isinstance(found, np.ndarray):
            _say(line, (found.dtype.str, found.shape))
            line.sendall(np.ascontiguousarray(found).data.cast("B"))
        else:
            _say(line, found)


def main() -> None:
    """Serve the process that started this one until it is gone."""
    line = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started this, who ends the line
    threading.Thread(target=_end_with, args=(line,), daemon=True).start()
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        _serve(line)


if __name__ == "__main__":
    main()
