"""Programs that merge a folder of slices, ours and others, each run in a process of its own and measured."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PHOTOS: Final = (".jpg", ".jpeg", ".png", ".tif", ".tiff")

MEASURE = """
import resource, subprocess, sys
with open("log", "a") as log:
    code = subprocess.run(sys.argv[1:], stdout=log, stderr=log, stdin=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
sys.exit(code)
"""

SHINESTACKER = """
import shutil
from pathlib import Path
from shinestacker.algorithms.align import AlignFrames
from shinestacker.algorithms.balance import BalanceFrames
from shinestacker.algorithms.pyramid import PyramidStack
from shinestacker.algorithms.stack import FocusStack
from shinestacker.algorithms.stack_framework import CombinedActions, StackJob

# What it uses unless told is quicker and lays slices so far off that its pictures lose up to 9 dB.
align = AlignFrames(detector="SIFT", descriptor="SIFT", match_method="KNN")
job = StackJob("job", ".", input_path="slices")
job.add_action(CombinedActions("laid", actions=[align, BalanceFrames()]))
job.add_action(FocusStack("fused", PyramidStack(), prefix="fused_"))
job.run()
made = sorted(Path("fused").iterdir())[0]
shutil.copy(made, "shinestacker" + made.suffix)
"""


@dataclass
class Run:
    """A merge's picture, with what it took and, if it says so, where it laid slices and how deep all is."""

    picture: np.ndarray
    origin: tuple[int, int] | None = None
    cpu_s: float = float("nan")
    megabytes: float = float("nan")
    transforms: list[np.ndarray] | None = None
    depth: np.ndarray | None = None


class MergerFailed(Exception):
    """A program gave no picture; the last lines it said."""


@dataclass
class Bench:
    """A folder of slices copied to where programs may leave what they like; what they took adds up."""

    folder: Path
    slices: list[Path]
    cpu_s: float = 0.0
    megabytes: float = 0.0
    log: list[str] = field(default_factory=list)

    def run(self, *command: str) -> None:
        """Run to the end, one thread where it listens to OpenMP; add its CPU time. Raises `MergerFailed`."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "MALLOC_ARENA_MAX": "2",
            "OMP_NUM_THREADS": "1",
            "QT_QPA_PLATFORM": "offscreen",
        }
        # A process inherits the peak of the one it was forked from, so a small one stands in between.
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, *command],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            words = (self.folder / "log").read_text(errors="replace").splitlines()[-6:]
            raise MergerFailed(f"{Path(command[0]).name} ended with {done.returncode}: " + " | ".join(words))
        cpu_s, kilobytes = done.stdout.split()
        self.cpu_s += float(cpu_s) / len(self.slices)
        self.megabytes = max(self.megabytes, float(kilobytes) / 1024)

    def made(self, name: str) -> np.ndarray:
        """Read a picture that was made, 8 bit."""
        picture = cv2.imread(str(self.folder / name))
        if picture is None:
            raise MergerFailed(f"{name} is not there, or is no picture")
        return picture  # type: ignore[no-any-return]

    def took(self, picture: np.ndarray) -> Run:
        """Give the picture with what it took."""
        return Run(picture, None, self.cpu_s, self.megabytes)


def focusrail(bench: Bench, method: tuple[str, ...] = ()) -> Run:
    """Merge with this project's desktop command."""
    outputs = ["-o", "merged.png", "--depth", "depth.png", "--report", "merge.json"]
    bench.run(sys.executable, "-m", "stack.merge", "slices", *outputs, *method)
    facts = json.loads((bench.folder / "merge.json").read_text())
    run = bench.took(bench.made("merged.png"))
    run.origin = facts["crop"]["left"], facts["crop"]["top"]
    run.transforms = [np.array(one["transform"]) for one in facts["slices"]]
    run.depth = cv2.imread(str(bench.folder / "depth.png"), cv2.IMREAD_UNCHANGED)
    return run


def enfuse(bench: Bench) -> Run:
    """Merge with hugin's align_image_stack and enfuse, as their handbooks say for focus stacks."""
    bench.run("align_image_stack", "-m", "-a", "aligned_", *map(str, bench.slices))
    laid = sorted(str(path) for path in bench.folder.glob("aligned_*.tif"))
    weights = ["--exposure-weight=0", "--saturation-weight=0", "--contrast-weight=1", "--hard-mask"]
    bench.run("enfuse", *weights, "-o", "enfuse.tif", *laid)
    return bench.took(bench.made("enfuse.tif"))


def focus_stack(bench: Bench) -> Run:
    """Merge with Petteri Aimonen's focus-stack, as it comes."""
    bench.run("focus-stack", "--no-opencl", "--output=focus-stack.png", *map(str, bench.slices))
    return bench.took(bench.made("focus-stack.png"))


def shinestacker(bench: Bench) -> Run:
    """Merge with shinestacker's pyramid, by the Python that its program runs in: it has no command line."""
    program = Path(shutil.which("shinestacker") or "shinestacker")
    python = program.read_text().splitlines()[0].removeprefix("#!").strip()
    bench.run(python, "-c", SHINESTACKER)
    return bench.took(bench.made(next(bench.folder.glob("shinestacker.*")).name))


Merger = Callable[["Bench"], "Run"]

PEERS: Final[dict[str, tuple[Merger, tuple[str, ...]]]] = {
    "enfuse": (enfuse, ("align_image_stack", "enfuse")),
    "focus-stack": (focus_stack, ("focus-stack",)),
    "shinestacker": (shinestacker, ("shinestacker",)),
}
"""Others, and the programs that must be on PATH for each."""


def present() -> dict[str, Merger]:
    """Give the peers whose programs are installed."""
    return {name: run for name, (run, programs) in PEERS.items() if all(map(shutil.which, programs))}


def photos(folder: Path) -> list[Path]:
    """Give a folder's photographs in name order."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PHOTOS)


def merge_with(merger: Merger, slices: list[Path]) -> Run:
    """Give what a merger makes of slices; it works on copies in a folder that is then removed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "slices").mkdir()
        copies = [Path(shutil.copy(path, folder / "slices" / path.name.lower())) for path in slices]
        return merger(Bench(folder, copies))
