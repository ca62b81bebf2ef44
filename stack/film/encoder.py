"""Frames into an MP4 that browsers and phones play: H.264, 4:2:0, its index in front. Only here is PyAV."""

import contextlib
import fcntl
import os
import secrets
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from stack.durable import LEFTOVER_SUFFIX, sync_folder
from stack.film.errors import EncoderMissing, FilmRefused

QUALITIES: Final = {"small": 28, "good": 20, "best": 15}
"""x264's constant rate factor: lower is better, and larger."""
THREADS: Final = 2
BT709: Final = 1
LIMITED: Final = 1
"""Numbers of ITU-T H.273, and of FFmpeg's AVColorRange."""
KEY_EVERY_S: Final = 2
"""So far from where one jumps to a player has to begin."""

_X264: Final = {
    # Each frame looked ahead at, or referred to, is held, at 7 bytes a pixel, where 512 MB is all there is;
    # with twice as many, films of pictures that hardly differ are no smaller.
    "x264-params": "rc-lookahead=4:sync-lookahead=0:ref=1:bframes=1",
    "preset": "veryfast",
}


def check_encoder() -> None:
    """Raise `EncoderMissing` unless a film can be written here."""
    _av()


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise EncoderMissing(str(error)) from error
    return av


class Encoder:
    """One film on its way: a context that leaves a whole film, or, after any exception, none.

    Parameters
    ----------
    path
        Replaced when the film is whole.
    size_px
        Width and height, even.
    fps
        Frames a second, 1 to 120.
    quality
        A name of `QUALITIES`.
    """

    def __init__(self, path: Path, size_px: tuple[int, int], fps: Fraction, quality: str) -> None:
        self._av = _av()
        self._path = path
        self._part = path.with_name(f".{path.name}.{secrets.token_hex(4)}{LEFTOVER_SUFFIX}")
        self._frames = 0
        self._claim: int | None = None
        _clear_abandoned(path)
        try:
            self._claim = _claimed(self._part)
            self._container: Any = self._av.open(
                str(self._part), "w", format="mp4", options={"movflags": "+faststart"}
            )
        except OSError as error:
            self._let_go()
            raise FilmRefused(path, f"cannot be written: {error.strerror or error}") from error
        self._stream = self._container.add_stream(
            "libx264", rate=fps, options={**_X264, "crf": str(QUALITIES[quality])}
        )
        self._stream.width, self._stream.height = size_px
        self._stream.pix_fmt = "yuv420p"
        coder = self._stream.codec_context
        self._tick = coder.time_base = 1 / fps
        coder.thread_count = min(THREADS, os.cpu_count() or 1)
        coder.gop_size = max(1, round(KEY_EVERY_S * fps))
        coder.color_range, coder.colorspace = LIMITED, BT709
        coder.color_primaries = coder.color_trc = BT709

    def add(self, pixels: NDArray[np.uint8]) -> None:
        """Write the next frame: `(H, W, 3)` blue-green-red. Raises `FilmRefused`."""
        frame = self._av.VideoFrame.from_ndarray(pixels, format="bgr24")
        frame = frame.reformat(
            format="yuv420p",
            src_colorspace="ITU709",
            dst_colorspace="ITU709",
            src_color_range="JPEG",
            dst_color_range="MPEG",
            interpolation="AREA",
        )
        frame.pts, frame.time_base = self._frames, self._tick
        self._frames += 1
        self._write(self._stream.encode, frame)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._write(self._stream.encode, None)
                self._finish()
        finally:
            with contextlib.suppress(Exception):
                self._container.close()
            self._let_go()

    def _let_go(self) -> None:
        """Leave nothing that is unfinished."""
        with contextlib.suppress(OSError):
            self._part.unlink(missing_ok=True)
        if self._claim is not None:
            os.close(self._claim)

    def _finish(self) -> None:
        try:
            self._container.close()
            with self._part.open("rb+") as file:
                os.fsync(file.fileno())
            self._part.replace(self._path)
            sync_folder(self._path.parent)
        except OSError as error:
            raise FilmRefused(self._path, f"cannot be written: {error.strerror or error}") from error

    def _write(self, encode: Any, frame: Any) -> None:
        try:
            for packet in encode(frame):
                self._container.mux(packet)
        except OSError as error:  # which every error of FFmpeg is that concerns files
            raise FilmRefused(self._path, f"cannot be written: {error.strerror or error}") from error


def _claimed(part: Path) -> int:
    """Make the file of an unfinished film and hold it for as long as the descriptor is open, or we live."""
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    with contextlib.suppress(OSError):  # of a disk that knows no locks, from which nothing is cleared either
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _clear_abandoned(path: Path) -> None:
    """Remove what a process that was killed left of the same film: nobody holds it."""
    for part in path.parent.glob(f".{path.name}.*{LEFTOVER_SUFFIX}"):
        with contextlib.suppress(OSError), part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()
