"""Each pixel from the slice that the depth map names, between two slices from both: a second look at them.

The less sure the map is, the more is left as the first look had it: beside taking all of the map that is 1 to
4 dB nearer to the truth where there are glints or little texture. Left is too, by 2 dB, what the first look
took from another slice: beside the outline of a near part it is clear of that part's blur. A slice is laid
only where the map names it, so the second look costs little beyond reading the slices again.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stack.merge.depth import in_slices
from stack.merge.evened import Evened
from stack.merge.lay import laid
from stack.merge.photos import Pixels
from stack.merge.placements import similarity_of
from stack.merge.planes import Plane, blurred, spans, tiles
from stack.merge.stream import Merged, MergedSlice

TILE_PX: Final = 256
SOFT_PX: Final = 3.0
"""Over how many pixels the picture by depth goes over into the first one."""
SOFT_REACH_PX: Final = 8
SAME: Final = 0.5
"""Slices by which map and first look may differ."""


def by_depth(merged: Merged, read: Callable[[int], Pixels]) -> None:
    """Take the merge's pixels anew, in place; `read` gives the slice at a position, as it was merged."""
    picture = np.zeros(merged.pixels.shape, np.uint16)
    for position in range(len(merged.slices)):
        _add(picture, merged, position, read(position))  # named by nobody here, it goes before the next comes
    _lay_over(merged, picture)


def _add(picture: NDArray[np.uint16], merged: Merged, position: int, pixels: Pixels) -> None:
    """Add a slice by the weight it has in every pixel of the picture."""
    one, indices = merged.slices[position], [each.index for each in merged.slices]
    similarity = similarity_of(one.transform)
    for rows, columns in tiles(merged.depth.shape, TILE_PX):
        weight = tent(_places(merged.depth[rows, columns]), indices, position)
        if weight.any():
            lit = _lit(laid(pixels, similarity, rows, columns, careful=True), one)
            # Rounded down: weights add up to 1, and so the sum cannot overflow.
            picture[rows, columns] += (weight[..., None] * lit).astype(np.uint16)


def _lay_over(merged: Merged, picture: NDArray[np.uint16]) -> None:
    """Put the picture by depth over the merge's own pixels as far as depth is sure."""
    scale = np.float32(65535 / np.iinfo(merged.pixels.dtype).max)
    for rows in spans(len(picture), TILE_PX):
        first = max(0, rows.start - SOFT_REACH_PX)
        soft = blurred(merged.confidence[first : rows.stop + SOFT_REACH_PX], SOFT_PX)
        known = soft[rows.start - first :][: rows.stop - rows.start] * np.float32(1 / 255)
        known *= _named_by_both(merged, rows)
        for columns in spans(picture.shape[1], TILE_PX):
            ours, first_look = picture[rows, columns] / scale, merged.pixels[rows, columns]
            first_look[...] = np.rint(ours + (1 - known[:, columns, None]) * (first_look - ours))


def _named_by_both(merged: Merged, rows: slice) -> NDArray[np.bool_]:
    """Say where the map and the first look name the same slice."""
    depth = in_slices(merged.depth[rows], -np.inf)
    if merged.taken is None:
        return depth > -np.inf
    columns = slice(0, merged.depth.shape[1])
    apart = depth - merged.taken.part(rows, columns, merged.depth.shape)
    return np.asarray(np.abs(apart) < SAME)


def _places(depth: NDArray[np.uint16]) -> Plane:
    """Give the depth map in slices; what is unknown counts as the nearest."""
    return np.maximum(in_slices(depth, 0), 0)


def _lit(laid_part: NDArray[Any], one: MergedSlice) -> Plane:
    """Give pixels with the slice's light evened out, 0 to 65535."""
    lit = Evened(np.array(one.gains), laid_part.dtype, 65535)(laid_part)
    return np.minimum(lit, 65535, out=lit)


def tent(places: Plane, indices: list[int], position: int) -> Plane:
    """Give the weight, 0 to 1, of the slice at `position` where the depth is `places`.

    It is 1 at the slice's index and falls to 0 at those of its neighbours; beyond the ends it stays. The
    weights of all slices add up to 1 everywhere.
    """
    order = sorted(indices)
    at = order.index(indices[position])
    here = order[at]
    weight = np.ones_like(places)
    if at > 0:
        weight = np.minimum(weight, (places - order[at - 1]) / (here - order[at - 1]))
    if at + 1 < len(order):
        weight = np.minimum(weight, (order[at + 1] - places) / (order[at + 1] - here))
    return np.maximum(weight, 0).astype(np.float32)


def lit_slice(merged: Merged, position: int, pixels: Pixels) -> NDArray[np.uint16]:
    """Give a whole slice as the merge laid and lit it, cropped alike, 16 bit."""
    one = merged.slices[position]
    height, width = merged.depth.shape
    whole = laid(pixels, similarity_of(one.transform), slice(0, height), slice(0, width), careful=True)
    lit = np.empty(whole.shape, np.uint16)
    for rows in spans(height, TILE_PX):
        lit[rows] = np.rint(_lit(whole[rows], one))
    return lit
