"""Lay every slice over the first: find the similarity that maps output pixels to the slice's pixels.

Neighbouring slices are alike, distant ones are not (focus moved on), so each slice is laid over a fading mean
of those just before it, all of them already in the geometry of the first. That chains neighbours, and because
the mean holds several of them one slice's error is not inherited whole.

What is compared is local contrast: light less its local mean, divided by its local spread, clipped pixels
left out, so that neither exposure nor the blur of a whole area pulls. Light, not pixel values: in these a
blurred edge lies nearer to its dark side, so bright things would seem to grow as they go out of focus. The
fit is Gauss-Newton from coarse to fine on the steepest point of each small cell, the blurriest left out,
sampled by exact bilinear interpolation: OpenCV's warps place pixels on a grid of 1/32, and such errors would
add up from slice to slice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.errors import AlignmentFailed
from stack.merge.planes import Plane, blurred, reduced
from stack.merge.similarity import Floats, Similarity

WORKING_SIDE_PX: Final = 1100
COARSEST_SIDE_PX: Final = 48
SPREAD_SIGMA_PX: Final = 12.0
SPREAD_FLOOR: Final = 6.0
"""Levels of 255 added to the local spread: noise in flat areas is not blown up to texture."""
CLIPPED: Final = 250
CELL_PX: Final = 6
MAX_POINTS: Final = 12000
SHARPEST: Final = 0.7
"""Share of the points that is used on fine levels: those with most detail finer than `FINE_SIGMA_PX`."""
FINE_SIGMA_PX: Final = 2.0
MIN_POINTS: Final = 60
MARGIN_PX: Final = 3
ITERATIONS: Final = 25
SETTLED_PX: Final = 0.003
FADING: Final = 0.55
"""Share of the past that stays in the mean when a slice joins."""
LIKE_ENOUGH: Final = 0.25
"""Correlation of local contrast below which two slices show nothing in common."""
DOUBTFUL: Final = 0.5
MAX_STEP_SCALE: Final = 1.35
"""Between neighbours; no lens breathes more between two slices."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where one slice lies.

    Attributes
    ----------
    similarity
        Output pixel to slice pixel, at full size.
    likeness
        Correlation of local contrast with the slices before, 0 to 1.
    doubt
        Why not to trust it, in words; empty where there is no reason.
    """

    similarity: Similarity
    likeness: float
    doubt: str = ""


class Aligner:
    """Aligns slices in the order they come; the first one is the reference. Memory does not grow."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self._size_px = (width_px, height_px)
        self._factor = -(-max(width_px, height_px) // WORKING_SIDE_PX)
        self._mean: Plane | None = None
        self._known: Plane | None = None
        self._last = Similarity()
        self._drift = Similarity()
        self._found: tuple[Similarity, Plane, Plane]

    def place(self, grey: NDArray[np.uint8], name: str) -> Alignment:
        """Find where the slice lies, given its brightness `(H, W)` at full size. `join` keeps it.

        Raises `AlignmentFailed`.
        """
        contrast, known = local_contrast(reduced(grey, self._factor))
        self._found = Similarity(), contrast, known
        if self._mean is None or self._known is None:
            return Alignment(Similarity(), 1.0)
        reference = Textures(self._mean, self._known)
        other = Textures(contrast, known)
        # Breathing goes on as it began, or the rig was touched: whichever start fits better leads.
        found = fit(reference, other, (self._drift.after(self._last), self._last))
        doubt = self._judge(found, name)
        self._found = found.similarity, contrast, known
        return Alignment(_enlarged(found.similarity, self._factor), found.likeness, doubt)

    def _judge(self, found: "Fit", name: str) -> str:
        if found.points < MIN_POINTS:
            raise AlignmentFailed(name, "it has too little detail in common with the slices before it")
        step = found.similarity.scale / self._last.scale
        if not 1 / MAX_STEP_SCALE < step < MAX_STEP_SCALE:
            raise AlignmentFailed(name, f"it would have to be scaled by {step:.2f} against its neighbour")
        if found.likeness < LIKE_ENOUGH:
            raise AlignmentFailed(
                name, f"it is too unlike the slices before it (likeness {found.likeness:.2f} of 1)"
            )
        if found.likeness < DOUBTFUL:
            return f"it is rather unlike the slices before it (likeness {found.likeness:.2f} of 1)"
        return ""

    def join(self) -> None:
        """Keep the slice last placed: those to come are laid over it too."""
        similarity, contrast, known = self._found
        self._drift = similarity.after(self._last.inverse())
        self._last = similarity
        if self._mean is None or self._known is None:
            self._mean, self._known = contrast, known
            return
        there, there_known = sample_plane(contrast, known, similarity)
        kept, new = FADING * self._known, (1 - FADING) * there_known
        weight = kept + new
        mean = (kept * self._mean + new * there) / np.maximum(weight, 1e-6)
        self._mean = mean.astype(np.float32)
        self._known = np.where(weight > 0, np.maximum(self._known, there_known), 0).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Fit:
    """A similarity between working pictures, how alike they are under it, and on how many points."""

    similarity: Similarity
    likeness: float
    points: int


class Textures:
    """A picture of local contrast as a pyramid, coarsest first; each level halves the one below."""

    def __init__(self, contrast: Plane, known: Plane) -> None:
        self.levels: list[tuple[Plane, Plane]] = [(contrast, known)]
        while min(self.levels[0][0].shape) >= 2 * COARSEST_SIDE_PX:
            contrast, known = self.levels[0]
            weight = reduced(known, 2)
            mean = reduced(contrast * known, 2) / np.maximum(weight, 1e-3)
            self.levels.insert(0, (mean.astype(np.float32), (weight > 0.5).astype(np.float32)))


def local_contrast(grey: Plane) -> tuple[Plane, Plane]:
    """Give light less its local mean over its local spread, and where it is known (1) or clipped (0).

    `grey` is `(H, W)` float32, 0 to 255, as photographs are stored. Clipped pixels count neither in mean nor
    in spread.
    """
    clipped = cv2.dilate((grey >= CLIPPED).astype(np.uint8), np.ones((3, 3), np.uint8))
    known = 1 - clipped.astype(np.float32)
    weight = np.maximum(blurred(known, SPREAD_SIGMA_PX), np.float32(1e-3))
    fine = blurred(grey * grey * np.float32(1 / 255), 0.7)  # near enough to sRGB's curve undone
    mean = blurred(fine * known, SPREAD_SIGMA_PX) / weight
    high = (fine - mean) * known
    spread = np.sqrt(blurred(high * high, SPREAD_SIGMA_PX) / weight)
    return np.asarray(high / (spread + SPREAD_FLOOR), np.float32), known


def fit(reference: Textures, other: Textures, starts: Sequence[Similarity]) -> Fit:
    """Find the similarity from pixels of `reference` to pixels of `other`, from the start that leads best."""
    last = len(reference.levels) - 1
    found = max((_fit_at(reference, other, 0, start) for start in starts), key=lambda fit: fit.likeness)
    for level in range(1, last + 1):
        found = _fit_at(reference, other, level, found.similarity)
    return found


def _fit_at(reference: Textures, other: Textures, level: int, start: Similarity) -> Fit:
    """Fit on one level; similarities are those of the finest."""
    factor = 2.0 ** (len(reference.levels) - 1 - level)
    found = _fit_level(*reference.levels[level], *other.levels[level], start.reduced(factor))
    return Fit(_enlarged(found.similarity, factor), found.likeness, found.points)


def _fit_level(still: Plane, still_known: Plane, moved: Plane, moved_known: Plane, start: Similarity) -> Fit:
    """Gauss-Newton on one level, with the mean of both pictures' gradients (second-order, so few rounds)."""
    height, width = still.shape
    points, wanted, slope_still = _textured_points(still, still_known)
    gradient = _gradients(moved)
    centre = np.array([width - 1, height - 1]) / 2
    reach = float(np.hypot(width, height)) / 2
    similarity, likeness, used = start, 0.0, 0
    for _ in range(ITERATIONS):
        places = similarity(points)
        inside = _inside(places, width, height)
        if inside.sum() < MIN_POINTS:
            return Fit(similarity, 0.0, int(inside.sum()))
        places, at, target, slope = places[inside], points[inside], wanted[inside], slope_still[inside]
        values = bilinear(np.dstack([moved, moved_known, *gradient]), places)
        got, known = values[:, 0], (values[:, 1] > 0.99).astype(np.float64)
        # The reference's gradient turned and scaled into the slice's frame.
        turned = _turn(slope, similarity)
        slopes = (turned + values[:, 2:4]) / 2
        residual, weights = _robust(target, got, known)
        likeness, used = _correlation(target, got, weights), int((weights > 0).sum())
        if used < MIN_POINTS:
            return Fit(similarity, 0.0, used)
        x, y = ((at - centre) / reach).T
        jacobian = np.stack(
            [slopes[:, 0] * x + slopes[:, 1] * y, slopes[:, 1] * x - slopes[:, 0] * y, *slopes.T], axis=1
        )
        weighted = jacobian * weights[:, None]
        normal = weighted.T @ jacobian
        normal += np.eye(4) * 1e-6 * np.trace(normal)
        step = np.linalg.solve(normal, weighted.T @ residual)
        similarity = _stepped(similarity, step, centre, reach)
        if np.abs(step).max() < SETTLED_PX:
            break
    return Fit(similarity, likeness, used)


def _textured_points(still: Plane, known: Plane) -> tuple[Floats, Floats, Floats]:
    """Give the point of steepest contrast in each cell, `(N, 2)`, its value `(N,)` and gradient `(N, 2)`."""
    height, width = still.shape
    gx, gy = _gradients(still)
    steepness = np.hypot(gx, gy) * (cv2.erode(known, np.ones((3, 3), np.uint8)) > 0.5)
    cell = CELL_PX if height * width > 60_000 else 3 if height * width > 15_000 else 2
    rows, columns = height // cell, width // cell
    tiles = steepness[: rows * cell, : columns * cell].reshape(rows, cell, columns, cell)
    cells = tiles.transpose(0, 2, 1, 3).reshape(rows * columns, cell * cell)
    best = cells.argmax(axis=1)
    value = cells[np.arange(len(best)), best]
    y = np.repeat(np.arange(rows), columns) * cell + best // cell
    x = np.tile(np.arange(columns), rows) * cell + best % cell
    good = (
        (value > 0.02)
        & (x >= MARGIN_PX)
        & (y >= MARGIN_PX)
        & (x < width - MARGIN_PX)
        & (y < height - MARGIN_PX)
    )
    chosen = np.flatnonzero(good)
    if cell == CELL_PX and len(chosen):
        sharpness = _sharpness(still)[y[chosen], x[chosen]]
        chosen = chosen[sharpness >= np.quantile(sharpness, 1 - SHARPEST)]
    if len(chosen) > MAX_POINTS:
        chosen = chosen[np.argsort(value[chosen])[-MAX_POINTS:]]
    x, y = x[chosen], y[chosen]
    points = np.stack([x, y], axis=1).astype(np.float64)
    return points, still[y, x].astype(np.float64), np.stack([gx[y, x], gy[y, x]], axis=1).astype(np.float64)


def _sharpness(plane: Plane) -> Plane:
    """Give the steepness of fine detail, averaged over a few pixels."""
    return blurred(np.hypot(*_gradients(plane - blurred(plane, FINE_SIGMA_PX))), FINE_SIGMA_PX)


def _gradients(plane: Plane) -> tuple[Plane, Plane]:
    gx = cv2.Scharr(plane, cv2.CV_32F, 1, 0, scale=1 / 32)
    gy = cv2.Scharr(plane, cv2.CV_32F, 0, 1, scale=1 / 32)
    return gx, gy  # type: ignore[return-value]


def _inside(places: Floats, width: int, height: int) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (
        (places[:, 0] >= MARGIN_PX)
        & (places[:, 1] >= MARGIN_PX)
        & (places[:, 0] < width - 1 - MARGIN_PX)
        & (places[:, 1] < height - 1 - MARGIN_PX)
    )
    return inside


def bilinear(stacked: Plane, places: Floats) -> Floats:
    """Sample planes `(H, W, C)` at `(N, 2)` places without quantising them; all must lie inside."""
    x0, y0 = np.floor(places).astype(np.intp).T
    fx, fy = (places - np.floor(places)).T[..., None]
    top = stacked[y0, x0] * (1 - fx) + stacked[y0, x0 + 1] * fx
    bottom = stacked[y0 + 1, x0] * (1 - fx) + stacked[y0 + 1, x0 + 1] * fx
    result: Floats = top * (1 - fy) + bottom * fy
    return result


def sample_plane(plane: Plane, known: Plane, similarity: Similarity) -> tuple[Plane, Plane]:
    """Give `plane` and where it is known in the frame that `similarity` maps from, exactly bilinear."""
    height, width = plane.shape
    out, out_known = np.zeros_like(plane), np.zeros_like(known)
    flat, flat_known = plane.ravel(), known.ravel()
    columns = np.arange(width, dtype=np.float64)
    for top in range(0, height, 32):
        rows = np.arange(top, min(top + 32, height), dtype=np.float64)[:, None]
        x = similarity.p * columns - similarity.q * rows + similarity.tx
        y = similarity.q * columns + similarity.p * rows + similarity.ty
        inside = (x >= MARGIN_PX) & (x < width - 1 - MARGIN_PX)
        inside &= (y >= MARGIN_PX) & (y < height - 1 - MARGIN_PX)
        x, y = np.where(inside, x, 0), np.where(inside, y, 0)
        column, row = x.astype(np.int32), y.astype(np.int32)
        right, below = (x - column).astype(np.float32), (y - row).astype(np.float32)
        at = row * width + column
        upper = flat[at] * (1 - right) + flat[at + 1] * right
        lower = flat[at + width] * (1 - right) + flat[at + width + 1] * right
        out[top : top + 32] = (upper * (1 - below) + lower * below) * inside
        nearest = at + (right > 0.5) + (below > 0.5) * width
        out_known[top : top + 32] = flat_known[nearest] * inside
    return out, out_known


def _turn(slopes: Floats, similarity: Similarity) -> Floats:
    """Turn gradients `(N, 2)` of the reference into the slice's frame."""
    p, q = similarity.p, similarity.q
    squared = p * p + q * q
    x, y = slopes.T
    return np.stack([(p * x - q * y) / squared, (q * x + p * y) / squared], axis=1)


def _robust(target: Floats, got: Floats, known: Floats) -> tuple[Floats, Floats]:
    """Give residuals, contrast matched, and Tukey's weights: what only one slice shows has no vote."""
    energy = float((known * got * got).sum())
    gain = float((known * got * target).sum()) / energy if energy > 0 else 1.0
    gain = min(max(gain, 0.5), 2.0)
    residual = target / gain - got
    spread = 1.4826 * float(np.median(np.abs(residual[known > 0]))) if known.any() else 1.0
    limit = 4.0 * max(spread, 1e-3)
    weights = known * np.square(np.clip(1 - np.square(residual / limit), 0, 1))
    return residual, weights


def _correlation(a: Floats, b: Floats, weights: Floats) -> float:
    """Correlation over the points that are known at all, those the fit distrusts included."""
    seen = weights >= 0
    a, b = a[seen], b[seen]
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm > 0 else 0.0


def _stepped(similarity: Similarity, step: Floats, centre: Floats, reach: float) -> Similarity:
    """Add a step given about the picture's centre, in pixels at its corner."""
    dp, dq = step[0] / reach, step[1] / reach
    return Similarity(
        similarity.p + dp,
        similarity.q + dq,
        similarity.tx + step[2] - dp * centre[0] + dq * centre[1],
        similarity.ty + step[3] - dq * centre[0] - dp * centre[1],
    )


def _enlarged(similarity: Similarity, factor: float) -> Similarity:
    return similarity.reduced(1 / factor)
