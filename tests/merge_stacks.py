"""The rendered stacks that several tests of the merge look at; drawn once a run."""

from functools import cache

import cv2
import numpy as np
from rendered import Shake, render, scene

from stack.merge.align import Textures, fit, local_contrast
from stack.merge.settings import MergeSettings
from stack.merge.similarity import Similarity
from stack.merge.stream import Merge

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
    more = height - picture.shape[0], width - picture.shape[1]
    left, top = origin or (more[1] / 2, more[0] / 2)
    textures = [
        Textures(*local_contrast(cv2.cvtColor(p.astype(np.float32), cv2.COLOR_BGR2GRAY)))
        for p in (_framed(picture, truth.shape), truth)
    ]
    return fit(*textures, (Similarity(tx=left, ty=top),)).similarity


def _framed(picture, shape):
    """Give a picture the size of another one, white where it has nothing: the fit leaves out what clips."""
    more = [max(0, wanted - has) for wanted, has in zip(shape[:2], picture.shape[:2], strict=True)]
    whole = cv2.copyMakeBorder(picture, 0, more[0], 0, more[1], cv2.BORDER_CONSTANT, value=(255, 255, 255))
    return whole[: shape[0], : shape[1]]


def registered(truth, picture):
    """Lay the truth over the picture: a merge may lie a fraction of a pixel aside, and be sharp."""
    size = picture.shape[1], picture.shape[0]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    found = overlay(truth, picture, (0, 0))
    return cv2.warpAffine(truth, found.matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
