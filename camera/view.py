"""A frame as somebody looks at it to set up a stack: small, or a part at 1:1; sharp and clipped marked.

Marks are found in the frame's own pixels, not in the reduced ones: a hair that is in focus and a glint that
is clipped are a pixel or two wide, and averaging would hide them. Pure.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from camera.camera import Pixels, eight_bits
from camera.sharpness import APART_PX, GREEN, sharpness

CLIPPED: Final = 250
BLACK: Final = 2
"""Levels of 255 from which, and up to which, a pixel holds no tones any more."""

SHARP: Final = 24
"""Difference of pixels two apart, in levels of 255, that only what is in focus has; noise stays below."""

_MARKS: Final = {"sharp": (60, 255, 60), "clipped": (255, 0, 255), "black": (255, 120, 0)}
"""Blue, green, red."""


@dataclass(frozen=True, slots=True)
class View:
    """How to look at a frame.

    Attributes
    ----------
    width_px
        Of the picture, at most: 64 to 4096. A whole frame is reduced to it, by a whole number.
    crop
        Where the middle of a part at 1:1 lies, as parts of width and height, 0 to 1; None: the whole frame.
    peaking, clipping
        Whether to mark what is sharp, and what is clipped or black.
    quality
        Of the JPEG, 1 to 100.
    """

    width_px: int = 960
    crop: tuple[float, float] | None = None
    peaking: bool = False
    clipping: bool = False
    quality: int = 80


@dataclass(frozen=True, slots=True)
class Shown:
    """A frame looked at: a JPEG, how sharp what it shows is (levels of 255), how much of that is clipped."""

    jpeg: bytes
    sharpness: float
    clipped_percent: float


def show(pixels: Pixels, view: View) -> Shown:
    """Give a frame of shape `(H, W, 3)`, blue-green-red, as `view` says."""
    part = eight_bits(_part(pixels, view))
    factor = -(-part.shape[1] // view.width_px)
    height, width = (side // factor * factor for side in part.shape[:2])
    part = part[:height, :width]
    small = np.ascontiguousarray(part)
    if factor > 1:
        size = (width // factor, height // factor)
        small = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    elif view.peaking or view.clipping:
        small = part.copy()
    if view.peaking:
        small[_any(_sharp(part), factor)] = _MARKS["sharp"]
    if view.clipping:
        small[_any(part.min(axis=2) <= BLACK, factor)] = _MARKS["black"]
        small[_any(part.max(axis=2) >= CLIPPED, factor)] = _MARKS["clipped"]
    jpeg = simplejpeg.encode_jpeg(small, quality=view.quality, colorspace="BGR", colorsubsampling="444")
    return Shown(jpeg, sharpness(part), clipped_percent(part))


def in_this_thread() -> None:
    """Let OpenCV use the calling thread alone, all over this process: what others take is in no account."""
    cv2.setNumThreads(1)


def clipped_percent(pixels: NDArray[np.uint8]) -> float:
    """Give how much of a picture is clipped in some colour, by every second pixel either way."""
    return float(100 * np.mean(pixels[::2, ::2].max(axis=2) >= CLIPPED))


def _part(pixels: Pixels, view: View) -> Pixels:
    """Cut out the part at 1:1, moved inside where it would reach over an edge."""
    if view.crop is None:
        return pixels
    height, width = pixels.shape[:2]
    wide = min(view.width_px, width)
    tall = min(wide * 3 // 4, height)
    left = min(max(0, round(view.crop[0] * width) - wide // 2), width - wide)
    top = min(max(0, round(view.crop[1] * height) - tall // 2), height - tall)
    return pixels[top : top + tall, left : left + wide]


def _sharp(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Say where neighbours differ as they do only in focus."""
    green = np.ascontiguousarray(pixels[..., GREEN])
    found = np.zeros(green.shape, np.bool_)
    found[:, APART_PX:] = cv2.absdiff(green[:, APART_PX:], green[:, :-APART_PX]) >= SHARP
    found[APART_PX:] |= cv2.absdiff(green[APART_PX:], green[:-APART_PX]) >= SHARP
    return found


def _any(mask: NDArray[np.bool_], factor: int) -> NDArray[np.bool_]:
    """Give for each block of `factor` x `factor` pixels whether any is marked."""
    rows, columns = mask.shape[0] // factor, mask.shape[1] // factor
    return np.asarray(mask.reshape(rows, factor, columns, factor).any(axis=(1, 3)))
