"""The similarity that lays one view over others: coarse to fine, from what all blocks say and how surely."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from stack.merge.planes import Plane
from stack.merge.shifts import Shifts, shifts
from stack.merge.similarity import Floats, Similarity
from stack.merge.views import Known, View, sampled

BLOCK_PX: Final = 20
LEAST_BLOCK_PX: Final = 8
ACROSS: Final = 8
"""Blocks along the shorter side, at least."""
ROUNDS: Final = 12
SETTLED_PX: Final = 0.1
"""A step so small is exact: it needs no other after it."""
NEAR_PX: Final = 0.2
"""A coarse step so small leads the next level well enough."""
FEW_BLOCKS: Final = 6
TEXTURED: Final = 1.0
"""Variance of light, levels squared, at which a block counts by half."""
LIKE: Final = 0.5
"""Where every start leads to less likeness than this, the picture may have jumped."""
ASTRAY: Final = 0.9
"""Less likeness on a coarser level may lead astray: patterns finer than its pixels look like others there."""
AS_LIKE: Final = 0.02
"""Of what is alike but for this, what the starts lead to is taken: a pattern repeats itself."""
REWEIGHED: Final = 6
PATIENCE: Final = 0.5
"""Typical squared misfits at which a block counts by half."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A similarity between views, how alike they are under it, and how well it is known.

    Attributes
    ----------
    similarity
        Pixels of the references to pixels of the other.
    likeness
        Correlation within textured blocks, 0 to 1.
    blocks
        How many blocks have texture.
    unsure_px
        Standard error of the place of the corners, as blocks contradict each other.
    """

    similarity: Similarity
    likeness: float
    blocks: float
    unsure_px: float


NOTHING: Final = Fit(Similarity(), 0.0, 0.0, np.inf)


def fit(references: Sequence[View], other: View, starts: Sequence[Similarity]) -> Fit:
    """Find the similarity from pixels of the references to pixels of `other`, from the start that leads best.

    All references lie in one frame; the last is the one most like `other`, and leads as long as it is coarse.
    """
    coarsest = len(other.levels) - 1

    def best(starts: Sequence[Similarity], level: int) -> Fit:
        used = references if level == 0 else references[-1:]
        return max((_at(used, other, level, one) for one in starts), key=lambda f: f.likeness)

    found = best(starts, coarsest)
    if found.likeness < LIKE:
        jumped = best([_jumped(references[-1], other, coarsest, start) for start in starts], coarsest)
        found = max(found, jumped, key=lambda f: f.likeness)
    astray = False
    for level in range(coarsest - 1, -1, -1):
        # What leads astray may be very like by chance; at the finest level asking again would cost too much.
        astray = found.likeness < ASTRAY or (astray and level > 0)
        found = best([found.similarity], level)
        if astray and (straight := best(starts, level)).likeness > found.likeness - AS_LIKE:
            found = straight
    return found


def textured(view: View) -> float:
    """Give how many of a view's blocks have texture to fit others by."""
    light = view.levels[0]
    weight = shifts(light, light, _block_px(light[0])).texture
    return float((weight / (weight + TEXTURED)).sum())


def blocks_of(view: View) -> int:
    """Give how many blocks a view has, with texture or without."""
    light = view.levels[0][0]
    block_px = _block_px(light)
    return int(np.prod([side // block_px for side in light.shape]))


def _block_px(light: Plane) -> int:
    return BLOCK_PX if min(light.shape) >= ACROSS * BLOCK_PX else LEAST_BLOCK_PX


def _jumped(reference: View, other: View, level: int, start: Similarity) -> Similarity:
    """Give the start shifted, however far, to where the phases of both spectra agree best."""
    factor = 2.0**level
    still, still_known = reference.levels[level]
    moved, moved_known = sampled(*other.levels[level], start.reduced(factor))
    height, width = still.shape
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    (right, down), _ = cv2.phaseCorrelate(
        _levelled(still, still_known), _levelled(moved, moved_known), window
    )
    return start.after(Similarity(tx=right * factor, ty=down * factor))


def _levelled(light: Plane, known: Known) -> Plane:
    """Give light less its mean, nothing where it is not known."""
    mean = float((light * known).sum() / max(float(known.sum()), 1.0))
    return (light - np.float32(mean)) * known


def _at(references: Sequence[View], other: View, level: int, start: Similarity) -> Fit:
    """Fit on one level; similarities are those of the finest."""
    factor = 2.0**level
    stills = [one.levels[level] for one in references]
    enough_px = NEAR_PX if level else SETTLED_PX
    found = _settled(stills, other.levels[level], start.reduced(factor), enough_px)
    return Fit(found.similarity.reduced(1 / factor), found.likeness, found.blocks, found.unsure_px * factor)


def _settled(
    still: list[tuple[Plane, Known]], moved: tuple[Plane, Known], start: Similarity, enough_px: float
) -> Fit:
    height, width = moved[0].shape
    block_px = _block_px(moved[0])
    centre, reach = np.array([width - 1, height - 1]) / 2, float(np.hypot(width, height)) / 2
    found = Fit(start, 0.0, 0.0, np.inf)
    for _ in range(ROUNDS):
        laid = sampled(*moved, found.similarity)
        said = [shifts(one, laid, block_px) for one in still]
        likeness, blocks = _alike(said)
        if blocks < FEW_BLOCKS:
            return Fit(found.similarity, 0.0, blocks, np.inf)
        step, errors = _agreed(said, centre, reach)
        step = np.clip(step, -block_px / 2, block_px / 2)
        found = Fit(found.similarity.after(_small(step, centre, reach)), likeness, blocks, errors)
        if np.abs(step).max() < enough_px:
            break
    return found


def _alike(said: list[Shifts]) -> tuple[float, float]:
    """Give the mean correlation of textured blocks, and how many there are."""
    weights = [one.texture / (one.texture + TEXTURED) for one in said]
    total = sum(float(weight.sum()) for weight in weights)
    likeness = sum(float((w * one.likeness).sum()) for w, one in zip(weights, said, strict=True))
    return max(likeness / max(total, 1e-9), 0.0), total / len(said)


def _agreed(said: list[Shifts], centre: Floats, reach: float) -> tuple[Floats, float]:
    """Give growth and turn (pixels at the corner) and shift that blocks agree on, and its standard error.

    Reweighed for what cannot agree (Cauchy's weights): it has moved by itself, or is something else.
    """
    x, y = ((np.concatenate([one.places for one in said]) - centre) / reach).T
    moved = np.concatenate([one.moved for one in said])
    information = np.concatenate([one.information for one in said])
    nothing, one = np.zeros_like(x), np.ones_like(x)
    design = np.stack([np.stack([x, -y, one, nothing], -1), np.stack([y, x, nothing, one], -1)], 1)
    informed = np.swapaxes(design, 1, 2) @ information
    normals, rights = informed @ design, (informed @ moved[..., None])[..., 0]
    says = np.trace(information, axis1=1, axis2=2) > 0
    trust = np.ones(len(x))
    for _ in range(REWEIGHED):
        normal = np.tensordot(trust, normals, 1)
        normal += np.eye(4) * (1e-9 * np.trace(normal) + 1e-12)
        step = np.linalg.solve(normal, trust @ rights)
        misfit = moved - design @ step
        squared = np.einsum("ni,nij,nj->n", misfit, information, misfit)
        typical = max(float(np.median(squared[says])) / 1.39, 1e-9) if says.any() else 1.0
        trust = 1 / (1 + squared / (PATIENCE * typical))
    squared_px = float(np.linalg.inv(normal).trace()) * typical
    # Of blocks that say next to nothing rounding leaves less than that: then it may lie anywhere.
    return step, float(np.sqrt(squared_px)) if 0 <= squared_px < reach**2 else reach


def _small(step: Floats, centre: Floats, reach: float) -> Similarity:
    """Give the similarity that grows, turns and shifts by a step about the picture's centre."""
    grown, turned = step[0] / reach, step[1] / reach
    return Similarity(
        1 + grown,
        turned,
        step[2] - grown * centre[0] + turned * centre[1],
        step[3] - turned * centre[0] - grown * centre[1],
    )
