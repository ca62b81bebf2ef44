"""The walk at the shell, beside a daemon on a simulated rail."""

import os
import subprocess
import sys
from pathlib import Path

from daemon_process import Daemon, daemon

BEFORE = """\
axis:
  screw: {lead_mm: 8.0}   # of the left rail
  travel_mm: 40.0
"""


def walked(focusd: Daemon, config: Path, *answers: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FOCUSRAIL_SOCKET": str(focusd.socket), "XDG_STATE_HOME": str(config.parent)}
    command = [sys.executable, "-m", "focusd.cli", "setup", "--yes", "--config", str(config)]
    typed = "".join(f"{answer}\n" for answer in answers)
    return subprocess.run(
        command, env=environment, input=typed, capture_output=True, text=True, check=False, timeout=60
    )


def test_a_walk_is_left_and_taken_up_again_and_changes_what_was_found(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(BEFORE)
    with daemon(tmp_path, "simulation.start_mm=10.0") as focusd:
        left = walked(focusd, config, "", "", "", "", "apart")
        assert left.returncode == 130, left.stdout + left.stderr
        assert config.read_text() == BEFORE
        rest = walked(focusd, config, "", "4.0", "none", "none", "", "30", "2", "yes")
        assert rest.returncode == 0, rest.stdout + rest.stderr
    assert "axis.invert changes" in left.stdout
    assert "so the driver makes 8 microsteps" in rest.stdout
    assert "+  travel_mm: 30.0" in rest.stdout
    after = config.read_text()
    assert "{lead_mm: 8.0, microsteps: 8}   # of the left rail" in after
    for line in ("travel_mm: 30.0", "invert: true", "home_allowed: true"):
        assert line in after
    assert not (tmp_path / "focusrail" / "setup.json").exists()
