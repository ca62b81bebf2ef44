"""How late steps come: our motion process beside a thread of a busy daemon and lgpio's own pulses.

`python benchmarks/steps.py [--quick]`: below three minutes, below half a minute. Each is asked for even steps
at several rates, on an otherwise idle machine and beside a real merge of 12-megapixel slices.

*Late* is a step's distance from its due instant. A schedule that slips (ours, and the thread's, which is the
same loop) has a step due one interval after the one before; lgpio's is absolute, and due whenever its thread
asked to be woken. What damages a stack is the other number: intervals shorter than asked, which make a motor
lose steps. lgpio is the installed package itself, timed without a chip (`no_chip.c`), as it is and with the
real-time priority that it does not ask for; it is left out where it, or a C compiler, is missing
(`pip install lgpio`).
"""

import argparse
import contextlib
import importlib.util
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from step_makers import CAPACITY, GPIO_NS

from rail.process import StepperProcess
from rail.profile import Ramp

RATES_STEPS_S = (500, 1000, 2000, 4000)
CLIMB_STEPS_S = (500, 1000, 2000, 4000, 5000, 8000, 10_000, 12_500, 20_000)
"""Whole microseconds an interval: lgpio knows no shorter unit."""
NAMES = {"rail": "ours", "thread": "thread", "lgpio": "lgpio", "urgent": "lgpio-rt"}
NEARLY = 0.9
"""An interval this much of what was asked still does a motor no harm."""

_HERE = Path(__file__).resolve().parent
_SLICE_PX = (4056, 3040)


@dataclass(frozen=True, slots=True)
class Steps:
    """What one run gave: intervals between steps over the interval asked, and how late steps were."""

    shares: NDArray[np.float64]
    late_us: NDArray[np.float64]
    interval_us: int

    @property
    def clean(self) -> bool:
        """No interval was shorter than asked, and no step later than one interval."""
        return bool(self.shares.min() >= 1 and self.late_us.max() < self.interval_us)

    @property
    def harmless(self) -> bool:
        """No interval was shorter than nine tenths of that asked, and no step later than one interval."""
        return bool(self.shares.min() >= NEARLY and self.late_us.max() < self.interval_us)


class Edges:
    """The memory through which the makers tell when they raised STEP, and for when they had meant to.

    Not a file on a disk: its file system would have a say whenever a page is written for the first time.
    """

    def __init__(self) -> None:
        memory_fd = os.memfd_create("edges")
        self.path = Path(f"/proc/{os.getpid()}/fd/{memory_fd}")
        self._ns = np.memmap(self.path, np.int64, "w+", shape=(2, CAPACITY))
        self._ns[:] = 0

    def forget(self) -> None:
        """Begin a run."""
        self._ns[:, 0] = 0
        self._ns[1, 1] = 0

    def read(self, interval_us: int) -> Steps:
        """Give the run."""
        risen_ns, due_ns = self._ns[:, 1 : 1 + self._ns[0, 0]]
        gaps_ns = np.diff(risen_ns)
        late_ns = risen_ns - due_ns if due_ns[0] else gaps_ns - interval_us * 1000
        return Steps(gaps_ns / (interval_us * 1000), late_ns / 1000, interval_us)


class Maker(Protocol):
    """Something that makes steps."""

    def run(self, interval_us: int, steps: int, seconds: float) -> None:
        """Make so many steps, but end after so many seconds."""
        ...

    def close(self) -> None:
        """End."""
        ...


class Rail:
    """Our motion process."""

    def __init__(self, edges: Path) -> None:
        self._stepper = StepperProcess([sys.executable, str(_HERE / "step_makers.py"), "rail", str(edges)])
        self.complaints = self._stepper.complaints

    def run(self, interval_us: int, steps: int, seconds: float) -> None:
        """Make steps."""
        rate_steps_s = 1_000_000 // interval_us
        self._stepper.arm()
        timer = threading.Timer(seconds, self._stepper.halt)
        timer.start()
        self._stepper.run(steps, Ramp(rate_steps_s, rate_steps_s, 1_000_000))
        timer.cancel()

    def close(self) -> None:
        """End."""
        self._stepper.close()


class Peer:
    """One of the others, told by lines what to do."""

    def __init__(self, name: str, edges: Path, environment: dict[str, str]) -> None:
        self._child = subprocess.Popen(
            [sys.executable, str(_HERE / "step_makers.py"), name, str(edges)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
        )
        self._answer()

    def run(self, interval_us: int, steps: int, seconds: float) -> None:
        """Make steps."""
        assert self._child.stdin is not None
        self._child.stdin.write(f"{interval_us} {steps} {seconds}\n")
        self._child.stdin.flush()
        self._answer()

    def close(self) -> None:
        """End."""
        self._child.communicate()

    def _answer(self) -> None:
        assert self._child.stdout is not None
        if not self._child.stdout.readline():
            raise SystemExit(f"a peer has ended with {self._child.wait()}; see above")


class Merging:
    """A merge of 12-megapixel slices that goes on for as long as it is wanted."""

    def __init__(self, folder: Path) -> None:
        self._session = folder / "session"
        self._slices = _draw_slices(self._session, 2, 400)
        self._wanted = True
        self._begun = threading.Event()
        self.merged = 0

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._go_on)
        self._thread.start()
        self._begun.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._wanted = False
        self._thread.join()

    def _go_on(self) -> None:
        while self._wanted:
            self._merge_once()

    def _merge_once(self) -> None:
        command = [sys.executable, "-m", "stack.merge", "follow", "--session", str(self._session)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_HERE.parent
        ) as child:
            assert child.stdin is not None and child.stdout is not None
            for ahead, name in enumerate(self._slices):
                child.stdin.write(json.dumps({"slice": name}) + "\n")
                child.stdin.flush()
                if ahead and not child.stdout.readline():
                    raise SystemExit("the merge has ended before its time; see above")
                self.merged += ahead > 0
                if self.merged:
                    self._begun.set()
                if not self._wanted:
                    break
            child.stdin.close()
            child.terminate()


def _draw_slices(session: Path, pictures: int, slices: int) -> list[str]:
    """Draw pictures of specks, each sharp in another band, and name them over and over."""
    (session / "slices").mkdir(parents=True)
    width, height = _SLICE_PX
    chance = np.random.default_rng(1)
    sharp = cv2.resize(chance.integers(0, 256, (height // 3, width // 3, 3), np.uint8), _SLICE_PX)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 4)
    names = [f"slices/{index:04}.jpg" for index in range(slices)]
    for index, name in enumerate(names):
        if index < pictures:
            picture = blurred.copy()
            rows = slice(index * height // pictures, (index + 1) * height // pictures)
            picture[rows] = sharp[rows]
            cv2.imwrite(str(session / name), picture)
        else:
            (session / name).hardlink_to(session / names[index % pictures])
    return names


@contextlib.contextmanager
def _makers(folder: Path, edges: Path) -> Iterator[dict[str, Maker]]:
    makers: dict[str, Maker] = {}
    try:
        makers["rail"] = rail = Rail(edges)
        print("\n".join(rail.complaints) or "our motion process has real-time priority and locked memory")
        makers["thread"] = Peer("thread", edges, {})
        if environment := _no_chip(folder, edges):
            makers["lgpio"] = Peer("lgpio", edges, environment)
            if not rail.complaints:
                makers["urgent"] = Peer("urgent", edges, environment)
        else:
            print("lgpio is left out: it is not installed here, or there is no C compiler")
        yield makers
    finally:
        for maker in makers.values():
            maker.close()


def _no_chip(folder: Path, edges: Path) -> dict[str, str]:
    """Build the stand-in for a chip; give the environment in which lgpio finds it, or nothing."""
    compiler = shutil.which("cc")
    if compiler is None or importlib.util.find_spec("lgpio") is None:
        return {}
    library = folder / "no_chip.so"
    source = _HERE / "no_chip.c"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return {
        "LD_PRELOAD": str(library),
        "LG_WD": str(folder),
        "STEP_EDGES": str(edges),
        "STEP_CAPACITY": str(CAPACITY),
        "STEP_GPIO_NS": str(GPIO_NS),
    }


class Bench:
    """The makers and what they are asked."""

    def __init__(self, makers: dict[str, Maker], edges: Edges) -> None:
        self._makers = makers
        self._edges = edges

    def tell(self, rounds: int, run_s: float, climb_s: float) -> None:
        """Print a table of rates and the highest clean rates, in turns, so that all meet the same weather."""
        runs: dict[tuple[int, str], list[Steps]] = {}
        for _, rate, name in itertools.product(range(rounds), RATES_STEPS_S, self._makers):
            runs.setdefault((rate, name), []).append(self._run(name, rate, run_s))
        print(
            f"{'steps/s':>8} {'':9}{'p50':>8}{'p99':>9}{'p99.9':>9}{'max us':>9}"
            f"   {'shorter':>8} {'shortest':>9}   {'p50':>6}{'p99':>7}{'p99.9':>7}{'max':>7} x ours"
        )
        for rate in RATES_STEPS_S:
            ours_us = None
            for name in self._makers:
                ours_us = _print_row(rate, name, runs[rate, name], ours_us)
        climbs = {name: [self._climb(name, climb_s) for _ in range(rounds)] for name in self._makers}
        for name, tops in climbs.items():
            clean, harmless = (statistics.median_low(column) for column in zip(*tops, strict=True))
            print(
                f"highest rate, {NAMES[name]:8} no interval shorter, no step an interval late: "
                f"{clean or 'none':>6}   (none below {NEARLY:.0%}: {harmless or 'none'})"
            )

    def _run(self, name: str, rate_steps_s: int, seconds: float) -> Steps:
        interval_us = 1_000_000 // rate_steps_s
        self._edges.forget()
        self._makers[name].run(interval_us, round(rate_steps_s * seconds), seconds * 1.25)
        return self._edges.read(interval_us)

    def _climb(self, name: str, seconds: float) -> tuple[int, int]:
        """Give the highest rates that were clean, and harmless; 0 for none. Three attempts at each."""
        clean = harmless = 0
        for rate in CLIMB_STEPS_S:
            best = _best(self._run(name, rate, seconds) for _ in range(3))
            if not best.harmless:
                break
            clean, harmless = rate if best.clean else clean, rate
        return clean, harmless


def _best(attempts: Iterator[Steps]) -> Steps:
    """Give the first clean attempt, or else one that was harmless, if there is one."""
    best = None
    for steps in attempts:
        if best is None or (steps.clean, steps.harmless) > (best.clean, best.harmless):
            best = steps
        if best.clean:
            break
    assert best is not None
    return best


def _print_row(rate: int, name: str, runs: list[Steps], ours_us: list[float] | None) -> list[float]:
    """Print medians over the rounds, and the shortest interval of all; give what to compare with."""
    late_us = [
        statistics.median(float(np.percentile(steps.late_us, rank)) for steps in runs)
        for rank in (50, 99, 99.9, 100)
    ]
    shares = np.concatenate([steps.shares for steps in runs])
    shorter = f"{(shares < 1).mean():8.1%} {shares.min():9.1%}"
    ratios = (
        "" if ours_us is None else "".join(f"{a / b:7.1f}" for a, b in zip(late_us, ours_us, strict=True))
    )
    figures = "".join(f"{figure:9.0f}" for figure in late_us)
    print(f"{rate:8} {NAMES[name]:8}{figures}   {shorter}  {ratios}")
    return ours_us or late_us


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How late steps come, beside a thread and lgpio.")
    parser.add_argument("--quick", action="store_true", help="below 30 s, and rougher")
    asked = parser.parse_args()
    rounds, run_s, climb_s = (1, 0.2, 0.06) if asked.quick else (3, 0.8, 0.3)
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="steps-") as name:
        folder = Path(name)
        edges = Edges()
        with _makers(folder, edges.path) as makers:
            bench = Bench(makers, edges)
            print(f"\n{os.cpu_count()} cores, idle but for a load of {os.getloadavg()[0]:.1f} by others")
            bench.tell(rounds, run_s, climb_s)
            with Merging(folder) as merging:
                print("\nbeside a merge of 12-megapixel slices")
                bench.tell(rounds, run_s, climb_s)
                print(f"{merging.merged} slices were merged meanwhile")
    print(f"\nlate in us, medians of {rounds}; {time.monotonic() - began_s:.0f} s in all")


if __name__ == "__main__":
    main()
