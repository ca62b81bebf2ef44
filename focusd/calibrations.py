"""What was measured of this rig, kept on the disk with its evidence: a numbered folder for each."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from focusd.errors import Refused, Unknown
from focusd.events import utc_now
from stack.calibrate.finding import Finding
from stack.calibrate.plot import svg
from stack.durable import write_durably

RESULT = "result.json"
PLOT = "plot.svg"

_NAME = re.compile(r"(\d{4,})-[a-z]+")


class Calibrations:
    """The folder of findings, one numbered folder each: result.json, plot.svg, pictures.

    One thread keeps; any may look.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def keep(self, finding: Finding) -> str:
        """Write a finding down, its evidence first; give its name. Raises `Refused` where it cannot be."""
        name = f"{self._next_number():04d}-{finding.kind}"
        folder = self.root / name
        try:
            folder.mkdir(parents=True)
            for file, content in finding.pictures.items():
                write_durably(folder / file, content)
            if finding.plot is not None:
                write_durably(folder / PLOT, svg(finding.plot).encode())
            write_durably(folder / RESULT, json.dumps(_record(finding), indent=1).encode())
        except OSError as error:
            raise Refused(f"what was found cannot be kept in {folder}: {error.strerror or error}") from error
        return name

    def show(self, name: str) -> dict[str, Any]:
        """Give what was kept under a name; raises `Unknown`."""
        folder = self.root / name
        if not _NAME.fullmatch(name) or not (folder / RESULT).is_file():
            raise Unknown(f'there is no calibration "{name}"; there are {", ".join(self.names()) or "none"}')
        kept: Mapping[str, Any] = json.loads((folder / RESULT).read_bytes())
        return {"calibration": name, "folder": str(folder), **kept}

    def names(self) -> list[str]:
        """Give the names of all, oldest first."""
        if not self.root.is_dir():
            return []
        found = [path.name for path in self.root.iterdir() if _NAME.fullmatch(path.name)]
        return sorted(found, key=lambda name: int(name.partition("-")[0]))

    def _next_number(self) -> int:
        names = self.names()
        return int(names[-1].partition("-")[0]) + 1 if names else 1


def _record(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "at": utc_now(),
        "words": list(finding.words),
        "figures": dict(finding.figures),
        "plot": finding.plot.plain() if finding.plot else None,
        "files": [*([PLOT] if finding.plot else []), *finding.pictures],
        "proposals": [{"keys": list(one.keys), "value": one.value} for one in finding.proposals],
    }
