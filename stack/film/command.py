"""A film, a sheet or a page of a series: from its folder to a file, in bounded memory and at low priority."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import cv2

from stack.durable import write_durably
from stack.film.account import account, folder_bytes
from stack.film.encoder import check_encoder
from stack.film.errors import FilmRefused, NothingToShow
from stack.film.filming import cut_of, film, words_on_places
from stack.film.flicker import evened
from stack.film.framing import Place
from stack.film.light import UNKNOWN
from stack.film.measuring import Measured, Told, measured, read_mask
from stack.film.page import field_px, one_in, page
from stack.film.sheet import sheet_of
from stack.film.size import check_size
from stack.film.steadying import drift_of, reference, steadied
from stack.film.stills import Absent, Still, sessions_beside, stills_of
from stack.film.story import Story, story_of
from stack.film.thumbs import thumbnail_jpeg
from stack.merge.errors import OutputRefused
from stack.merge.memory import WorkingSet, free_now, give_back, give_back_what_is_freed
from stack.merge.output import check_place, write_picture
from stack.merge.products import NO_TAGS

NICE: Final = 10
FIRST_TO_DIE: Final = 950
"""When memory runs out, before a merge, which has 900: a film can be made again at any time."""
BASE_BYTES: Final = 92_000_000
BYTES_A_PIXEL: Final = 49
"""Measured with pictures of 12 megapixels: 122 MB at 720p, 168 at 1080p, 385 at 2160p, 666 as they are."""
THREADS: Final = 2
SHEET_QUALITY: Final = 88
FILM, SHEET, PAGE = "film.mp4", "sheet.jpg", "report.html"
"""What the files are called that go into the series' folder where no other place is said."""

Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ground:
    """What is worked on, and who hears of it.

    Attributes
    ----------
    series
        Its folder.
    sessions
        The folder of the sessions it is made of; None: as it lies beside the series.
    own_notes
        A folder of the user's, for what was measured of series in whose folders nothing may be written.
    """

    series: Path
    sessions: Path | None = None
    told: Told = lambda *_: None
    warn: Warn = lambda _: None
    own_notes: Path | None = None

    @property
    def notes(self) -> list[Path]:
        """Where to remember what was measured, the best place first."""
        own = [] if self.own_notes is None else [self.own_notes / self.series.resolve().name]
        return [self.series, *own]

    def read(self) -> tuple[Story, list[Still], list[Absent]]:
        """Read the series as it is now. Raises `SeriesUnreadable` or `FilmError`."""
        story = story_of(self.series)
        return story, *stills_of(story, self.sessions or sessions_beside(self.series))


def make_film(
    ground: Ground,
    output: Path | None,
    *,
    fps: Fraction = Fraction(25),
    size: str = "1080p",
    quality: str = "good",
    deflicker: bool = True,
    steady: bool = True,
    mask: Path | None = None,
) -> dict[str, Any]:
    """Write the film of the stacks that are merged by now; give its facts as plain JSON values.

    Raises `FilmError`, `MergeError` or `StackError`.
    """
    _step_back()
    check_encoder()
    check_size(size)
    path = _place(ground, output, FILM, (".mp4",))
    looked_at = None if mask is None else read_mask(mask)
    _, stills, absent = ground.read()
    if not stills:
        raise NothingToShow(_none_yet(absent))
    if steady or deflicker:
        found = measured(stills, ground.notes, looked_at, ground.told)
    else:
        found = [Measured(still.key, Place(None), UNKNOWN, "") for still in stills]
    give_back()
    cut = cut_of(stills, found, size, steady=steady, deflicker=deflicker)
    warnings = [*cut.warnings, *_short_of_memory(cut.window.width_px * cut.window.height_px)]
    for said in warnings:
        ground.warn(said)
    frames, more = film(cut, path, fps, quality, ground.told)
    for said in more:
        ground.warn(said)
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "frames": frames,
        "seconds": round(float(frames / fps), 3),
        "fps": float(fps),
        "width_px": cut.window.width_px,
        "height_px": cut.window.height_px,
        "slots_without_picture": len(absent),
        "drift_px": round(max((shot.drift.far_px for shot in cut.shots), default=0.0), 2),
        "area": {
            "width_px": round(cut.area.width_px),
            "height_px": round(cut.area.height_px),
            "of": [stills[0].width_px, stills[0].height_px],
        },
        "warnings": [*warnings, *more],
    }


def make_sheet(ground: Ground, output: Path | None, columns: int | None = None) -> dict[str, Any]:
    """Write the contact sheet; give its facts. Raises as `make_film` does."""
    _step_back()
    path = _place(ground, output, SHEET, (".jpg", ".jpeg", ".png"))
    story, stills, absent = ground.read()
    if not story.slots:
        raise NothingToShow("no slot of the series has come yet")
    paper = sheet_of(story, stills, absent, columns, ground.told)
    write_picture(path, paper, NO_TAGS, SHEET_QUALITY)
    height, width = paper.shape[:2]
    return {
        "file": str(path),
        "slots": len(story.slots),
        "pictures": len(stills),
        "width_px": width,
        "height_px": height,
    }


def make_page(ground: Ground, output: Path | None) -> dict[str, Any]:
    """Write the page of a series; give its facts. Raises as `make_film` does."""
    _step_back()
    path = _place(ground, output, PAGE, (".html", ".htm"))
    story, stills, absent = ground.read()
    found = measured(stills, ground.notes, None, ground.told) if stills else []
    light = evened([one.light for one in found], [still.exposure for still in stills])
    places = steadied(stills, [one.place for one in found]) if stills else []
    first = reference(stills, [one.place for one in found]) if stills else None
    drifts = [drift_of(still, first or still, place) for still, place in zip(stills, places, strict=True)]
    values = account(story, stills, absent, found, light, drifts, _sizes(ground, story))
    thumbs = dict(_thumbs(story, stills, ground.told))
    film_beside = FILM if (path.parent / FILM).is_file() else None
    now = datetime.now(UTC).astimezone()
    written = page(values, thumbs, now, words_on_places(stills, found), film_beside).encode()
    try:
        write_durably(path, written)
    except OSError as error:
        raise FilmRefused(path, f"cannot be written: {error.strerror or error}") from error
    return {
        "file": str(path),
        "slots": len(story.slots),
        "pictures": len(stills),
        "bytes": len(written),
    }


def _thumbs(story: Story, stills: Sequence[Still], told: Told) -> list[tuple[int, bytes]]:
    """Draw the pictures that the page shows, by slot."""
    count, found = len(story.slots), []
    seen = {slot.number for slot in story.slots[:: one_in(count)]}
    shown = [still for still in stills if still.slot in seen]
    for done, still in enumerate(shown, start=1):
        if (jpeg := thumbnail_jpeg(still, field_px(count))) is not None:
            found.append((still.slot, jpeg))
        told("drew", done, len(shown))
    return found


def _sizes(ground: Ground, story: Story) -> dict[str, int]:
    sessions = ground.sessions or sessions_beside(ground.series)
    names = {slot.session for slot in story.slots if slot.session is not None}
    return {name: folder_bytes(sessions / name) for name in sorted(names)}


def _none_yet(absent: Sequence[Absent]) -> str:
    why = f" (slot {absent[-1].slot}: {absent[-1].reason})" if absent else ""
    return f"the series has no merged picture yet{why}"


def _place(ground: Ground, output: Path | None, name: str, suffixes: Sequence[str]) -> Path:
    """Give the file to write, after a look at whether it can be. Raises `FilmError` or `OutputRefused`."""
    path = output or ground.series / name
    if path.suffix.lower() not in suffixes:
        raise FilmRefused(path, f"its name has to end in {' or '.join(suffixes)}")
    try:
        check_place(path)
    except OutputRefused as error:
        if output is None:
            raise FilmRefused(path, f"{error.reason}; say with -o where else to write it") from error
        raise
    return path


def _short_of_memory(pixels: int) -> list[str]:
    """Say where a film of so many pixels a frame takes more memory than there is."""
    needed, free = BASE_BYTES + BYTES_A_PIXEL * pixels, free_now()
    if free is None or free >= needed:
        return []
    return [
        f"coding frames of this size takes about {needed / 1e6:.0f} MB of memory, and {free / 1e6:.0f} MB is "
        "free: it may be slow, or end for want of memory; a smaller --size takes less"
    ]


def _step_back() -> None:
    """Let everything else go first: a stack may be being shot, or merged, on this machine."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, max(NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    with suppress(OSError):  # not Linux, or not allowed
        Path("/proc/self/oom_score_adj").write_text(str(FIRST_TO_DIE))
    give_back_what_is_freed(WorkingSet.SMALL)
    cv2.setNumThreads(min(THREADS, os.cpu_count() or 1))
