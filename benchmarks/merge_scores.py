"""How good a merged picture is: beside the truth, or where nobody knows that, beside its slices."""

import sys
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Final

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from merge_stacks import overlay  # noqa: E402  (the paths come first)
from mergers import Run  # noqa: E402
from rendered import Rendered, displacement_rms_px, psnr, ssim  # noqa: E402

EDGE_SLICES: Final = 2.5
FLAT: Final = 1.0
BLOCK_PX: Final = 32
NAN: Final = float("nan")


@dataclass
class Score:
    """Figures of one merge of one subject; what cannot be told is NaN.

    Attributes
    ----------
    psnr, ssim, edges, colour
        Against the truth: dB and similarity over all that some slice has in focus, dB near depth edges, mean
        error of CIELAB's a and b.
    flat, never
        Finest detail that is not the truth's where that is flat, and all there is where nothing is ever in
        focus; the noise of a plain frame is 1.
    laid_px, depth
        Root mean square error of where slices were laid; share of textured depths within one slice.
    kept
        Without a truth: detail of the picture over that of the sharpest slice, median of blocks.
    """

    psnr: float = NAN
    ssim: float = NAN
    edges: float = NAN
    colour: float = NAN
    flat: float = NAN
    never: float = NAN
    laid_px: float = NAN
    depth: float = NAN
    kept: float = NAN
    cpu_s: float = NAN
    megabytes: float = NAN

    HEAD = "   PSNR   SSIM  edges    ab  flat never laid px  depth   kept  CPU s    MB"

    def __str__(self) -> str:
        """Give one line of the table."""
        line = (
            f"{self.psnr:7.2f}{self.ssim:7.4f}{self.edges:7.2f}{self.colour:6.2f}{self.flat:6.2f}"
            f"{self.never:6.2f}{self.laid_px:8.2f}{self.depth:7.3f}{self.kept:7.3f}{self.cpu_s:7.3f}"
            f"{self.megabytes:6.0f}"
        )
        return line.replace("nan", "  -")


def mean(scores: list[Score]) -> Score:
    """Give the mean of each figure over the scores that have it."""
    columns = zip(*map(astuple, scores), strict=True)
    known = [[value for value in column if not np.isnan(value)] for column in columns]
    return Score(*(float(np.mean(values)) if values else NAN for values in known))


def gain(ours: list[Score], theirs: list[Score], figure: str) -> list[float]:
    """Give by how much ours is higher in one figure, for each subject where both have it."""
    assert figure in {field.name for field in fields(Score)}
    pairs = [(getattr(a, figure), getattr(b, figure)) for a, b in zip(ours, theirs, strict=True)]
    return [a - b for a, b in pairs if not np.isnan(a - b)]


def laid_over(stack: Rendered, run: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give truth, depth and a frame's noise as the picture has them, whichever part and slice it is of.

    A fraction of a pixel aside is no fault, and another slice as the reference is none either.
    """
    found = overlay(stack.truth.astype(np.float32), run.picture, run.origin)
    size = run.picture.shape[1], run.picture.shape[0]

    def warped(picture: np.ndarray, how: int) -> np.ndarray:
        flags = how | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(picture, found.matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)

    return (
        warped(stack.truth.astype(np.float32), cv2.INTER_CUBIC),
        warped(stack.depth.astype(np.float32), cv2.INTER_NEAREST),
        warped(_grain(stack), cv2.INTER_NEAREST),
    )


def judge(stack: Rendered, run: Run) -> Score:
    """Score a merge against the truth."""
    truth, depth, grain = laid_over(stack, run)
    last = len(stack.frames) - 1
    inner = np.zeros(depth.shape, bool)
    margin = max(4, depth.shape[1] // 16)
    inner[margin:-margin, margin:-margin] = True
    within = (depth > -1) & (depth < last + 1)
    seen, never = within & inner, cv2.erode((inner & ~within).astype(np.uint8), np.ones((41, 41))) > 0
    grey = cv2.cvtColor(truth, cv2.COLOR_BGR2GRAY)
    rough = cv2.GaussianBlur(np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 2)), (0, 0), 4)
    shown = np.where(seen[..., None], truth, run.picture)
    rows, columns = inner.any(1), inner.any(0)
    return Score(
        psnr=float(psnr(run.picture, truth, seen)),
        ssim=float(ssim(run.picture[rows][:, columns], shown[rows][:, columns])),
        edges=_psnr_if_any(run.picture, truth, _edges(depth, last) & seen),
        colour=_colour_error(run.picture, truth, seen),
        flat=_noise(run.picture - truth, grain, (rough < FLAT) & inner),
        never=_noise(run.picture, grain, never),
        laid_px=_laid_px(stack, run),
        depth=_depth_share(run, depth, seen & (rough > 2.5), seen),
        cpu_s=run.cpu_s,
        megabytes=run.megabytes,
    )


def judge_without_truth(slices: list[np.ndarray], run: Run) -> Score:
    """Score a merge of real photographs by the detail it kept, block by block, and the noise it has.

    Each block is held against the sharpest slice there, once the picture is laid over the first.
    """
    height, width = slices[0].shape[:2]
    found = overlay(slices[0].astype(np.float32), run.picture, run.origin)
    laid = cv2.warpAffine(run.picture, found.matrix, (width, height), flags=cv2.INTER_CUBIC)
    covered = cv2.warpAffine(np.ones(run.picture.shape[:2], np.float32), found.matrix, (width, height))
    details = np.array([_block_detail(one) for one in slices])
    whole = _blocks(covered) > 0.999
    whole[[0, -1]], whole[:, [0, -1]] = False, False
    sharpest, least = details.max(0), details.min(0)
    textured = whole & (sharpest > 2 * np.median(least[whole]))
    quiet = whole & (sharpest <= np.quantile(sharpest[whole], 0.05))
    got = _block_detail(laid)
    return Score(
        kept=float(np.median(got[textured] / sharpest[textured])),
        flat=float(np.median(got[quiet] / np.median(details, 0)[quiet])),
        cpu_s=run.cpu_s,
        megabytes=run.megabytes,
    )


def _blocks(plane: np.ndarray) -> np.ndarray:
    rows, columns = plane.shape[0] // BLOCK_PX, plane.shape[1] // BLOCK_PX
    cut = plane[: rows * BLOCK_PX, : columns * BLOCK_PX]
    return cv2.resize(cut, (columns, rows), interpolation=cv2.INTER_AREA)  # type: ignore[no-any-return]


def _block_detail(picture: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    # Without the very finest, which would be noise: who averages it away has lost no detail.
    middle = cv2.GaussianBlur(grey, (0, 0), 1) - cv2.GaussianBlur(grey, (0, 0), 3)
    return np.sqrt(_blocks(middle**2)) + 1e-3


def _laid_px(stack: Rendered, run: Run) -> float:
    if not run.transforms or run.origin is None or len(run.transforms) != len(stack.transforms):
        return NAN
    crop = np.array([[1, 0, run.origin[0]], [0, 1, run.origin[1]], [0, 0, 1]])
    size = stack.truth.shape[1], stack.truth.shape[0]
    pairs = zip(run.transforms, stack.transforms, strict=True)
    return float(np.sqrt(np.mean([displacement_rms_px(a, b @ crop, size) ** 2 for a, b in pairs])))


def _depth_share(run: Run, depth: np.ndarray, textured: np.ndarray, seen: np.ndarray) -> float:
    if run.depth is None or textured.sum() <= 0.02 * seen.sum():
        return NAN
    found = (run.depth.astype(np.float64) - 1) / 128
    return float(((np.abs(found - depth) <= 1) & (run.depth > 0))[textured].mean())


def _colour_error(picture: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    """Mean error of a and b, over areas of some pixels: noise is no tint."""
    labs = [
        cv2.cvtColor(cv2.GaussianBlur(p.astype(np.float32) / 255, (0, 0), 3), cv2.COLOR_BGR2LAB)
        for p in (picture, np.clip(truth, 0, 255))
    ]
    return float(np.hypot(*(labs[0] - labs[1])[where][:, 1:].T).mean())


def _edges(depth: np.ndarray, last: int) -> np.ndarray:
    """Say what lies within a hundredth of the picture's width of a step in depth."""
    capped = np.minimum(depth, 3.0 * last).astype(np.float32)
    step = cv2.dilate(capped, np.ones((5, 5))) - cv2.erode(capped, np.ones((5, 5))) > EDGE_SLICES
    size = 2 * (depth.shape[1] // 128) + 1
    reach = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return cv2.dilate(step.astype(np.uint8), reach) > 0  # type: ignore[no-any-return]


def _psnr_if_any(picture: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    return float(psnr(picture, truth, where)) if where.sum() > 200 else NAN


def _grain(stack: Rendered) -> np.ndarray:
    """Give what differs from one frame to the next, of one frame's strength: noise, where both are smooth."""
    one, other = (frame.astype(np.float32) for frame in stack.frames[:2])
    return np.asarray((one - other) / np.sqrt(2), np.float32)


def _noise(picture: np.ndarray, grain: np.ndarray, where: np.ndarray) -> float:
    """Spread of the finest detail beside that of a frame's noise."""
    if where.sum() < 500:
        return NAN
    fine, plain = (
        p.astype(np.float32) - cv2.GaussianBlur(p.astype(np.float32), (0, 0), 1.5) for p in (picture, grain)
    )
    return float(fine[where].std() / plain[where].std())
