"""What libcamera's virtual camera sees, in the rig's camera system."""

import os
from pathlib import Path

import numpy as np

SIZE_PX = (640, 480)
PLACE = Path(os.environ.get("VIRTUAL_FRAME", "/dev/shm/frame.nv12"))
SILENCE = Path(os.environ.get("VIRTUAL_SILENCE", "/dev/shm/silence"))


def show(level: float) -> None:
    """Let the camera see an even grey, from dark (0) to bright (1), from its next frame on."""
    width, height = SIZE_PX
    part = PLACE.with_suffix(".part")
    np.full(width * height * 3 // 2, round(16 + 219 * level), np.uint8).tofile(part)
    part.rename(PLACE)


def silence(on: bool) -> None:
    """Let no frame come any more, as with a loose cable, or let them come again."""
    if on:
        SILENCE.touch()
    else:
        SILENCE.unlink(missing_ok=True)
