"""How a lens blurs what is drawn on a curved sheet: discs that grow with the distance from focus.

A point at `z` seen with the focus at `f` becomes a disc of radius `|z - f| * radius_px_per_um`, in linear
light. Every ray that reaches a pixel meets a smooth opaque surface once, so within one sheet blurred light
simply adds up: the sheet is split softly over a few radii ("stops"), each part is blurred with its own disc,
and the parts are summed. Silhouettes, and what shows behind them, come from the summed alpha. Wide discs are
blurred on coarse scales.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

_COARSEST = 5
_GRAIN = 1 << _COARSEST
_TILE = 64
_FINE_LIMITS_PX = (2.4, 7.0, 20.0, 48.0, 110.0)
"""Up to which disc radius each scale is used, finest first; the coarsest takes the rest."""
_STOPS_PX = (
    *(0.0, 1.1, 1.9, 2.9, 4.2, 5.7, 7.6, 9.9, 12.7, 16.2, 20.5),
    *(25.6 * 1.22**n for n in range(19)),
)
"""The radii of the discs used; between two, a mixture of both."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of whole pixels: `left <= x < right`, `top <= y < bottom`."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.bottom - self.top, self.right - self.left

    @property
    def index(self) -> tuple[slice, slice]:
        """Give what cuts this rectangle out of an array."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grown(self, margin_px: int, within: "Box") -> "Box":
        """Give this box with a margin, cut at `within`, its sides on the grain."""
        return Box(
            max(within.left, (self.left - margin_px) // _GRAIN * _GRAIN),
            max(within.top, (self.top - margin_px) // _GRAIN * _GRAIN),
            min(within.right, -(-(self.right + margin_px) // _GRAIN) * _GRAIN),
            min(within.bottom, -(-(self.bottom + margin_px) // _GRAIN) * _GRAIN),
        )

    def at(self, scale: int) -> "Box":
        """Give this box on a scale of one pixel for every `2**scale`."""
        return Box(self.left >> scale, self.top >> scale, self.right >> scale, self.bottom >> scale)

    def seen_from(self, other: "Box") -> "Box":
        """Give this box counted from the corner of `other`."""
        x, y = other.left, other.top
        return Box(self.left - x, self.top - y, self.right - x, self.bottom - y)


def on_the_grain(length_px: int) -> int:
    """Give the smallest length, not below `length_px`, that every scale divides."""
    return -(-length_px // _GRAIN) * _GRAIN


class Sheet:
    """A surface with a depth at every pixel, ready to be seen out of focus.

    Parameters
    ----------
    bgra
        `(H, W, 4)` float32, linear light premultiplied by alpha; H and W on the grain.
    depth_um
        `(H, W)` float32: where on the axis each pixel is in focus. Ignored where alpha is 0.
    """

    def __init__(self, bgra: Plane, depth_um: Plane) -> None:
        height, width = depth_um.shape
        if height % _GRAIN or width % _GRAIN:
            raise ValueError(f"a sheet of {width}x{height} is not on the grain of {_GRAIN} px")
        self._canvas = Box(0, 0, width, height)
        inked = bgra[..., 3] > 0
        rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
        if rows.size == 0:
            raise ValueError("a sheet with nothing on it")
        drawn = Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
        self.box = drawn.grown(0, self._canvas)
        light = np.ascontiguousarray(bgra[self.box.index])
        depth = np.where(light[..., 3] > 0, depth_um[self.box.index], 0).astype(np.float32)
        self._scales = [(light, depth)]
        for _ in range(_COARSEST):
            light, depth = reduced(light, depth, 2)
            self._scales.append((light, depth))
        self._spans = _spans(*self._scales[0])

    @property
    def sharp(self) -> tuple[Plane, Plane]:
        """Give the light and the depth as drawn, cut to `box`."""
        return self._scales[0]

    def seen(self, focus_um: float, radius_px_per_um: float) -> tuple[Plane, Box]:
        """Give the sheet blurred as with the focus at `focus_um`: premultiplied light and where it lies."""
        nearest, farthest = self._spans[0].min(), self._spans[1].max()
        widest = min(max(abs(nearest - focus_um), abs(farthest - focus_um)) * radius_px_per_um, _STOPS_PX[-1])
        place = self.box.grown(int(widest * 1.3) + 4, self._canvas)
        here = self.box.seen_from(place)
        sums = self._summed(focus_um, radius_px_per_um, place, here)
        # A steep surface gathers slightly more than all rays, a hair in front of a hair twice as many.
        if sums[..., 3].max() > 1:
            sums *= (1 / np.maximum(sums[..., 3], 1))[..., None]
        return sums, place

    def _summed(self, focus_um: float, radius_px_per_um: float, place: Box, here: Box) -> Plane:
        parts: list[Plane | None] = []
        left_over: list[tuple[Box, Plane, Plane]] = []
        for scale, (light, depth) in enumerate(self._scales):
            radius = np.abs(depth - focus_um) * radius_px_per_um
            if left_over:
                # Where the finer scale took its share, only what it left counts.
                light = light.copy()
                for block, some, radii in left_over:
                    light[block.index], radius[block.index] = some, radii
            live = self._live(scale, focus_um, radius_px_per_um)
            part = np.zeros((*place.at(scale).shape, 4), np.float32) if live.any() else None
            left_over = []
            if part is not None:
                for run in _runs(live, _TILE >> scale, radius.shape):
                    left = _blur_into(part, light[run.index], radius[run.index], scale, run, here.at(scale))
                    if left is not None:
                        left_over.append((run.at(1), *left))
            parts.append(part)
        return _summed_up(parts, place)

    def _live(self, scale: int, focus_um: float, radius_px_per_um: float) -> NDArray[np.bool_]:
        """Tell in which tiles something is blurred on this scale."""
        least, most = _reach(scale)
        nearest, farthest = self._spans
        away_least = np.maximum(np.maximum(nearest - focus_um, focus_um - farthest), 0) * radius_px_per_um
        away_most = np.maximum(np.abs(nearest - focus_um), np.abs(farthest - focus_um)) * radius_px_per_um
        return np.asarray((away_least < most) & (away_most > least) & (nearest <= farthest))


def _summed_up(parts: list[Plane | None], place: Box) -> Plane:
    """Add up the scales, finest first in `parts`, at full size."""
    total: Plane | None = None
    for scale in range(len(parts) - 1, -1, -1):
        rows, columns = place.at(scale).shape
        if total is not None:
            total = np.asarray(cv2.resize(total, (columns, rows)), np.float32)
        part = parts[scale]
        if total is None or part is None:
            total = part if total is None else total
        else:
            total += part
    return np.zeros((*place.shape, 4), np.float32) if total is None else total


def _runs(live: NDArray[np.bool_], edge_px: int, shape: tuple[int, ...]) -> Iterator[Box]:
    """Give stretches of live tiles, row by row."""
    height, width = shape
    for row, line in enumerate(live):
        for on, group in groupby(range(line.size), key=line.__getitem__):
            columns = list(group)
            if on:
                top, left, right = row * edge_px, columns[0] * edge_px, (columns[-1] + 1) * edge_px
                yield Box(left, top, min(right, width), min(top + edge_px, height))


def disc(radius_px: float) -> Plane:
    """Give a disc that sums to one, its rim smoothed over a pixel; `(n, n)` with n odd."""
    half = max(int(np.ceil(radius_px)), 0)
    fine = 8
    at = (np.arange((2 * half + 1) * fine, dtype=np.float32) + 0.5) / fine - (half + 0.5)
    inside = (at[:, None] ** 2 + at[None, :] ** 2 <= radius_px**2).astype(np.float32)
    kernel = cv2.resize(inside, (2 * half + 1, 2 * half + 1), interpolation=cv2.INTER_AREA)
    return kernel / kernel.sum() if kernel.sum() > 0 else np.ones((1, 1), np.float32)


def reduced(light: Plane, depth: Plane, finer: int) -> tuple[Plane, Plane]:
    """Average blocks of `finer` x `finer` pixels; each keeps its light's mean depth."""
    if finer == 1:
        return light, depth
    size = (depth.shape[1] // finer, depth.shape[0] // finer)
    small = np.asarray(cv2.resize(light, size, interpolation=cv2.INTER_AREA), np.float32)
    weighted = cv2.resize(depth * light[..., 3], size, interpolation=cv2.INTER_AREA)
    return small, np.asarray(weighted / np.maximum(small[..., 3], 1e-6), np.float32)


def _spans(light: Plane, depth: Plane) -> tuple[Plane, Plane]:
    """Give the nearest and farthest depth in every tile; nearest above farthest where a tile is empty."""
    height, width = depth.shape
    shape = (-(-height // _TILE), -(-width // _TILE))
    nearest, farthest = np.full(shape, np.inf, np.float32), np.full(shape, -np.inf, np.float32)
    for row, column in np.ndindex(shape):
        cut = Box(column * _TILE, row * _TILE, (column + 1) * _TILE, (row + 1) * _TILE).index
        inked = depth[cut][light[cut][..., 3] > 0]
        if inked.size:
            nearest[row, column], farthest[row, column] = inked.min(), inked.max()
    return nearest, farthest


def _scale_of(radius_px: float) -> int:
    return next((n for n, limit in enumerate(_FINE_LIMITS_PX) if radius_px < limit), _COARSEST)


@lru_cache
def _stops(scale: int) -> tuple[float, ...]:
    return tuple(radius for radius in _STOPS_PX if _scale_of(radius) == scale)


def _reach(scale: int) -> tuple[float, float]:
    """Give between which disc radii something is left for this scale to blur."""
    least = -1.0 if scale == 0 else _stops(scale - 1)[-1]
    most = np.inf if scale == _COARSEST else _stops(scale + 1)[0]
    return least, most


@lru_cache(maxsize=64)
def _kernel(radius_px: float, scale: int) -> Plane:
    # Halving `scale` times and doubling back blurs too: by a variance of (4**scale - 1) / 3 on each axis.
    own = max(radius_px**2 - 4 * (4**scale - 1) / 3, 0.0) ** 0.5
    return disc(own / 2**scale)


def _blur_into(
    part: Plane, light: Plane, radius: Plane, scale: int, run: Box, here: Box
) -> tuple[Plane, Plane] | None:
    """Add what belongs on this scale to `part`; give what is left for the next, halved, or None."""
    stops = _stops(scale)
    inked = light[..., 3] > 0
    if not inked.any():
        return None
    least, most = float(radius[inked].min()), float(radius[inked].max())
    for n, stop in enumerate(stops):
        below = stops[n - 1] if n else None
        above = stops[n + 1] if n + 1 < len(stops) else _reach(scale)[1]
        if (below is not None and most <= below) or least >= above:
            continue
        share = _share(radius, below, stop, above)
        _add(part, light * share[..., None], _kernel(stop, scale), run, here)
    if scale == _COARSEST:
        return None
    rest = np.clip((radius - stops[-1]) / (_reach(scale)[1] - stops[-1]), 0, 1)
    return reduced(light * rest[..., None], radius, 2)


def _share(radius: Plane, below: float | None, stop: float, above: float) -> Plane:
    """Give how much of each pixel is blurred by the disc of `stop`: a tent between its neighbours."""
    share = np.ones_like(radius)
    if np.isfinite(above):
        np.minimum(share, (above - radius) / (above - stop), out=share)
    if below is not None:
        np.minimum(share, (radius - below) / (stop - below), out=share)
    return np.maximum(share, 0, out=share)


def _add(part: Plane, light: Plane, kernel: Plane, run: Box, here: Box) -> None:
    """Blur `light`, which lies at `run` inside `here`, and add it to `part`, as far as it falls on it."""
    half = kernel.shape[0] // 2
    if half:
        framed = cv2.copyMakeBorder(light, half, half, half, half, cv2.BORDER_CONSTANT)
        light = np.asarray(cv2.filter2D(framed, -1, kernel, borderType=cv2.BORDER_CONSTANT), np.float32)
    top, left = here.top + run.top - half, here.left + run.left - half
    bottom, right = top + light.shape[0], left + light.shape[1]
    height, width = part.shape[:2]
    cut = light[max(-top, 0) : light.shape[0] - max(bottom - height, 0), max(-left, 0) :]
    cut = cut[:, : cut.shape[1] - max(right - width, 0)]
    part[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)] += cut
