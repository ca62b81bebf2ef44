"""Merges of the same slices side by side, where they differ most."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.errors import ComparisonRefused
from stack.merge.photos import Pixels, read_photo
from stack.merge.placements import similarity_of
from stack.merge.versions import version_folder

CROP_PX: Final = 240
PLACES: Final = 4
GAP_PX: Final = 6
HEAD_PX: Final = 28
PAPER: Final = 245
INK: Final = (40, 40, 40)
FINEST_SIGMA_PX: Final = 3.0
"""Differences finer than this are noise and half-pixel shifts, not what somebody would choose by."""

Eight = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Place:
    """Top left corner of a crop."""

    left: int
    top: int


def differing_places(pictures: Sequence[Eight], size_px: int = CROP_PX, count: int = PLACES) -> list[Place]:
    """Give up to `count` squares, none over another, where pictures `(H, W, 3)` of one size differ most."""
    spread: NDArray[np.float32] = np.zeros(pictures[0].shape[:2], np.float32)
    for low, high in _extremes(pictures):
        spread += high - low
    height, width = pictures[0].shape[:2]
    size_px = min(size_px, height, width)
    sums = cv2.boxFilter(spread, -1, (size_px, size_px), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
    sums = np.asarray(sums[: height - size_px + 1, : width - size_px + 1])
    places: list[Place] = []
    while len(places) < count and sums.max() >= 0:
        top, left = (int(at) for at in np.unravel_index(int(sums.argmax()), sums.shape))
        places.append(Place(left, top))
        sums[max(0, top - size_px + 1) : top + size_px, max(0, left - size_px + 1) : left + size_px] = -1
    return places


def _extremes(pictures: Sequence[Eight]) -> list[tuple[Any, Any]]:
    """Give, a channel, the least and the greatest of all pictures, noise smoothed away."""
    smooth = [cv2.GaussianBlur(one, (0, 0), FINEST_SIGMA_PX).astype(np.float32) for one in pictures]
    return [
        (np.min([one[..., c] for one in smooth], axis=0), np.max([one[..., c] for one in smooth], axis=0))
        for c in range(3)
    ]


def sheet(
    labels: Sequence[str], pictures: Sequence[Eight], places: Sequence[Place], size_px: int = CROP_PX
) -> Eight:
    """Give a sheet of crops, enlarged by nothing: a column for each picture, a row for each place."""
    size_px = min(size_px, *pictures[0].shape[:2])
    pitch = size_px + GAP_PX
    shape = (HEAD_PX + len(places) * pitch + GAP_PX, len(pictures) * pitch + GAP_PX, 3)
    paper: Eight = np.full(shape, PAPER, np.uint8)
    for column, (label, picture) in enumerate(zip(labels, pictures, strict=True)):
        left = GAP_PX + column * pitch
        cv2.putText(paper, label, (left, HEAD_PX - 9), cv2.FONT_HERSHEY_SIMPLEX, 0.5, INK, 1, cv2.LINE_AA)
        for row, place in enumerate(places):
            top = HEAD_PX + row * pitch
            crop = picture[place.top : place.top + size_px, place.left : place.left + size_px]
            paper[top : top + size_px, left : left + size_px] = crop
    return paper


def versions(session: Path, numbers: Sequence[int]) -> list[Eight]:
    """Give merges of a session as 8-bit pictures of one size, each laid over the first of them.

    Raises `NoSuchVersion`, or `ComparisonRefused` where two have no slice in common.
    """
    read = [_version(session, number) for number in numbers]
    (first, _), *_ = read
    height, width = first.shape[:2]
    return [first, *(_over(read[0], one, (width, height)) for one in read[1:])]


def _version(session: Path, number: int) -> tuple[Eight, dict[int, NDArray[np.float64]]]:
    """Read a merge: its picture, and for each slice's index the 3x3 matrix from output to slice pixels."""
    folder = version_folder(session, number)
    try:
        facts = json.loads((folder / "merge.json").read_text())
        placed = {int(one["index"]): _whole(one["transform"]) for one in facts["slices"]}
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise ComparisonRefused(f"{folder / 'merge.json'} does not say how the merge was made: {e}") from e
    return eight_bit(read_photo(folder / "merged.jpg")), placed


def _whole(transform: Any) -> NDArray[np.float64]:
    """Give a 2x3 matrix as one of 3x3, which has an inverse. Raises `ValueError`."""
    return np.vstack([similarity_of(np.array(transform)).matrix, [0, 0, 1]])


def _over(still: tuple[Eight, Any], other: tuple[Eight, Any], size: tuple[int, int]) -> Eight:
    """Lay the other picture over the first by a slice that both are made of."""
    shared = sorted(still[1].keys() & other[1].keys())
    if not shared:
        raise ComparisonRefused(
            "the merges have no slice in common, so nothing says how one lies on the other"
        )
    matrix = (np.linalg.inv(other[1][shared[0]]) @ still[1][shared[0]])[:2]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    laid: Any = cv2.warpAffine(other[0], matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return laid  # type: ignore[no-any-return]


def eight_bit(pixels: Pixels) -> Eight:
    """Give pixels as uint8."""
    eight: Any = pixels if pixels.dtype == np.uint8 else cv2.convertScaleAbs(pixels, alpha=255 / 65535)
    return eight  # type: ignore[no-any-return]
