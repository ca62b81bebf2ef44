"""The second pass: each picture laid, lit and cut as the first pass found, and written as a frame."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from stack.film.decoding import Eight, eighths_for, read_reduced
from stack.film.encoder import Encoder
from stack.film.errors import NothingToShow
from stack.film.flicker import Evened, evened
from stack.film.measuring import Measured, Told
from stack.film.size import PLAYED_PX, Window, window
from stack.film.steadying import Area, Drift, common_area, drift_of, reference, steadied, unmoved
from stack.film.stills import Still
from stack.merge.errors import PhotoUnreadable
from stack.merge.similarity import Similarity
from stack.words import index_words

LITTLE_LEFT: Final = 0.7
"""Share of the first picture; a film that shows less of it says so."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame of the film: its picture, where it lies, and what is done to its light."""

    still: Still
    similarity: Similarity
    evened: Evened
    drift: Drift


@dataclass(frozen=True, slots=True)
class Cut:
    """A film as it will be: its frames, its window, and what is to be said of it."""

    shots: tuple[Shot, ...]
    window: Window
    area: Area
    warnings: tuple[str, ...]


def cut_of(
    stills: Sequence[Still],
    found: Sequence[Measured],
    size: str,
    *,
    steady: bool = True,
    deflicker: bool = True,
) -> Cut:
    """Decide on every frame. Raises `SizeRefused`. Pure."""
    first = reference(stills, [one.place for one in found])
    places = steadied(stills, [one.place for one in found]) if steady else unmoved(stills, first)
    light = evened([one.light for one in found], [still.exposure for still in stills]) if deflicker else None
    shots, warnings = [], words_on_places(stills, found) if steady else []
    for number, (still, one, similarity) in enumerate(zip(stills, found, places, strict=True)):
        evening = Evened() if light is None else light[number]
        if why := one.unreadable or evening.left_out:
            warnings.append(f"slot {still.slot} is left out: {why}")
            continue
        if evening.mended:
            warnings.append(
                f"slot {still.slot} was {_beside(evening)} than those around it; its light was mended"
            )
        shots.append(Shot(still, similarity, evening, drift_of(still, first, similarity)))
    if not shots:
        raise NothingToShow(f"no picture is left for the film: {warnings[0]}")
    area = common_area([(shot.still, shot.similarity) for shot in shots])
    framed = window(area, size)
    share = area.width_px * area.height_px / (first.width_px * first.height_px)
    if share < LITTLE_LEFT:
        warnings.append(
            f"the pictures have only {share:.0%} of their area in common, so the film shows no more: with "
            "--no-steady it shows what the camera kept in view"
        )
    if framed.width_px > PLAYED_PX[0] or framed.height_px > PLAYED_PX[1]:
        warnings.append(
            f"{framed.width_px}x{framed.height_px} is more than browsers and phones play for sure: "
            "--size 2160p is safe"
        )
    return Cut(tuple(shots), framed, area, tuple(warnings))


def words_on_places(stills: Sequence[Still], found: Sequence[Measured]) -> list[str]:
    """Say which pictures could not be laid over the others, and where the camera was set up anew."""
    both = list(zip(stills, found, strict=True))
    lost = [
        (still.slot, one.place.trouble) for still, one in both if one.place.trouble and not one.unreadable
    ]
    warnings = []
    if lost:
        slots = [slot for slot, _ in lost]
        which = f"slot {slots[0]}" if len(slots) == 1 else f"slots {index_words(slots)}"
        why = lost[0][1] if len(slots) == 1 else f"slot {slots[0]}: {lost[0][1]}"
        warnings.append(f"{which} could not be laid over the others ({why}): left as their neighbours are")
    warnings += [
        f"from slot {still.slot} on pictures show something else: they are laid over each other from there"
        for still, one in both
        if one.place.anew
    ]
    return warnings


def _beside(evening: Evened) -> str:
    stops = sum(evening.stops) / 3
    return f"{abs(stops):.1f} stops {'darker' if stops > 0 else 'lighter'}"


def film(
    cut: Cut, path: Path, fps: Fraction, quality: str, told: Told = lambda *_: None
) -> tuple[int, list[str]]:
    """Write a film; give its number of frames, and what is to be said besides. Raises `FilmError`."""
    size, warnings = (cut.window.width_px, cut.window.height_px), list[str]()
    frames = 0
    with Encoder(path, size, fps, quality) as encoder:
        for pixels in rendered(cut, warnings.append):
            encoder.add(pixels)
            frames += 1
            told("filmed", frames + len(warnings), len(cut.shots))
    return frames, warnings


def rendered(cut: Cut, warn: Callable[[str], None]) -> Iterator[Eight]:
    """Give the frames of a film, one at a time; a picture that cannot be read is warned of and left out."""
    for shot in cut.shots:
        try:
            yield frame_of(shot, cut.window)
        except PhotoUnreadable as error:
            warn(f"slot {shot.still.slot} is left out: {error}")


def frame_of(shot: Shot, framed: Window) -> Eight:
    """Give one frame, `(H, W, 3)` blue-green-red. Raises `PhotoUnreadable`."""
    picture = read_reduced(shot.still.path, eighths_for(framed.scale / shot.similarity.scale))
    matrix = picture.from_whole.after(shot.similarity).after(framed.to_first).matrix
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    size = (framed.width_px, framed.height_px)
    laid: Any = cv2.warpAffine(picture.pixels, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return lit(laid, shot.evened)


def lit(pixels: Eight, evening: Evened) -> Eight:
    """Give pixels with their light raised by so many stops; a pixel value is near enough its root."""
    if not any(evening.stops):
        return pixels
    values = np.arange(256, dtype=np.float64)[:, None] * 2.0 ** (np.array(evening.stops) / 2)
    table = np.clip(np.rint(values), 0, 255).astype(np.uint8).reshape(256, 1, 3)
    raised: Any = cv2.LUT(pixels, table)
    return np.asarray(raised, np.uint8)
