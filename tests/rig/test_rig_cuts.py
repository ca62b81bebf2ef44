"""The power fails under the running daemon, on a real ext4, at any instant: nothing promised is lost.

The machine is killed from outside, so that what its kernel had not written yet is gone, and booted again on
the same disk, where the stack that was cut short goes on by itself until the next cut, FOCUSRAIL_CUTS times.
"""

import json
import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from machine import Machine, Running

pytestmark = [pytest.mark.rig, pytest.mark.timeout(0)]

CUTS = int(os.environ.get("FOCUSRAIL_CUTS", "3"))
SLICES = 8
START_S = 8.0
"""About how long a machine takes from its first word to its first slice."""
SLICE_S = 0.5
PATIENCE_S = 120.0


def test_no_power_cut_loses_a_slice_that_an_observer_was_told_of_nor_leaves_half_a_picture(
    machine: Machine, tmp_path: Path
) -> None:
    disk, told = tmp_path / "disk", tmp_path / "acked"
    with disk.open("wb") as image:
        image.truncate(512_000_000)
    subprocess.run(["mkfs.ext4", "-q", "-F", disk], check=True)
    seed = random.randrange(2**32)
    chance, acked = random.Random(seed), []
    for cut in range(CUTS + 1):
        told.write_text("".join(acked))
        with machine.running("cuts", str(told), disk) as running:
            found = first(running, "checked")
            assert found == {"broken": [], "acked": len(acked)}, f"after cut {cut} of seed {seed}"
            acked += told_until_cut(running, chance) if cut < CUTS else []
        sys.stdout.write(f"{cut} power cuts, {len(acked)} slices acknowledged, none lost\n")
    assert CUTS < 20 or len(acked) > CUTS, "hardly anything was shot"


def told_until_cut(running: Running, chance: random.Random) -> list[str]:
    """Cut the power at some instant; give what the machine had said by then."""
    acked: list[str] = []
    if chance.random() < 0.2:  # while the daemon starts, looks at what was left, and homes
        threading.Timer(chance.uniform(0, START_S), running.kill).start()
    else:
        slices = range(chance.randrange(SLICES + 4))
        acked += [json.dumps(first(running, "acked")) + "\n" for _ in slices]
        threading.Timer(chance.uniform(0, SLICE_S), running.kill).start()
    return [*acked, *(json.dumps(one["acked"]) + "\n" for one in running.lines() if "acked" in one)]


def first(running: Running, what: str) -> object:
    """Give the next thing of that name that the machine says."""
    for one in running.lines():
        if what in one:
            return one[what]
    raise AssertionError(f"the machine went off without a word of {what}:\n{running.console()}")
