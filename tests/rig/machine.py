"""A Linux machine without hardware, whose kernel has a GPIO chip labelled like a Pi's."""

import json
import os
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "focusrail", "rig")


class Machine:
    """Boots for every act and is switched off after it: no act sees another's traces."""

    @staticmethod
    def missing() -> str | None:
        """Say why there is no machine; None where there is one."""
        absent = [name for name in ("linux.from", "root.from") if not (_CACHE / name).exists()]
        return f"`make rig` has not made {' and '.join(absent)} in {_CACHE}" if absent else None

    def play(self, play: str, act: str) -> dict[str, Any]:
        """Run `guest/PLAY.py`'s ACT in the machine; give its report."""
        spec = find_spec("gpiozero")
        assert spec is not None
        assert spec.origin is not None
        console = subprocess.run(
            [
                _HERE / "boot",
                _HERE / "guest" / "init",
                f"FOCUSRAIL={_HERE.parent.parent}",
                f"SITE={Path(spec.origin).parent.parent}",
                f"PLAY={play}",
                f"ACT={act}",
            ],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        ).stdout
        reports = [line for line in console.splitlines() if line.startswith("{")]
        assert len(reports) == 1, f"{play} {act} gave no report; the machine's console:\n{console}"
        report: dict[str, Any] = json.loads(reports[0])
        return report
