"""What the daemon takes while nobody asks anything of it; `benchmarks/footprint.py` prints more of that."""

import select
import sys
from pathlib import Path

from daemon_process import daemon

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "benchmarks"))

from footprint import rest

RESIDENT_MB = 130.0
"""Daemon and motion, with a simulator in both that has next to nothing to draw; the goal is 120."""
PERCENT = 4.0
"""Of a core: 0.9 on a quiet machine, a third of it the simulator's, which looks at its buttons."""
SMALL = "simulation.size_px=[64, 48]"


def test_at_rest_nothing_is_written_and_little_is_taken(tmp_path: Path) -> None:
    with daemon(tmp_path, SMALL) as focusd:
        while not focusd.ask("/status")["camera"]["ready"]:
            assert focusd.process.poll() is None
        poll = select.poll()
        poll.register(focusd.process.stdout, select.POLLIN)
        found = rest(focusd.process.pid, lambda: poll.poll(3000))
        if found.written_bytes:  # the simulated world may just have gone to disk; who writes does so again
            found = rest(focusd.process.pid, lambda: poll.poll(3000))
    assert len(found.resident_mb) == 2
    assert found.written_bytes == 0
    assert sum(found.resident_mb.values()) < RESIDENT_MB
    assert found.percent < PERCENT
