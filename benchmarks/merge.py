"""Measure the merge on subjects with a known truth, beside a hard choice by sharpness and hugin + enfuse.

`python benchmarks/merge.py [--size 800x600] [--seed 1] [--kinds steps,bumps] [--peers]`

Each merge runs in a process of its own on JPEGs, decoding and encoding included. The hard choice is told
where every slice truly lies; nobody else is. Printed a subject: PSNR and SSIM over all that some slice has in
focus, PSNR near depth edges, noise in flat and in never-focused areas (one plain frame = 1), root mean square
error of where slices were laid, depths within one slice, CPU a slice, peak memory.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")]

from merge_stacks import registered  # noqa: E402  (the paths come first)
from rendered import Rendered, displacement_rms_px, hard_argmax, psnr, ssim  # noqa: E402
from subjects import KINDS, draw  # noqa: E402

EDGE_SLICES = 2.5
FLAT = 1.0
HEAD = " " * 24 + "   PSNR   SSIM  edges  flat never laid px  depth  CPU s    MB"


MEASURE = """
import resource, subprocess, sys
with open("log", "w") as log:
    code = subprocess.run(sys.argv[1:], stdout=log, stderr=log).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
sys.exit(code)
"""


@dataclass
class Run:
    """A merge's picture, with what it took and, if it says so, where it laid slices and how deep all is."""

    picture: np.ndarray
    origin: tuple[int, int] = (0, 0)
    cpu_s: float = float("nan")
    megabytes: float = float("nan")
    transforms: list[np.ndarray] | None = None
    depth: np.ndarray | None = None


@dataclass
class Score:
    """Figures of one merge of one subject."""

    psnr: float
    ssim: float
    edges: float
    flat: float
    never: float
    laid_px: float
    depth: float
    cpu_s: float
    megabytes: float

    def __str__(self) -> str:
        """Give one line of the table."""
        return (
            f"{self.psnr:7.2f}{self.ssim:7.4f}{self.edges:7.2f}{self.flat:6.2f}{self.never:6.2f}"
            f"{self.laid_px:8.2f}{self.depth:7.3f}{self.cpu_s:7.3f}{self.megabytes:6.0f}"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="800x600")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default=",".join([*KINDS, "insect"]))
    parser.add_argument("--peers", action="store_true", help="also align_image_stack + enfuse, if installed")
    parser.add_argument("--keep", type=Path, help="put the pictures here")
    asked = parser.parse_args(argv)
    width, height = map(int, asked.size.split("x"))
    scores: dict[str, list[Score]] = {}
    print(HEAD)
    for kind in asked.kinds.split(","):
        stack = draw(kind, (width, height), asked.seed)
        for name, run in _runs(stack, asked.peers).items():
            score = judge(stack, run)
            scores.setdefault(name, []).append(score)
            print(f"{kind:12}{name:12}{score}", flush=True)
            if asked.keep:
                asked.keep.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(asked.keep / f"{kind}-{name}.png".replace(" ", "-")), run.picture)
    _compare(scores)
    return 0


def _runs(stack: Rendered, peers: bool) -> dict[str, Run]:
    runs = {"hard choice": Run(hard_argmax(stack))}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "slices").mkdir()
        for i, frame in enumerate(stack.frames):
            cv2.imwrite(str(folder / "slices" / f"{i:04}.jpg"), frame, [cv2.IMWRITE_JPEG_QUALITY, 97])
        runs["focusrail"] = _ours(folder, len(stack.frames))
        if peers and shutil.which("enfuse") and shutil.which("align_image_stack"):
            runs["enfuse"] = _enfuse(folder, len(stack.frames))
    return runs


def _ours(folder: Path, slices: int) -> Run:
    outputs = ["-o", "merged.png", "--depth", "depth.png", "--report", "merge.json"]
    cpu_s, megabytes = _timed([sys.executable, "-m", "stack.merge", "slices", *outputs], folder)
    facts = json.loads((folder / "merge.json").read_text())
    return Run(
        cv2.imread(str(folder / "merged.png")),
        (facts["crop"]["left"], facts["crop"]["top"]),
        cpu_s / slices,
        megabytes,
        [np.array(one["transform"]) for one in facts["slices"]],
        cv2.imread(str(folder / "depth.png"), cv2.IMREAD_UNCHANGED),
    )


def _enfuse(folder: Path, slices: int) -> Run:
    frames = sorted(str(path) for path in (folder / "slices").iterdir())
    first = _timed(["align_image_stack", "-m", "-a", "aligned_", *frames], folder)
    laid = sorted(str(path) for path in folder.glob("aligned_*.tif"))
    weights = ["--exposure-weight=0", "--saturation-weight=0", "--contrast-weight=1", "--hard-mask"]
    second = _timed(["enfuse", *weights, "-o", "fused.tif", *laid], folder)
    picture = cv2.imread(str(folder / "fused.tif"))
    return Run(picture, (0, 0), (first[0] + second[0]) / slices, max(first[1], second[1]))


def _timed(command: list[str], folder: Path) -> tuple[float, float]:
    """Run to the end; give its CPU seconds and its peak memory in MB."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MALLOC_ARENA_MAX": "2"}
    # A process inherits the peak of the one it was forked from, so a small one stands in between.
    launch = [sys.executable, "-c", MEASURE, *command]
    done = subprocess.run(launch, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{(folder / 'log').read_text()}")
    cpu_s, kilobytes = done.stdout.split()
    return float(cpu_s), float(kilobytes) / 1024


def judge(stack: Rendered, run: Run) -> Score:
    """Score a merge against the truth, which is laid over it: a fraction of a pixel aside is no fault."""
    height, width = run.picture.shape[:2]
    rows, columns = (slice(at, at + side) for at, side in zip(run.origin[::-1], (height, width), strict=True))
    depth = stack.depth[rows, columns]
    truth = registered(stack.truth[rows, columns].astype(np.float32), run.picture)
    inner = np.zeros(depth.shape, bool)
    margin = max(4, width // 16)
    inner[margin:-margin, margin:-margin] = True
    last = len(stack.frames) - 1
    seen = (depth > -1) & (depth < last + 1)
    seen, never = seen & inner, cv2.erode((inner & ~seen).astype(np.uint8), np.ones((41, 41))) > 0
    grey = cv2.cvtColor(truth, cv2.COLOR_BGR2GRAY)
    rough = cv2.GaussianBlur(np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 2)), (0, 0), 4)
    shown = np.where(seen[..., None], truth, run.picture)
    frame = stack.frames[0][rows, columns]
    laid_px = near = float("nan")
    if run.transforms:
        crop = np.array([[1, 0, run.origin[0]], [0, 1, run.origin[1]], [0, 0, 1]])
        errors = [
            displacement_rms_px(a, b @ crop, (width, height))
            for a, b in zip(run.transforms, stack.transforms, strict=True)
        ]
        laid_px = float(np.sqrt(np.mean(np.square(errors))))
    if run.depth is not None:
        found = (run.depth.astype(np.float64) - 1) / 128
        textured = seen & (rough > 2.5)
        if textured.sum() > 0.02 * seen.sum():
            near = float(((np.abs(found - depth) <= 1) & (run.depth > 0))[textured].mean())
    return Score(
        psnr(run.picture, truth, seen),
        ssim(run.picture[inner.any(1)][:, inner.any(0)], shown[inner.any(1)][:, inner.any(0)]),
        _psnr_if_any(run.picture, truth, _edges(depth, last) & seen),
        _noise(run.picture, frame, (rough < FLAT) & inner),
        _noise(run.picture, frame, never),
        laid_px,
        near,
        run.cpu_s,
        run.megabytes,
    )


def _edges(depth: np.ndarray, last: int) -> np.ndarray:
    """Say what lies within a hundredth of the picture's width of a step in depth."""
    capped = np.minimum(depth, 3.0 * last).astype(np.float32)
    step = cv2.dilate(capped, np.ones((5, 5))) - cv2.erode(capped, np.ones((5, 5))) > EDGE_SLICES
    size = 2 * (depth.shape[1] // 128) + 1
    reach = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return cv2.dilate(step.astype(np.uint8), reach) > 0  # type: ignore[no-any-return]


def _psnr_if_any(picture: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    return float(psnr(picture, truth, where)) if where.sum() > 200 else float("nan")


def _noise(picture: np.ndarray, frame: np.ndarray, where: np.ndarray) -> float:
    """Spread of the finest detail beside that of one plain frame."""
    if where.sum() < 500:
        return float("nan")
    fine, plain = (
        p.astype(np.float32) - cv2.GaussianBlur(p.astype(np.float32), (0, 0), 1.5) for p in (picture, frame)
    )
    return float(fine[where].std() / plain[where].std())


def _compare(scores: dict[str, list[Score]]) -> None:
    print()
    ours = scores["focusrail"]
    for name, others in scores.items():
        mean = Score(*(_mean([vars(score)[key] for score in others]) for key in vars(others[0])))
        print(f"{'mean':12}{name:12}{mean}")
    for name, others in scores.items():
        if name == "focusrail":
            continue
        gains = [a.psnr - b.psnr for a, b in zip(ours, others, strict=True)]
        edges = _mean([a.edges - b.edges for a, b in zip(ours, others, strict=True)])
        least, mean = min(gains), np.mean(gains)
        print(f"focusrail over {name}: {mean:+.2f} dB, least {least:+.2f}, edges {edges:+.2f}", end="")
        share = np.mean([b.cpu_s / a.cpu_s for a, b in zip(ours, others, strict=True)])
        print("" if np.isnan(share) else f", at 1/{share:.1f} of its CPU time")


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


if __name__ == "__main__":
    sys.exit(main())
