"""The rendered stacks that several tests of the merge look at; drawn once a run."""

from functools import cache

import cv2
import numpy as np
from rendered import MARGIN, Shake, Surface, _disc_mask, _texture, render, scene

from stack.merge.fit import fit
from stack.merge.settings import MergeSettings
from stack.merge.similarity import Similarity
from stack.merge.stream import Merge
from stack.merge.views import View

SIZE = (400, 300)


@cache
def rig_stack(slices=10, seed=3, flicker=0.05):
    """Everything at once: near parts, hairs, glints, breathing, shift, turn, flicker, noise."""
    return render(scene(SIZE, slices, seed), slices, 1.3, SIZE, Shake(0.002, 0.7, 0.03, flicker, 1.0, seed))


@cache
def still_stack(slices=8, seed=5):
    """The same subject on a rig that neither shakes, breathes nor flickers."""
    return render(scene(SIZE, slices, seed), slices, 1.5, SIZE, Shake(seed=seed))


@cache
def fogged_stack(slices=12):
    """A subject with nothing on it: noise, and light that hardly varies."""
    return render(
        scene(SIZE, slices, 2, glints=False, hairs=False, texture=0.0, near_parts=False),
        slices,
        1.5,
        SIZE,
        Shake(seed=2),
    )


KINDS = ("slope", "dome", "terraces", "low texture", "never in focus")


@cache
def kind_stack(kind, slices=9, seed=3):
    """One difficulty at a time, on a rig that breathes, shakes, turns and flickers."""
    shake = Shake(0.002, 0.7, 0.03, 0.05, 1.0, seed)
    return render(_surfaces(kind, slices - 1, np.random.default_rng(seed)), slices, 1.3, SIZE, shake)


def _surfaces(kind, last, random):
    width, height = (round(side * (1 + 2 * MARGIN)) for side in SIZE)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    u, v = x / width, y / height

    def surface(cover, depth, strength=1.0):
        depth = np.broadcast_to(np.clip(depth, 0, 3) * last, u.shape).astype(np.float32)
        return Surface(_texture(height, width, random, strength), np.float32(cover), depth)

    def disc(right, down, radius):
        return _disc_mask(x, y, right * width, down * height, radius * width)

    ground = np.ones_like(u)
    return {
        "slope": lambda: [surface(ground, v)],
        "dome": lambda: [surface(ground, 5 * (u - 0.5) ** 2 + 5 * (v - 0.5) ** 2)],
        "terraces": lambda: [
            surface(ground, 1),
            surface(disc(0.3, 0.3, 0.2), 0.75),
            surface(disc(0.62, 0.6, 0.2), 0.5),
            surface(disc(0.36, 0.68, 0.13), 0.1),
        ],
        "low texture": lambda: [
            surface(ground, 0.3 + 0.7 * v, 0.12),
            surface(disc(0.55, 0.45, 0.14), 0.1, 0.12),
        ],
        "never in focus": lambda: [surface(ground, 2.2, 1.2), surface(disc(0.5, 0.55, 0.3), 0.3)],
    }[kind]()


def merged(frames, settings=None, indices=None):
    """Merge frames in order."""
    merge = Merge(settings or MergeSettings())
    for index, frame in zip(indices or range(len(frames)), frames, strict=True):
        merge.add(index, frame)
    return merge.finish()


def overlay(truth, picture, origin=None):
    """Give the similarity from pixels of a picture to those of the truth it shows, whichever part that is.

    `origin` is where in the truth its first pixel about lies; else their centres are taken to meet.
    """
    height, width = truth.shape[:2]
    size = picture.shape[1], picture.shape[0]
    if origin is not None:
        starts = [Similarity(tx=origin[0], ty=origin[1])]
    else:
        starts = [_centred(scale, size, (width, height)) for scale in (1.0, 0.8, 0.9, 1.12, 1.25)]
    shown, true = [
        View.of(cv2.cvtColor(np.rint(np.clip(p, 0, 255)).astype(np.uint8), cv2.COLOR_BGR2GRAY))
        for p in (_framed(picture, truth.shape), _framed(truth, picture.shape))
    ]
    return fit([shown], true, starts).similarity


def _centred(scale, size, whole):
    """Give the similarity that maps the centre of a picture of `size` to that of the whole."""
    shift = [(w - 1) / 2 - scale * (s - 1) / 2 for s, w in zip(size, whole, strict=True)]
    return Similarity(scale, 0.0, *shift)


def _framed(picture, shape):
    """Give a picture at least the size of another, white, which the fit leaves out, where it has nothing."""
    more = [max(0, wanted - has) for wanted, has in zip(shape[:2], picture.shape[:2], strict=True)]
    return cv2.copyMakeBorder(picture, 0, more[0], 0, more[1], cv2.BORDER_CONSTANT, value=(255, 255, 255))


def registered(truth, picture):
    """Lay the truth over the picture: a merge may lie a fraction of a pixel aside, and be sharp."""
    size = picture.shape[1], picture.shape[0]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    found = overlay(truth, picture, (0, 0))
    return cv2.warpAffine(truth, found.matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
