"""Raw files of cameras, DNG among them, developed alike for every slice, where rawpy is installed."""

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stack.merge.errors import PhotoUnreadable

MISSING = f"is a raw file, and reading those needs rawpy: {sys.executable} -m pip install rawpy"


def raw_size(path: Path, data: bytes) -> tuple[int, int]:
    """Give width and height in pixels. Raises `PhotoUnreadable`."""
    with _opened(path, data) as raw:
        return int(raw.sizes.width), int(raw.sizes.height)


def develop(path: Path, data: bytes) -> NDArray[np.uint16]:
    """Give pixels `(H, W, 3)` blue-green-red, 16 bit, in sRGB with its curve. Raises `PhotoUnreadable`.

    White balance is the camera's, brightness is not adapted to the picture: slices stay comparable.
    """
    with _opened(path, data) as raw:
        try:
            developed: NDArray[np.uint16] = raw.postprocess(
                use_camera_wb=True,
                no_auto_bright=True,
                adjust_maximum_thr=0,  # else white depends on the brightest pixel of each file
                output_bps=16,
                gamma=(2.4, 12.92),
                user_flip=0,
            )
        except Exception as e:  # LibRaw's errors have a tree of their own
            raise PhotoUnreadable(path, f"the raw file is cut short or damaged ({_words(e)})") from e
    return np.ascontiguousarray(developed[..., ::-1])


def _opened(path: Path, data: bytes) -> Any:
    try:
        import rawpy
    except ImportError as e:
        raise PhotoUnreadable(path, MISSING) from e
    try:
        return rawpy.imread(io.BytesIO(data))
    except Exception as e:  # LibRaw's errors have a tree of their own
        raise PhotoUnreadable(path, f"is no raw file that can be read ({_words(e)})") from e


def _words(error: Exception) -> str:
    """Give what LibRaw says, which it says in bytes."""
    said = error.args[0] if error.args else ""
    return said.decode("ascii", "replace") if isinstance(said, bytes) else str(error)
