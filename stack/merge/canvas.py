"""The picture so far as pixels: means of all slices, moved towards each new one by its share.

Sixteen bits a value whatever the slices have, so that a share of a thousandth still counts. Work is done in
tiles that stay in a small processor's cache, and only where the slice matters.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.frames import HALF, Frame, Layers
from stack.merge.lay import laid, laid_whole
from stack.merge.photos import Pixels
from stack.merge.planes import Plane, enlarged_rows
from stack.merge.similarity import Similarity
from stack.merge.tone import Gains

TILE_ROWS: Final = 128
TILE_COLUMNS: Final = 512
"""A tile of the picture, the slice and the weights stays in a small processor's cache."""
LEAST_SHARE: Final = 1e-3
"""Where a slice's share stays below, the picture is left as it is."""
CAREFUL_SHARE: Final = 0.1
"""Where it stays below this, the slice is laid with less care."""
WHITE: Final = 65535
GREY: Final = np.array([0.114, 0.587, 0.299])
"""Of blue, green and red in brightness."""
TINT: Final = np.array([[0.0, 0.0, 0.713], [0.564, 0.0, 0.0]]) - np.array([[0.713], [0.564]]) * GREY
"""Red and blue less brightness, from blue, green and red: as OpenCV's YCrCb has them."""
NO_TINT: Final = 32768
CAST: Final = 0.002
"""Gains of single colours that differ by less change brightness by less than a sixth of a level of 255."""


@dataclass(frozen=True, slots=True)
class Tile:
    """Part of the picture, the slice's share there, `(h, w)`, and whether it is large enough for care."""

    rows: slice
    columns: slice
    share: Plane
    careful: bool


class Canvas(Protocol):
    """The picture so far."""

    def blend(
        self, frame: Frame, small: Pixels, similarity: Similarity, gains: Gains, share: Plane, factor: int
    ) -> None:
        """Move it towards a slice.

        `similarity` maps its pixels to the slice's. `small` is the slice laid, reduced by `factor`, and
        `share` its weight there, 0 to 1.
        """

    def part(self, rows: slice, columns: slice, dtype: Any) -> NDArray[Any]:
        """Give part of it, blue-green-red, as uint8 or uint16."""

    def reduced(self, factor: int) -> NDArray[np.uint8]:
        """Give all of it at a lower resolution, blue-green-red, uint8."""


class WholeCanvas:
    """All colours at full size, from whole slices."""

    def __init__(self, height_px: int, width_px: int) -> None:
        self._picture = np.zeros((height_px, width_px, 3), np.uint16)

    def blend(
        self, frame: Frame, small: Pixels, similarity: Similarity, gains: Gains, share: Plane, factor: int
    ) -> None:
        """As `Canvas` says."""
        assert not isinstance(frame, Layers)
        scale: Any = (*(gains * (WHITE / np.iinfo(frame.dtype).max)), 0.0)
        for tile in _tiles(share, factor, self._picture.shape):
            part: Any = laid(frame, similarity, tile.rows, tile.columns, tile.careful)
            _move(
                self._picture[tile.rows, tile.columns],
                cv2.multiply(part, scale, dtype=cv2.CV_32F),
                tile.share,
            )

    def part(self, rows: slice, columns: slice, dtype: Any) -> NDArray[Any]:
        """As `Canvas` says."""
        return _as_deep(self._picture[rows, columns], dtype)

    def reduced(self, factor: int) -> NDArray[np.uint8]:
        """As `Canvas` says."""
        return _as_deep(_shrunk(self._picture, self._picture.shape, factor), np.uint8)


class LayersCanvas:
    """Brightness at full size, and red and blue less brightness at half."""

    def __init__(self, height_px: int, width_px: int) -> None:
        self._brightness = np.zeros((height_px, width_px), np.uint16)
        self._colour = np.zeros((height_px // HALF, width_px // HALF, 2), np.uint16)

    def blend(
        self, frame: Frame, small: Pixels, similarity: Similarity, gains: Gains, share: Plane, factor: int
    ) -> None:
        """As `Canvas` says."""
        assert isinstance(frame, Layers)
        unit = WHITE / np.iinfo(frame.dtype).max
        gain = float(GREY @ gains)
        cast = self._cast(small, gains - gain, unit)
        for tile in _tiles(share, factor, self._brightness.shape):
            part: Any = laid(frame.brightness, similarity, tile.rows, tile.columns, tile.careful)
            new: Any = cv2.multiply(part, gain * unit, dtype=cv2.CV_32F)  # type: ignore[call-overload]
            if cast is not None:
                new += enlarged_rows(cast, factor, tile.rows, self._brightness.shape)[:, tile.columns]
            _move(self._brightness[tile.rows, tile.columns], new, tile.share)
        colour = small if factor == HALF else laid_whole(frame.colour, similarity.reduced(HALF))
        tint = np.column_stack([TINT * gains * unit, [NO_TINT, NO_TINT]]).astype(np.float32)
        for tile in _tiles(share, factor // HALF, self._colour.shape):
            channels: Any = colour[tile.rows, tile.columns]
            new = cv2.transform(channels.astype(np.float32), tint)
            _move(self._colour[tile.rows, tile.columns], new, tile.share)

    def part(self, rows: slice, columns: slice, dtype: Any) -> NDArray[Any]:
        """As `Canvas` says."""
        height, width = self._brightness[rows, columns].shape
        part = np.empty((height, width, 3), dtype)
        for top in range(0, height, TILE_ROWS):
            strip = slice(rows.start + top, min(rows.start + top + TILE_ROWS, rows.stop))
            colour = enlarged_rows(self._colour, HALF, strip, self._brightness.shape)
            whole = _blue_green_red(self._brightness[strip], colour)
            part[top : top + TILE_ROWS] = _as_deep(whole[:, columns], dtype)
        return part

    def reduced(self, factor: int) -> NDArray[np.uint8]:
        """As `Canvas` says."""
        shape = self._brightness.shape
        brightness, colour = (_shrunk(layer, shape, factor) for layer in (self._brightness, self._colour))
        return _as_deep(_blue_green_red(brightness, colour), np.uint8)

    def _cast(self, small: Pixels, excess: NDArray[np.float64], unit: float) -> Plane | None:
        """Give what gains that differ between colours add to brightness, in the canvas' unit, if anything."""
        if np.abs(excess).max() < CAST:
            return None
        mix = (GREY * excess * unit).astype(np.float32)[None]
        return np.vstack(
            [
                np.asarray(cv2.transform(small[top : top + TILE_ROWS].astype(np.float32), mix), np.float32)
                for top in range(0, len(small), TILE_ROWS)
            ]
        )


def _tiles(share: Plane, factor: int, shape: tuple[int, ...]) -> Iterator[Tile]:
    """Give the tiles of a picture of `shape` in which a share reduced by `factor` matters."""
    height, width = shape[:2]
    for top in range(0, height, TILE_ROWS):
        rows = slice(top, min(top + TILE_ROWS, height))
        strip = enlarged_rows(share, factor, rows, shape)
        for left in range(0, width, TILE_COLUMNS):
            columns = slice(left, min(left + TILE_COLUMNS, width))
            most = strip[:, columns].max()
            if most >= LEAST_SHARE:
                yield Tile(rows, columns, strip[:, columns], bool(most >= CAREFUL_SHARE))


def _move(ours: NDArray[np.uint16], new: Any, share: Plane) -> None:
    """Move part of the picture towards the slice's, in place."""
    # blendLinear adds 1e-5 to the sum of weights; scaled up, that is nothing.
    weight = share * np.float32(1e3)
    mixed: Any = cv2.blendLinear(new, ours.astype(np.float32), weight, np.float32(1e3) - weight)
    np.clip(mixed, 0, WHITE, out=mixed)
    mixed += 0.5
    ours[...] = mixed


def _blue_green_red(brightness: Any, colour: Any) -> Any:
    return cv2.cvtColor(cv2.merge([brightness, colour]), cv2.COLOR_YCrCb2BGR)


def _shrunk(layer: Any, shape: tuple[int, ...], factor: int) -> Any:
    size = max(1, shape[1] // factor), max(1, shape[0] // factor)
    return cv2.resize(layer, size, interpolation=cv2.INTER_AREA)


def _as_deep(pixels: Any, dtype: Any) -> NDArray[Any]:
    deep: NDArray[Any] = (
        pixels.copy() if dtype == np.uint16 else cv2.convertScaleAbs(pixels, alpha=255 / WHITE)
    )
    return deep
