"""What a calibration saw, as a drawing: values first, then an SVG of our own. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

WIDTH_PX: Final = 720
HEIGHT_PX: Final = 400
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 70, 20, 44, 50
TICKS: Final = 6
_COLOURS: Final = ("#1f6fb2", "#c2571a", "#2a7d4f", "#7a4fa0")


@dataclass(frozen=True, slots=True)
class Series:
    """Points `(x, y)` with a name; `joined`: by a line."""

    name: str
    points: tuple[tuple[float, float], ...]
    joined: bool = True


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on the x axis that the evidence comes down to; `error` either way of it."""

    name: str
    x: float
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing of points against an axis."""

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    marks: tuple[Mark, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Give it as JSON values, for a terminal to draw."""
        return {
            "title": self.title,
            "x_label": self.x_label,
            "y_label": self.y_label,
            "series": [
                {"name": one.name, "points": [[round(x, 4), round(y, 5)] for x, y in one.points]}
                for one in self.series
            ],
            "marks": [{"name": one.name, "x": one.x, "error": one.error} for one in self.marks],
        }


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where values lie on the paper."""

    low: tuple[float, float]
    high: tuple[float, float]

    def x(self, value: float) -> float:
        part = (value - self.low[0]) / (self.high[0] - self.low[0])
        return LEFT_PX + part * (WIDTH_PX - LEFT_PX - RIGHT_PX)

    def y(self, value: float) -> float:
        part = (value - self.low[1]) / (self.high[1] - self.low[1])
        return HEIGHT_PX - BOTTOM_PX - part * (HEIGHT_PX - TOP_PX - BOTTOM_PX)


def svg(plot: Plot) -> str:
    """Draw a plot; every value on it can be read back from the axes."""
    frame = _frame(plot)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH_PX} {HEIGHT_PX}" '
        'font-family="system-ui, sans-serif" font-size="12">',
        f'<rect width="{WIDTH_PX}" height="{HEIGHT_PX}" fill="#fff"/>',
        f'<text x="{LEFT_PX}" y="20" font-size="14">{escape(plot.title)}</text>',
        *_axes(plot, frame),
        *(line for mark in plot.marks for line in _mark(mark, frame)),
        *(line for index, one in enumerate(plot.series) for line in _series(one, index, frame)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _frame(plot: Plot) -> _Frame:
    points = [point for one in plot.series for point in one.points] or [(0.0, 0.0)]
    xs = [x for x, _ in points] + [mark.x for mark in plot.marks]
    ys = [y for _, y in points] + [0.0]
    return _Frame((min(xs), min(ys)), (max(xs) + (max(xs) == min(xs)), max(ys) * 1.05 + (max(ys) == min(ys))))


def _axes(plot: Plot, frame: _Frame) -> Iterator[str]:
    bottom, right = HEIGHT_PX - BOTTOM_PX, WIDTH_PX - RIGHT_PX
    yield f'<path d="M{LEFT_PX} {TOP_PX}V{bottom}H{right}" fill="none" stroke="#333"/>'
    for value in ticks(frame.low[0], frame.high[0]):
        yield (
            f'<text x="{frame.x(value):.1f}" y="{bottom + 16}" text-anchor="middle">{value:g}</text>'
            f'<path d="M{frame.x(value):.1f} {bottom}v4" stroke="#333"/>'
        )
    for value in ticks(frame.low[1], frame.high[1]):
        yield (
            f'<text x="{LEFT_PX - 6}" y="{frame.y(value) + 4:.1f}" text-anchor="end">{value:g}</text>'
            f'<path d="M{LEFT_PX} {frame.y(value):.1f}H{right}" stroke="#ddd"/>'
        )
    middle = (LEFT_PX + right) / 2
    yield f'<text x="{middle}" y="{HEIGHT_PX - 12}" text-anchor="middle">{escape(plot.x_label)}</text>'
    yield f'<text x="{LEFT_PX}" y="{TOP_PX - 8}">{escape(plot.y_label)}</text>'


def ticks(low: float, high: float) -> Sequence[float]:
    """Give round numbers from `low` to `high`, at most `TICKS` + 1: 1, 2 or 5 times a power of ten."""
    rough = (high - low) / TICKS
    power = 10.0 ** _floor_log10(rough)
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first, last = -int(-low / step // 1), int(high / step // 1)
    return [round(index * step, 12) for index in range(first, last + 1)]


def _floor_log10(value: float) -> int:
    return int(f"{value:e}".partition("e")[2])


def _mark(mark: Mark, frame: _Frame) -> Iterator[str]:
    top, tall = TOP_PX, HEIGHT_PX - TOP_PX - BOTTOM_PX
    if mark.error:
        left, right = frame.x(mark.x - mark.error), frame.x(mark.x + mark.error)
        yield (
            f'<rect x="{left:.1f}" y="{top}" width="{right - left:.1f}" height="{tall}" fill="#2a7d4f" '
            'fill-opacity=".15"/>'
        )
    yield (
        f'<path d="M{frame.x(mark.x):.1f} {top}v{tall}" stroke="#2a7d4f" stroke-dasharray="5 3"/>'
        f'<text x="{frame.x(mark.x) + 4:.1f}" y="{top + 12}" fill="#2a7d4f">{escape(mark.name)}</text>'
    )


def _series(series: Series, index: int, frame: _Frame) -> Iterator[str]:
    colour = _COLOURS[index % len(_COLOURS)]
    places = [(frame.x(x), frame.y(y)) for x, y in series.points]
    if series.joined and places:
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        yield f'<path d="M{path}" fill="none" stroke="{colour}"/>'
    yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4" fill="{colour}"/>' for x, y in places)
    at, label = WIDTH_PX - RIGHT_PX, escape(series.name)
    yield f'<text x="{at}" y="{20 + 15 * index}" text-anchor="end" fill="{colour}">{label}</text>'
