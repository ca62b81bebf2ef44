"""A series' slots as curves in SVG: how light, how far adrift, how long. Pure.

As `stack.curve` draws a stack's slices: no size and no letters, stretched to the page, slot by slot.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

HEIGHT: Final = 100
EDGE: Final = 6
"""Of the height, above and below what is drawn."""

MOST_ACROSS: Final = 1000
"""Bars and labels in a drawing: of more slots several share one, which a screen could not part."""

Row = Mapping[str, Any]
"""A slot as `stack.film.account` has it."""
Values = Sequence[tuple[int, float]]
"""Slot and value, by slot; what is missing is missing."""


def span_of(*lines: Values, least: float) -> tuple[float, float]:
    """Give the lowest and highest value drawn, 0 among them, at least so far apart."""
    values = [value for line in lines for _, value in line]
    low, high = min([0.0, *values]), max([0.0, *values])
    more = max(0.0, least - (high - low)) / 2
    return low - more, high + more


def lines_svg(
    rows: Sequence[Row],
    lines: Sequence[tuple[str, Values]],
    span: tuple[float, float],
    words: str,
    label: Callable[[Row], str],
) -> str:
    """Draw lines, each with the class that colours it, about where nothing has changed."""
    first, count = _extent(rows)
    zero = _y(0.0, span)
    shapes = [
        *_gaps(rows),
        f'<line class="zero" x1="{first}" y1="{zero:.2f}" x2="{first + count}" y2="{zero:.2f}"/>',
    ]
    for kind, values in lines:
        shapes += _line(kind, values, span)
    return _svg(rows, words, [*shapes, *_labels(rows, label)])


def bars_svg(rows: Sequence[Row], values: Values, top: float, words: str, label: Callable[[Row], str]) -> str:
    """Draw a bar a slot, from 0 to `top`; where several share one, of the highest."""
    each, highest, bars = _each(rows), dict[int, float](), []
    for slot, value in values:
        highest[slot // each] = max(value, highest.get(slot // each, 0.0))
    for place, value in highest.items():
        y = _y(value, (0.0, top)) if top > 0 else HEIGHT
        x, width = each * (place + 0.12), each * 0.76
        bars.append(f'<rect class="bar" x="{x:g}" y="{y:.2f}" width="{width:g}" height="{HEIGHT - y:.2f}"/>')
    return _svg(rows, words, [*_gaps(rows), *bars, *_labels(rows, label)])


def _svg(rows: Sequence[Row], words: str, shapes: Sequence[str]) -> str:
    first, count = _extent(rows)
    drawn = "\n".join(shapes)
    return (
        f'<svg viewBox="{first} 0 {count} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(words)}">\n{drawn}\n</svg>'
    )


def _extent(rows: Sequence[Row]) -> tuple[int, int]:
    if not rows:
        return 0, 1
    return rows[0]["slot"], rows[-1]["slot"] - rows[0]["slot"] + 1


def _each(rows: Sequence[Row]) -> int:
    """Give how many slots share a bar or a label."""
    return max(1, -(-_extent(rows)[1] // MOST_ACROSS))


def _gaps(rows: Sequence[Row]) -> Iterator[str]:
    """Shade the slots that have no stack, neighbours together."""
    begin: int | None = None
    last = -1
    for row in rows:
        gone = row["end"] in ("failed", "skipped")
        if begin is not None and (not gone or row["slot"] != last + 1):
            yield _shade(begin, last)
            begin = None
        if gone and begin is None:
            begin = row["slot"]
        last = row["slot"]
    if begin is not None:
        yield _shade(begin, last)


def _shade(first: int, last: int) -> str:
    return f'<rect class="missing" x="{first}" y="0" width="{last - first + 1}" height="{HEIGHT}"/>'


def _line(kind: str, values: Values, span: tuple[float, float]) -> Iterator[str]:
    """Draw a line through what there is; a lonely slot gets a dash."""
    points = [(slot + 0.5, _y(value, span)) for slot, value in values]
    if len(points) == 1:
        ((x, y),) = points
        points = [(x - 0.3, y), (x + 0.3, y)]
    if points:
        drawn = " ".join(f"{x:g},{y:.2f}" for x, y in points)
        yield f'<polyline class="line {kind}" points="{drawn}"/>'


def _labels(rows: Sequence[Row], label: Callable[[Row], str]) -> Iterator[str]:
    """Lay over each slot what a pointer that rests there is told; where several share it, of the first."""
    each = _each(rows)
    labelled: dict[int, Row] = {}
    for row in rows:
        labelled.setdefault(row["slot"] // each, row)
    for place, row in labelled.items():
        yield (
            f'<rect class="slot" x="{place * each}" y="0" width="{each}" height="{HEIGHT}">'
            f"<title>{escape(label(row))}</title></rect>"
        )


def _y(value: float, span: tuple[float, float]) -> float:
    low, high = span
    share = (value - low) / (high - low) if high > low else 0.5
    floor = HEIGHT if low == 0.0 else HEIGHT - EDGE
    return floor - share * (floor - EDGE)
