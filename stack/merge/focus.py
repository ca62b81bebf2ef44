"""How sharp is a slice at every pixel, as the logarithm of a weight.

At each pixel the slices are averaged with the weights `exp(score)`. The score is the sum of

- `5 ln` of the amplitude of detail, averaged over about 4 pixels, and `5 ln` of that of still finer detail,
  averaged over 1.5, for hairs. Broad detail is of brightness and, two fifths as much, of colour: a green
  blade may be as bright as the stone behind it. A floor of the noise is added: where no slice shows detail
  all weigh alike, and the average is smoother than any of them. What is smooth itself is lent some of the
  outlines about it: an outline that blurs spreads faint detail over smooth areas beside it, more than they
  have. Outlines are looked for in broad detail, of which a hair has little: ground between hairs keeps its
  own slice.
- `6 ln` of the contrast of brightness with its mean over a sixteenth of the picture's width, for the same
  reason: where an outline blurs contrast falls. Not around what is white in some slice, for a glint's rises.
- `-0.13` a level of local mean brightness (6 px) up to 200, and `-0.3` more (10 px) around pixels that are
  clipped in some slice. Clipping and gamma are concave, so a glint out of focus *raises* the local mean:
  lowest is best. On white paper and on lit ground it is not: what is printed there, or lies before it, lowers
  it. Where nothing is clipped it counts within a band about its running mean only, lest a shadow that fell on
  one slice win.

Depth is told by another score, of `8 ln` of the finest detail and `2 ln` of the broad: the finest says on
which side of an outline a pixel lies, and a high floor keeps what is faint, such as texture seen through the
blur of a near part, from winning over what is plain. Of detail the least within two pixels counts, of broad
detail within four: an outline would seem to be sharp some pixels beyond itself.

A slice is looked at as a whole first, at lower resolutions, and then judged strip by strip, so that the many
planes that takes stay small and in the processor's cache.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stack.merge.light import reaching
from stack.merge.photos import Pixels
from stack.merge.planes import Plane, blurred, enlarged, enlarged_rows, reduced

BROAD_SIGMA_PX: Final = 4.0
NARROW_SIGMA_PX: Final = 1.5
POWER: Final = 10.0
"""A score grows by so much for every e-fold of all detail: five for broad, five for narrow."""
LESSER_POWER: Final = 2.0
"""Of broad detail in what tells depth; eight are of the finest."""
DETAIL_SIGMA_PX: Final = 2.0
FINEST_SIGMA_PX: Final = 1.0
COLOUR: Final = 0.4
"""How much detail in colour alone counts beside that of brightness."""
COLOUR_NOISE: Final = 1.5
"""Times the least of it that a slice has: less is noise, and what JPEG makes of it."""
OPPONENTS: Final = np.array([[0, -1, 1], [1, -0.5, -0.5]])
"""Of blue, green and red: red against green, and blue against both."""
BRIGHTNESS_WEIGHT: Final = 0.13
BRIGHTNESS_SIGMA_PX: Final = 6.0
PALE: Final = 200.0
"""Levels of 255 above which it does not count: marks out of focus make white paper about them darker."""
BAND: Final = 12.0
"""Levels of 255 by which it may count, either way."""
GLINT_WEIGHT: Final = 0.3
GLINT_SIGMA_PX: Final = 10.0
OUTLINE_SIGMA_PX: Final = 8.0
LENT: Final = 0.2
LENT_SIGMA_WIDTHS: Final = 1 / 64
"""How broad an outline's detail is, how much of it counts about it, and how far: discs grow with pictures."""
LENT_TO_FINEST: Final = 0.4
LENT_TO_DEPTH: Final = 0.5
"""So much of that counts beside the finest detail, and for depth: both keep closer to outlines."""
CONTRAST_POWER: Final = 6.0
CONTRAST_WIDTHS: Final = 1 / 16
"""Score for every e-fold of contrast, and the side of the square with whose mean a place is compared."""
LEAST_CONTRAST: Final = 8.0
"""Levels of 255 that are added to contrast: much less of it tells nothing."""
CLIPPED: Final = 250
WHITE: Final = 230
BELOW_WHITE: Final = 3
"""Cameras may render light that they clipped as less than 255, but as the brightest there is: so many levels
below that, but from `WHITE` on, it is white, and contrast tells nothing near by."""
MOST_HOT: Final = 2e-5
"""Share of pixels that may be brighter: hot ones are."""
MOST_CLIPPED: Final = 0.01
"""White that covers a larger share of a slice is of paper or paint rather than clipped."""
LIT: Final = 0.25
NEARLY_WHITE: Final = 15
"""Where a larger share of a slice is white or so many levels below, ground is lit: dark parts out of focus
make it darker, as they make paper. Of pictures of glints up to a fifth was, of insects on light a third."""
MOST_LIT: Final = 0.1
AROUND_WIDTHS: Final = 1 / 8
"""Share of a square that may be so before lit ground for what is white in it to be of a glint."""
APART: Final = 6
"""One in so many rows and columns is asked how bright slices are: enough, in a tenth of the time."""
GLINT_REACH_PX: Final = 10
FLOOR: Final = 2.0
"""Times its noise, under the finest detail: where slices differ by less it is noise that would choose."""
PLAIN: Final = 32.0
"""Times its noise: the floor above which the finest detail tells depth."""
LEAST_NOISE: Final = 0.25
COARSE: Final = 4
"""Brightness is smooth, so it is worked out at a quarter of the resolution."""
BROAD: Final = 2
"""And broad detail at half."""
STRIP_ROWS: Final = 96
THIN: Final = np.ones((5, 5), np.uint8)
"""The least detail within these tells depth; else a near part would seem to reach beyond its outline."""
REACH_PX: Final = 10
"""How far beyond a strip is looked at for it."""


@dataclass(frozen=True, slots=True)
class Sight:
    """One slice as laid, and what is seen of it as a whole.

    Attributes
    ----------
    light
        `(H, W)` float32: its brightness, levels of 255.
    broad
        Amplitude of detail over 4 px, `(H/2, W/2)` float32, levels of 255.
    lent
        What the detail about counts for as amplitude, `(H/4, W/4)` float32, levels of 255.
    contrast
        What contrast adds to the score, `(H/4, W/4)` float32.
    near, glow
        Brightness over 6 px, within `BAND` and up to `PALE`, and over 10 px, `(H/4, W/4)` float32, levels of
        255.
    glints, white
        `(H/4, W/4)` float32, 0 to 1: near pixels that are clipped in this slice, and near those that are as
        bright as any.
    """

    light: Plane
    broad: Plane
    lent: Plane
    contrast: Plane
    near: Plane
    glow: Plane
    glints: Plane
    white: Plane


@dataclass(frozen=True, slots=True)
class Focus:
    """What a strip of one slice says.

    Attributes
    ----------
    rows
        Which rows.
    score
        `(h, W)` float32, as if nothing glinted.
    finer
        The same for telling depth: the finest detail, above a floor of many times its noise, counts most.
    amplitude
        `(h, W)` float32, levels of 255: fine detail over 4 px.
    fine
        The finest detail itself, levels of 255, float32, also of some rows beyond (`inner`).
    noise
        That of the finest detail's amplitude, levels of 255.
    held
        By how much the score was lowered for other reasons than focus; `(h, W)` float32, or None.
    """

    rows: slice
    score: Plane
    finer: Plane
    amplitude: Plane
    fine: Plane
    noise: float
    held: Plane | None = None

    def held_back(self, by: Plane) -> "Focus":
        """Give it with its score lowered."""
        held = by if self.held is None else self.held + by
        return replace(self, score=self.score - by, finer=self.finer - by, held=held)


class Focuser:
    """Scores slices in the order they come; keeps the noise of the first and the mean brightness of all."""

    def __init__(self) -> None:
        self.noise = self._finest_noise = self._colour_noise = 0.0
        self._mean: Plane | None = None
        self._slices = 0

    def look(self, light: Plane, colour: Plane, bright: NDArray[np.uint8]) -> Sight:
        """Look at a slice as a whole, laid: its brightness `(H, W)`, `colour_detail`, and what is white."""
        height, width = light.shape
        detail = np.empty((height // BROAD, width // BROAD), np.float32)
        coarse = np.empty((height // COARSE, width // COARSE), np.float32)
        for rows in strips(height):
            strip = outer(light, rows)
            fine = cv2.absdiff(strip, blurred(strip, DETAIL_SIGMA_PX))
            _fill(detail, rows, BROAD, inner(np.asarray(fine, np.float32), rows))
            _fill(coarse, rows, COARSE, light[rows])
        if self._slices == 0:
            self._colour_noise = COLOUR_NOISE * _quiet(blurred(colour[::2, ::2], 1.0))
        detail += np.float32(COLOUR) * np.maximum(colour - np.float32(self._colour_noise), 0)
        broad = blurred(detail, BROAD_SIGMA_PX / BROAD)
        near = self._held(np.minimum(blurred(coarse, BRIGHTNESS_SIGMA_PX / COARSE), np.float32(PALE)))
        glow = blurred(coarse, GLINT_SIGMA_PX / COARSE)
        if self._slices == 0:
            narrow = [reduced(finest_detail(light, rows), COARSE) for rows in strips(height)]
            self.noise, self._finest_noise = _quiet(broad[::2, ::2]), _quiet(np.vstack(narrow))
        self._slices += 1
        glints, white = (_near_by(bright[..., number] > 0) for number in range(2))
        return Sight(light, broad, _lent(coarse), _contrast(coarse), near, glow, glints, white)

    def judge(self, sight: Sight) -> Iterator[Focus]:
        """Score it, strip by strip."""
        shape = sight.light.shape
        near_by = enlarged(np.float32(LENT_TO_DEPTH) * sight.lent, COARSE // BROAD, sight.broad.shape)
        thin = np.maximum(_thinned(sight.broad), near_by)
        for rows in strips(shape[0]):
            amplitude = enlarged_rows(sight.broad, BROAD, rows, shape)
            fine = finest(outer(sight.light, rows))
            amount = blurred(np.abs(fine), NARROW_SIGMA_PX)
            lent = enlarged_rows(sight.lent, COARSE, rows, shape)
            broad = _fourth(amplitude + np.float32(self.noise)) + _fourth(lent)
            narrow = inner(amount, rows) + np.float32(FLOOR * self._finest_noise)
            narrow += np.float32(LENT_TO_FINEST) * lent
            faint = enlarged_rows(thin, BROAD, rows, shape) + np.float32(self.noise)
            plain = inner(_thinned(amount), rows) + np.float32(PLAIN * self._finest_noise)
            near = np.float32(BRIGHTNESS_WEIGHT) * enlarged_rows(sight.near, COARSE, rows, shape)
            score = _logarithm(broad * _fourth(narrow), POWER / 8)
            finer = _logarithm(_fourth(plain) * faint, LESSER_POWER)
            score += enlarged_rows(sight.contrast, COARSE, rows, shape)
            score -= near
            finer -= near
            yield Focus(rows, score, finer, amplitude, fine, self._finest_noise)

    def _held(self, brightness: Plane) -> Plane:
        """Give brightness within the band about its running mean, which has it then."""
        mean = brightness if self._mean is None else self._mean
        self._mean = mean + (brightness - mean) / np.float32(self._slices + 1)
        return np.clip(brightness, self._mean - BAND, self._mean + BAND)


def _lent(coarse: Plane) -> Plane:
    """Give what outlines about every place count for there: the root of their mean square."""
    outlines = np.asarray(cv2.absdiff(coarse, blurred(coarse, OUTLINE_SIGMA_PX / COARSE)), np.float32)
    return np.float32(LENT) * np.sqrt(blurred(outlines * outlines, coarse.shape[1] * LENT_SIGMA_WIDTHS))


def _contrast(coarse: Plane) -> Plane:
    """Give what contrast adds to the score."""
    across = (round(coarse.shape[1] * CONTRAST_WIDTHS) | 1,) * 2
    contrast: Any = cv2.absdiff(coarse, cv2.blur(coarse, across))
    contrast += np.float32(LEAST_CONTRAST)
    cv2.log(contrast, contrast)
    contrast *= np.float32(CONTRAST_POWER)
    return np.asarray(contrast, np.float32)


def _fourth(plane: Plane) -> Plane:
    fourth: Any = plane * plane
    fourth *= fourth
    return np.asarray(fourth, np.float32)


def _logarithm(product: Plane, power: float) -> Plane:
    """Give the logarithm of a product, which goes, times a power: one for all its factors."""
    cv2.log(product, product)
    product *= np.float32(power)
    return product


def strips(height: int) -> Iterator[slice]:
    """Give the rows of a picture, some at a time: as many as fill whole pixels of lower resolutions.

    Rows at its end that fill none go with those before.
    """
    tops = range(0, max(1, height - COARSE + 1), STRIP_ROWS)
    for top in tops:
        yield slice(top, height if top == tops[-1] else top + STRIP_ROWS)


def colour_detail(small: Pixels) -> Plane:
    """Give the amplitude of detail in colour alone of a slice `(H, W, 3)`: `(H/2, W/2)`, levels of 255."""
    height, width = (side // BROAD for side in small.shape[:2])
    half: Any = cv2.resize(
        small[: height * BROAD, : width * BROAD], (width, height), interpolation=cv2.INTER_AREA
    )
    colours: Any = cv2.transform(half.astype(np.float32), OPPONENTS * (255 / np.iinfo(small.dtype).max))
    fine: Any = cv2.absdiff(colours, blurred(colours, DETAIL_SIGMA_PX / BROAD))
    return np.asarray(fine[..., 0] + fine[..., 1], np.float32)


def bright(small: Pixels) -> NDArray[np.uint8]:
    """Give what is clipped of a slice `(H, W, 3)`, and what is white: 255, `(H/4, W/4, 2)`."""
    level, share = _white(small)
    white = _reaches(small, level) & ~_lit(small, level)
    return np.dstack(
        [white if share <= MOST_CLIPPED or level == CLIPPED else white & _reaches(small, CLIPPED), white]
    )


def _lit(small: Pixels, level: int) -> NDArray[np.uint8]:
    """Give where a slice that is white from a level on shows lit ground: 255, `(H/4, W/4)`."""
    nearly = level - NEARLY_WHITE
    some: Any = np.ascontiguousarray(small[::APART, ::APART])
    if cv2.mean(reaching(some, nearly))[0] < LIT * 255:
        return np.zeros((small.shape[0] // COARSE, small.shape[1] // COARSE), np.uint8)
    pale = _reaches(small, nearly)
    across = (round(pale.shape[1] * AROUND_WIDTHS) | 1,) * 2
    return np.asarray((cv2.blur(pale, across) > MOST_LIT * 255) * np.uint8(255), np.uint8)


def _white(small: Pixels) -> tuple[int, float]:
    """Give the level of 255 from which on a slice is white, and how much of it is."""
    some: Any = np.ascontiguousarray(small[::APART, ::APART]).reshape(-1, 1)
    counts = cv2.calcHist([some], [0], None, [256], [0, float(np.iinfo(small.dtype).max) + 1]).ravel()
    reach = np.cumsum(counts[::-1])[::-1] / len(some)
    level = int(np.clip(np.flatnonzero(reach >= MOST_HOT)[-1] - BELOW_WHITE, WHITE, CLIPPED))
    return level, float(reach[level])


def _reaches(small: Pixels, level: int) -> NDArray[np.uint8]:
    """Give where a slice has that level of 255: 255, `(H/4, W/4)`, of sixteen pixels of which one has."""
    height, width = (side // COARSE for side in small.shape[:2])
    cut = reaching(small, level)[: height * COARSE, : width * COARSE]
    some: Any = cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA) > 0
    return np.asarray(some * np.uint8(255), np.uint8)


def outer(light: NDArray[Any], rows: slice) -> NDArray[Any]:
    """Give some rows, and what blurs look at beyond them."""
    return light[max(0, rows.start - REACH_PX) : rows.stop + REACH_PX]


def inner(plane: Plane, rows: slice) -> Plane:
    """Leave out what lies beyond the rows."""
    return plane[min(rows.start, REACH_PX) :][: rows.stop - rows.start]


def finest_detail(light: NDArray[Any], rows: slice) -> Plane:
    """Give the amplitude of the finest detail that a strip of light `(H, W)` has, levels of 255."""
    return inner(blurred(np.abs(finest(outer(light, rows))), NARROW_SIGMA_PX), rows)


def finest(light: NDArray[Any]) -> Plane:
    """Give the finest detail of light `(h, W)`, levels of 255."""
    light = light.astype(np.float32, copy=False)
    return np.asarray(light - blurred(light, FINEST_SIGMA_PX), np.float32)


def _thinned(amplitude: Plane) -> Plane:
    """Draw plain detail in from its outlines."""
    return np.asarray(cv2.erode(amplitude, THIN), np.float32)


def _fill(plane: Plane, rows: slice, factor: int, strip: NDArray[Any]) -> None:
    """Put a strip into a plane of lower resolution."""
    part = reduced(strip, factor)
    plane[rows.start // factor :][: len(part)] = part


def _quiet(amplitude: Plane) -> float:
    """Give the amplitude where a slice shows least: its noise."""
    return max(LEAST_NOISE, float(np.percentile(amplitude, 5)))


def _near_by(mask: NDArray[np.bool_]) -> Plane:
    """Give how near a place is to what a mask shows, 0 to 1."""
    size = 2 * round(GLINT_REACH_PX / COARSE) + 1
    reach = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return blurred(cv2.dilate(mask.astype(np.float32), reach), 1.0)
