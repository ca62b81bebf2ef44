"""A drawing for a terminal: the same values that the plot's file shows, a character a cell."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

ROWS = 10
_POINTS = "•ox+"
_MARK = "│"


def chart(plot: Mapping[str, Any], columns: int) -> Iterator[str]:
    """Draw a plot, as the daemon gives it, in lines of at most `columns` characters."""
    width = max(20, min(columns - 10, 100))
    points = [point for series in plot["series"] for point in series["points"]]
    if not points:
        return
    xs = [x for x, _ in points] + [mark["x"] for mark in plot["marks"]]
    low, high = min(xs), max(xs)
    top = max(max(y for _, y in points), 1e-9)
    cells = [[" "] * width for _ in range(ROWS)]
    for mark in plot["marks"]:
        _column(cells, _place(mark["x"], low, high, width))
    for series, sign in zip(plot["series"], _POINTS, strict=False):
        for x, y in series["points"]:
            cells[ROWS - 1 - _place(y, 0.0, top, ROWS)][_place(x, low, high, width)] = sign
    yield plot["title"]
    for row, line in enumerate(cells):
        label = f"{top:.3g}" if row == 0 else "0" if row == ROWS - 1 else ""
        yield f"{label:>7} |{''.join(line).rstrip()}"
    yield f"{'':>7} +{'-' * width}"
    yield f"{'':>8}{_ends(low, high, width)}"
    yield f"{'':>8}{plot['x_label']};  {_legend(plot['series'], plot['marks'])}"


def _place(value: float, low: float, high: float, cells: int) -> int:
    part = (value - low) / (high - low) if high > low else 0.0
    return min(cells - 1, max(0, round(part * (cells - 1))))


def _column(cells: Sequence[list[str]], column: int) -> None:
    for line in cells:
        line[column] = _MARK


def _ends(low: float, high: float, width: int) -> str:
    left, right = f"{low:g}", f"{high:g}"
    return left + right.rjust(max(1, width + 1 - len(left)))


def _legend(series: Sequence[Mapping[str, Any]], marks: Sequence[Mapping[str, Any]]) -> str:
    named = [f"{sign} {one['name']}" for one, sign in zip(series, _POINTS, strict=False)]
    return "  ".join([*named, *([f"{_MARK} {', '.join(mark['name'] for mark in marks)}"] if marks else [])])
