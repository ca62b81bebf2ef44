"""Measure what focusd takes at rest: time to start, memory, processor, disk writes; and with a stack.

`python benchmarks/footprint.py [--rest 10] [--size 4056x3040] [--count 8] [--no-stack] [--limit 270]`

The daemon is the real one with a simulated rig, whose pictures are drawn in a process that is not counted.
Printed are megabytes of daemon, motion and merge (their proportional share of what they have in
common with others), percent of a core and bytes written at rest, and seconds to `focusd ready`, each against
the goal. With `--limit` the kernel holds the three to so many megabytes while the stack is shot and
merged, as on a board that has no more; that needs root.
At rest nothing is asked of the daemon: whoever looks costs something too.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from memory_group import MemoryGroup, memory_group

START_S = 3.0
IDLE_MB = 120.0
IDLE_PERCENT = 1.0
STACK_MB = 270.0

SMALL_BOARD_MB = 430
"""What a Zero 2 W shows of its 512 MB."""


@dataclass(frozen=True, slots=True)
class Rest:
    """What a family of processes took while nothing happened.

    Attributes
    ----------
    percent
        Of one core.
    written_bytes
        Sent to disks.
    resident_mb
        Of the daemon and of what it started, by process.
    """

    percent: float
    written_bytes: int
    resident_mb: dict[int, float]


def family_of(pid: int) -> list[int]:
    """Give a process and all that it has started, and so on, but for what draws the simulator's pictures."""
    tasks = Path(f"/proc/{pid}/task")
    try:
        if b"simulator.laboratory" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return []
        named = " ".join((task / "children").read_text() for task in tasks.iterdir())
    except OSError:
        return [pid]
    return [pid, *(one for child in named.split() for one in family_of(int(child)))]


def shared_mb(pid: int) -> float:
    """Give a process's proportional share of memory (Pss); 0 for one that is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def rest(pid: int, pause: Callable[[], object]) -> Rest:
    """Look at a family of processes before and after `pause`, in which nothing is asked of them."""
    family = family_of(pid)
    before, began_s = [_taken(one) for one in family], time.monotonic()
    pause()
    after, ended_s = [_taken(one) for one in family], time.monotonic()
    spent_s = sum(one[0] for one in after) - sum(one[0] for one in before)
    written_bytes = sum(one[1] for one in after) - sum(one[1] for one in before)
    return Rest(100 * spent_s / (ended_s - began_s), written_bytes, {one: shared_mb(one) for one in family})


def _taken(pid: int) -> tuple[float, int]:
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    written = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"), int(written["write_bytes"])


@contextmanager
def started(
    folder: Path, *settings: str, group: MemoryGroup | None = None
) -> Iterator[tuple[subprocess.Popen[str], float]]:
    """Start focusd on a simulated rig, in a group where one is given; give it, and the seconds it took."""
    command = [sys.executable, "-m", "focusd.daemon", "--simulate"]
    command += ["--state-dir", str(folder / "state"), "--socket", str(folder / "s")]
    command += [word for setting in settings for word in ("--set", setting)]
    began_s = time.monotonic()
    with ExitStack() as stack:
        with nullcontext() if group is None else group.entered():
            process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={**os.environ, **(group.environment if group else {})},
            )
        stack.enter_context(process)
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process, time.monotonic() - began_s
        finally:
            process.terminate()


def stack_mb(pid: int, focusctl: Callable[..., object]) -> float:
    """Shoot and merge a stack; give the most that the family ever shared out among itself."""
    most, over = [0.0], threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            most[0] = max(most[0], sum(map(shared_mb, family_of(pid))))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        focusctl("shoot", "--wait")
    finally:
        over.set()
        watcher.join()
    return most[0]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rest", type=float, default=10.0, metavar="S", help="how long to look at rest")
    parser.add_argument("--size", default="4056x3040", help="of the stack's frames")
    parser.add_argument("--count", type=int, default=8, help="the stack's slices")
    parser.add_argument("--no-stack", action="store_true", help="only at rest")
    parser.add_argument("--limit", type=float, metavar="MB", help="let the kernel hold the stack to so much")
    asked = parser.parse_args()
    size_px = [int(side) for side in asked.size.split("x")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = (f"simulation.size_px={json.dumps(size_px)}", "axis.home_allowed=true")
        with started(folder, *settings) as (process, ready_s):
            print(f"start to ready      {ready_s:8.2f} s      goal {START_S:g}")
            time.sleep(15)  # the camera is opened, and its scene drawn, after that
            found = rest(process.pid, lambda: time.sleep(asked.rest))
            print(f"at rest, processor  {found.percent:8.2f} %      goal {IDLE_PERCENT:g}")
            print(f"at rest, memory     {sum(found.resident_mb.values()):8.0f} MB     goal {IDLE_MB:g}")
            print(f"at rest, written    {found.written_bytes:8d} bytes  goal 0")
            if not asked.no_stack and asked.limit is None:
                most_mb = shot_mb(process.pid, folder / "s", asked.count)
                print(f"a stack, memory     {most_mb:8.0f} MB     goal {STACK_MB:g}")
    if asked.limit is not None:
        most_mb, group_mb = limited_mb(asked.limit, size_px, asked.count)
        print(f"a stack, limited    {most_mb:8.0f} MB     {group_mb:.0f} with file cache, of {asked.limit:g}")


def limited_mb(limit_mb: float, size_px: Sequence[int], count: int) -> tuple[float, float]:
    """Shoot and merge a stack on a board that has so much memory and no more.

    Gives the most that the processes shared out among them, and the most that the kernel counted. Raises
    `NoGroups`, `CalledProcessError` when the stack or its merge fails.
    """
    settings = (f"simulation.size_px={json.dumps(list(size_px))}", f"simulation.memory_mb={SMALL_BOARD_MB}")
    with tempfile.TemporaryDirectory() as name, memory_group(limit_mb) as group:
        folder = Path(name)
        with started(folder, *settings, "axis.home_allowed=true", group=group) as (process, _):
            most_mb = shot_mb(process.pid, folder / "s", count)
            if group.killed():
                raise MemoryError(f"{group.killed()} processes were ended for want of memory")
            return most_mb, group.most_mb()


def shot_mb(pid: int, address: Path, count: int) -> float:
    """Home, mark, shoot and merge; give the most that daemon, motion and merge shared out among them."""

    def focusctl(*typed: str) -> None:
        command = [sys.executable, "-m", "focusd.cli", "--socket", str(address), *typed]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    for typed in (("home",), ("mark", "near", "19.25mm"), ("mark", "far", "20.75mm")):
        focusctl(*typed)
    return stack_mb(pid, lambda *typed: focusctl(*typed, "--count", str(count)))


if __name__ == "__main__":
    main()
