"""The first pass: where each picture of a series lies and how light it is, remembered in framing.json.

What was measured of a picture holds as long as the picture and all those before it are what they were; a
series that grows is measured only where it grew. Each mask has a record of its own. Who may read a series and
not write it, as the users of a rig, keeps the record among his own files.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.durable import write_durably
from stack.film.decoding import Reduced, read_reduced
from stack.film.errors import MaskUnusable, NothingToShow
from stack.film.framing import Framer, Place, working_eighths
from stack.film.light import LightMeter, LightStep
from stack.film.stills import Still
from stack.merge.errors import PhotoUnreadable
from stack.merge.similarity import Similarity
from stack.seal import sealed, unsealed

SCHEMA: Final = 1
RECORD: Final = "framing"
KEPT_EVERY: Final = 50
"""Pictures after which what is known is written, so that an interrupted pass is not lost."""

Mask = NDArray[np.uint8]
Told = Callable[[str, int, int], None]
"""Hears what is being done, how much of it is, and of how much."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What the first pass found of one picture.

    Attributes
    ----------
    key
        The picture's.
    place, light
        Where it lies, and how much lighter than the last one it is.
    anchor
        The key of the picture that those to come are laid over.
    unreadable
        Why it cannot be shown at all; empty where it can.
    """

    key: str
    place: Place
    light: LightStep
    anchor: str
    unreadable: str = ""


def read_mask(path: Path) -> Mask:
    """Read a picture whose light parts say where to look, `(H, W)`. Raises `MaskUnusable`."""
    try:
        found: Any = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    except (OSError, cv2.error) as error:
        raise MaskUnusable(path, getattr(error, "strerror", None) or "is no picture") from error
    if found is None:
        raise MaskUnusable(path, "is no picture")
    mask: Mask = np.asarray(found, np.uint8)
    if (mask >= 128).mean() < 0.01:
        raise MaskUnusable(path, "it is black all over: paint white where the background stands still")
    return mask


def measured(
    stills: Sequence[Still], notes: Sequence[Path], mask: Mask | None = None, told: Told = lambda *_: None
) -> list[Measured]:
    """Measure what is not known yet of pictures, in their order; give all of it.

    `notes` are folders where the record may be: what is known is read wherever most is, and written to the
    first that can be written. Raises `NothingToShow`.
    """
    if not stills:
        raise NothingToShow("the series has no merged picture yet")
    name = _name_of_record(mask)
    records = [_still_true(_remembered(folder / name), stills) for folder in notes]
    known = max(records, key=len, default=[])
    if len(known) < len(stills):
        known = _measured_on(known, stills, mask, told, lambda found: _keep(notes, name, found))
        _keep(notes, name, known)
    return known


def _name_of_record(mask: Mask | None) -> str:
    if mask is None:
        return f"{RECORD}.json"
    shown = hashlib.sha256(repr(mask.shape).encode() + mask.tobytes()).hexdigest()
    return f"{RECORD}-{shown[:12]}.json"


def _measured_on(
    known: list[Measured],
    stills: Sequence[Still],
    mask: Mask | None,
    told: Told,
    keep: Callable[[list[Measured]], None],
) -> list[Measured]:
    found = list(known)
    try:
        pass_one = _Pass(stills, found, mask)
        for done, still in enumerate(stills[len(found) :], start=len(found) + 1):
            found.append(_measured_of(_record(pass_one.measure(still))))  # as it will be remembered
            told("measured", done, len(stills))
            if done % KEPT_EVERY == 0:
                keep(found)
    except KeyboardInterrupt:
        keep(found)
        raise
    return found


class _Pass:
    """Measures on from what is known."""

    def __init__(self, stills: Sequence[Still], known: Sequence[Measured], mask: Mask | None) -> None:
        self._stills = stills
        self._mask = mask
        self._framer: Framer | None = None
        if placed := [number for number, one in enumerate(known) if one.place.similarity is not None]:
            self._stand_on(known, placed)

    def measure(self, still: Still) -> Measured:
        try:
            if self._framer is None:
                self._begin(still)
            pixels = self._read(still)
        except PhotoUnreadable as error:
            nowhere = Place(None, trouble="it cannot be read")
            return Measured(still.key, nowhere, LightStep(None), self._anchor, str(error))
        assert self._framer is not None
        first = still is self._framer.first
        place = Place(Similarity(), 1.0) if first else self._framer.place(still, pixels)
        placed = place.similarity is not None
        if placed and self._framer.elsewhere:
            self._meter.forget()
        light = self._meter.step(
            pixels, place.similarity or self._framer.lies_as_before(still), lasting=placed
        )
        return Measured(still.key, place, light, self._anchor)

    @property
    def _anchor(self) -> str:
        return "" if self._framer is None else self._framer.anchor

    def _begin(self, first: Still) -> None:
        pixels = read_reduced(first.path, working_eighths(first))
        self._framer = Framer(first, pixels, self._mask)
        height, width = pixels.pixels.shape[:2]
        self._meter = LightMeter((width, height), pixels.from_whole, self._mask)

    def _read(self, still: Still) -> Reduced:
        assert self._framer is not None
        return read_reduced(still.path, working_eighths(still, self._framer.width_px))

    def _stand_on(self, known: Sequence[Measured], placed: Sequence[int]) -> None:
        """Read again what those to come are compared with."""
        first, last = self._stills[placed[0]], placed[-1]
        self._begin(first)
        assert self._framer is not None
        anchor = next(number for number in placed if known[number].key == known[last].anchor)
        laid = []
        for number in (anchor, last):
            similarity = known[number].place.similarity
            assert similarity is not None
            laid.append((self._stills[number], self._read(self._stills[number]), similarity))
        self._framer.stand_on(laid[0], laid[1])
        metered = [number for number in placed if known[number].light.stops is not None]
        for number in metered[-1:]:
            similarity = known[number].place.similarity
            assert similarity is not None
            self._meter.step(self._read(self._stills[number]), similarity)


def _still_true(known: Sequence[Measured], stills: Sequence[Still]) -> list[Measured]:
    """Give of what is known the part before the first picture that is another by now."""
    for number, (one, still) in enumerate(zip(known, stills, strict=False)):
        if one.key != still.key:
            return list(known[:number])
    return list(known[: len(stills)])


def _keep(notes: Sequence[Path], name: str, found: Sequence[Measured]) -> None:
    record = sealed({"schema": SCHEMA, "pictures": [_record(one) for one in found]})
    for folder in notes:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            write_durably(folder / name, record)
            return


def _record(one: Measured) -> dict[str, Any]:
    similarity, stops = one.place.similarity, one.light.stops
    return {
        "picture": one.key,
        "placed": similarity and [similarity.p, similarity.q, similarity.tx, similarity.ty],
        "likeness": round(one.place.likeness, 4),
        "unsure_px": round(one.place.unsure_px, 3),
        "trouble": one.place.trouble,
        "placed_anew": one.place.anew,
        "stops": stops and [round(channel, 5) for channel in stops],
        "counted_anew": one.light.anew,
        "lasting": one.light.lasting,
        "anchor": one.anchor,
        "unreadable": one.unreadable,
    }


def _remembered(path: Path) -> list[Measured]:
    """Read what an earlier pass found; nothing where it cannot be read."""
    try:
        record = unsealed(path.read_bytes())
        if record["schema"] != SCHEMA:
            return []
        return [_measured_of(one) for one in record["pictures"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _measured_of(one: Mapping[str, Any]) -> Measured:
    placed, stops = one["placed"], one["stops"]
    place = Place(
        placed and Similarity(*placed), one["likeness"], one["unsure_px"], one["trouble"], one["placed_anew"]
    )
    return Measured(
        one["picture"],
        place,
        LightStep(stops and (stops[0], stops[1], stops[2]), one["counted_anew"], one["lasting"]),
        one["anchor"],
        one["unreadable"],
    )
