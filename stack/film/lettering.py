"""Words on a picture: drawn large and made small, which makes OpenCV's letters legible."""

import unicodedata
from typing import Any, Final

import cv2
import numpy as np

from stack.film.decoding import Eight

FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
DRAWN: Final = 4
"""Times the size at which letters are drawn."""
HEIGHT_AT_1: Final = 30.0
"""Pixels from the foot of a p to the head of a b at scale 1."""
HAS_FACES: Final = hasattr(cv2, "FontFace")
"""From its fifth version on OpenCV has a proper font, whose weight a thickness above 1 makes bold."""

Ink = tuple[int, int, int]
"""Blue, green, red."""

_MEANT: Final = {
    "µ": "u",
    "°": " deg",
    "–": "-",
    "—": "-",
    "×": "x",
    "·": "-",
    "…": "...",
    "’": "'",
    "ß": "ss",
}


def plain(text: str) -> str:
    """Give text in the letters that can be drawn, which are ASCII's."""
    meant = "".join(_MEANT.get(letter, letter) for letter in text)
    parts = unicodedata.normalize("NFKD", meant)
    kept = (letter for letter in parts if not unicodedata.combining(letter))
    return "".join(letter if " " <= letter <= "~" else "?" for letter in kept)


def width_of(text: str, size_px: int, *, bold: bool = False) -> int:
    """Give how wide text is when it is written."""
    scale = DRAWN * size_px / HEIGHT_AT_1
    (width, _), _ = cv2.getTextSize(plain(text), FONT, scale, _stroke(size_px, bold))
    return int(np.ceil(width / DRAWN)) + 1


def _stroke(size_px: int, bold: bool) -> int:
    if HAS_FACES:
        return 2 if bold else 1
    return max(1, round(DRAWN * size_px * (0.1 if bold else 0.065)))


def shortened(text: str, size_px: int, width_px: int) -> str:
    """Give text as far as it fits."""
    if width_of(text, size_px) <= width_px:
        return text
    while text and width_of(text + "...", size_px) > width_px:
        text = text[:-1]
    return text.rstrip(" ,.:;") + "..." if text else ""


def wrapped(text: str, size_px: int, width_px: int, lines: int) -> list[str]:
    """Give text in at most so many lines, the last one shortened."""
    found: list[str] = []
    words = text.split()
    while words and len(found) < lines - 1:
        count = 1
        while count < len(words) and width_of(" ".join(words[: count + 1]), size_px) <= width_px:
            count += 1
        found.append(shortened(" ".join(words[:count]), size_px, width_px))
        words = words[count:]
    return [*found, shortened(" ".join(words), size_px, width_px)] if words else found


def write(
    paper: Eight, text: str, left: int, top: int, size_px: int, ink: Ink, *, bold: bool = False
) -> None:
    """Write a line; `left` and `top` are the corner of what it fills."""
    text, scale, stroke = plain(text), DRAWN * size_px / HEIGHT_AT_1, _stroke(size_px, bold)
    width = width_of(text, size_px, bold=bold) + 1
    rows, columns = min(size_px, paper.shape[0] - top), min(width, paper.shape[1] - left)
    if rows <= 0 or columns <= 0 or not text:
        return
    drawn: Any = np.zeros((DRAWN * size_px, DRAWN * width), np.uint8)
    cv2.putText(
        drawn, text, (DRAWN // 2, round(DRAWN * size_px * 0.76)), FONT, scale, 255, stroke, cv2.LINE_AA
    )
    cover: Any = cv2.resize(drawn, (width, size_px), interpolation=cv2.INTER_AREA)
    share = cover[:rows, :columns, None].astype(np.float32) / 255
    under = paper[top : top + rows, left : left + columns]
    under[:] = np.rint(under * (1 - share) + np.array(ink, np.float32) * share).astype(np.uint8)
