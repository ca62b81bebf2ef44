"""A stack's slices as two curves in SVG: how sharp each is, and how much of the picture it gives. Pure.

The drawings have no size and no letters: they stretch to the width of a page, from a phone's to a desk's,
and whoever places them writes beside them what they show.
"""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

Row = Mapping[str, Any]
"""A slice as `stack.report` has it: index, position_u, sharpness and share; the last two may be None."""

HEIGHT: Final = 100
TOP: Final = 0.94
"""Of the height that the largest value takes."""


def sharpness_svg(rows: Sequence[Row], slices: int, coverage: Mapping[str, Any], unit: str) -> str:
    """Draw the sharpness of every slice as a line, and behind it where the stack falls short."""
    return _svg(
        slices,
        "Sharpness of each slice",
        [*_soft(coverage), *_missing(rows, slices), *_lines(rows), *_labels(rows, unit)],
    )


def share_svg(rows: Sequence[Row], slices: int, coverage: Mapping[str, Any], unit: str) -> str:
    """Draw as bars what share of the picture is sharpest in each slice."""
    return _svg(
        slices,
        "Share of the picture that is sharpest in each slice",
        [*_soft(coverage), *_missing(rows, slices), *_bars(rows), *_labels(rows, unit)],
    )


def largest(rows: Sequence[Row], name: str) -> float:
    """Give the largest value that rows have, 0 where none has one: what the top of a drawing stands for."""
    return max((row[name] for row in rows if row[name] is not None), default=0.0)


def _svg(slices: int, words: str, shapes: Sequence[str]) -> str:
    drawn = "\n".join(shapes)
    return (
        f'<svg viewBox="0 0 {slices} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(words)}">\n{drawn}\n</svg>'
    )


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    """Draw a line through every run of neighbouring slices, a dash for one that stands alone."""
    top = largest(rows, "sharpness")
    for run in _runs([row for row in rows if row["sharpness"] is not None]):
        points = [(row["index"] + 0.5, _y(row["sharpness"], top)) for row in run]
        if len(points) == 1:
            (x, y) = points[0]
            points = [(x - 0.3, y), (x + 0.3, y)]
        line = " ".join(f"{x:g},{y:.2f}" for x, y in points)
        yield f'<polygon class="area" points="{points[0][0]:g},{HEIGHT} {line} {points[-1][0]:g},{HEIGHT}"/>'
        yield f'<polyline class="line" points="{line}"/>'


def _bars(rows: Sequence[Row]) -> Iterator[str]:
    top = largest(rows, "share")
    for row in rows:
        if row["share"]:
            y = _y(row["share"], top)
            x = row["index"] + 0.12
            yield f'<rect class="bar" x="{x:g}" y="{y:.2f}" width="0.76" height="{HEIGHT - y:.2f}"/>'


def _labels(rows: Sequence[Row], unit: str) -> Iterator[str]:
    """Lay over each slice what a pointer that rests there is told."""
    for row in rows:
        yield (
            f'<rect class="slot" x="{row["index"]}" y="0" width="1" height="{HEIGHT}">'
            f"<title>{escape(_words(row, unit))}</title></rect>"
        )


def _words(row: Row, unit: str) -> str:
    words = f"slice {row['index']}, {row['position_u']:.6g} {unit}"
    if row["sharpness"] is not None:
        words += f": sharpness {row['sharpness']:.3g}, {row['share']:.1%} of the picture"
    return f"{words}; {row['doubt']}" if row["doubt"] else words


def _soft(coverage: Mapping[str, Any]) -> Iterator[str]:
    """Shade the way from the middle of a slice to that of the next where it is not sharp between them."""
    for gap in coverage["gaps"]:
        near, far = sorted((gap["before"], gap["after"]))
        yield f'<rect class="soft" x="{near + 0.5:g}" y="0" width="{far - near}" height="{HEIGHT}"/>'


def _missing(rows: Sequence[Row], slices: int) -> Iterator[str]:
    there = {row["index"] for row in rows}
    for index in range(slices):
        if index not in there:
            yield f'<rect class="missing" x="{index}" y="0" width="1" height="{HEIGHT}"/>'


def _runs(rows: Sequence[Row]) -> list[list[Row]]:
    runs: list[list[Row]] = []
    for row in rows:
        if runs and row["index"] == runs[-1][-1]["index"] + 1:
            runs[-1].append(row)
        else:
            runs.append([row])
    return runs


def _y(value: float, top: float) -> float:
    return HEIGHT * (1 - TOP * value / top) if top > 0 else HEIGHT
