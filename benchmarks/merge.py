"""Measure the merge beside what choosing can give and every other program found: quality, CPU, memory.

`python benchmarks/merge.py [--size 800x600] [--seed 1,11] [--kinds steps,bumps] [--noise 0.35 --grain 2]
[--folders DIR ...] [--sheet sheet.png]`

Rendered subjects have a known truth; for folders of photographs, which have none, the detail kept is given
beside that of the sharpest slice. Each merge runs in a process of its own, decoding and encoding included;
what is compared is CPU time, since wall time depends on who else is running. Peers: align_image_stack with
enfuse (Debian: hugin-tools, enfuse), and focus-stack and shinestacker where they are on PATH. The hard choice
is told where every slice truly lies; the best choice also how it is lit, and the truth: it takes for every
pixel the slice that is nearest to it about there, and no rule that chooses can be better. Nobody else is.
"""

import argparse
import datetime
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")]

import mergers  # noqa: E402  (the paths come first)
from drawn import draw  # noqa: E402
from held_back import HELD_BACK  # noqa: E402
from merge_scores import Score, gain, judge, judge_without_truth, laid_over, mean  # noqa: E402
from merge_stacks import overlay  # noqa: E402
from mergers import Merger, MergerFailed, Run, merge_with, photos  # noqa: E402
from rendered import Rendered, hard_argmax, nearest_to_the_truth  # noqa: E402
from subjects import KINDS  # noqa: E402

from stack.merge.compare import differing_places, sheet  # noqa: E402

OURS = "focusrail"
CROP_PX = 200


@dataclass
class Subject:
    """A stack to merge, with its truth where that is known."""

    name: str
    slices: list[Path]
    stack: Rendered | None

    def score(self, run: Run) -> Score:
        """Judge a merge of it."""
        if self.stack is not None:
            return judge(self.stack, run)
        return judge_without_truth([cv2.imread(str(path)) for path in self.slices], run)

    def columns(self, runs: dict[str, Run]) -> dict[str, np.ndarray]:
        """Give the truth, or the middle slice, and all pictures, laid over ours."""
        ours = runs[OURS]
        size = ours.picture.shape[1], ours.picture.shape[0]
        if self.stack is not None:
            shown = {"truth": np.clip(laid_over(self.stack, ours)[0], 0, 255).astype(np.uint8)}
        else:
            shown = {}
            runs = {**runs, "middle slice": Run(cv2.imread(str(self.slices[len(self.slices) // 2])))}
        for name, run in runs.items():
            matrix = overlay(run.picture, ours.picture).matrix
            flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
            shown[name] = cv2.warpAffine(run.picture, matrix, size, flags=flags)
        return shown


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    asked = _parser().parse_args(argv)
    cv2.setNumThreads(1)
    merging: dict[str, Merger] = {OURS: mergers.focusrail}
    for method in filter(None, asked.methods.split(",")):
        merging[method] = lambda bench, method=method: mergers.focusrail(bench, ("--method", method))
    merging |= {} if asked.no_peers else mergers.present()
    print(f"{datetime.date.today()}, {_processor()}: {', '.join(merging)}")
    scores: dict[str, list[Score]] = {}
    rows = []
    print(" " * 26 + Score.HEAD)
    with tempfile.TemporaryDirectory() as name:
        for subject in _subjects(asked, Path(name)):
            runs = _runs(subject, merging)
            for merger, run in runs.items():
                score = subject.score(run)
                scores.setdefault(merger, []).append(score)
                print(f"{subject.name:14}{merger:12}{score}", flush=True)
                _keep(asked.keep, f"{subject.name}-{merger}", run)
            if asked.sheet:
                rows.append(_row(subject, runs, asked.crops))
    _compare(scores)
    if asked.sheet:
        cv2.imwrite(str(asked.sheet), _stacked(rows))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="800x600")
    parser.add_argument("--seed", default="1", help="one or several: 1,11")
    parser.add_argument(
        "--kinds",
        default=",".join([*KINDS, "insect"]),
        help=f"rendered subjects; of another making: {', '.join(HELD_BACK)}; empty: none",
    )
    parser.add_argument("--noise", type=float, default=1.0, help="times a small sensor's (1)")
    parser.add_argument("--grain", type=float, default=1.0, help="of texture, times the finest there is (1)")
    parser.add_argument("--folders", type=Path, nargs="*", default=[], help="real stacks, one a folder")
    parser.add_argument("--methods", default="", help="also ours with these methods: depthmap,pyramid")
    parser.add_argument("--no-peers", action="store_true", help="ours alone")
    parser.add_argument("--sheet", type=Path, help="put crops side by side here, where pictures differ most")
    parser.add_argument("--crops", type=int, default=2, help="how many of each subject (2)")
    parser.add_argument("--keep", type=Path, help="put the pictures here")
    return parser


def _subjects(asked: argparse.Namespace, folder: Path) -> Iterator[Subject]:
    width, height = map(int, asked.size.split("x"))
    for seed in asked.seed.split(","):
        for kind in filter(None, asked.kinds.split(",")):
            stack = draw(kind, (width, height), int(seed), asked.noise, asked.grain)
            slices = [folder / f"{kind}-{seed}-{i:04}.jpg" for i in range(len(stack.frames))]
            for path, frame in zip(slices, stack.frames, strict=True):
                cv2.imwrite(str(path), frame, [cv2.IMWRITE_JPEG_QUALITY, 97])
            yield Subject(f"{kind} {seed}", slices, stack)
            for path in slices:
                path.unlink()
    for real in asked.folders:
        yield Subject(real.name[:13], photos(real), None)


def _runs(subject: Subject, merging: dict[str, Merger]) -> dict[str, Run]:
    """Merge by all; a peer that fails is said to have failed and has no figures."""
    runs = {name: _run(name, merger, subject) for name, merger in merging.items()}
    if subject.stack is not None:
        runs["hard choice"] = Run(hard_argmax(subject.stack), (0, 0))
        runs["best choice"] = Run(nearest_to_the_truth(subject.stack), (0, 0))
    return {name: run for name, run in runs.items() if run is not None}


def _run(name: str, merger: Merger, subject: Subject) -> Run | None:
    try:
        return merge_with(merger, subject.slices)
    except MergerFailed as error:
        if name == OURS:
            raise SystemExit(f"{subject.name}: {error}") from error
        print(f"{subject.name:14}{name:12}  failed: {error}", flush=True)
        return None


def _row(subject: Subject, runs: dict[str, Run], crops: int) -> np.ndarray:
    shown = subject.columns(runs)
    pictures = list(shown.values())
    compared = pictures if subject.stack is not None else pictures[:-1]
    places = differing_places(_inner(compared), CROP_PX, crops)
    return sheet([f"{subject.name}: {name}"[:26] for name in shown], pictures, places, CROP_PX)


def _inner(pictures: list[np.ndarray]) -> list[np.ndarray]:
    """Blacken the margins alike: what lies there is for nobody's sharpness to show."""
    margin = max(4, pictures[0].shape[1] // 16)
    inner = [np.zeros_like(picture) for picture in pictures]
    for part, picture in zip(inner, pictures, strict=True):
        part[margin:-margin, margin:-margin] = picture[margin:-margin, margin:-margin]
    return inner


def _stacked(rows: list[np.ndarray]) -> np.ndarray:
    width = max(row.shape[1] for row in rows)
    return np.vstack(
        [
            cv2.copyMakeBorder(row, 0, 0, 0, width - row.shape[1], cv2.BORDER_CONSTANT, value=(245, 245, 245))
            for row in rows
        ]
    )


def _keep(folder: Path | None, name: str, run: Run) -> None:
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{name}.png".replace(" ", "-")), run.picture)


def _compare(scores: dict[str, list[Score]]) -> None:
    print()
    for name, each in scores.items():
        print(f"{'mean':14}{name:12}{mean(each)}  of {len(each)}")
    print()
    for name in scores:
        if name != OURS and len(scores[name]) == len(scores[OURS]):
            print(_beside(name, scores[OURS], scores[name]))


def _beside(name: str, ours: list[Score], theirs: list[Score]) -> str:
    """Say in one line how ours is beside theirs."""
    parts = []
    if differences := gain(ours, theirs, "psnr"):
        parts.append(f"{np.mean(differences):+.2f} dB (least {min(differences):+.2f})")
        parts.append(f"SSIM {np.mean(gain(ours, theirs, 'ssim')):+.3f}")
    if differences := gain(ours, theirs, "edges"):
        parts.append(f"edges {np.mean(differences):+.2f} dB")
    if differences := gain(ours, theirs, "kept"):
        parts.append(f"detail kept {np.mean(differences):+.3f}")
    for figure, word in (("cpu_s", "CPU time"), ("megabytes", "memory")):
        shares = [getattr(b, figure) / getattr(a, figure) for a, b in zip(ours, theirs, strict=True)]
        if not np.isnan(shares).all():
            less = float(np.nanmean(shares))
            parts.append(f"{less:.1f} x less {word}" if less >= 1 else f"{1 / less:.1f} x more {word}")
    return f"{OURS} over {name}: " + ", ".join(parts)


def _processor() -> str:
    """Name the machine."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):
            return f"{line.partition(':')[2].strip()}, {os.cpu_count()} cores"
    return f"{os.cpu_count()} cores"


if __name__ == "__main__":
    sys.exit(main())
