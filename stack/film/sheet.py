"""A contact sheet: every slot of a series on one picture, without a stack an empty field and the reason."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import cv2
import numpy as np

from stack.film.decoding import Eight
from stack.film.lettering import Ink, shortened, width_of, wrapped, write
from stack.film.measuring import Told
from stack.film.stills import Absent, Still
from stack.film.story import SlotStory, Story
from stack.film.thumbs import thumbnail
from stack.timelapse import SlotEnd
from stack.words import span_words

MOST_PX: Final = 16_000_000
"""Pixels of a sheet, 48 MB of memory: more slots make smaller fields."""
MOST_SLOTS: Final = 2000
"""Fields of a sheet; of a longer series every second slot is shown, or every third ..."""
NARROWEST_PX, WIDEST_PX = 104, 400
WIDER: Final = 1.5
"""Width of a sheet beside its height."""

PAPER: Final[Ink] = (24, 21, 18)
FIELD: Final[Ink] = (40, 36, 32)
INK: Final[Ink] = (236, 233, 230)
SOFT: Final[Ink] = (160, 152, 143)
_END_INK: Final[Mapping[SlotEnd, Ink]] = {
    SlotEnd.FAILED: (122, 131, 240),
    SlotEnd.SKIPPED: (73, 171, 226),
    SlotEnd.BEGUN: (255, 168, 110),
    SlotEnd.DONE: (160, 152, 143),
}


@dataclass(frozen=True, slots=True)
class Grid:
    """Where things are on a sheet, in pixels: columns and rows of fields, each a picture and a line below."""

    columns: int
    rows: int
    width_px: int
    height_px: int
    gap_px: int
    text_px: int

    @property
    def pitch_px(self) -> tuple[int, int]:
        """From field to field, right and down."""
        return self.width_px + self.gap_px, self.height_px + self.line_px + self.gap_px

    @property
    def line_px(self) -> int:
        """The height of the line below a picture."""
        return round(self.text_px * 1.5)

    @property
    def margin_px(self) -> int:
        """Around all fields."""
        return 2 * self.gap_px

    @property
    def head_px(self) -> int:
        """Above all fields, for two lines of words."""
        return self.margin_px + 5 * self.text_px

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the sheet."""
        across, down = self.pitch_px
        width = 2 * self.margin_px + self.columns * across - self.gap_px
        return width, self.head_px + self.rows * down - self.gap_px + self.margin_px

    def corner(self, number: int) -> tuple[int, int]:
        """Give left and top of a field."""
        across, down = self.pitch_px
        row, column = divmod(number, self.columns)
        return self.margin_px + column * across, self.head_px + row * down


def grid_for(fields: int, shape: float, columns: int | None = None, widest_px: int = WIDEST_PX) -> Grid:
    """Give a grid for pictures `shape` times as wide as high; with more of them they are smaller. Pure."""
    each = MOST_PX / max(fields, 1) * 0.7
    width = int(min(widest_px, WIDEST_PX, max(NARROWEST_PX, math.sqrt(each * shape))))
    if columns is None:
        columns = max(1, min(fields, math.ceil(math.sqrt(fields * WIDER / shape))))
    rows = max(1, -(-fields // columns))
    text = max(11, min(18, width // 15))
    return Grid(columns, rows, width, max(1, round(width / shape)), max(6, width // 24), text)


def sheet_of(
    story: Story,
    stills: Sequence[Still],
    absent: Sequence[Absent],
    columns: int | None = None,
    told: Told = lambda *_: None,
) -> Eight:
    """Give the sheet, `(H, W, 3)` blue-green-red."""
    thinned = max(1, -(-len(story.slots) // MOST_SLOTS))
    slots = story.slots[::thinned]
    shape = stills[0].width_px / stills[0].height_px if stills else 4 / 3
    widest_px = max((still.width_px for still in stills), default=WIDEST_PX)
    grid = grid_for(len(slots), shape, columns, max(NARROWEST_PX, widest_px))
    width, height = grid.size_px
    paper: Eight = np.empty((height, width, 3), np.uint8)
    paper[:] = PAPER
    _head(paper, grid, story, len(stills), thinned)
    pictures = {still.slot: still for still in stills}
    reasons = {one.slot: one.reason for one in absent}
    for number, slot in enumerate(slots):
        _field(paper, grid, number, slot, pictures.get(slot.number), reasons.get(slot.number))
        told("drew", number + 1, len(slots))
    return paper


def _head(paper: Eight, grid: Grid, story: Story, pictures: int, thinned: int) -> None:
    left, size, room = grid.margin_px, 2 * grid.text_px, paper.shape[1] - 2 * grid.margin_px
    write(paper, shortened(story.series.id, size, room), left, grid.margin_px, size, INK, bold=True)
    shown = f", every {thinned}th of them shown" if thinned > 1 else ""
    words = [f"{pictures} of {len(story.slots)} slots have a picture{shown}"]
    words += [f"a slot every {span_words(story.series.schedule.every_s)}"]
    if story.slots:
        first, last = (local(slot.at) for slot in (story.slots[0], story.slots[-1]))
        words += [f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} {last:%Z}"]
    line = shortened("   ".join(words), grid.text_px, room)
    write(paper, line, left, grid.margin_px + round(2.6 * grid.text_px), grid.text_px, SOFT)


def _field(
    paper: Eight, grid: Grid, number: int, slot: SlotStory, still: Still | None, reason: str | None
) -> None:
    left, top = grid.corner(number)
    picture = None if still is None else thumbnail(still, grid.width_px, grid.height_px)
    right, bottom = left + grid.width_px, top + grid.height_px
    paper[top:bottom, left:right] = FIELD
    if picture is None:
        _empty(paper, grid, left, top, slot, reason or "its picture cannot be read")
    else:
        rows, columns = picture.shape[:2]
        down, across = (grid.height_px - rows) // 2, (grid.width_px - columns) // 2
        paper[top + down : top + down + rows, left + across : left + across + columns] = picture
    line = bottom + round(0.4 * grid.text_px)
    write(paper, str(slot.number), left, line, grid.text_px, INK, bold=True)
    at = f"{local(slot.at):%m-%d %H:%M}"
    write(paper, at, right - width_of(at, grid.text_px), line, grid.text_px, SOFT)


def _empty(paper: Eight, grid: Grid, left: int, top: int, slot: SlotStory, reason: str) -> None:
    """Draw a field without a picture: a frame, what became of the slot, and why."""
    ink, inset = _END_INK[slot.end], max(4, grid.width_px // 20)
    corner = (left + grid.width_px - 1, top + grid.height_px - 1)
    cv2.rectangle(paper, (left, top), corner, tuple(one // 2 for one in ink), 1)
    line = round(1.3 * grid.text_px)
    room = grid.width_px - 2 * inset
    lines = max(1, (grid.height_px - 2 * inset) // line - 1)
    word = {SlotEnd.BEGUN: "being shot", SlotEnd.DONE: "no picture", SlotEnd.SKIPPED: "left out"}.get(
        slot.end, slot.end.value
    )
    write(paper, word, left + inset, top + inset, grid.text_px, ink, bold=True)
    for row, words in enumerate(wrapped(reason, grid.text_px, room, lines), start=1):
        write(paper, words, left + inset, top + inset + row * line, grid.text_px, SOFT)


def local(at: datetime) -> datetime:
    """Give a moment as the clock on this machine's wall shows it."""
    return at.astimezone()
