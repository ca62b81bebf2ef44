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

from stack.merge.evened import Evened
from stack.merge.focus import COARSE
from stack.merge.frames import HALF, Frame, Layers
from stack.merge.lay import laid, laid_whole
from stack.merge.photos import Pixels
from stack.merge.planes import STRIP_ROWS, Plane, enlarged_part, enlarged_rows, spans
from stack.merge.similarity import Similarity
from stack.merge.tone import Gains

TILE_ROWS: Final = 128
TILE_COLUMNS: Final = 256
"""A tile of the picture, the slice and the weights stays in a small processor's cache."""
WHOLE: Final = 65535.0
"""Shares are kept in so many parts: they are enlarged in half the time of floats."""
LEAST_SHARE: Final = 2e-3
"""Where a slice's share stays below, the picture is left as it is."""
CAREFUL: Final = 1.2
"""Levels of 255: where a slice brings less detail, it is laid with less care."""
WHITE: Final = 65535
GREY: Final = np.array([0.114, 0.587, 0.299])
"""Of blue, green and red in brightness."""
TINT: Final = np.array([[0.0, 0.0, 0.713], [0.564, 0.0, 0.0]]) - np.array([[0.713], [0.564]]) * GREY
"""Red and blue less brightness, from blue, green and red: as OpenCV's YCrCb has them."""
NO_TINT: Final = 32768
CAST: Final = 0.002
"""Gains of single colours that differ by less change brightness by less than a sixth of a level of 255."""
SEEN: Final = 1
"""Levels of 255 that are more than rounding."""


@dataclass(frozen=True, slots=True)
class Share:
    """What a slice has in the picture.

    Attributes
    ----------
    weight
        `(H/factor, W/factor)` uint16, of `WHOLE`.
    mean
        The same, 0 to 1, over `COARSE` pixels across, float32.
    detail
        Amplitude of the detail that it brings, levels of 255, as large.
    factor
        By how much sharpness is judged at a lower resolution than the picture's.
    """

    weight: NDArray[np.uint16]
    mean: Plane
    detail: Plane
    factor: int

    def tiles(self, shape: tuple[int, ...], size: int = 1) -> Iterator["Tile"]:
        """Give the tiles in which it matters, of the picture, or of one of `shape`, `size` times smaller."""
        height, width = shape[:2]
        factor = self.factor // size
        tops, lefts = range(0, height, TILE_ROWS), range(0, width, TILE_COLUMNS)
        matters = _greatest(self.mean, factor * COARSE, tops, lefts) >= LEAST_SHARE
        careful = _greatest(self.detail, factor * COARSE, tops, lefts) >= CAREFUL
        for down in np.flatnonzero(matters.any(axis=1)):
            rows = slice(tops[down], min(tops[down] + TILE_ROWS, height))
            strip = enlarged_rows(self.weight, factor, rows, shape)
            for right in np.flatnonzero(matters[down]):
                columns = slice(lefts[right], min(lefts[right] + TILE_COLUMNS, width))
                yield Tile(rows, columns, strip[:, columns], bool(careful[down, right]))


@dataclass(frozen=True, slots=True)
class Tile:
    """Part of the picture, the slice's share there, `(h, w)`, and whether its detail is worth care."""

    rows: slice
    columns: slice
    share: NDArray[np.uint16]
    careful: bool


def _greatest(plane: Plane, factor: int, tops: range, lefts: range) -> Plane:
    """Give the greatest value in each tile and next to it, of a plane reduced by `factor`."""
    around = cv2.dilate(plane, np.ones((3, 3), np.uint8))
    down, right = (
        np.minimum(np.array(starts) // factor, length - 1)
        for starts, length in zip((tops, lefts), plane.shape, strict=True)
    )
    return np.asarray(np.maximum.reduceat(np.maximum.reduceat(around, down), right, axis=1), np.float32)


class Canvas(Protocol):
    """The picture so far."""

    def blend(self, frame: Frame, similarity: Similarity, gains: Gains, share: Share) -> None:
        """Move it towards a slice by its share; `similarity` maps its pixels to the slice's."""

    def part(self, rows: slice, columns: slice, dtype: Any) -> NDArray[Any]:
        """Give part of it, blue-green-red, as uint8 or uint16."""

    def reduced(self, factor: int) -> NDArray[np.uint8]:
        """Give all of it at a lower resolution, blue-green-red, uint8."""

    def grey(self, factor: int) -> NDArray[np.uint8]:
        """Give its brightness at a lower resolution, uint8."""

    def light(self) -> Plane:
        """Give its brightness, levels of 255."""

    def brighten(self, by: Plane, factor: int) -> None:
        """Add to its brightness: levels of 255, `factor` times smaller."""


class WholeCanvas:
    """All colours at full size, from whole slices."""

    def __init__(self, height_px: int, width_px: int) -> None:
        self._picture = np.zeros((height_px, width_px, 3), np.uint16)

    def blend(self, frame: Frame, similarity: Similarity, gains: Gains, share: Share) -> None:
        """As `Canvas` says."""
        assert not isinstance(frame, Layers)
        evened = Evened(gains, frame.dtype, WHITE)
        for tile in share.tiles(self._picture.shape):
            ours = self._picture[tile.rows, tile.columns]
            change: Any = evened(laid(frame, similarity, tile.rows, tile.columns, tile.careful))
            cv2.subtract(change, ours, change, dtype=cv2.CV_32F)
            _move(ours, change, cv2.merge([tile.share] * 3))

    def part(self, rows: slice, columns: slice, dtype: Any) -> NDArray[Any]:
        """As `Canvas` says."""
        return _as_deep(self._picture[rows, columns], dtype)

    def reduced(self, factor: int) -> NDArray[np.uint8]:
        """As `Canvas` says."""
        return _as_deep(_shrunk(self._picture, self._picture.shape, factor), np.uint8)

    def grey(self, factor: int) -> NDArray[np.uint8]:
        """As `Canvas` says."""
        return np.asarray(cv2.cvtColor(self.reduced(factor), cv2.COLOR_BGR2GRAY), np.uint8)

    def light(self) -> Plane:
        """As `Canvas` says."""
        light: Any = cv2.cvtColor(self._picture, cv2.COLOR_BGR2GRAY)
        return np.asarray(light * np.float32(255 / WHITE), np.float32)

    def brighten(self, by: Plane, factor: int) -> None:
        """As `Canvas` says."""
        for rows, change in _changes(by, factor, self._picture.shape):
            ours = self._picture[rows]
            cv2.add(ours, cv2.merge([change] * 3), ours, dtype=cv2.CV_16U)


class LayersCanvas:
    """Brightness at full size, and red and blue less brightness at half."""

    def __init__(self, height_px: int, width_px: int) -> None:
        self._brightness = np.zeros((height_px, width_px), np.uint16)
        self._tints = [np.zeros((height_px // HALF, width_px // HALF), np.uint16) for _ in range(2)]

    def blend(self, frame: Frame, similarity: Similarity, gains: Gains, share: Share) -> None:
        """As `Canvas` says."""
        assert isinstance(frame, Layers)
        white = np.iinfo(frame.dtype).max
        cast, *tints = _apart(frame.colour, gains)
        unit, half = WHITE / white, similarity.reduced(HALF)
        self._blend_tints(tints, half, white, share)
        del tints
        gain = float(GREY @ gains)
        evened = Evened(np.array([gain]), frame.dtype, WHITE, clips=True)
        added = laid_whole(cast, half) if _matters(cast, gains) else None
        del cast
        for tile in share.tiles(self._brightness.shape):
            part: Any = laid(frame.brightness, similarity, tile.rows, tile.columns, tile.careful)
            ours = self._brightness[tile.rows, tile.columns]
            if evened.bends(part):
                change: Any = evened(part)
                cv2.subtract(change, ours, change, dtype=cv2.CV_32F)
            else:
                change = cv2.addWeighted(part, gain * unit, ours, -1, 0, dtype=cv2.CV_32F)
            if added is not None:
                _add(change, added, unit, tile)
            _move(ours, change, tile.share)

    def _blend_tints(self, tints: list[Pixels], half: Similarity, white: int, share: Share) -> None:
        unit = WHITE / white
        offset = NO_TINT - unit * _middle(white)
        for tile in share.tiles(self._tints[0].shape, HALF):
            for mine, tint in zip(self._tints, tints, strict=True):
                part: Any = laid(tint, half, tile.rows, tile.columns, careful=False)
                ours = mine[tile.rows, tile.columns]
                _move(ours, cv2.addWeighted(part, unit, ours, -1, offset, dtype=cv2.CV_32F), tile.share)

    def part(self, rows: slice, columns: slice, dtype: Any) -> NDArray[Any]:
        """As `Canvas` says."""
        height, width = self._brightness[rows, columns].shape
        part = np.empty((height, width, 3), dtype)
        for top in range(0, height, TILE_ROWS):
            strip = slice(rows.start + top, min(rows.start + top + TILE_ROWS, rows.stop))
            tints = [enlarged_rows(tint, HALF, strip, self._brightness.shape) for tint in self._tints]
            whole = _blue_green_red(self._brightness[strip], *tints)
            part[top : top + TILE_ROWS] = _as_deep(whole[:, columns], dtype)
        return part

    def reduced(self, factor: int) -> NDArray[np.uint8]:
        """As `Canvas` says."""
        shape = self._brightness.shape
        layers = (_shrunk(layer, shape, factor) for layer in (self._brightness, *self._tints))
        return _as_deep(_blue_green_red(*layers), np.uint8)

    def grey(self, factor: int) -> NDArray[np.uint8]:
        """As `Canvas` says."""
        return _as_deep(_shrunk(self._brightness, self._brightness.shape, factor), np.uint8)

    def light(self) -> Plane:
        """As `Canvas` says."""
        return self._brightness * np.float32(255 / WHITE)

    def brighten(self, by: Plane, factor: int) -> None:
        """As `Canvas` says."""
        for rows, change in _changes(by, factor, self._brightness.shape):
            ours = self._brightness[rows]
            cv2.add(ours, change, ours, dtype=cv2.CV_16U)


def _changes(by: Plane, factor: int, shape: tuple[int, ...]) -> Iterator[tuple[slice, Plane]]:
    """Give rows of the picture and what is added to them, in its own unit, `by` being levels of 255."""
    for rows in spans(shape[0], TILE_ROWS):
        yield rows, enlarged_rows(by, factor, rows, shape) * np.float32(WHITE / 255)


def _apart(colour: Pixels, gains: Gains) -> list[Pixels]:
    """Give what gains that differ add to brightness, red less brightness, and blue; all about the middle."""
    white = int(np.iinfo(colour.dtype).max)
    middle = _middle(white)
    mix = np.vstack([GREY * (gains - GREY @ gains), TINT * gains])
    mix = np.column_stack([mix, [middle] * 3]).astype(np.float32)
    evened = Evened(gains, colour.dtype, white, clips=True)
    alone = Evened(np.array([GREY @ gains]), colour.dtype, white, clips=True)
    apart: list[Any] = [np.empty(colour.shape[:2], colour.dtype) for _ in mix]
    for rows in spans(len(colour), STRIP_ROWS):
        strip = colour[rows]
        mixed = _bright_apart(strip, evened, alone) if evened.bends(strip) else cv2.transform(strip, mix)
        for plane, layer in zip(apart, cv2.split(mixed), strict=True):
            plane[rows] = layer
    return apart


def _bright_apart(colour: Pixels, evened: Evened, alone: Evened) -> Any:
    """Give what `_apart` does, of rows where gains bend; `alone` is what brightness becomes by itself."""
    white = int(np.iinfo(colour.dtype).max)
    mix = np.column_stack([np.vstack([GREY, TINT]), [_middle(white)] * 3]).astype(np.float32)
    mixed: Any = cv2.transform(evened(colour), mix)
    mixed[..., 0] -= alone(np.asarray(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY)))
    deep = cv2.CV_8U if white == 255 else cv2.CV_16U
    return cv2.addWeighted(mixed, 1, mixed, 0, 0, dtype=deep)  # rounds, and stops at the type's ends


def _middle(white: int) -> int:
    """Give what stands for no tint in slices whose pixels are at most `white`."""
    return (white + 1) // 2


def _matters(cast: Pixels, gains: Gains) -> bool:
    """Say whether brightness has to be told of single colours: their gains differ, or some are near white."""
    middle = _middle(int(np.iinfo(cast.dtype).max))
    least = middle * SEEN / 128
    return bool(
        np.abs(gains - GREY @ gains).max() >= CAST
        or int(cast.max()) - middle > least
        or middle - int(cast.min()) > least
    )


def _add(change: Any, cast: Pixels, unit: float, tile: Tile) -> None:
    """Add a tile of a cast, laid, to a change, in the canvas' unit and at full size, in place."""
    top, left = (max(0, span.start // HALF - 1) for span in (tile.rows, tile.columns))
    bottom, right = (-(-span.stop // HALF) + 1 for span in (tile.rows, tile.columns))
    near = cast[top:bottom, left:right] - np.float32(_middle(np.iinfo(cast.dtype).max))
    if not near.any():
        return
    rows, columns = (
        slice(span.start - first * HALF, span.stop - first * HALF)
        for span, first in ((tile.rows, top), (tile.columns, left))
    )
    change += enlarged_part(near * np.float32(unit), HALF, rows, columns, (rows.stop, columns.stop))


def _move(ours: NDArray[np.uint16], change: Any, share: Any) -> None:
    """Move part of the picture by a share, of `WHOLE`, of a change, in place."""
    cv2.multiply(change, share, change, 1 / WHOLE, cv2.CV_32F)
    cv2.add(ours, change, ours, dtype=cv2.CV_16U)


def _blue_green_red(brightness: Any, red: Any, blue: Any) -> Any:
    return cv2.cvtColor(cv2.merge([brightness, red, blue]), cv2.COLOR_YCrCb2BGR)


def _shrunk(layer: Any, shape: tuple[int, ...], factor: int) -> Any:
    size = max(1, shape[1] // factor), max(1, shape[0] // factor)
    return cv2.resize(layer, size, interpolation=cv2.INTER_AREA)


def _as_deep(pixels: Any, dtype: Any) -> NDArray[Any]:
    deep: NDArray[Any] = (
        pixels.copy() if dtype == np.uint16 else cv2.convertScaleAbs(pixels, alpha=255 / WHITE)
    )
    return deep
