"""What lens and sensor do to every picture alike, taken out of it: shading, dust, hot pixels.

A white field says by how much each part of the frame is darker than the brightest; gains lift it, in light
and colour by colour, so that nothing is ever darkened and what is clipped stays clipped. A dark frame says
which pixels shine by themselves; those are replaced by the middle of their neighbours. And it says how bright
darkness itself comes out; that light is taken away before anything is lifted, with it.
"""

import io
import json
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from camera.camera import Exposure, Pixels
from camera.taken import Taken, taken_of

STRIP_ROWS: Final = 128
REACH_PX: Final = 2
"""Neighbours up to so far away stand in for a hot pixel."""

TAKEN: Final = ("field_taken", "dark_taken")
_LEVELS: Final = 65_535


@dataclass(frozen=True, eq=False, slots=True)
class Shading:
    """What is known of one camera with one lens.

    Attributes
    ----------
    size_px
        Width and height of the frames it is of.
    gains
        Shape `(h, w, 3)`, float32, 1 and more: by how much the light of each block of the frame, blue, green,
        red, is to be lifted; None: no white field was taken.
    hot
        Shape `(n, 2)`, row and column of pixels that shine by themselves; None: no dark frame was taken.
    dark
        Shape `(3,)`, float32, 0 to 0.1: the light of darkness, blue, green, red, of which 1 is white; None:
        no dark frame was taken, or one from before this was measured.
    field_taken, dark_taken
        How the white field and the dark frame were taken; None also for one from before this was kept.
    """

    size_px: tuple[int, int]
    gains: NDArray[np.float32] | None = None
    hot: NDArray[np.int32] | None = None
    dark: NDArray[np.float32] | None = None
    field_taken: Taken | None = None
    dark_taken: Taken | None = None

    def fitting(self, exposure: Exposure) -> "Shading":
        """Give what of it holds for frames of an exposure: darkness is as bright in those alike alone."""
        if self.dark_taken is None or self.dark_taken.as_dark(exposure):
            return self
        return replace(self, dark=None)

    def corrected(self, pixels: Pixels) -> Pixels:
        """Give a frame without it, as pixels of its own. Raises ValueError for a frame of another size."""
        if pixels.shape[:2] != self.size_px[::-1]:
            raise ValueError(f"the white field is of {self.size_px} pixels, the frame of {pixels.shape[:2]}")
        mended = pixels.copy()
        if self.hot is not None and len(self.hot):
            _mend(mended, self.hot)
        dark = np.zeros(3, np.float32) if self.dark is None else self.dark
        if self.gains is not None or dark.any():
            _lift(mended, np.ones((1, 1, 3), np.float32) if self.gains is None else self.gains, dark)
        return mended

    def packed(self) -> bytes:
        """Give it as the content of a file."""
        parts = {name: part for name in ("gains", "hot", "dark") if (part := getattr(self, name)) is not None}
        for name in TAKEN:
            if (taken := getattr(self, name)) is not None:
                parts[name] = np.array(json.dumps(taken.record()))
        file = io.BytesIO()
        np.savez_compressed(file, size_px=np.array(self.size_px), **parts)
        return file.getvalue()


def unpacked(content: bytes) -> Shading:
    """Read what `Shading.packed` gave, and earlier versions' did.

    Raises ValueError, KeyError, TypeError or OSError for anything else.
    """
    with np.load(io.BytesIO(content), allow_pickle=False) as parts:
        width, height = (int(side) for side in parts["size_px"])
        gains, hot, dark = (parts.get(name) for name in ("gains", "hot", "dark"))
        taken = [taken_of(json.loads(str(parts[name]))) if name in parts else None for name in TAKEN]
        return Shading((width, height), gains, hot, dark, *taken)


def linear(levels: NDArray[Any], most: int) -> NDArray[np.float32]:
    """Give the light, 0 to 1, of sRGB levels up to `most` (IEC 61966-2-1)."""
    value = levels / np.float32(most)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _encoded(most: int) -> NDArray[Any]:
    """Tabulate the level of each of 65536 amounts of light."""
    light = np.arange(_LEVELS + 1) / _LEVELS
    value = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(most * value), np.uint8 if most == 255 else np.uint16)


def _mend(pixels: Pixels, hot: NDArray[np.int32]) -> None:
    """Replace hot pixels, in place, by the median of their neighbours that are not."""
    height, width = pixels.shape[:2]
    is_hot = np.zeros((height, width), np.bool_)
    is_hot[hot[:, 0], hot[:, 1]] = True
    near = range(-REACH_PX, REACH_PX + 1)
    stand_ins = np.empty((len(near) ** 2, len(hot), 3), np.float32)
    for number, (down, right) in enumerate(product(near, near)):
        rows, columns = np.clip(hot[:, 0] + down, 0, height - 1), np.clip(hot[:, 1] + right, 0, width - 1)
        stand_ins[number] = np.where(is_hot[rows, columns, None], np.nan, pixels[rows, columns])
    known = ~np.isnan(stand_ins).all(axis=(0, 2))
    pixels[hot[known, 0], hot[known, 1]] = np.nanmedian(stand_ins[:, known], axis=0).astype(pixels.dtype)


def _lift(pixels: Pixels, gains: NDArray[np.float32], dark: NDArray[np.float32]) -> None:
    """Take the light of darkness away and multiply the rest by gains, in place, a strip of rows at a time.

    White stays white. Where darkness is dark, nothing is made darker, not by rounding either.
    """
    height, width = pixels.shape[:2]
    most = 255 if pixels.dtype == np.uint8 else _LEVELS
    light_of, level_of = linear(np.arange(most + 1), most), _encoded(most)
    places = np.clip((np.arange(height) + 0.5) * gains.shape[0] / height - 0.5, 0, gains.shape[0] - 1)
    for top in range(0, height, STRIP_ROWS):
        rows = slice(top, top + STRIP_ROWS)
        above = places[rows].astype(int)
        part = (places[rows] - above).astype(np.float32)[:, None, None]
        lift = gains[above] * (1 - part) + gains[np.minimum(above + 1, len(gains) - 1)] * part
        light = light_of[pixels[rows]]
        light -= dark
        np.maximum(light, 0.0, out=light)
        light /= 1 - dark
        light *= cv2.resize(lift, (width, len(above)), interpolation=cv2.INTER_LINEAR)
        np.minimum(light, 1.0, out=light)
        light *= _LEVELS
        lifted = level_of[np.rint(light).astype(np.uint16)]
        pixels[rows] = lifted if dark.any() else np.maximum(lifted, pixels[rows])
