"""Several photographs of one place as one: the mean of four has half the noise of each."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from camera.camera import Frame

MOST_FRAMES: Final = 64
"""As many 8-bit frames add up in 16 bits, with room to spare."""

_WIDER: Final = {np.dtype(np.uint8): np.uint16, np.dtype(np.uint16): np.uint32}


def mean(frames: Iterable[Frame]) -> Frame:
    """Give the mean of one to `MOST_FRAMES` frames that were exposed alike, in the type they have, rounded.

    They are added up as they come, in integers twice as wide, and let go: beside the sum no more than one is
    held. It began with the first and ended with the last; `metadata` are the first's, with `began_ns` of all
    and every frame's `retakes`. A single frame stays as it is.
    """
    every = iter(frames)
    first = next(every)
    if (second := next(every, None)) is None:
        return first
    pixels, raw = _Sum(first.pixels), _Sum(first.mosaic.pixels) if first.mosaic else None
    nothing = np.empty((0, 0), np.uint16)
    about = replace(
        first,
        pixels=nothing,
        mosaic=replace(first.mosaic, pixels=nothing) if first.mosaic else None,
    )
    began_ns, ended_ns, retakes = [first.began_ns], first.ended_ns, _retakes(first)
    del first
    for frame in chain([second], every):
        second = None
        pixels.add(frame.pixels)
        if raw is not None and frame.mosaic is not None:
            raw.add(frame.mosaic.pixels)
        began_ns.append(frame.began_ns)
        ended_ns, retakes = frame.ended_ns, retakes + _retakes(frame)
        del frame
    return replace(
        about,
        pixels=pixels.mean(),
        ended_ns=ended_ns,
        metadata={**about.metadata, "frames": len(began_ns), "began_ns": tuple(began_ns), "retakes": retakes},
        mosaic=replace(about.mosaic, pixels=raw.mean()) if about.mosaic and raw else None,
    )


class _Sum:
    def __init__(self, first: NDArray[Any]) -> None:
        self._kind = first.dtype
        self._total = first.astype(_WIDER[first.dtype])
        self._count = 1

    def add(self, pixels: NDArray[Any]) -> None:
        self._count += 1
        if self._count > MOST_FRAMES:
            raise ValueError(f"more than {MOST_FRAMES} frames do not add up in {self._total.dtype}")
        np.add(self._total, pixels, out=self._total)

    def mean(self) -> NDArray[Any]:
        self._total += self._count // 2
        self._total //= self._count
        return self._total.astype(self._kind)


def _retakes(frame: Frame) -> tuple[str, ...]:
    retakes = frame.metadata.get("retakes", ())
    return tuple(retakes) if isinstance(retakes, tuple | list) else ()
