"""Measure what a long time-lapse costs: memory, files and threads after many stacks against after ten.

`python benchmarks/endurance.py [--stacks 1000] [--every 1]`

The daemon is the real one with a simulated rig of tiny frames; every stack is shot, merged and reported, and
its slices are let go where the disk were to fill. Printed is a line at each tenfold, and the ratio at the
end. A thousand stacks take about half an hour.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from footprint import family_of, shared_mb, started

SETTINGS = (
    "axis.home_allowed=true",
    "axis.screw.lead_mm=8",
    "axis.speed={start_mm_s: 2.5, max_mm_s: 6.0, acceleration_mm_s2: 60.0}",
    "axis.homing={fast_mm_s: 5.0, slow_mm_s: 2.5, back_off_mm: 0.2}",
    "panel.light_warm_up_s=0.02",
    "simulation={size_px: [320, 240], start_mm: 0.3, subject_mm: 1.5, subject_depth_um: 600.0}",
    "plans.default={range: {near_u: 1400, far_u: 1600}, spacing: {count: 3}, settle_ms: 20}",
)


@dataclass(frozen=True, slots=True)
class Taken:
    """What the daemon and its motion process hold after so many stacks."""

    stacks: int
    memory_mb: float
    files: int
    threads: int

    @property
    def line(self) -> str:
        """Say it in a line."""
        held = f"{self.memory_mb:7.1f} MB  {self.files:4d} files  {self.threads:3d} threads"
        return f"{self.stacks:6d} stacks  {held}"


def taken(pid: int, stacks: int) -> Taken:
    """Look at a daemon and its motion process, a merge left out."""
    family = [
        one for one in family_of(pid) if b"stack.merge" not in Path(f"/proc/{one}/cmdline").read_bytes()
    ]
    return Taken(
        stacks,
        sum(map(shared_mb, family)),
        sum(_entries(f"/proc/{one}/fd") for one in family),
        sum(_entries(f"/proc/{one}/task") for one in family),
    )


def _entries(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())


def done(address: Path) -> int:
    """Ask how many stacks are done; raises `KeyError` once the series is over."""
    command = [sys.executable, "-m", "focusd.cli", "--socket", str(address), "timelapse", "status", "--json"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return int(json.loads(said or "{}")["done"])


def looks(pid: int, address: Path, stacks: int) -> Iterator[Taken]:
    """Look after 10, 20, 50, 100, ... stacks, and after the last that can be seen."""
    marks = [step * 10**power for power in range(1, 7) for step in (1, 2, 5)]
    reached = 0
    with suppress(KeyError):
        while reached < stacks - 1:
            time.sleep(1)
            reached = done(address)
            if marks and reached >= marks[0]:
                marks = [mark for mark in marks if mark > reached]
                yield taken(pid, reached)
    yield taken(pid, stacks)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stacks", type=int, default=1000)
    parser.add_argument(
        "--every", type=float, default=1.0, metavar="S", help="from stack to stack, or as it can"
    )
    asked = parser.parse_args()
    series = {"every_s": asked.every, "count": asked.stacks, "overlaps": True, "keep": "merged"}
    with tempfile.TemporaryDirectory() as name:
        settings = (*SETTINGS, "timelapse.clock_wait_s=0", f"timelapse.series={json.dumps(series)}")
        with started(Path(name), *settings) as (process, _):
            found = []
            for one in looks(process.pid, Path(name) / "s", asked.stacks):
                found.append(one)
                print(one.line, flush=True)
        print(f"memory, the last against the first: {found[-1].memory_mb / found[0].memory_mb:.3f}")


if __name__ == "__main__":
    main()
