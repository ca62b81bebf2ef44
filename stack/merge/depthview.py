"""The depth map in colours, for people: near in blue, far in red, grey where no detail tells."""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.depth import ORIGIN, PER_SLICE, UNKNOWN
from stack.merge.leaks import NOWHERE
from stack.merge.planes import spans

Eight = NDArray[np.uint8]

GREY: Final = 96
LEGEND_PX: Final = 46
SHOWN_PX: Final = 1200
"""So wide a picture is shown as a whole: below a wider one the legend is larger, to be read even then."""
BAR_SHARE: Final = 0.25
"""Of the picture's width that a scale bar may take at most."""
ENDS: Final = (0.005, 0.995)
"""Shares of what is known that lie in front of the nearest depth shown, and of the farthest."""
STRIP_ROWS: Final = 32
"""So many are coloured at once: to look them up takes eight bytes a pixel."""
SPARSE: Final = 2
"""Of so many pixels one is enough to tell nearest and farthest."""
ROUND: Final = (1, 2, 5)


def coloured(
    depth: NDArray[np.uint16],
    confidence: Eight,
    um_per_slice: float | None = None,
    um_per_px: float | None = None,
) -> Eight:
    """Give a depth map `(H, W)` in colours `(H + legend, W, 3)`, with what they mean below it.

    Grey is what was filled from beside it: a `confidence` `(H, W)` below 77 of 255. Depths are in micrometres
    from the nearest one shown where the pitch is known, else in slices; with the scale of the subject there
    is a bar of a round length.
    """
    height, width = depth.shape
    near, far = depth_span(depth) or (0.0, 1.0)
    legend = _legend(width, near, far, um_per_slice, um_per_px)
    picture: Any = np.empty((height + len(legend), width, 3), np.uint8)
    colours = _colours(near, far)
    for rows in spans(height, STRIP_ROWS):
        np.take(colours, depth[rows], axis=0, out=picture[rows], mode="clip")
        picture[rows][confidence[rows] < NOWHERE] = GREY
    picture[height:] = legend
    return picture  # type: ignore[no-any-return]


def upright(plane: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Give a view of a plane as a viewer turns what EXIF says is of this orientation, 1 to 8."""
    turned = plane.T if orientation >= 5 else plane
    down, right = (-1 if orientation in mirrored else 1 for mirrored in ((3, 4, 7, 8), (2, 3, 6, 7)))
    return turned[::down, ::right]


def _colours(near: float, far: float) -> Eight:
    """Give the colour `(65536, 3)` of everything that a depth map can say."""
    places = (np.arange(65536) - ORIGIN) / PER_SLICE
    levels = np.clip((places - near) / max(far - near, 1e-3), 0, 1)
    colours: Any = cv2.applyColorMap(np.rint(levels * 255).astype(np.uint8)[:, None], cv2.COLORMAP_TURBO)
    colours[UNKNOWN] = GREY
    return np.asarray(colours[:, 0], np.uint8)


def depth_span(depth: NDArray[np.uint16]) -> tuple[float, float] | None:
    """Give the nearest and the farthest depth that colours show, in slices; None where none is known."""
    some: Any = np.ascontiguousarray(depth[::SPARSE, ::SPARSE])
    counts = cv2.calcHist([some], [0], None, [65536], [0, 65536]).ravel()
    counts[UNKNOWN] = 0
    below = np.cumsum(counts, dtype=np.float64)
    if not below[-1]:
        return None
    near, far = (int(place) for place in np.searchsorted(below, np.array(ENDS) * below[-1], side="right"))
    return (near - ORIGIN) / PER_SLICE, (far - ORIGIN) / PER_SLICE


def bar_um(width_px: int, um_per_px: float) -> float:
    """Give the longest round length, in micrometres, that takes no more than a quarter of the width."""
    room = width_px * um_per_px * BAR_SHARE
    decade = 10.0 ** np.floor(np.log10(room))
    return float(max(step * decade for step in ROUND if step * decade <= room))


def length_text(um: float) -> str:
    """Give a length for people."""
    return f"{um / 1000:.3g} mm" if um >= 1000 else f"{um:.3g} um"


def _legend(
    width: int, near: float, far: float, um_per_slice: float | None, um_per_px: float | None
) -> Eight:
    scale = max(1.0, width / SHOWN_PX)
    gap, top, bottom = round(8 * scale), round(8 * scale), round(18 * scale)
    strip: Any = np.full((round(LEGEND_PX * scale), width, 3), 24, np.uint8)
    ramp = np.tile(np.linspace(0, 255, max(2, width // 3)).astype(np.uint8), (bottom - top, 1))
    shown = cv2.applyColorMap(ramp, cv2.COLORMAP_TURBO)[:, : max(0, width - 2 * gap)]
    strip[top:bottom, gap : gap + shown.shape[1]] = shown
    if um_per_slice is None:
        words = f"slice {near:.1f} to {far:.1f}"
    else:
        words = f"0 to {length_text((far - near) * um_per_slice)} deep"
    _write(strip, words, gap, scale)
    if um_per_px is not None:
        length_um = bar_um(width, um_per_px)
        length_px = round(length_um / um_per_px)
        left = width - gap - length_px
        strip[round(11 * scale) : round(15 * scale), left : left + length_px] = 255
        _write(strip, length_text(length_um), left, scale)
    return strip  # type: ignore[no-any-return]


def _write(strip: Any, words: str, left: int, scale: float) -> None:
    foot, stroke = (left, round(37 * scale)), max(1, round(scale))
    cv2.putText(
        strip, words, foot, cv2.FONT_HERSHEY_SIMPLEX, 0.45 * scale, (230, 230, 230), stroke, cv2.LINE_AA
    )
