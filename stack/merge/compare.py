"""Merges of the same slices side by side, where they differ most."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from textwrap import wrap
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.errors import ComparisonRefused
from stack.merge.photos import Pixels, read_photo
from stack.merge.placements import similarity_of
from stack.merge.versions import chosen_number, version_folder

CROP_PX: Final = 240
PLACES: Final = 4
GAP_PX: Final = 6
LINE_PX: Final = 18
LETTER_PX: Final = 9
"""How wide a letter of a heading is, at most."""
PAPER: Final = 245
INK: Final = (40, 40, 40)
FINEST_SIGMA_PX: Final = 3.0
"""Differences finer than this are noise and half-pixel shifts, not what somebody would choose by."""
REDUCED: Final = 4
"""By how much pictures are reduced to look for differences, which halves the finest once more."""

Eight = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Place:
    """Top left corner of a crop."""

    left: int
    top: int


def differing_places(pictures: Iterable[Eight], size_px: int = CROP_PX, count: int = PLACES) -> list[Place]:
    """Give up to `count` squares, none over another, where pictures `(H, W, 3)` of one size differ most.

    They are taken one by one, so that no more than one need be in memory.
    """
    height = width = 0
    low = high = None
    for picture in pictures:
        height, width = picture.shape[:2]
        seen = _coarse(picture)
        low = seen if low is None else np.minimum(low, seen)
        high = seen if high is None else np.maximum(high, seen)
    assert low is not None and high is not None
    return _largest((high - low).sum(axis=2), (height, width), min(size_px, height, width), count)


def _coarse(picture: Eight) -> NDArray[np.float32]:
    """Give a picture as far as its differences count, noise smoothed away."""
    height, width = picture.shape[:2]
    size = max(1, width // REDUCED), max(1, height // REDUCED)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), FINEST_SIGMA_PX / REDUCED))


def _largest(spread: NDArray[np.float32], shape: tuple[int, int], size_px: int, count: int) -> list[Place]:
    """Give where a square holds most of `spread`, which is reduced of `shape`."""
    height, width = shape
    side = min(-(-size_px // REDUCED), *spread.shape)
    sums = cv2.boxFilter(spread, -1, (side, side), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
    sums = np.asarray(sums[: spread.shape[0] - side + 1, : spread.shape[1] - side + 1])
    places: list[Place] = []
    while len(places) < count and sums.max() >= 0:
        top, left = (int(at) for at in np.unravel_index(int(sums.argmax()), sums.shape))
        places.append(Place(min(left * REDUCED, width - size_px), min(top * REDUCED, height - size_px)))
        sums[max(0, top - side + 1) : top + side, max(0, left - side + 1) : left + side] = -1
    return places


def sheet(
    labels: Sequence[str], pictures: Iterable[Eight], places: Sequence[Place], size_px: int = CROP_PX
) -> Eight:
    """Give a sheet of crops, enlarged by nothing: a column for each picture, a row for each place.

    What is said of a picture may be several lines.
    """
    columns = []
    for picture in pictures:
        size_px = min(size_px, *picture.shape[:2])
        columns.append(
            [picture[at.top : at.top + size_px, at.left : at.left + size_px].copy() for at in places]
        )
    heads = [_fitted(label, size_px) for label in labels]
    pitch, head_px = size_px + GAP_PX, GAP_PX + LINE_PX * max(map(len, heads)) + 4
    shape = (head_px + len(places) * pitch, len(columns) * pitch + GAP_PX, 3)
    paper: Eight = np.full(shape, PAPER, np.uint8)
    for number, (lines, crops) in enumerate(zip(heads, columns, strict=True)):
        left = GAP_PX + number * pitch
        for line, words in enumerate(lines, start=1):
            foot = (left, line * LINE_PX)
            cv2.putText(paper, words, foot, cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)
        for row, crop in enumerate(crops):
            top = head_px + row * pitch
            paper[top : top + size_px, left : left + size_px] = crop
    return paper


def _fitted(label: str, width_px: int) -> list[str]:
    """Give the lines of a heading, none wider than its column."""
    return [part for line in label.splitlines() for part in wrap(line, max(1, width_px // LETTER_PX))]


@dataclass(frozen=True, slots=True)
class Version:
    """A merge of a session: its facts, and for each slice's index the 3x3 matrix from output to slice."""

    number: int
    path: Path
    facts: Mapping[str, Any]
    placed: Mapping[int, NDArray[np.float64]]

    @property
    def traits(self) -> dict[str, str]:
        """What may tell it from another merge of the same slices, in words."""
        settings = {name.replace("_", "-"): _word(value) for name, value in self.facts["settings"].items()}
        memory = self.facts.get("memory") or {}
        return {
            **settings,
            "slices": ", ".join(_runs(sorted(self.placed))),
            "working set": str(memory.get("working_set", "not said")),
        }


def versions(session: Path, numbers: Sequence[int]) -> list[Version]:
    """Give merges of a session. Raises `NoSuchVersion` or `ComparisonRefused`."""
    return [_version(session, number) for number in numbers]


def _version(session: Path, number: int) -> Version:
    folder = version_folder(session, number)
    try:
        facts = json.loads((folder / "merge.json").read_text())
        placed = {int(one["index"]): _whole(one["transform"]) for one in facts["slices"]}
        dict(facts["settings"])  # what tells it from others
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise ComparisonRefused(f"{folder / 'merge.json'} does not say how the merge was made: {e}") from e
    return Version(number, folder / "merged.jpg", facts, placed)


def _whole(transform: Any) -> NDArray[np.float64]:
    """Give a 2x3 matrix as one of 3x3, which has an inverse. Raises `ValueError`."""
    return np.vstack([similarity_of(np.array(transform)).matrix, [0, 0, 1]])


def differences(compared: Sequence[Version]) -> list[dict[str, str]]:
    """Give of each what is not the same of all."""
    traits = [one.traits for one in compared]
    names = dict.fromkeys(name for each in traits for name in each)
    differing = [name for name in names if len({each.get(name) for each in traits}) > 1]
    return [{name: each.get(name, "not said") for name in differing} for each in traits]


def headings(compared: Sequence[Version], session: Path) -> list[str]:
    """Give what a sheet says of each: its number, whether it is chosen, and what tells it from the others."""
    chosen = chosen_number(session)
    return [
        "\n".join(
            [
                f"merge {one.number}{', chosen' * (one.number == chosen)}",
                *(f"{name}: {value}" for name, value in differing.items()),
            ]
        )
        for one, differing in zip(compared, differences(compared), strict=True)
    ]


def _word(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _runs(indices: Sequence[int]) -> Iterator[str]:
    """Write numbers with runs joined: 0, 4-9."""
    for _, run in groupby(enumerate(indices), lambda place: place[1] - place[0]):
        first, *rest = (index for _, index in run)
        yield f"{first}-{rest[-1]}" if rest else f"{first}"


def laid(compared: Sequence[Version]) -> Iterator[Eight]:
    """Give them one by one as 8-bit pictures of one size, each laid over the first of them.

    Raises `ComparisonRefused` where two have no slice in common.
    """
    first = compared[0]
    still = eight_bit(read_photo(first.path))
    height, width = still.shape[:2]
    yield still
    del still
    for one in compared[1:]:
        yield _over(first, one, (width, height))


def _over(first: Version, other: Version, size: tuple[int, int]) -> Eight:
    """Lay the other picture over the first by a slice that both are made of."""
    shared = sorted(first.placed.keys() & other.placed.keys())
    if not shared:
        raise ComparisonRefused(
            "the merges have no slice in common, so nothing says how one lies on the other"
        )
    matrix = (np.linalg.inv(other.placed[shared[0]]) @ first.placed[shared[0]])[:2]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    picture = eight_bit(read_photo(other.path))
    placed: Any = cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return placed  # type: ignore[no-any-return]


def eight_bit(pixels: Pixels) -> Eight:
    """Give pixels as uint8."""
    eight: Any = pixels if pixels.dtype == np.uint8 else cv2.convertScaleAbs(pixels, alpha=255 / 65535)
    return eight  # type: ignore[no-any-return]
