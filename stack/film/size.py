"""How large a film is: what was asked for, against what the pictures have in common. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from stack.film.errors import SizeRefused
from stack.film.steadying import Area
from stack.merge.similarity import Similarity

BOXES: Final = {"720p": (1280, 720), "1080p": (1920, 1080), "2160p": (3840, 2160)}
FULL: Final = "full"
LEAST_PX: Final = 64
MOST_PX: Final = 8192
"""What a coder of H.264 takes."""
PLAYED_PX: Final = (4096, 2304)
"""What phones and browsers play for sure is no larger."""

_TYPED: Final = re.compile(r"(\d+)x(\d+)")


@dataclass(frozen=True, slots=True)
class Window:
    """What a film shows: so many pixels, and where in the first picture each of them lies."""

    width_px: int
    height_px: int
    to_first: Similarity

    @property
    def scale(self) -> float:
        """Pixels of the film a pixel of the first picture."""
        return 1 / self.to_first.scale


def check_size(asked: str) -> None:
    """Raise `SizeRefused` for what no film can have, before any work is done for it."""
    if asked not in (*BOXES, FULL):
        _exact(asked)


def window(area: Area, asked: str) -> Window:
    """Give the window of a film.

    A named size is the largest that fits, the pictures' shape kept and nothing enlarged; WIDTHxHEIGHT is
    exact, and cuts off what does not fit; `full` is as large as the pictures. Raises `SizeRefused`.
    """
    if asked == FULL or asked in BOXES:
        shrunk = 1.0 if asked == FULL else _shrunk_into(area, BOXES[asked])
        width, height = _even(area.width_px / shrunk), _even(area.height_px / shrunk)
    else:
        width, height = _exact(asked)
        shrunk = min(area.width_px / width, area.height_px / height)
    if min(width, height) < LEAST_PX or shrunk <= 0:
        raise SizeRefused(
            f"the pictures have only {area.width_px:.0f}x{area.height_px:.0f} pixels in common, too few "
            "for a film: leave the frames as they are with --no-steady"
        )
    if max(width, height) > MOST_PX:
        raise SizeRefused(f"a film of {width}x{height} cannot be coded: {MOST_PX} pixels a side is the most")
    left = area.left + (area.width_px - width * shrunk) / 2
    top = area.top + (area.height_px - height * shrunk) / 2
    # The centre of the film's first pixel lies half a pixel of the film inside.
    return Window(width, height, Similarity(shrunk, 0.0, left + shrunk / 2, top + shrunk / 2))


def _shrunk_into(area: Area, box: tuple[int, int]) -> float:
    across, down = box if area.width_px >= area.height_px else box[::-1]
    return max(1.0, area.width_px / across, area.height_px / down)


def _even(side: float) -> int:
    return int(side + 1e-6) // 2 * 2


def _exact(asked: str) -> tuple[int, int]:
    found = _TYPED.fullmatch(asked)
    if found is None:
        raise SizeRefused(f'"{asked}" is no size: write {", ".join(BOXES)}, {FULL} or 1920x1080')
    width, height = int(found[1]), int(found[2])
    if width % 2 or height % 2 or not LEAST_PX <= min(width, height) <= max(width, height) <= MOST_PX:
        raise SizeRefused(f"{asked}: width and height of a film are even, and {LEAST_PX} to {MOST_PX} pixels")
    return width, height
